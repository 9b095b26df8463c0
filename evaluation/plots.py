"""Pictures: the cross-play heatmap and learning curves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from scipy.cluster.hierarchy import leaves_list, linkage

if TYPE_CHECKING:
    from evaluation.crossplay import CrossPlay

ANNOTATED = 24  # larger matrices are colours only


def heatmap(played: CrossPlay, ax: Axes | None = None, *, cluster: bool = True) -> Axes:
    """The matrix M of a cross-play: row in seat 0, column in seat 1.

    Groups keep the order of the roster and are framed; with `cluster` the members inside a group
    are sorted so that policies with like rows stand side by side.
    """
    matrix = played.matrix()
    order = group_order(matrix, played.groups) if cluster else np.arange(len(matrix))
    size = len(matrix)
    if ax is None:
        side = float(np.clip(0.42 * size + 2.2, 4.5, 16))
        ax = plt.subplots(figsize=(side + 1.2, side), layout="constrained")[1]
    names = [played.names[i] for i in order]
    text = float(np.clip(170 / max(size, 1), 5.5, 10))
    sns.heatmap(
        matrix[np.ix_(order, order)],
        ax=ax,
        cmap="mako",
        vmin=min(0.0, float(matrix.min())),
        square=True,
        annot=size <= ANNOTATED,
        fmt=_digits(float(matrix.max())),
        annot_kws={"size": text * 0.85},
        linewidths=0.3 if size <= ANNOTATED else 0,
        xticklabels=names,
        yticklabels=names,
        cbar_kws={"label": "mean return", "shrink": 0.7},
    )
    ax.tick_params(axis="both", labelsize=text, length=0)
    ax.tick_params(axis="x", rotation=90)
    ax.tick_params(axis="y", rotation=0)
    _frame_groups(ax, [played.groups[i] for i in order])
    how = "greedy" if played.greedy else "sampled"
    ax.set_title(f"{played.env}: {played.episodes} {how} episodes per cell", fontsize=10)
    ax.set_xlabel("seat 1", fontsize=9)
    ax.set_ylabel("seat 0", fontsize=9)
    return ax


def group_order(matrix: np.ndarray, groups: tuple[str, ...]) -> np.ndarray:
    """[N] an order that keeps groups together and puts like rows side by side inside each."""
    order: list[int] = []
    both = np.concatenate([matrix, matrix.T], axis=1)
    for group in dict.fromkeys(groups):
        members = np.flatnonzero(np.array(groups) == group)
        if len(members) > 2:
            members = members[leaves_list(linkage(both[members], "average"))]
        order.extend(int(i) for i in members)
    return np.array(order)


def learning_curves(
    steps: np.ndarray, returns: np.ndarray, ax: Axes | None = None, *, label: str | None = None
) -> Axes:
    """The return of every member [updates, M] over steps [updates], and their mean in bold."""
    if ax is None:
        ax = plt.subplots(figsize=(6, 3.6), layout="constrained")[1]
    millions = np.asarray(steps) / 1e6
    (line,) = ax.plot(millions, returns.mean(1), lw=2.2, label=label)
    ax.plot(millions, returns, lw=0.7, alpha=0.45, color=line.get_color())
    ax.set_xlabel("million steps per member")
    ax.set_ylabel("return of training episodes")
    sns.despine(ax=ax)
    return ax


def save_picture(ax: Axes, path: str | Path) -> None:
    """Write the figure that a picture is part of, and close it."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _digits(largest: float) -> str:
    """As many decimals as a cell has room for."""
    return ".0f" if largest >= 30 else ".1f" if largest >= 10 else ".2f"


def _frame_groups(ax: Axes, groups: list[str]) -> None:
    start = 0
    for index in range(1, len(groups) + 1):
        if index == len(groups) or groups[index] != groups[start]:
            box = (start, start), index - start, index - start
            ax.add_patch(Rectangle(*box, fill=False, ec="white", lw=2.0, clip_on=False))
            start = index
