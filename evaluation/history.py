"""What a run folder tells of its training: figures of every member over steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from zsc.errors import UserError, unknown
from zsc.files import damaged, read_rows
from zsc.schema import MisfitError, as_type

Curve: TypeAlias = tuple[np.ndarray, np.ndarray]  # steps [updates], values [updates, M]


def read_curves(run: str | Path, stage: str = "", metric: str = "return") -> Curve:
    """(steps [updates], values [updates, M]) of a run folder, for `learning_curves`.

    Raises UserError if the run has no metrics, or not this one.
    """
    return read_file(Path(run) / f"metrics{'-' if stage else ''}{stage}.jsonl", metric)


def read_validation(run: str | Path, metric: str = "return") -> Curve:
    """The same of a run that was judged while it learned. Raises UserError for one that was not."""
    return read_file(Path(run) / "validation.jsonl", metric)


def read_file(path: Path, metric: str) -> Curve:
    """A metric of a file of rows. Raises UserError if it is not there, or has no such metric."""
    if not path.is_file():
        raise UserError(f"{path} is not there: give the folder of a run that zsc train made")
    every = list(read_rows(path))
    rows = [row for row in every if metric in row]
    if not rows:
        raise _nothing(path, every, metric)
    try:
        steps = np.array([as_type(int, row.get("steps"), "steps") for row in rows])
        values = np.array([_numbers(row[metric], metric) for row in rows])
    except ValueError as error:
        raise damaged(path, str(error)) from None
    return steps, values


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """The running mean of values [updates, M] over the last `window` updates, or all so far."""
    total = np.cumsum(np.where(np.isfinite(values), values, 0.0), axis=0)
    count = np.cumsum(np.isfinite(values), axis=0)
    before = lambda x: np.concatenate([np.zeros_like(x[:window]), x[:-window]])[: len(x)]
    total, count = total - before(total), count - before(count)
    return np.where(np.isfinite(values), total / np.maximum(count, 1), np.nan)


def member_mean(values: np.ndarray) -> np.ndarray:
    """[updates] over the members that are still learning; nan where nobody is."""
    well = np.isfinite(values)
    total = np.where(well, values, 0.0).sum(1)
    return np.where(well.any(1), total / np.maximum(well.sum(1), 1), np.nan)


def _nothing(path: Path, rows: list[dict[str, Any]], metric: str) -> UserError:
    if metric == "return" or not rows:
        return UserError(f"{path} has no returns: the run has not begun, or played nothing")
    return unknown(f"metric of {path}", metric, [n for n, x in rows[-1].items() if type(x) is list])


def _numbers(value: Any, metric: str) -> list[float]:
    """A row's figures, one for each member; nan for one that was stopped. Raises MisfitError."""
    found = as_type(list[Any], value, metric)
    if not found or not all(type(x) in (int, float) and not abs(x) >= 2**1000 for x in found):
        raise MisfitError(f"{metric} is not a number for each member")
    return found
