"""Heatmaps in any size and axes: what is written, what is seen, what survives print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

from tests.evaluation.test_stats import played
from zsc import UserError
from zsc.evaluation.heatmaps import cluster_colours, heatmap
from zsc.evaluation.matrix import Matrix
from zsc.evaluation.pictures import GROUPS, SEQUENTIAL, save_picture


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def of_size(*sizes: int) -> Matrix:
    """Groups of so many policies, with an event that only the row has."""
    groups = tuple("ABCD"[g] for g, size in enumerate(sizes) for _ in range(size))
    found = played(np.random.default_rng(len(groups)).random((len(groups),) * 2) * 200, groups)
    events = np.arange(len(groups) ** 2 * 2, dtype=float).reshape(len(groups), len(groups), 2, 1)
    return replace(found, events=events, event_names=("hug",))


def shown(axes: Any, size: int) -> np.ndarray:
    return np.asarray(axes.collections[0].get_array()).reshape(size, size)


def ticks(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.get_yticklabels()]


def test_any_metric_and_seat_is_drawn() -> None:
    found = of_size(2, 1)
    for metric, seat in (("return", 1), ("length", 0), ("hug", 0), ("hug", 1)):
        axes = heatmap(found, metric=metric, seat=seat, cluster=False)
        np.testing.assert_allclose(shown(axes, 3), found.matrix(metric, seat))
        assert axes.get_ylabel() == f"seat {seat}"
    both = (found.matrix("hug", 0) + found.matrix("hug", 1)) / 2
    np.testing.assert_allclose(
        shown(heatmap(found, metric="hug", seat=None, cluster=False), 3), both
    )


@pytest.mark.parametrize("sizes", [(3, 3), (20, 20, 20), (80, 60, 60)])
def test_groups_are_parted_by_lines_strips_and_names_at_every_size(sizes: tuple[int, ...]) -> None:
    axes = heatmap(of_size(*sizes))
    borders = set(np.cumsum(sizes)[:-1].tolist())
    across = {line.get_ydata()[0] for line in axes.lines if np.ptp(line.get_ydata()) == 0}
    along = {line.get_xdata()[0] for line in axes.lines if np.ptp(line.get_xdata()) == 0}
    assert across == along == borders
    assert min(line.get_linewidth() for line in axes.lines) >= 0.8
    strips = [p for p in axes.patches if isinstance(p, Rectangle) and not p.get_clip_on()]
    assert len(strips) == 2 * len(sizes)
    assert len({p.get_facecolor() for p in strips}) == len(sizes)
    letters = {label[0] for label in ticks(axes)}
    assert letters == set("ABC"[: len(sizes)])


def test_letters_are_as_large_as_there_is_room_and_never_too_small_to_read() -> None:
    figure, axes = plt.subplots(1, 3, figsize=(7, 2.4), layout="constrained")
    for ax, size in zip(axes, (3, 8, 12), strict=True):
        heatmap(of_size(size, size), ax)
    figure.draw_without_rendering()
    for ax in axes:
        sizes = [text.get_fontsize() for text in (*ax.texts, *ax.get_yticklabels())]
        assert min(sizes) >= 4.5
        boxes = [text.get_window_extent() for text in ax.get_yticklabels()]
        assert all(not one.overlaps(other) for one, other in combinations(boxes, 2))
    values = [text.get_window_extent() for text in axes[0].texts]
    assert len(values) == 36
    assert all(not one.overlaps(other) for one, other in combinations(values, 2))
    assert len(axes[2].texts) == 0  # no room for figures
    assert ticks(axes[2]) == ["A", "B"]  # nor for members


def test_what_is_asked_for_is_what_is_written() -> None:
    found = of_size(2, 2)
    axes = heatmap(found, labels="groups", annot=False, title="mine", vmin=50, vmax=100)
    assert (ticks(axes), len(axes.texts), axes.get_title()) == (["A", "B"], 0, "mine")
    assert axes.collections[0].get_clim() == (50, 100)
    assert axes.collections[0].colorbar.extend == "both"
    assert ticks(heatmap(found, labels="none")) == []
    assert heatmap(found, title="").get_title() == ""
    assert len(heatmap(of_size(20, 20), annot=True).texts) == 1600
    texts = heatmap(found, cluster=False).texts
    assert [float(t.get_text()) for t in texts] == found.matrix().round().reshape(-1).tolist()


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ({"metric": "hugs"}, "did you mean 'hug'"),
        ({"seat": 2}, "seats 0 to 1"),
        ({"labels": "group"}, "did you mean 'groups'"),
        ({"cmap": "makko"}, "did you mean 'mako'"),
        ({"vmin": 5.0, "vmax": 5.0}, "vmin below vmax"),
    ],
)
def test_what_there_is_not_is_refused(style: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        heatmap(of_size(1, 1), **style)


def linear(colours: Any) -> np.ndarray:
    """Colours [..., 3] as light, not as numbers on a screen."""
    given = np.asarray(colours)[..., :3]
    return np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)


def luminance(colours: Any) -> np.ndarray:
    """Relative luminance (WCAG) from 0 to 1: what a grey print keeps."""
    return linear(colours) @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_a_grey_print_keeps_the_order_of_the_values(name: str) -> None:
    import seaborn  # noqa: F401

    steps = luminance(mpl.colormaps[name](np.linspace(0, 1, 64)))
    assert (np.diff(steps) > 0).all()
    assert steps[-1] - steps[0] > 0.5


#: Severe protanomaly, deuteranomaly, tritanomaly: Machado, Oliveira & Fernandes (2009), linear RGB.
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def closest(colours: Any, kind: str) -> float:
    """How far the two colours that such eyes take for most alike are apart on a screen."""
    light = linear([mpl.colors.to_rgb(c) for c in colours]) @ np.array(BLIND[kind]).T
    light = np.clip(light, 0, 1)
    seen = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))


@pytest.mark.parametrize("kind", BLIND)
def test_groups_are_told_apart_by_colour_blind_eyes(kind: str) -> None:
    """Which evenly spaced hues are not."""
    import seaborn

    assert closest(GROUPS, kind) > 0.1 > closest(seaborn.color_palette("husl", 8), kind)


def test_clusters_have_colours_of_their_own_and_loners_none() -> None:
    colours = cluster_colours(np.array([1, 2, 1, 3, 4, 4]))
    assert colours[0] == colours[2] != colours[4] == colours[5]
    assert colours[1] == colours[3] == "0.85"
    many = cluster_colours(np.repeat(np.arange(20), 2))
    assert len({str(c) for c in many}) == 20


def test_pictures_are_fit_for_a_paper(tmp_path: Path) -> None:
    found = of_size(3, 3)
    save_picture(heatmap(found), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert round(picture.info["dpi"][0]) == 300
        assert min(picture.size) > 900
    save_picture(heatmap(found), tmp_path / "a.pdf")
    data = (tmp_path / "a.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert b"/FontFile2" in data  # TrueType
    assert b"/Type3" not in data
    save_picture(heatmap(found), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert re.search(r"<text[^>]*>A/0</text>", text)
    with pytest.raises(UserError, match="let the name end in"):
        save_picture(heatmap(found), tmp_path / "a.doc")
    save_picture(heatmap(of_size(60, 60)), tmp_path / "large.pdf")
    assert (tmp_path / "large.pdf").stat().st_size < 300_000
