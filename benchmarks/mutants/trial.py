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

ROOT = Path(__file__).parent.parent.parent
#: The tests that mirror a file, where that is not the file of the same name.
MIRRORS = {
    "zsc/learn/gae.py": ("tests/learn/test_gae.py", "tests/learn/test_ppo.py"),
    "zsc/play/acting.py": (
        "tests/play/test_rollout.py",
        "tests/play/test_episode.py",
        "tests/train/test_core.py",
    ),
    "zsc/play/episode.py": ("tests/play/test_episode.py",),
    "zsc/play/film.py": ("tests/play/test_films.py",),
    "zsc/play/kinds.py": ("tests/play/test_crossplay.py",),
    "zsc/play/rollout.py": ("tests/play/test_rollout.py",),
    "zsc/play/teams.py": ("tests/play/test_teams.py", "tests/evaluation/test_teams.py"),
    "zsc/play/tiles.py": ("tests/play/test_crossplay.py",),
    "zsc/train/loop.py": ("tests/train/test_loop.py",),
    "zsc/train/method.py": ("tests/train/test_update.py",),
    "zsc/train/run.py": ("tests/train/test_state.py",),
    "zsc/train/sinks.py": ("tests/train/test_loop.py",),
    "zsc/train/state.py": ("tests/train/test_update.py",),
    "zsc/train/update.py": ("tests/train/test_update.py",),
    "populations/behaviour_cloning.py": ("tests/populations/test_cloning_by_hand.py",),
    "populations/best_response.py": (
        "tests/populations/test_partners.py",
        "tests/populations/test_recipes.py",
    ),
    "populations/hooks/partners.py": ("tests/populations/test_partners.py",),
    "populations/hooks/payoffs.py": ("tests/train/test_core.py",),
    "populations/hooks/snapshots.py": (
        "tests/train/test_core.py",
        "tests/populations/test_fictitious_co_play.py",
    ),
    "populations/journal.py": ("tests/train/test_core.py", "tests/populations/test_resume.py"),
    **{
        f"populations/{name}.py": ("tests/populations/test_recipes.py",)
        for name in ("high_entropy", "other_play", "presets", "recipe", "self_play", "stage")
    },
    "evaluation/stats.py": (
        "tests/evaluation/test_node_bootstrap.py",
        "tests/evaluation/test_stats.py",
    ),
}
#: Needed by everything, and slow to import: once for all mutants.
LIBRARIES = ("jax", "flax.linen", "optax", "distrax", "scipy.stats", "pandas", "PIL", "pytest")


def near(file: str) -> tuple[str, ...]:
    """The tests that mirror a file."""
    if file in MIRRORS:
        return MIRRORS[file]
    folder = Path("tests", *Path(file).parts[1 if file.startswith("zsc/") else 0 : -1])
    return (str(folder / f"test_{Path(file).name}"),)


def wide(file: str) -> tuple[str, ...]:
    """The rest of the folder that mirrors a file's, the quicker files first."""
    room = Path(file).parts[1 if file.startswith("zsc/") else 0]
    slow = {
        "test_ladder.py",
        "test_every_method.py",
        "test_films.py",
        "test_resume.py",
        "test_heldout.py",
    }
    rest = [
        str(path.relative_to(ROOT))
        for path in sorted(
            (ROOT / "tests" / room).glob("test_*.py"), key=lambda p: p.stat().st_size
        )
        if path.name not in slow
    ]
    return tuple(path for path in rest if path not in near(file))


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
        there = [name for name in tests if (self.place / name).exists()]
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
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
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
