"""What tests look at on the disk, and how they damage it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, temporary files as well."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def flip(path: Path, place: int) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def bits(tree: Any) -> list[tuple[str, tuple[int, ...], bytes]]:
    """The arrays of a pytree, as they can be compared to the bit."""
    return [(x.dtype.str, x.shape, x.tobytes()) for x in map(np.asarray, jax.tree.leaves(tree))]
