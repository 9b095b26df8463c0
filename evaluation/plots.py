"""Pictures: heatmaps, SP against XP, who understands whom, learning curves, filmstrips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zsc.evaluation.curves import compare_curves, learning_curves
from zsc.evaluation.heatmaps import heatmap, marginal_heatmap
from zsc.evaluation.history import read_curves
from zsc.evaluation.matrix import Matrix
from zsc.evaluation.metrics import group_order
from zsc.evaluation.pictures import MARKERS, group_colours, label_text, save_picture

__all__ = [
    "compare_curves",
    "compatibility_graph",
    "filmstrip",
    "group_order",
    "heatmap",
    "label_text",
    "learning_curves",
    "marginal_heatmap",
    "read_curves",
    "save_picture",
    "sp_xp_scatter",
]


def sp_xp_scatter(plays: Mapping[str, Matrix], ax: Axes | None = None) -> Axes:
    """SP against XP within, one point per group of each cross-play, with 95 % intervals.

    On the dashed line an agent works with strangers as well as with itself.
    """
    if ax is None:
        ax = plt.subplots(figsize=(6.4, 5.2), layout="constrained")[1]
    points = [
        (label if len(played.summary()) == 1 else f"{label}: {group}" if label else str(group), row)
        for label, played in plays.items()
        for group, row in played.summary().iterrows()
        if np.isfinite(row["XP within"])
    ]
    for number, ((label, row), colour) in enumerate(
        zip(points, group_colours(len(points)), strict=True)
    ):
        spread = [
            [[row[name] - row[f"{name} low"]], [row[f"{name} high"] - row[name]]]
            for name in ("SP", "XP within")
        ]
        ax.errorbar(
            row["SP"],
            row["XP within"],
            xerr=spread[0],
            yerr=spread[1],
            fmt=MARKERS[number % len(MARKERS)],
            ms=6,
            lw=1.2,
            color=colour,
            label=label_text(label),
        )
    most = max(ax.get_xlim()[1], ax.get_ylim()[1])
    least = min(0.0, ax.get_xlim()[0], ax.get_ylim()[0])
    ax.plot([least, most], [least, most], "--", color="0.7", lw=1, zorder=0)
    ax.set_xlim(least, most)
    ax.set_ylim(least, most)
    ax.set_xlabel("SP: with itself")
    ax.set_ylabel("XP: with other seeds of its own method")
    ax.legend(fontsize=8, frameon=False, loc="upper left")
    sns.despine(ax=ax)
    return ax


def compatibility_graph(
    played: Matrix, ax: Axes | None = None, *, threshold: float | None = None
) -> Axes:
    """Policies on a circle, by group; a line joins two that earn `threshold` together.

    Lines are as strong as the mean return of both seatings; a ring marks a policy that works with
    itself. threshold: half of the largest self-play return if left out.
    """
    matrix = played.matrix()
    order = group_order(matrix, played.groups)
    both = ((matrix + matrix.T) / 2)[np.ix_(order, order)]
    limit = 0.5 * float(np.diag(matrix).max()) if threshold is None else threshold
    if ax is None:
        ax = plt.subplots(figsize=(6, 6), layout="constrained")[1]
    size = len(order)
    turn = np.pi / 2 - 2 * np.pi * np.arange(size) / max(size, 1)
    spot = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    most = max(float(both.max()), limit + 1e-9)
    for i in range(size):
        for j in range(i + 1, size):
            if both[i, j] >= limit:
                strength = (both[i, j] - limit) / (most - limit)
                ax.plot(*spot[[i, j]].T, color="#20425c", lw=0.6 + 2.4 * strength,
                        alpha=0.25 + 0.6 * strength, zorder=1)  # fmt: skip
    groups = list(dict.fromkeys(played.groups))
    palette = dict(zip(groups, group_colours(len(groups)), strict=True))
    for place, policy in enumerate(order):
        works = both[place, place] >= limit
        edge, fill = "black" if works else "white", palette[played.groups[policy]]
        ax.plot(*spot[place], "o", ms=11, color=fill, zorder=2, mec=edge, mew=1.6)
        x, y = spot[place] * 1.1
        angle = float(np.degrees(turn[place]))
        upright = angle if x >= 0 else angle + 180
        name = label_text(played.names[policy])
        ax.text(x, y, name, rotation=upright, rotation_mode="anchor", fontsize=8,
                ha="left" if x >= 0 else "right", va="center")  # fmt: skip
    ax.set_title(f"who earns at least {limit:.3g} together", fontsize=10, pad=24)
    ax.set_aspect("equal")
    ax.set_xlim(-1.6, 1.6)
    ax.set_ylim(-1.6, 1.6)
    ax.axis("off")
    return ax


def filmstrip(
    frames: Sequence[np.ndarray], *, count: int = 6, captions: Sequence[str] | None = None
) -> Figure:
    """`count` frames of an episode side by side, evenly spaced from the first to the last."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, count).round().astype(int))
    height, width = frames[0].shape[:2]
    figure, axes = plt.subplots(
        1, len(chosen), figsize=(1.9 * len(chosen), 1.9 * height / width + 0.4),
        layout="constrained", squeeze=False,
    )  # fmt: skip
    for ax, number in zip(axes[0], chosen, strict=True):
        ax.imshow(frames[number])
        caption = f"step {number}" if captions is None else label_text(captions[number])
        ax.set_title(caption, fontsize=8)
        ax.axis("off")
    return figure
