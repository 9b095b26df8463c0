"""Learning curves: read from run folders, one run or several on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from zsc.errors import UserError, unknown
from zsc.evaluation.pictures import LINES, group_colours, label_text
from zsc.files import damaged, read_rows
from zsc.schema import MisfitError, as_type

Curve: TypeAlias = tuple[np.ndarray, np.ndarray]  # steps [updates], values [updates, M]
Band: TypeAlias = Literal["range", "quartiles", "none"]
BANDS: tuple[Band, ...] = ("range", "quartiles", "none")


def read_curves(run: str | Path, stage: str = "", metric: str = "return") -> Curve:
    """(steps [updates], values [updates, M]) of a run folder, for `learning_curves`.

    Raises UserError if the run has no metrics, or not this one.
    """
    path = Path(run) / f"metrics{'-' if stage else ''}{stage}.jsonl"
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


def learning_curves(
    steps: np.ndarray, returns: np.ndarray, ax: Axes | None = None, *, label: str | None = None
) -> Axes:
    """The return of every member [updates, M] over steps [updates], and their mean in bold."""
    if ax is None:
        ax = plt.subplots(figsize=(6, 3.6), layout="constrained")[1]
    named = None if label is None else label_text(label)
    (line,) = ax.plot(steps, _mean(returns), lw=2.2, label=named)
    ax.plot(steps, returns, lw=0.7, alpha=0.45, color=line.get_color())
    return _dressed(ax, "return of training episodes")


def compare_curves(
    runs: Mapping[str, Curve],
    ax: Axes | None = None,
    *,
    band: Band = "range",
    smooth: int = 1,
    what: str = "return of training episodes",
    title: str = "",
) -> Axes:
    """Several runs on one scale: the mean over each run's members, and a band that holds them.

    runs: by name (steps [updates], values [updates, M]). band: "range" from the least to the
    largest member, "quartiles" the middle half, "none". smooth: updates that a running mean takes
    together. Each run has a colour and a line of its own, so that a grey print tells them apart.
    Raises UserError for nothing to draw, or a band that there is not.
    """
    if not runs:
        raise UserError("no curves to draw: give at least one run")
    if band not in BANDS:
        raise unknown("band", band, BANDS)
    if smooth < 1:
        raise UserError(f"smooth is {smooth}: take at least 1 update together")
    if ax is None:
        ax = plt.subplots(figsize=(6, 3.6), layout="constrained")[1]
    for number, (name, (steps, values)) in enumerate(runs.items()):
        values = smoothed(np.asarray(values, float), smooth)
        colour = group_colours(number + 1)[-1]
        style = LINES[number % len(LINES)]
        ax.plot(steps, _mean(values), style, lw=1.9, color=colour, label=label_text(name))
        if band != "none" and values.shape[1] > 1:
            low, high = _ends(values, band)
            ax.fill_between(steps, low, high, color=colour, alpha=0.18, lw=0)
    ax.legend(fontsize=8, frameon=False)
    ax.set_title(title, fontsize=10)
    return _dressed(ax, what)


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """The running mean of values [updates, M] over the last `window` updates, or all so far."""
    total = np.cumsum(np.where(np.isfinite(values), values, 0.0), axis=0)
    count = np.cumsum(np.isfinite(values), axis=0)
    before = lambda x: np.concatenate([np.zeros_like(x[:window]), x[:-window]])[: len(x)]
    total, count = total - before(total), count - before(count)
    return np.where(np.isfinite(values), total / np.maximum(count, 1), np.nan)


def _mean(values: np.ndarray) -> np.ndarray:
    """[updates] over the members that are still learning; nan where nobody is."""
    well = np.isfinite(values)
    total = np.where(well, values, 0.0).sum(1)
    return np.where(well.any(1), total / np.maximum(well.sum(1), 1), np.nan)


def _ends(values: np.ndarray, band: Band) -> tuple[np.ndarray, np.ndarray]:
    shares = (0, 100) if band == "range" else (25, 75)
    whole = np.where(np.isfinite(values).any(1, keepdims=True), values, 0.0)
    low, high = np.nanpercentile(whole, shares, axis=1)
    alive = np.isfinite(values).any(1)
    return np.where(alive, low, np.nan), np.where(alive, high, np.nan)


def _dressed(ax: Axes, what: str) -> Axes:
    """Ticks that can be read: 0, 500 k, 1 M."""
    ax.set_xlabel("steps per member")
    ax.set_ylabel(what)
    ax.xaxis.set_major_formatter(EngFormatter())
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.grid(axis="y", color="0.9", lw=0.7)
    ax.set_axisbelow(True)
    sns.despine(ax=ax)
    return ax


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
