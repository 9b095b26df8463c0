"""Two host devices and one compile cache for all tests; commands that have to fail."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

# outside the checkout, so that the next clone does not compile everything again
os.environ.setdefault("ZSC_CACHE", str(Path.home() / ".cache" / "zsc-tests"))
os.environ.setdefault("MPLBACKEND", "Agg")
# tests are mostly compiling: less than half of it with code that is not polished
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false "
    "--xla_cpu_parallel_codegen_split_count=1",
)

import jax

import zsc

zsc.setup(devices=2)
# also the smallest programs: eager arithmetic is compiled for each shape, in each file anew
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)

Refused: TypeAlias = Callable[..., str]


@pytest.fixture
def refused(place: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that has to fail with one line, which it returns, and to write nothing.

    place: a fixture of the test's own file, the folder that it works in.
    """
    from tests.disk import files
    from zsc.cli import main

    def run(*arguments: str) -> str:
        before, folders = files(place), sorted(place.rglob("*"))
        capsys.readouterr()
        assert main(list(arguments)) == 2
        shown = capsys.readouterr()
        assert files(place) == before
        assert sorted(place.rglob("*")) == folders
        assert re.fullmatch("zsc: [^\n]+\n", shown.err)
        return shown.err

    return run


@pytest.fixture(autouse=True, scope="module")
def _forget_programs() -> Iterator[None]:
    """A test file's compiled programs go with it: a process that kept those of all files was seen
    to crash while the compiler wrote one more to its cache."""
    yield
    jax.clear_caches()
