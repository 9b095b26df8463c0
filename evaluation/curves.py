"""Learning curves as pictures: one run, or several on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from zsc.errors import UserError, unknown
from zsc.evaluation.history import Curve, member_mean, smoothed
from zsc.evaluation.pictures import LINES, group_colours, label_text

Band: TypeAlias = Literal["range", "quartiles", "none"]
BANDS: tuple[Band, ...] = ("range", "quartiles", "none")


def learning_curves(
    steps: np.ndarray, returns: np.ndarray, ax: Axes | None = None, *, label: str | None = None
) -> Axes:
    """The return of every member [updates, M] over steps [updates], and their mean in bold."""
    if ax is None:
        ax = plt.subplots(figsize=(6, 3.6), layout="constrained")[1]
    named = None if label is None else label_text(label)
    (line,) = ax.plot(steps, member_mean(returns), lw=2.2, label=named)
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
        ax.plot(steps, member_mean(values), style, lw=1.9, color=colour, label=label_text(name))
        if band != "none" and values.shape[1] > 1:
            low, high = _ends(values, band)
            ax.fill_between(steps, low, high, color=colour, alpha=0.18, lw=0)
    ax.legend(fontsize=8, frameon=False)
    ax.set_title(title, fontsize=10)
    return _dressed(ax, what)


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
