"""One altered file after another, and what became of them."""

from __future__ import annotations

import shutil
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.disk import files
from tests.fuzz import edits
from tests.fuzz.kinds import Kind, kinds, originals
from zsc import UserError

SLOWEST = 60.0  # seconds that reading one small file may take, with its programs compiled


@dataclass
class Told:
    """What was tried: different altered files, and how many of them were read or refused."""

    tried: dict[str, set[bytes]] = field(default_factory=dict)
    became: Counter[tuple[str, str]] = field(default_factory=Counter)
    slowest: float = 0.0

    @property
    def files(self) -> int:
        """How many different ones."""
        return sum(map(len, self.tried.values()))


def fuzz(folder: Path, count: int, start: int, only: str | None = None) -> Told:
    """Read so many different altered files, as many of each kind, up to the first that does harm.

    Harm is any error but a UserError of one line, a file that is changed or made, code that runs.
    """
    told = Told()
    home = folder / "originals"
    home.mkdir(parents=True)
    edits.CANARY = folder / "canary"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        originals(home)
        chosen = {name: kind for name, kind in kinds(home).items() if only in (None, name)}
        for name, kind in chosen.items():
            _fuzz_kind(home, name, kind, -(-count // len(chosen)), start, told)
    return told


def _fuzz_kind(home: Path, name: str, kind: Kind, count: int, start: int, told: Told) -> None:
    original = (home / kind.file).read_bytes()
    before = {x: data for x, data in files(home).items() if not x.endswith(".lock")}
    seen = told.tried.setdefault(name, {original})

    def check(data: bytes) -> None:
        if len(seen) > count or data in seen:
            return
        seen.add(data)
        (home / kind.file).write_bytes(data)
        kind.mend(home)
        altered = {x: y for x, y in files(home).items() if not x.endswith(".lock")}
        try:
            began = time.monotonic()
            told.became[name, _outcome(kind, home)] += 1
            told.slowest = max(told.slowest, time.monotonic() - began)
            assert told.slowest < SLOWEST, "it takes too long"
            _remove_new(home)
            after = {x: y for x, y in files(home).items() if not x.endswith(".lock")}
            assert after == altered, "a file was changed"
            assert not edits.CANARY.exists(), "code of a file was run"
        finally:
            _remove_new(home)
            for path, content in before.items():
                (home / path).write_bytes(content)

    for more in range(20):  # hypothesis tries some twice
        if len(seen) > count:
            break
        # found by chance, not kept: every run of a seed tries the same files
        run: Any = settings(
            max_examples=max(10, count + 1 - len(seen)),
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )(given(kind.edit(original))(check))
        seed(start + more)(run)()
    seen.discard(original)


def _outcome(kind: Kind, home: Path) -> str:
    said = "nothing"
    try:
        kind.read(home)
    except UserError as error:
        said = str(error)
    assert said, "an error says nothing"
    assert said.isprintable(), f"more than one line: {said!r}"
    return "read" if said == "nothing" else "refused"


def _remove_new(home: Path) -> None:
    """What readers are asked to write, in a place of its own."""
    shutil.rmtree(home / "new", ignore_errors=True)
