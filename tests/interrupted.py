"""Trainings that are cut off from inside, wherever their stages are."""

from __future__ import annotations

from collections.abc import Sequence

from zsc.train.sinks import Progress, Row


class EnoughError(Exception):
    """What stops a training."""


class StopAt:
    """A sink that stops a training when so many updates were done, those of all stages together."""

    def __init__(self, updates: int) -> None:
        self.left = updates

    def start(self, progress: Progress) -> None:
        """Nothing to prepare."""

    def write(self, rows: Sequence[Row], seconds: float) -> None:
        """Count."""
        del seconds
        self.left -= len(rows)
        if self.left <= 0:
            raise EnoughError

    def close(self) -> None:
        """Nothing to close."""
