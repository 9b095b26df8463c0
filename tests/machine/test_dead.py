"""Who died is told by whoever asks first, and nobody reads half of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jax
import pytest

from zsc.machine import cluster


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "process_count", lambda: 4)
    monkeypatch.setattr(jax, "process_index", lambda: 1)


def test_the_file_that_names_the_dead_is_never_seen_empty(
    four: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two steps of writing it another process may ask."""
    seen: list[str] = []

    def look() -> None:
        if (tmp_path / ".dead").exists():
            seen.append((tmp_path / ".dead").read_text())

    for name in ("link", "fsync"):
        real = getattr(os, name)

        def step(*arguments: Any, real: Any = real, **more: Any) -> Any:
            look()
            done = real(*arguments, **more)
            look()
            return done

        monkeypatch.setattr(os, name, step)
    opened = Path.open

    def open_and_look(self: Path, *arguments: Any, **more: Any) -> Any:
        file = opened(self, *arguments, **more)
        if arguments[:1] in (("x",), ("w",), ("xb",), ("wb",)):
            look()
        return file

    monkeypatch.setattr(Path, "open", open_and_look)
    words = cluster.the_dead(tmp_path)
    assert "process 0" in words
    assert "process 1" not in words
    look()
    assert set(seen) == {words}
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []


def test_who_asks_later_gets_the_first_answer(four: None, tmp_path: Path) -> None:
    (tmp_path / ".dead").write_text("process 7 (of before)")
    assert cluster.the_dead(tmp_path) == "process 7 (of before)"


def test_a_holder_is_a_whole_line_after_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / ".process-0.lock"
    path.write_text("process 123456 on a-machine-with-a-very-long-name-indeed\n")
    lock = cluster.lock_of(tmp_path, 0)
    lock.take()
    assert path.read_text() == f"{lock.holder()}\n"
    assert lock.holder().startswith(f"process {os.getpid()} on ")
    lock.drop()
