"""Where metrics go: memory, a file of JSON lines, a progress bar."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from zsc.files import fitted, read_rows, write_text

Row: TypeAlias = Mapping[str, Any]  # "update", "steps", and metrics as arrays [M]


class Progress(NamedTuple):
    """What a sink is told at the start."""

    done: int  # updates done before
    updates: int  # updates to do in all
    steps_per_update: int  # environment steps per member
    members: int


class Sink(Protocol):
    """Takes the rows of a run. Every member keeps its own column; nothing is averaged."""

    def start(self, progress: Progress) -> None:
        """A training begins, or goes on."""

    def write(self, rows: Sequence[Row], seconds: float) -> None:
        """More updates are done; they took so many seconds."""

    def close(self) -> None:
        """The training is over, or was cut off."""


class Memory:
    """Keeps all rows; `memory["return"]` is [updates, M]."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def start(self, progress: Progress) -> None:
        """Nothing to prepare."""
        del progress

    def write(self, rows: Sequence[Row], seconds: float) -> None:
        """Append."""
        del seconds
        self.rows.extend(rows)

    def close(self) -> None:
        """Nothing to close."""

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array([row[name] for row in self.rows])


class JsonLines:
    """Appends one JSON object per update to a file; metrics are lists over members."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def start(self, progress: Progress) -> None:
        """Drop rows of updates that will be done again, so that a resumed run has no duplicates.

        Raises UserError for a file of something else: nothing of it is dropped.
        """
        kept = []
        for row in read_rows(self.path) if self.path.exists() else ():
            if fitted(int, row.get("update"), self.path) > progress.done:
                break
            kept.append(json.dumps(row) + "\n")
        write_text(self.path, "".join(kept))

    def write(self, rows: Sequence[Row], seconds: float) -> None:
        """Append the rows and hand them to the system, in one go: others may be reading."""
        del seconds
        text = "".join(json.dumps(_plain(row)) + "\n" for row in rows)
        with self.path.open("ab", buffering=0) as file:
            file.write(text.encode())

    def close(self) -> None:
        """Every write closes the file."""


def _plain(row: Row) -> dict[str, Any]:
    return {
        name: value if isinstance(value, int) else np.asarray(value, float).round(6).tolist()
        for name, value in row.items()
    }


class ProgressBar:
    """A line on the terminal: updates, steps per second, return of each member, time left."""

    def __init__(self, title: str = "training", shown: int = 6) -> None:
        self.title, self.shown = title, shown

    def start(self, progress: Progress) -> None:
        """Draw the bar."""
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.progress = progress
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[speed]}"),
            TextColumn("{task.fields[returns]}"),
        )
        self.task = self.bar.add_task(
            self.title,
            total=progress.updates,
            completed=progress.done,
            speed="compiling",
            returns="",
        )
        self.bar.start()

    def write(self, rows: Sequence[Row], seconds: float) -> None:
        """Move on by the rows."""
        steps = len(rows) * self.progress.steps_per_update * self.progress.members
        last = np.asarray(rows[-1]["return"], float)
        shown = " ".join(f"{value:.0f}" for value in last[: self.shown])
        more = " ..." if len(last) > self.shown else ""
        self.bar.update(
            self.task,
            advance=len(rows),
            speed=f"{steps / seconds / 1e3:.0f}k steps/s",
            returns=f"return {shown}{more}",
        )

    def close(self) -> None:
        """Leave the finished line on the screen."""
        self.bar.stop()
