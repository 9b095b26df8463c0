"""Pictures: heatmaps, SP against XP, who understands whom, learning curves, filmstrips."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.cluster.hierarchy import leaves_list, linkage

from zsc.errors import UserError, printable, shorten
from zsc.evaluation.matrix import Matrix
from zsc.evaluation.metrics import compatibility_clusters
from zsc.files import damaged, read_rows, write_atomically
from zsc.schema import MisfitError, as_type

ANNOTATED = 24  # larger matrices are colours only
_LONGEST = 40  # characters of a name in a picture


def label_text(name: str) -> str:
    """A name as matplotlib draws it, letter by letter: it may come from anybody.

    Between two dollars would be a formula, after an underscore an entry that legends leave out; a
    long one would leave no room for the picture.
    """
    text = shorten(printable(name), _LONGEST).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def heatmap(played: Matrix, ax: Axes | None = None, *, cluster: bool = True) -> Axes:
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
    names = [label_text(played.names[i]) for i in order]
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
    title = f"{label_text(played.env)}: {played.episodes} {how} episodes per cell"
    ax.set_title(title, fontsize=10)
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


def marginal_heatmap(played: Matrix, *, cluster: bool = True) -> Figure:
    """The heatmap, and beside it what each policy earns with itself and with strangers.

    The strip at the left colours policies that work with one another (`compatibility_clusters`).
    """
    matrix = played.matrix()
    order = group_order(matrix, played.groups) if cluster else np.arange(len(matrix))
    side = float(np.clip(0.42 * len(matrix) + 2.2, 4.5, 16))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(side * 1.35 + 1.2, side), layout="constrained", width_ratios=(3.2, 1)
    )
    heatmap(played, left, cluster=cluster)
    kinds = compatibility_clusters(matrix)
    colours = sns.color_palette("husl", int(kinds.max()))
    for place, policy in enumerate(order):
        box = Rectangle((-0.35, place), 0.25, 1, color=colours[kinds[policy] - 1], clip_on=False)
        left.add_patch(box)
    left.tick_params(axis="y", pad=12)
    own, strangers = np.diag(matrix)[order], _with_strangers(played)[order]
    places = np.arange(len(order)) + 0.5
    right.hlines(places, strangers, own, color="0.75", lw=1.5)
    right.plot(own, places, "o", color="#20425c", label="itself")
    right.plot(strangers, places, "o", color="#d1752b", label="strangers")
    right.set_ylim(len(order), 0)
    right.set_yticks([])
    right.set_xlim(left=min(0.0, float(matrix.min())))
    right.set_xlabel("mean return with", fontsize=9)
    right.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    sns.despine(ax=right, left=True)
    return figure


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
    palette = sns.color_palette("husl", max(len(points), 1))
    for (label, row), colour in zip(points, palette, strict=False):
        spread = [
            [[row[name] - row[f"{name} low"]], [row[f"{name} high"] - row[name]]]
            for name in ("SP", "XP within")
        ]
        ax.errorbar(
            row["SP"],
            row["XP within"],
            xerr=spread[0],
            yerr=spread[1],
            fmt="o",
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
    palette = dict(zip(groups, sns.color_palette("husl", len(groups)), strict=True))
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


def read_curves(run: str | Path, stage: str = "") -> tuple[np.ndarray, np.ndarray]:
    """(steps [updates], returns [updates, M]) of a run folder, for `learning_curves`.

    Raises UserError if the run has no metrics.
    """
    path = Path(run) / f"metrics{'-' if stage else ''}{stage}.jsonl"
    if not path.is_file():
        raise UserError(f"{path} is not there: give the folder of a run that zsc train made")
    rows = [row for row in read_rows(path) if "return" in row]
    if not rows:
        raise UserError(f"{path} has no returns: the run has not begun, or played nothing")
    try:
        steps = np.array([as_type(int, row.get("steps"), "steps") for row in rows])
        returns = np.array([_numbers(row["return"]) for row in rows])
    except ValueError as error:
        raise damaged(path, str(error)) from None
    return steps, returns


def _numbers(value: Any) -> list[float]:
    """A row's returns, one for each member; nan for one that was stopped. Raises MisfitError."""
    found = as_type(list[Any], value, "return")
    if not found or not all(type(x) in (int, float) and not abs(x) >= 2**1000 for x in found):
        raise MisfitError("return is not a number for each member")
    return found


def learning_curves(
    steps: np.ndarray, returns: np.ndarray, ax: Axes | None = None, *, label: str | None = None
) -> Axes:
    """The return of every member [updates, M] over steps [updates], and their mean in bold."""
    if ax is None:
        ax = plt.subplots(figsize=(6, 3.6), layout="constrained")[1]
    millions = np.asarray(steps) / 1e6
    named = None if label is None else label_text(label)
    (line,) = ax.plot(millions, returns.mean(1), lw=2.2, label=named)
    ax.plot(millions, returns, lw=0.7, alpha=0.45, color=line.get_color())
    ax.set_xlabel("million steps per member")
    ax.set_ylabel("return of training episodes")
    sns.despine(ax=ax)
    return ax


def save_picture(picture: Axes | Figure, path: str | Path) -> None:
    """Write a figure, or the one that a picture is part of, as its name ends, and close it."""
    figure = picture if isinstance(picture, Figure) else picture.get_figure(root=True)
    assert figure is not None
    data = io.BytesIO()
    try:
        figure.savefig(data, dpi=110, format=Path(path).suffix.removeprefix(".") or "png")
    finally:
        plt.close(figure)
    write_atomically(Path(path), data.getvalue())


def _with_strangers(played: Matrix) -> np.ndarray:
    """[N] each policy's mean over all that it was not trained with; nan if there are none."""
    matrix = played.matrix()
    apart = played.strangers
    both = np.where(apart, (matrix + matrix.T) / 2, 0.0)
    return np.where(apart.any(1), both.sum(1) / np.maximum(apart.sum(1), 1), np.nan)


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
