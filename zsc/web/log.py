"""Games on disk while they are played: a file of JSON lines each, to which is only added.

The first line is the header, then come steps and events, and "end" last. A line is handed to the
operating system before the step is shown, so that a killed server loses none of them; to the disk
itself they go at the start, at the end and every few seconds.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zsc.errors import UserError
from zsc.files import as_json, damaged, read_rows
from zsc.schema import MisfitError, as_type

FORMAT = "zsc-game 1"
_TO_DISK = 2.0  # seconds


class Lines:
    """A file to which JSON lines are added. Nothing that stands in it is ever changed."""

    def __init__(self, path: Path, *, again: bool = False) -> None:
        """again: go on with a file that is there; a line that a kill cut short goes first."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if again and path.exists():
            _cut(path)
        try:
            self._file = path.open("ab" if again else "xb", buffering=0)
        except FileExistsError:
            raise UserError(f"{path} already exists: choose another folder") from None
        self.path, self._synced = path, 0.0

    def add(self, row: dict[str, Any], *, through: bool = False) -> None:
        """Write a line; through: to the disk itself, not only out of this process."""
        data = memoryview(as_json(row).encode() + b"\n")
        while data:  # the system may take less at a time
            data = data[self._file.write(data) or 0 :]
        if through or time.monotonic() - self._synced > _TO_DISK:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def close(self) -> None:
        """To the disk, and no more of it."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()


@dataclass(frozen=True)
class Agent:
    """An agent that plays with people, as the header of a game names it."""

    seat: int
    pool: str  # what the study calls it
    id: str
    method: str
    seed: int
    member: int  # its place in the pool
    checkpoint: str
    action: str  # "sampled" or "greedy"


@dataclass(frozen=True)
class Header:
    """The first line of a game: all that the rest follows from, and whose it is."""

    game: str  # id of this game
    env: str
    version: int
    settings: dict[str, Any]
    seed: int  # the game is episode 0 of it
    people: dict[str, str]  # participants by seat
    agents: tuple[Agent, ...]
    tick: float | None  # seconds; None: the game waits for people
    began: float  # seconds since 1970
    study: str = ""
    study_hash: str = ""
    session: str = ""
    order: int = 0  # place of this game among the person's games
    block: int = 0
    condition: str = ""
    practice: bool = False
    toolkit: str = ""
    libraries: dict[str, str] = field(default_factory=dict)
    format: str = FORMAT


@dataclass(frozen=True)
class Played:
    """A game as its file tells it."""

    header: Header
    steps: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]
    end: dict[str, Any] | None  # None while it is played, or if the server was stopped

    @property
    def actions(self) -> list[list[int]]:
        """[T][A] joint actions."""
        return [list(step["action"]) for step in self.steps]

    @property
    def marks(self) -> list[str]:
        """[T] the marks of the states that they led to."""
        return [step["mark"] for step in self.steps]


def read_game(path: Path) -> Played:
    """What stands in a game's file. Raises UserError if it is none, or was altered."""
    rows = read_rows(path)
    try:
        first = rows[0]
        if first.get("format") != FORMAT:
            raise MisfitError(f"it is no {FORMAT}")
        header = as_type(Header, first)
        steps = tuple(row for row in rows[1:] if row.get("kind") == "step")
        for place, step in enumerate(steps):
            as_type(_Step, step, f"step {place}")
            if step["step"] != place or len(step["action"]) != len(steps[0]["action"]):
                raise MisfitError(f"step {place} is missing")
        ends = [row for row in rows[1:] if row.get("kind") == "end"]
        events = tuple(row for row in rows[1:] if row.get("kind") == "event")
        for event in events:
            as_type(_Event, event, "an event")
        for end in ends:
            as_type(_End, end, "the end")
    except (IndexError, MisfitError) as error:
        raise damaged(path, str(error)) from None
    return Played(header, steps, events, ends[-1] if ends else None)


@dataclass(frozen=True)
class _Step:
    """What every step has to say."""

    step: int
    action: tuple[int, ...]
    reward: tuple[float, ...]
    mark: str
    at: float
    late: float = 0.0
    missed: int = 0
    keys: dict[str, Key] = field(default_factory=dict)
    drawn: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Event:
    """What every event has to say."""

    event: str
    seat: int | None = None
    ms: float = 0.0


@dataclass(frozen=True)
class _End:
    """What the end has to say."""

    why: str
    steps: int


@dataclass(frozen=True)
class Key:
    """The key that a person's step came from."""

    action: int
    at: float  # the browser's clock, ms since 1970
    got: float  # when the server had it
    seen: int  # the newest step that was drawn


def _cut(path: Path) -> None:
    """Leave out what a kill left of the last line."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)


def line_of(row: dict[str, Any]) -> str:
    """A row as it stands in a file, for what is sent."""
    return json.dumps(row, separators=(",", ":"))
