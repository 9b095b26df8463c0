"""Two host devices and one compile cache for all tests."""

import os
from pathlib import Path

os.environ.setdefault("ZSC_CACHE", str(Path(__file__).parent.parent / ".cache" / "jax"))
os.environ.setdefault("MPLBACKEND", "Agg")
# tests are mostly compiling: a third less of it with code that is not polished
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import zsc

zsc.setup(devices=2)
