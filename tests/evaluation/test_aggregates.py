"""IQM, improvement, profiles and the worst partners: by hand, and with honest intervals."""

from __future__ import annotations

import numpy as np
import pytest

from zsc import UserError
from zsc.evaluation.aggregates import (
    aggregate,
    cvar,
    iqm,
    performance_profile,
    probability_of_improvement,
    worst_case,
)

RNG = np.random.default_rng(0)


def test_the_iqm_drops_the_outer_quarters() -> None:
    assert iqm(np.array([[-1000, 1, 2, 3], [4, 5, 6, 1e6]])) == pytest.approx((2 + 3 + 4 + 5) / 4)


LEVELS = np.array([0.0, 5.0, 10.0, 30.0])


def coverage(*, run_effect: float, independent_tasks: bool) -> float:
    """How often the interval of 5 runs on 4 tasks of different levels holds the true mean."""
    hits = 0
    for trial in range(300):
        rng = np.random.default_rng(trial)
        scores = LEVELS + rng.normal(0, run_effect, (5, 1)) + rng.normal(0, 3, (5, 4))
        found = aggregate(
            scores,
            lambda x: float(np.mean(x)),
            independent_tasks=independent_tasks,
            seed=trial,
            resamples=400,
        )
        hits += found.low <= LEVELS.mean() <= found.high
    return hits / 300


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Whole runs where one agent met every task, also if agents differ; inside tasks where each
    task had its own trainings."""
    assert 0.90 <= coverage(run_effect=6, independent_tasks=False) <= 0.99
    assert 0.90 <= coverage(run_effect=0, independent_tasks=False) <= 0.99
    assert 0.90 <= coverage(run_effect=0, independent_tasks=True) <= 0.995
    assert coverage(run_effect=6, independent_tasks=True) < 0.85  # the wrong choice shows


def test_intervals_of_the_worst_case_hold_their_own_estimate() -> None:
    scores = np.array([[0.0], [10.0], [0.0], [10.0], [5.0]]) + RNG.normal(0, 1, (5, 10))
    for statistic in (worst_case, cvar(0.3)):
        found = aggregate(scores, statistic)
        assert found.low < found.mean < found.high


def test_resampling_stays_inside_a_task() -> None:
    """Tasks whose runs all agree have no spread, however different the tasks are."""
    scores = np.tile([[0.0, 100.0, 1000.0]], (6, 1))
    found = aggregate(scores, independent_tasks=True)
    assert found.mean == aggregate(scores).mean
    assert np.isnan([found.low, found.high]).all()  # unlike tasks lend it none


def test_improvement_counts_pairs_of_runs() -> None:
    ours, others = np.array([[1.0], [3.0]]), np.array([[2.0], [3.0], [0.0]])
    # 1 beats 0; 3 beats 2 and 0 and ties with 3
    assert probability_of_improvement(ours, others).mean == pytest.approx((1 + 2 + 0.5) / 6)
    better = probability_of_improvement(RNG.normal(3, 1, (8, 5)), RNG.normal(0, 1, (8, 5)))
    assert 0.8 < better.low <= better.mean <= better.high <= 1


def test_profiles_fall_from_one_to_zero() -> None:
    scores = RNG.uniform(0, 1, (6, 10))
    share, low, high = performance_profile(scores, np.array([-1.0, 0.5, 2.0]))
    assert share[0] == 1
    assert share[1] == (scores > 0.5).mean()
    assert share[2] == 0
    assert low[1] < share[1] < high[1]


def test_the_worst_partners() -> None:
    scores = np.array([[1.0, 2.0, 3.0, 10.0], [4.0, 0.0, 8.0, 8.0]])
    assert worst_case(scores) == 0.5
    assert cvar(0.25)(scores) == pytest.approx(worst_case(scores))
    assert cvar(0.01)(scores) == pytest.approx(worst_case(scores))
    assert cvar(0.5)(scores) == pytest.approx(((1 + 2) / 2 + (0 + 4) / 2) / 2)
    assert cvar(0.375)(scores) == pytest.approx(((1 + 1) / 1.5 + (0 + 2) / 1.5) / 2)
    assert cvar(1.0)(scores) == pytest.approx(scores.mean())


def test_one_run_has_no_interval() -> None:
    found = aggregate(np.array([[1.0, 2.0, 3.0]]))
    assert found.mean == 2
    assert np.isnan(found.low)
    lone = probability_of_improvement(np.ones((1, 3)), np.zeros((4, 3)))
    assert lone.mean == 1
    assert np.isnan(lone.low)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: aggregate(np.array([1.0, 2.0])), r"\[runs, tasks\]"),
        (lambda: aggregate(np.array([[1.0, np.nan]])), "run 0 in task 1 is nan"),
        (lambda: probability_of_improvement(np.ones((2, 3)), np.ones((2, 4))), "3 tasks against 4"),
        (lambda: cvar(0.0), "above 0"),
        (lambda: worst_case(np.ones(3)), r"\[runs, tasks\]"),
    ],
)
def test_bad_scores_are_refused(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=words):
        call()
