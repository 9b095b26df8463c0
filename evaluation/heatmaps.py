"""Cross-play matrices as pictures, from six policies to two hundred, in any axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from zsc.errors import UserError, unknown
from zsc.evaluation.matrix import Matrix
from zsc.evaluation.metrics import compatibility_clusters, group_order
from zsc.evaluation.pictures import GROUPS, colour_map, group_colours, label_text

Labels: TypeAlias = Literal["auto", "members", "groups", "none"]
LABELS: tuple[Labels, ...] = ("auto", "members", "groups", "none")
_SMALLEST = 4.5  # points: smaller letters are not read on paper
_LETTER = 0.62  # width of a letter in font sizes
_STRIP = 0.015  # width of the strips of group colours, as a share of the axes
_PT = 72.0  # points in an inch


class Cells(NamedTuple):
    """What a heatmap draws: the values in their order, and who stands where."""

    values: np.ndarray  # [N, N]
    order: np.ndarray  # [N] places in the roster
    names: list[str]  # [N]
    groups: list[str]  # [N]

    @property
    def borders(self) -> list[int]:
        """Where a group begins and the last one ends: 0, ..., N."""
        inner = [i for i in range(1, len(self.groups)) if self.groups[i] != self.groups[i - 1]]
        return [0, *inner, len(self.groups)]


def heatmap(
    played: Matrix,
    ax: Axes | None = None,
    *,
    metric: str = "return",
    seat: int | None = 0,
    cluster: bool = True,
    annot: bool | None = None,
    labels: Labels = "auto",
    vmin: float | None = None,
    vmax: float | None = None,
    cmap: str = "mako",
    title: str | None = None,
) -> Axes:
    """A figure of every pair: the row sits in `seat`, the column in the others.

    With `cluster` groups keep the order of the roster; lines and strips of colour part them at
    every size. Letters are as large as the cells of these axes allow.

    metric: "return", "length", or one of the row's events. seat: None for the mean over seatings.
    cluster: like rows side by side inside a group. annot: figures in the cells; None where they can
    be read. labels: "members", "groups", "none", or "auto": members where they can be read. vmin,
    vmax: ends of the scale; from 0, or the least value, to the largest if left out. cmap: a colour
    map of matplotlib or seaborn. title: "" for none. Raises UserError for what there is not.
    """
    shade = colour_map(cmap)
    _check(played, seat, labels, vmin, vmax)
    cells = _cells(played, metric, seat, cluster)
    size = len(cells.names)
    if ax is None:
        side = _side(size)
        ax = plt.subplots(figsize=(side + 1.2, side), layout="constrained")[1]
    low, high = _scale(cells.values, vmin, vmax)
    sns.heatmap(
        cells.values,
        ax=ax,
        cmap=shade,
        vmin=low,
        vmax=high,
        square=True,
        cbar_kws={"label": _quantity(metric), "shrink": 0.7, "extend": _beyond(cells, low, high)},
        xticklabels=False,
        yticklabels=False,
        rasterized=size > 60,  # as vectors, forty thousand cells make a slow page
    )
    _seats(ax, played, seat)
    default = f"{label_text(played.env)}: {played.episodes} {_how(played)} episodes per cell"
    ax.set_title(default if title is None else title, fontsize=min(10.0, 1.2 * _shrink(ax, size)))
    _part_groups(ax, cells)
    _name_axes(ax, cells, labels)
    _write_values(ax, cells, annot)
    return ax


def marginal_heatmap(played: Matrix, *, cluster: bool = True) -> Figure:
    """The heatmap, and beside it what each policy earns with itself and with strangers.

    The strip between them colours policies that work with one another (`compatibility_clusters`);
    it is grey for those who work with nobody else.
    """
    matrix = played.matrix()
    order = _cells(played, "return", 0, cluster).order
    side = _side(len(matrix))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(side * 1.35 + 1.2, side), layout="constrained", width_ratios=(3.2, 1)
    )
    heatmap(played, left, cluster=cluster)
    across = left.get_yaxis_transform()
    for place, colour in enumerate(cluster_colours(compatibility_clusters(matrix)[order])):
        box = (1.01, place), _STRIP, 1
        left.add_patch(Rectangle(*box, color=colour, lw=0, transform=across, clip_on=False))
    own, strangers = np.diag(matrix)[order], _with_strangers(played)[order]
    places = np.arange(len(order)) + 0.5
    dot = float(np.clip(0.5 * side * _PT / max(len(order), 1), 2, 6))
    right.hlines(places, strangers, own, color="0.75", lw=min(1.5, dot / 3))
    right.plot(own, places, "o", ms=dot, color="#20425c", label="itself")
    right.plot(strangers, places, "D", ms=dot * 0.85, color="#d1752b", label="strangers")
    right.set_ylim(len(order), 0)
    right.set_yticks([])
    right.set_xlim(left=min(0.0, float(matrix.min())))
    right.set_xlabel("mean return with", fontsize=9)
    right.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    sns.despine(ax=right, left=True)
    return figure


def cluster_colours(kinds: np.ndarray) -> list[Any]:
    """[N] a colour for each policy's cluster [N], no two clusters alike; grey where it is alone."""
    found, counts = np.unique(kinds, return_counts=True)
    several = found[counts > 1].tolist()
    few = len(several) <= len(GROUPS)
    palette = group_colours(len(several)) if few else sns.color_palette("husl", len(several))
    named = dict(zip(several, palette, strict=True))
    return [named.get(kind, "0.85") for kind in kinds.tolist()]


