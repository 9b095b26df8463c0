"""The long run: `python -m tests.fuzz --files 5000 --seed 0`."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")


def main() -> None:
    """Say of each kind of file how many altered ones were read, and how many refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5000, help="different altered files in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="one kind of file")
    asked = parser.parse_args()
    import zsc
    from tests.fuzz.run import fuzz

    zsc.setup(devices=1)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        told = fuzz(Path(folder), asked.files, asked.seed, asked.only)
    for name in told.tried:
        read, refused = (told.became[name, what] for what in ("read", "refused"))
        print(f"{name:22s} {read + refused:6d} files: {read:5d} read, {refused:5d} refused")
    seconds = time.monotonic() - began
    print(
        f"{told.files} different altered files (seed {asked.seed}): no traceback, nothing run, "
        f"nothing overwritten; slowest {told.slowest:.1f} s, {seconds:.0f} s in all"
    )


main()
