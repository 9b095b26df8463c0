"""Pictures of cross-play matrices: the order of the policies, and what the heatmap shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.evaluation.test_stats import played
from zsc import UserError
from zsc.evaluation.plots import (
    compatibility_graph,
    filmstrip,
    group_order,
    heatmap,
    marginal_heatmap,
    read_curves,
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