def _check(
    played: Matrix, seat: int | None, labels: str, vmin: float | None, vmax: float | None
) -> None:
    """Raise UserError for what cannot be drawn."""
    if seat is not None and not 0 <= seat < played.seats:
        raise UserError(
            f"seat is {seat}: {played.env} has seats 0 to {played.seats - 1}; None is the mean"
        )
    if labels not in LABELS:
        raise unknown("labels", labels, LABELS)
    ends = [end for end in (vmin, vmax) if end is not None]
    if not np.isfinite(ends).all() or (len(ends) == 2 and ends[0] >= ends[1]):
        raise UserError(f"the scale from {vmin} to {vmax} has no length: give vmin below vmax")


def _cells(played: Matrix, metric: str, seat: int | None, cluster: bool) -> Cells:
    """The values of a metric in the order of the returns, whatever is shown."""
    seats = range(played.seats) if seat is None else (seat,)
    values = np.mean([played.matrix(metric, s) for s in seats], axis=0)
    order = group_order(played.matrix(), played.groups) if cluster else np.arange(len(played))
    return Cells(
        values[np.ix_(order, order)],
        order,
        [played.names[i] for i in order],
        [played.groups[i] for i in order],
    )


def _side(size: int) -> float:
    """Inches of a figure's height: cells of 0.42 inches while they fit a page."""
    return float(np.clip(0.42 * size + 2.2, 4.2, 10.0))


def _scale(values: np.ndarray, vmin: float | None, vmax: float | None) -> tuple[float, float]:
    low = min(0.0, float(np.nanmin(values))) if vmin is None else vmin
    high = float(np.nanmax(values)) if vmax is None else vmax
    return (low, high) if high > low else (low, low + 1.0)


