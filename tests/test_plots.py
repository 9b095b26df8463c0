"""Pictures of cross-play matrices: the order of the policies, and what the heatmap shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from evaluation.plots import group_order, heatmap
from tests.test_stats import played


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
