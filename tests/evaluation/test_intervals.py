"""Intervals of few runs: inside what can be, the same for the same runs, and of some width."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, t

import zsc
from benchmarks.coverage import coverage
from zsc.evaluation import stats
from zsc.evaluation.aggregates import aggregate, iqm, probability_of_improvement, worst_case
from zsc.evaluation.intervals import ANYTHING, SHARE, Range, drawn, interval, pays, rough

RUNS = st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=6)


def mean(scores: np.ndarray) -> float:
    """The mean of scores [runs, tasks]."""
    return float(scores.mean())


@settings(deadline=None, max_examples=40)
@given(RUNS, st.randoms(use_true_random=False))
def test_self_play_has_the_interval_of_the_same_runs_alone(runs: list[float], chance) -> None:  # type: ignore[no-untyped-def]
    """Whatever the other cells are: a resample that XP cannot use is not lost for SP."""
    matrix = np.array([[chance.uniform(-100, 100) for _ in runs] for _ in runs])
    np.fill_diagonal(matrix, runs)
    found = stats.summarize(matrix)
    alone = aggregate(np.array(runs)[:, None], mean)
    assert (found["sp"], found["sp_low"], found["sp_high"]) == pytest.approx(alone, nan_ok=True)


def test_two_runs_that_differ_have_a_wide_interval() -> None:
    found = stats.summarize(np.array([[0.0, 30.0], [30.0, 200.0]]), possible=Range(0, 400))
    assert found["sp"] == 100
    assert 0 <= found["sp_low"] < 20
    assert 200 < found["sp_high"] <= 400
    assert np.isnan([found["xp_low"], found["xp_high"]]).all()  # one pair says nothing of others


@settings(deadline=None, max_examples=40)
@given(RUNS, st.floats(-1000, 1000))
def test_shifted_returns_have_a_shifted_interval(runs: list[float], by: float) -> None:
    for possible in (ANYTHING, Range(-100, 100)):
        moved = Range(possible.least + by, possible.most + by)
        one = aggregate(np.array(runs)[:, None], mean, possible=possible)
        two = aggregate(np.array(runs)[:, None] + by, mean, possible=moved)
        wanted = np.array(one) + by
        np.testing.assert_allclose(two, wanted, rtol=1e-6, atol=1e-3, equal_nan=True)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 5, width=32), min_size=2, max_size=8))
def test_intervals_stay_inside_what_can_be_and_hold_their_mean(runs: list[float]) -> None:
    scores = np.array(runs)[:, None] * [1.0, 0.5]
    for statistic in (mean, iqm, worst_case):
        found = aggregate(scores, statistic, possible=Range(0, 5), resamples=200)
        assert 0 <= found.low <= found.mean <= found.high <= 5
        assert found.high > found.low
    found = stats.summarize(np.add.outer(runs, runs) / 2, possible=Range(0, 5))
    assert 0 <= found["sp_low"] < found["sp_high"] <= 5
    if len(runs) > 2:
        assert 0 <= found["xp_low"] < found["xp_high"] <= 5
        assert -5 <= found["gap_low"] < found["gap_high"] <= 5


@pytest.mark.parametrize("runs", [2, 3, 10])
def test_failures_only_leave_the_rate_that_they_cannot_rule_out(runs: int) -> None:
    low, high = binomtest(0, runs).proportion_ci(0.95, "exact")
    assert aggregate(np.zeros((runs, 1)), mean, possible=SHARE) == pytest.approx((0, low, high))
    assert aggregate(np.ones((runs, 1)), mean, possible=SHARE) == pytest.approx(
        (1, 1 - high, 1 - low)
    )
    middle = aggregate(np.full((runs, 1), 0.5), mean, possible=SHARE)
    assert 0 < middle.low < 0.5 < middle.high < 1


def test_equal_runs_without_known_ends_have_no_interval() -> None:
    found = aggregate(np.zeros((3, 2)), mean)
    assert found.mean == 0
    assert np.isnan([found.low, found.high]).all()


def test_without_ends_a_mean_has_the_interval_of_student() -> None:
    runs = np.random.default_rng(0).normal(50, 20, 6)
    found = aggregate(runs[:, None], mean, resamples=20_000)
    half = t.ppf(0.975, 5) * runs.std(ddof=1) / np.sqrt(6)
    assert found.low == pytest.approx(runs.mean() - half, rel=0.03)
    assert found.high == pytest.approx(runs.mean() + half, rel=0.03)


def test_a_mean_near_an_end_leans_away_from_it() -> None:
    runs = np.array([0.99, 0.95, 0.999, 0.97])[:, None]
    found = aggregate(runs, mean, possible=SHARE)
    assert found.mean - found.low > 2 * (found.high - found.mean)


def test_improvement_of_equal_scores_is_not_certain() -> None:
    found = probability_of_improvement(np.full((3, 1), 2.0), np.full((4, 1), 1.0))
    assert found.mean == found.high == 1
    assert found.low < 0.5


def test_draws_of_one_seed_are_the_same_runs() -> None:
    np.testing.assert_array_equal(drawn(5, seed=1, resamples=9), drawn(5, seed=1, resamples=9))
    assert (drawn(5, seed=1).sum(1) == 5).all()
    assert drawn(1, seed=1).shape == (0, 1)


def test_what_a_game_can_pay_bounds_the_mean() -> None:
    assert pays(zsc.make("hanabi/tiny-2p").spec) == Range(0, 5)
    assert pays(zsc.make("lever").spec) == SHARE
    assert Range.told(pays(zsc.make("lever").spec).noted()) == SHARE
    assert Range.told(ANYTHING.noted()) == ANYTHING
    assert Range(0, 5).of_differences == Range(-5, 5)


def test_few_runs_are_named() -> None:
    sizes, lows = [8, 3, 4, 1], [1.0, 1.0, np.nan, np.nan]
    table = pd.DataFrame({"policies": sizes, "SP low": lows}, ["SP", "OP", "bots", "one"])
    said = rough(table, "policies", "SP")
    assert "few runs: OP (3). " in said
    assert rough(table.drop("OP"), "policies", "SP") == ""


def test_draws_that_are_not_defined_are_left_out() -> None:
    draws = np.array([1.0, 3.0, np.nan] * 100)
    assert interval(2.0, draws, 4) == interval(2.0, draws[np.isfinite(draws)], 4)


@pytest.mark.parametrize(
    ("world", "statistic", "runs", "least"),
    [
        ("even in [0, max]", "SP", 2, 0.93),
        ("good or bad in [0, max]", "SP", 3, 0.88),
        ("half of the runs fail", "SP", 3, 0.95),
        ("even in [0, max]", "XP", 3, 0.93),
        ("ties: 0, 20, 40 ... of 400", "between two methods", 3, 0.93),
        ("negative, no known ends", "SP", 2, 0.92),
        ("negative, no known ends", "SP", 3, 0.92),
        ("negative, no known ends", "XP", 4, 0.9),
        ("even in [0, max]", "teams of three", 5, 0.93),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(
    world: str, statistic: str, runs: int, least: float
) -> None:
    assert coverage(world, statistic, runs, trials=200) >= least
