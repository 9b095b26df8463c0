"""Wheels and sdists of this checkout, made by what pyproject.toml names."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("zsc", "populations", "evaluation")
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
_BACKEND = (
    "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"
)


def copy_of_checkout(folder: Path) -> Path:
    """What may go into a build, and the tests, which must not; building leaves files in it."""
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    for name in (*FOLDERS, "tests"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=_NOT_COPIED)
    return folder


def built(kind: str, source: Path, out: Path) -> Path:
    """The "wheel" or "sdist" of a source folder, in a new folder."""
    out.mkdir()
    command = [sys.executable, "-c", _BACKEND, f"build_{kind}", str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = out.iterdir()
    return made
