"""Several trainings by one command: seeds, and a sweep of settings as a plain list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zsc.cli.settings import SHORT, parse_value
from zsc.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Trial:
    """One training of several: its own settings, seed and folder."""

    settings: tuple[tuple[str, Any], ...]  # by dotted names
    seed: int
    out: Path

    @property
    def name(self) -> str:
        """The settings in words; "" where none is swept."""
        return " ".join(f"{name}={value}" for name, value in self.settings)


def trials(sweep: Sequence[str], seeds: Sequence[int], out: Path | None) -> list[Trial]:
    """Every value with every seed, each in a folder of its own.

    sweep: NAME=VALUE,VALUE ... texts; of several all combinations. With one value and one seed the
    folder is `out` itself. Raises UserError for a text that is none, and a value or seed given
    twice.
    """
    if not seeds:
        raise UserError("no seed: give at least one")
    if len(set(seeds)) < len(seeds):
        raise UserError("a seed is given twice: give each once")
    lists = [_values(text) for text in sweep]
    names = [name for name, _ in lists]
    if len(set(names)) < len(names):
        raise UserError("a setting is swept twice: give all of its values at once")
    found = []
    for chosen in product(*([(name, value) for value in values] for name, values in lists)):
        for seed in seeds:
            folder = out or Path()
            if chosen:
                folder = folder / " ".join(f"{name}={_short(value)}" for name, value in chosen)
            if len(seeds) > 1:
                folder = folder / f"seed-{seed}"
            found.append(Trial(tuple(chosen), seed, folder))
    return found


def told(results: Iterable[tuple[Trial, Sequence[float]]]) -> pd.DataFrame:
    """A row for each value of a sweep: runs and agents, and what these earn with themselves.

    The interval takes a run (a seed) as the unit, and an agent where there is one run only.
    """
    import pandas as pd  # a second that a single training need not wait for

    from zsc.evaluation.aggregates import aggregate

    rows: dict[str, list[Sequence[float]]] = {}
    for trial, skills in results:
        rows.setdefault(trial.name or "all", []).append(skills)
    table = {}
    for name, runs in rows.items():
        agents = [skill for skills in runs for skill in skills]
        units = [float(np.mean(skills)) for skills in runs] if len(runs) > 1 else agents
        found = aggregate(np.array(units, float)[:, None], lambda x: float(x.mean()))
        table[name] = {
            "runs": len(runs),
            "agents": len(agents),
            "SP": found.mean,
            "SP low": found.low,
            "SP high": found.high,
            "least": min(agents),
            "largest": max(agents),
        }
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("settings")


def table_text(table: pd.DataFrame) -> str:
    """The table of a sweep as plain text."""
    from zsc.evaluation.tables import with_intervals

    return (
        f"\n{with_intervals(table).to_string()}\n\nSP: mean return with themselves; intervals "
        "(95 %) resample runs, or agents where there is one run"
    )


def _values(text: str) -> tuple[str, list[Any]]:
    """NAME and the values of a NAME=VALUE,VALUE text. Raises UserError."""
    name, equals, rest = text.partition("=")
    words = _parts(rest)
    if not (equals and name and all(words)):
        raise UserError(f"--sweep {text}: write NAME=VALUE,VALUE, e.g. learner.entropy=0.01,0.1")
    values = [parse_value(word) for word in words]
    if any(value in values[:i] for i, value in enumerate(values)):
        raise UserError(f"--sweep {text}: a value is given twice")
    return SHORT.get(name, name), values


def _parts(text: str) -> list[str]:
    """What commas part, those inside brackets aside: (1,2),(3,4) are two values."""
    found, depth = [""], 0
    for mark in text:
        depth += (mark in "([") - (mark in ")]")
        if mark == "," and depth == 0:
            found.append("")
        else:
            found[-1] += mark
    return found


def _short(value: Any) -> str:
    """A value as part of a folder's name."""
    return str(value).replace("/", "_").replace(" ", "")
