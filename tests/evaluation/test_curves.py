"""Learning curves of several runs on one scale."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from zsc import UserError
from zsc.evaluation.curves import compare_curves
from zsc.evaluation.history import read_curves, smoothed

STEPS = np.arange(1, 6) * 400_000
VALUES = np.array([[0.0, 2], [1, 5], [2, 8], [3, np.nan], [np.nan, np.nan]])


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def test_line_is_the_mean_of_who_still_learns_and_the_band_holds_everybody() -> None:
    axes = compare_curves({"SP": (STEPS, VALUES), "OP": (STEPS[:3], VALUES[:3] + 1)})
    first, second = axes.lines
    np.testing.assert_array_equal(first.get_ydata(), [1, 3, 5, 3, np.nan])
    np.testing.assert_array_equal(second.get_ydata(), [2, 4, 6])
    assert first.get_linestyle() != second.get_linestyle()
    assert first.get_color() != second.get_color()
    corners = axes.collections[0].get_paths()[0].vertices
    assert corners[:, 1].min() == 0
    assert corners[:, 1].max() == 8
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["SP", "OP"]


def test_ticks_can_be_read() -> None:
    axes = compare_curves({"SP": (STEPS, VALUES)})
    axes.get_figure().draw_without_rendering()
    left, right = axes.get_xlim()
    shown = {
        text.get_text()
        for text in axes.get_xticklabels()
        if left <= text.get_position()[0] <= right
    }
    assert {"500 k", "1 M", "1.5 M"} <= shown
    assert 3 <= len(shown) <= 7


def test_running_mean_takes_the_last_updates_and_leaves_out_the_stopped() -> None:
    found = smoothed(VALUES, 2)
    np.testing.assert_allclose(found[:, 0], [0, 0.5, 1.5, 2.5, np.nan])
    np.testing.assert_allclose(found[:, 1], [2, 3.5, 6.5, np.nan, np.nan])
    np.testing.assert_array_equal(smoothed(VALUES, 1), VALUES)
    np.testing.assert_allclose(smoothed(VALUES[:3], 99)[:, 0], [0, 0.5, 1])


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one run"):
        compare_curves({})
    with pytest.raises(UserError, match="did you mean 'range'"):
        compare_curves({"x": (STEPS, VALUES)}, band="ranges")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="smooth is 0"):
        compare_curves({"x": (STEPS, VALUES)}, smooth=0)
    row = {"update": 1, "steps": 10, "return": [1.0], "entropy": [2.0]}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    assert read_curves(tmp_path, metric="entropy")[1].tolist() == [[2.0]]
    with pytest.raises(UserError, match="did you mean 'entropy'"):
        read_curves(tmp_path, metric="entropi")
