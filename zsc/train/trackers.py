"""Sinks of other people's programs: TensorBoard, Weights & Biases, MLflow.

None of them is needed, and none is imported before it is asked for:

    SelfPlay().train(env, out="runs/sp", sinks=[tensorboard("runs/sp/tensorboard")])
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from zsc.errors import UserError
from zsc.train.sinks import Progress, Row

_NOT_FIGURES = ("update", "steps")


class Writer(Protocol):
    """What is asked of such a program."""

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        """Note figures by their names, at an environment step."""

    def close(self) -> None:
        """The training is over."""


Begin: TypeAlias = Callable[[Progress], Writer]


class Tracker:
    """A sink for a program that draws curves by name: "return" is the mean over members, and
    "return/member 3" one of the first `members` of them.

    Later stages of a training have their title before the names, since each begins at step 0.
    """

    def __init__(self, begin: Begin, *, members: int = 16) -> None:
        self.begin, self.members = begin, members
        self.stages: list[str] = []
        self.writer: Writer | None = None

    def start(self, progress: Progress) -> None:
        """Open the program's run with the first stage."""
        self.stages.append(progress.stage)
        if self.writer is None:
            self.writer = self.begin(progress)

    def write(self, rows: Sequence[Row], seconds: float) -> None:
        """Note every update."""
        del seconds
        for row in rows:
            self._note(row, "")

    def judged(self, row: Row) -> None:
        """Note a validation."""
        self._note(row, "validation/")

    def close(self) -> None:
        """End with the stage; the next one opens it anew."""
        if self.writer is not None:
            self.writer.close()
        self.writer = None

    def _note(self, row: Row, before: str) -> None:
        assert self.writer is not None
        if len(self.stages) > 1:
            before = f"{self.stages[-1] or len(self.stages)}/{before}"
        found: dict[str, float] = {}
        for name, value in row.items():
            if name in _NOT_FIGURES:
                continue
            each = np.asarray(value, float).reshape(-1)
            well = each[np.isfinite(each)]
            if len(well):
                found[f"{before}{name}"] = float(well.mean())
            if name == "return":
                first = [(m, x) for m, x in enumerate(each[: self.members]) if np.isfinite(x)]
                found |= {f"{before}{name}/member {m}": float(x) for m, x in first}
        self.writer.figures(int(row.get("steps", row["update"])), found)


def tensorboard(folder: str | Path, *, members: int = 16) -> Tracker:
    """Curves for TensorBoard, in a folder (`tensorboard --logdir FOLDER`).

    Raises UserError where tensorboardX is not installed.
    """
    library = _library("tensorboardX", "TensorBoard")

    class Events:
        def __init__(self, progress: Progress) -> None:
            # what is done again replaces what was written before the training was cut off
            purge = progress.done * progress.steps_per_update + 1 if progress.done else None
            self.file = library.SummaryWriter(str(folder), purge_step=purge)

        def figures(self, step: int, figures: Mapping[str, float]) -> None:
            for name, value in figures.items():
                self.file.add_scalar(name, value, step)

        def close(self) -> None:
            self.file.close()

    return Tracker(Events, members=members)


def wandb(*, members: int = 16, **settings: Any) -> Tracker:
    """Curves for Weights & Biases; settings as `wandb.init` takes them (project, name, ...).

    Raises UserError where wandb is not installed.
    """
    library = _library("wandb", "Weights & Biases")

    class Run:
        def __init__(self, progress: Progress) -> None:
            del progress
            self.run = library.init(**settings)
            self.run.define_metric("*", step_metric="steps")

        def figures(self, step: int, figures: Mapping[str, float]) -> None:
            self.run.log({**figures, "steps": step})

        def close(self) -> None:
            self.run.finish()

    return Tracker(Run, members=members)


def mlflow(*, members: int = 16, uri: str | None = None, **settings: Any) -> Tracker:
    """Curves for MLflow; uri: of its server or folder; settings as `mlflow.start_run` takes them.

    Raises UserError where mlflow is not installed.
    """
    library = _library("mlflow", "MLflow")

    class Run:
        def __init__(self, progress: Progress) -> None:
            del progress
            if uri is not None:
                library.set_tracking_uri(uri)
            library.start_run(**settings)

        def figures(self, step: int, figures: Mapping[str, float]) -> None:
            # a slash makes a folder, other marks it refuses
            named = {name.replace("(", "").replace(")", ""): x for name, x in figures.items()}
            library.log_metrics(named, step=step)

        def close(self) -> None:
            library.end_run()

    return Tracker(Run, members=members)


def _library(name: str, program: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(f"{program} needs {name}, which is not here: pip install {name}") from None
