"""Pictures of cross-play matrices: the order of the policies, and what the heatmap shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.cbook import is_math_text

from tests.evaluation.test_stats import played
from zsc import UserError
from zsc.evaluation.plots import (
    compatibility_graph,
    filmstrip,
    group_order,
    heatmap,
    label_text,
    learning_curves,
    marginal_heatmap,
    read_curves,
    save_picture,
    sp_xp_scatter,
)


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def test_order_keeps_groups_together_and_like_policies_side_by_side() -> None:
    kind = np.array([0, 1, 0, 1, 0, 1, 0, 1])  # two ways of playing that alternate
    matrix = np.where(kind[:, None] == kind, 10.0, 0.0)
    groups = ("B", "B", "B", "B", "A", "A", "A", "A")
    order = group_order(matrix, groups)
    assert sorted(order) == list(range(8))
    assert [groups[i] for i in order] == list(groups)  # in the order of the roster
    assert (np.diff(kind[order]) != 0).sum() <= 3


def test_order_gathers_groups_that_came_scattered() -> None:
    groups = ("A", "B", "A", "B", "A", "C")
    order = group_order(np.random.default_rng(0).random((6, 6)), groups)
    assert [groups[i] for i in order] == ["A", "A", "A", "B", "B", "C"]


@pytest.mark.parametrize("size", [1, 2, 60])
def test_heatmap_shows_every_cell_in_the_order_of_its_labels(size: int, tmp_path: Path) -> None:
    matrix = np.random.default_rng(size).random((size, size)) * 100
    groups = tuple("ABC"[i % 3] for i in range(size))
    found = played(matrix, groups)
    axes = heatmap(found)
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels == [text.get_text() for text in axes.get_yticklabels()]
    assert [label[0] for label in labels] == sorted(groups)
    place = [found.names.index(label) for label in labels]
    shown = np.asarray(axes.collections[0].get_array()).reshape(size, size)
    np.testing.assert_allclose(shown, found.matrix()[np.ix_(place, place)])
    axes.figure.savefig(tmp_path / "heatmap.png")
    assert (tmp_path / "heatmap.png").stat().st_size > 2000


def test_margins_are_what_policies_earn_with_themselves_and_with_strangers() -> None:
    matrix = np.random.default_rng(3).random((5, 5)) * 100
    found = played(matrix, ("A", "A", "B", "B", "B"))
    left, right = marginal_heatmap(found).axes[:2]
    names = [text.get_text() for text in left.get_yticklabels()]
    place = [found.names.index(name) for name in names]
    own, strangers = (line.get_xdata() for line in right.lines)
    both = (matrix + matrix.T) / 2
    others = (both.sum(1) - np.diag(both)) / 4
    np.testing.assert_allclose(own, np.diag(matrix)[place])
    np.testing.assert_allclose(strangers, others[place])


def test_scatter_has_a_point_per_group_at_its_sp_and_xp() -> None:
    matrix = np.array([[9.0, 1, 2], [3, 8, 4], [5, 6, 7]])
    axes = sp_xp_scatter({"room": played(matrix, ("A", "A", "A"))})
    (point,) = axes.containers
    assert (point.lines[0].get_xdata()[0], point.lines[0].get_ydata()[0]) == (8.0, 3.5)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["room"]


def test_graph_joins_those_who_earn_the_threshold_together() -> None:
    matrix = np.array([[10.0, 9, 0], [7, 10, 0], [0, 0, 2]])  # 0 and 1: 8 together
    for threshold, lines in ((8.0, 1), (8.1, 0), (0.0, 3)):
        axes = compatibility_graph(played(matrix, ("A", "A", "B")), threshold=threshold)
        joined = [line for line in axes.lines if len(line.get_xdata()) == 2]
        assert len(joined) == lines


def test_filmstrip_goes_from_the_first_frame_to_the_last() -> None:
    frames = [np.full((4, 6, 3), value, np.uint8) for value in range(11)]
    figure = filmstrip(frames, count=3)
    assert [int(ax.images[0].get_array().max()) for ax in figure.axes] == [0, 5, 10]
    assert [ax.get_title() for ax in figure.axes] == ["step 0", "step 5", "step 10"]


def test_curves_are_read_from_a_run_or_refused(tmp_path: Path) -> None:
    row = '{{"update": {0}, "steps": {0}0, "return": [{1}, {2}]}}\n'
    (tmp_path / "metrics.jsonl").write_text(row.format(1, 0, 2) + row.format(2, 1, 3))
    steps, returns = read_curves(tmp_path)
    assert (steps.tolist(), returns.tolist()) == ([10, 20], [[0, 2], [1, 3]])
    with pytest.raises(UserError, match="give the folder of a run"):
        read_curves(tmp_path / "other")
    (tmp_path / "metrics-x.jsonl").write_text("")
    with pytest.raises(UserError, match="has no returns"):
        read_curves(tmp_path, "x")


ODD_NAMES = (
    "cost$1_$2", "$x_1$", r"\$", r"$\frac$", "_private", "100 %", "{x}", "a\nb", "tab\t\x00",
    "x" * 500, "ü ß", "\ud800", "{}%s%d", "^_^",
)  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_pictures_show_any_name_as_it_is(name: str, tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).random((3, 3)) + np.eye(3)
    found = replace(
        played(matrix, (name,) * 3), env=name, names=tuple(f"{name}/{i}" for i in range(3))
    )
    steps, returns = np.arange(3), np.ones((3, 2))
    pictures: list[Any] = [
        heatmap(found),
        marginal_heatmap(found),
        sp_xp_scatter({name: found}),
        compatibility_graph(found),
        learning_curves(steps, returns, label=name),
        filmstrip([np.zeros((4, 4, 3), np.uint8)] * 2, captions=[name, name]),
    ]
    pictures[4].legend()
    for place, picture in enumerate(pictures):
        save_picture(picture, tmp_path / f"{place}.png")
        assert (tmp_path / f"{place}.png").stat().st_size > 1000
    shown = [text.get_text() for text in pictures[4].get_legend().get_texts()]
    assert shown == [label_text(name)]
    assert not is_math_text(shown[0])


def test_a_plain_name_is_left_as_it_is_and_a_long_one_cut_in_the_middle() -> None:
    assert label_text("SP/0") == "SP/0"
    assert label_text("cost$1") == r"cost\$1"
    assert label_text("x" * 30 + "y" * 30) == "x" * 17 + " ... " + "y" * 18