def _beyond(cells: Cells, low: float, high: float) -> str:
    """At which ends of the scale something lies outside of it."""
    under, over = bool((cells.values < low).any()), bool((cells.values > high).any())
    return {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[under, over]


def _quantity(metric: str) -> str:
    if metric in ("return", "length"):
        return f"mean {metric}"
    return f"{label_text(metric)} per episode (row)"


def _how(played: Matrix) -> str:
    return "greedy" if played.greedy else "sampled"


def _seats(ax: Axes, played: Matrix, seat: int | None) -> None:
    """Say who sits where."""
    others = [str(s) for s in range(played.seats) if s != seat]
    rest = f"seat{'s' if len(others) > 1 else ''} {', '.join(others)}"
    row, col = ("one", "the other") if seat is None else (f"seat {seat}", rest)
    ax.set_ylabel(row, fontsize=9)
    ax.set_xlabel(col if played.seats > 1 else "", fontsize=9)


def _cell_points(ax: Axes, size: int) -> float:
    """The height of a cell in points, as the axes are laid out now."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    box = ax.get_window_extent()
    return float(min(box.height, box.width) / figure.dpi * _PT / max(size, 1))


def _shrink(ax: Axes, size: int) -> float:
    """Smaller letters beside small axes; returns their size."""
    font = float(np.clip(_cell_points(ax, size) * size / 22, 5.0, 9.0))
    scale = ax.collections[0].colorbar
    assert scale is not None
    for each in (ax.xaxis.label, ax.yaxis.label, scale.ax.yaxis.label):
        each.set_fontsize(font)
    scale.ax.tick_params(labelsize=font)
    return font


def _part_groups(ax: Axes, cells: Cells) -> None:
    """Lines between groups across the whole matrix, strips of their colours at its edges."""
    borders = cells.borders
    if len(borders) <= 2:
        return
    wide = float(np.clip(0.1 * _cell_points(ax, len(cells.names)), 0.8, 2.2))
    # a dark edge keeps a white line visible among light cells
    edge = [patheffects.Stroke(linewidth=wide + 0.8, foreground="0.25"), patheffects.Normal()]
    for border in borders[1:-1]:
        ax.axhline(border, color="white", lw=wide, path_effects=edge)
        ax.axvline(border, color="white", lw=wide, path_effects=edge)
    kinds = list(dict.fromkeys(cells.groups))
    colours = dict(zip(kinds, group_colours(len(kinds)), strict=True))
    down, across = ax.get_xaxis_transform(), ax.get_yaxis_transform()
    for start, end in pairwise(borders):
        look = {"color": colours[cells.groups[start]], "lw": 0, "clip_on": False}
        left = (-1.6 * _STRIP, start), _STRIP, end - start
        under = (start, -1.6 * _STRIP), end - start, _STRIP
        ax.add_patch(Rectangle(*left, transform=across, **look))  # type: ignore[arg-type]
        ax.add_patch(Rectangle(*under, transform=down, **look))  # type: ignore[arg-type]


def _name_axes(ax: Axes, cells: Cells, labels: Labels) -> None:
    """Names of members, or of groups in the middle of theirs, as large as there is room."""
    size, cell = len(cells.names), _cell_points(ax, len(cells.names))
    font = min(0.8 * cell, cell * size / 16, 10.0)
    if labels == "auto":
        labels = "members" if font >= _SMALLEST else "groups"
    if labels == "none":
        return
    places, names = np.arange(size) + 0.5, cells.names
    if labels == "groups":
        ends = list(pairwise(cells.borders))
        places = np.array([(start + end) / 2 for start, end in ends])
        names = [cells.groups[start] for start, _ in ends]
        font = min(10.0, cell * size / 16, 0.8 * cell * min(e - s for s, e in ends))
    font, step = _thinned(font)
    pad = _STRIP * 2.2 * cell * size if len(cells.borders) > 2 else 2.0
    texts = [label_text(name) for name in names[::step]]
    flat = labels == "groups" and _fit_flat(texts, cells, cell, font)
    ax.set_xticks(places[::step], texts, rotation=0 if flat else 90)
    ax.set_yticks(places[::step], texts, rotation=0)
    ax.tick_params(axis="both", labelsize=font, length=0, pad=pad)


def _fit_flat(texts: Sequence[str], cells: Cells, cell: float, font: float) -> bool:
    """True if each group's name is no wider than the group."""
    widths = [(end - start) * cell for start, end in pairwise(cells.borders)]
    return all(len(t) * _LETTER * font < w for t, w in zip(texts, widths, strict=False))


def _thinned(font: float) -> tuple[float, int]:
    """A size that can be read, and of how many names one is shown so that they do not collide."""
    if font >= _SMALLEST:
        return font, 1
    return _SMALLEST, int(np.ceil(_SMALLEST / max(font, 1e-6)))


def _write_values(ax: Axes, cells: Cells, annot: bool | None) -> None:
    """The figures in the cells: always, never, or (None) where they can be read."""
    digits = _digits(float(np.nanmax(np.abs(cells.values))))
    texts = [[format(value, digits) for value in row] for row in cells.values]
    longest = max(len(text) for row in texts for text in row)
    cell = _cell_points(ax, len(texts))
    font = min(0.42 * cell, 0.74 * cell / (_LETTER * longest), 11.0)
    if annot is False or (annot is None and font < _SMALLEST):
        return
    mesh = ax.collections[0]
    mesh.update_scalarmappable()
    inks = [_ink(face) for face in np.asarray(mesh.get_facecolors())]  # type: ignore[attr-defined]
    for number, ink in enumerate(inks):
        i, j = divmod(number, len(texts))
        _centred(ax.text(j + 0.5, i + 0.5, texts[i][j], fontsize=font, color=ink))


def _centred(text: Text) -> None:
    text.set_horizontalalignment("center")
    text.set_verticalalignment("center_baseline")


def _ink(face: np.ndarray) -> str:
    """Dark on light and light on dark."""
    return "#10181f" if face[:3] @ (0.299, 0.587, 0.114) > 0.5 else "white"


def _with_strangers(played: Matrix) -> np.ndarray:
    """[N] each policy's mean over all that it was not trained with; nan if there are none."""
    matrix = played.matrix()
    apart = played.strangers
    both = np.where(apart, (matrix + matrix.T) / 2, 0.0)
    return np.where(apart.any(1), both.sum(1) / np.maximum(apart.sum(1), 1), np.nan)


def _digits(largest: float) -> str:
    """As many decimals as a cell has room for."""
    return ".0f" if largest >= 30 else ".1f" if largest >= 10 else ".2f"
