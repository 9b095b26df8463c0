"""Trying a mutant: its tests run in a copy of the tree, in a process of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

from benchmarks.mutants.mirrors import ROOT, near, wide

#: Needed by everything, and slow to import: once for all mutants.
LIBRARIES = ("jax", "flax.linen", "optax", "distrax", "scipy.stats", "pandas", "PIL", "pytest")
#: One failure is enough, and tests that are long for others are not left out.
QUIETLY = ("-x", "-q", "-p", "no:cacheprovider", "-m", "long or not long")


class Bench:
    """A copy of the tree in which one file at a time is changed."""

    def __init__(self, place: Path, cache: Path) -> None:
        self.place = place
        listed = ["git", "ls-files", "-co", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in names.splitlines():
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_symlink() or (ROOT / name).is_file():
                shutil.copy2(ROOT / name, target, follow_symlinks=False)
        os.environ |= {
            "PYTHONPATH": str(place),
            "PYTHONDONTWRITEBYTECODE": "1",
            "JAX_PLATFORMS": "cpu",
            "MPLBACKEND": "Agg",
            "XLA_FLAGS": "--xla_backend_optimization_level=0",
            # also the smallest programs: tests of eager arithmetic are mostly compiling them
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        warnings.filterwarnings("ignore")
        for name in LIBRARIES:
            __import__(name)

    def passes(self, tests: Sequence[str], seconds: float) -> tuple[bool | None, str]:
        """Whether these tests pass, None if not all was done in the time; what they said last."""
        there = [name for name in tests if (self.place / name.partition("::")[0]).exists()]
        if not there:
            return True, "no tests"
        said = self.place / "said.txt"
        child = os.fork()
        if child == 0:
            self._run(there, said)
        end, done, status = time.monotonic() + seconds, 0, 0
        try:
            while not done and time.monotonic() < end:
                time.sleep(0.1)
                done, status = os.waitpid(child, os.WNOHANG)
        finally:
            if not done:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
        if not done:
            return None, f"not done after {seconds:.0f} s"
        last = said.read_text().strip().splitlines()[-3:]
        return os.waitstatus_to_exitcode(status) == 0, " | ".join(last)[-300:]

    def _run(self, tests: Sequence[str], said: Path) -> None:
        """In the child: the tests, and out."""
        os.setsid()
        os.nice(5)
        file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.chdir(self.place)
        sys.path.insert(0, str(self.place))
        for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
            del sys.modules[name]
        import pytest

        code = 70
        try:
            code = int(pytest.main([*QUIETLY, *tests]))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def try_out(
        self, file: str, source: str, stages: Sequence[str], limit: float
    ) -> tuple[str, str]:
        """("near" or "wide", who saw it); ("", "") if all tests pass with this source, and
        ("hung", "") if they went on for too long, which may be the machine's fault."""
        path = self.place / file
        good = path.read_bytes()
        path.write_text(source)
        try:
            for stage in stages:
                fine, told = self.passes(near(file) if stage == "near" else wide(file), limit)
                if not fine:
                    return ("hung" if fine is None else stage), told
        finally:
            path.write_bytes(good)
        return "", ""
