"""What tests look at on the disk, and how they damage it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np

from zsc.files import read_rows


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, temporary files as well."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def untimed(metrics: Path) -> list[dict[str, Any]]:
    """The rows of a file of metrics without the clock, which no two runs share."""
    return [
        {name: value for name, value in row.items() if name != "seconds"}
        for row in read_rows(metrics)
    ]


def flip(path: Path, place: int) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def bits(tree: Any) -> list[tuple[str, tuple[int, ...], bytes]]:
    """The arrays of a pytree, as they can be compared to the bit."""
    return [(x.dtype.str, x.shape, x.tobytes()) for x in map(np.asarray, jax.tree.leaves(tree))]
