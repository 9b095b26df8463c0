"""Where metrics go: memory, a file of JSON lines, a progress bar, lines of a log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from zsc.files import fitted, read_rows, write_text
from zsc.machine.progress import Lines

Row: TypeAlias = Mapping[str, Any]  # "update", "steps", and metrics as arrays [M]


class Progress(NamedTuple):
    """What a sink is told at the start."""

    done: int  # updates done before
    updates: int  # updates to do in all
    steps_per_update: int  # environment steps per member
    members: int
    stage: str = ""  # of a training in several; each begins at update 1


class Sink(Protocol):
    """Takes the rows of a run. Every member keeps its own column; nothing is averaged.

    A sink may have a method `judged(row)` too: it is told each row of a validation, see
    `zsc.train.validation`.
    """

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


def tell_judged(sinks: Sequence[Sink], row: Row) -> None:
    """A row of a validation to those sinks that want to know."""
    for sink in sinks:
        judged = getattr(sink, "judged", None)
        if judged is not None:
            judged(row)


class JsonLines:
    """Appends one JSON object per update to a file; metrics are lists over members.

    "seconds" of a row are those of the clock since the run began, without the time between being
    stopped and going on. before: what the run took before this training.
    """

    def __init__(self, path: str | Path, *, before: float = 0.0) -> None:
        self.path, self.elapsed = Path(path), before

    def start(self, progress: Progress) -> None:
        """Drop rows of updates that will be done again, so that a resumed run has no duplicates.

        Raises UserError for a file of something else: nothing of it is dropped.
        """
        kept = []
        for row in read_rows(self.path) if self.path.exists() else ():
            if fitted(int, row.get("update"), self.path) > progress.done:
                break
            kept.append(json.dumps(row) + "\n")
            self.elapsed = max(self.elapsed, seconds_of(row))
        write_text(self.path, "".join(kept))

    def write(self, rows: Sequence[Row], seconds: float) -> None:
        """Append the rows and hand them to the system, in one go: others may be reading."""
        each = seconds / max(len(rows), 1)
        timed = [
            _plain(row) | {"seconds": round(self.elapsed + each * i, 3)}
            for i, row in enumerate(rows, 1)
        ]
        self.elapsed += seconds
        text = "".join(json.dumps(row) + "\n" for row in timed)
        with self.path.open("ab", buffering=0) as file:
            file.write(text.encode())

    def close(self) -> None:
        """Every write closes the file."""


def seconds_of(row: Mapping[str, Any]) -> float:
    """When a row was written; 0 in files of versions that did not note it."""
    return float(row.get("seconds", 0.0))


def _plain(row: Row) -> dict[str, Any]:
    return {
        name: value if isinstance(value, int) else np.asarray(value, float).round(6).tolist()
        for name, value in row.items()
    }


class ProgressBar:
    """A line on the terminal: updates, steps per second, return of each member, time left."""

    def __init__(self, title: str = "training", shown: int = 6) -> None:
        self.title, self.shown, self.others = title, shown, ""

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
        speed, returns = told_of(rows, seconds, self.progress, self.shown)
        self.bar.update(self.task, advance=len(rows), speed=speed, returns=returns + self.others)

    def judged(self, row: Row) -> None:
        """Show it beside the returns from now on."""
        self.others = in_words(row)

    def close(self) -> None:
        """Leave the finished line on the screen."""
        self.bar.stop()


class ProgressLines:
    """A line now and then: what `ProgressBar` shows, where there is no terminal to draw on."""

    def __init__(self, title: str = "training", shown: int = 6) -> None:
        self.title, self.shown, self.others = title, shown, ""

    def start(self, progress: Progress) -> None:
        """Say what begins."""
        self.progress, self.done = progress, progress.done
        self.lines = Lines(self.title, progress.updates)
        went = f" from update {progress.done} on" if progress.done else ""
        size = f"members {progress.members}, updates {progress.updates}{went}"
        self.lines.start(size, progress.done)

    def write(self, rows: Sequence[Row], seconds: float) -> None:
        """Say how far it is, if that is due."""
        self.done += len(rows)
        speed, returns = told_of(rows, seconds, self.progress, self.shown)
        self.lines.move(self.done, f"{speed}, {returns}{self.others}")

    def judged(self, row: Row) -> None:
        """Say it with the next line."""
        self.others = in_words(row)

    def close(self) -> None:
        """Say how it ended."""
        self.lines.end()


def told_of(rows: Sequence[Row], seconds: float, progress: Progress, shown: int) -> tuple[str, str]:
    """Speed and the last returns of the first members, in words."""
    steps = len(rows) * progress.steps_per_update * progress.members
    last = np.asarray(rows[-1]["return"], float)
    values = " ".join(f"{value:.3g}" for value in last[:shown])
    more = " ..." if len(last) > shown else ""
    rate = steps / seconds
    speed = f"{rate / 1e3:.0f}k" if rate >= 1e4 else f"{rate:.0f}"
    return f"{speed} steps/s", f"return {values}{more}"


def in_words(row: Row) -> str:
    """The mean return with the partners of a validation."""
    return f", with others {np.mean(row['return']):.3g}"


def on_terminal() -> bool:
    """True where a bar can be drawn: a terminal that can move its cursor, or a notebook."""
    from rich import get_console

    console = get_console()
    return console.is_jupyter or (console.is_terminal and not console.is_dumb_terminal)
