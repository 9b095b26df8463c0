"""Two host devices and one compile cache for all tests."""

import os
from pathlib import Path

os.environ.setdefault("ZSC_CACHE", str(Path(__file__).parent.parent / ".cache" / "jax"))
os.environ.setdefault("MPLBACKEND", "Agg")

import zsc

zsc.setup(devices=2)
