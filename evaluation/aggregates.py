"""Robust aggregates over runs and tasks: IQM, probability of improvement, performance profiles,
and what the worst partners do to an agent.

scores are [runs, tasks]: one number per training run (seed) and task (a kitchen, a partner, a
seat). Runs are the replication unit: intervals resample whole runs, since the same agent met every
partner and seat. Where each column is a training of its own (kitchens), `independent_tasks=True`
resamples runs inside each task: the stratified bootstrap of Agarwal et al. 2021 (arXiv 2108.13264).
Intervals are those of `evaluation.intervals`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import trim_mean

from zsc.errors import UserError
from zsc.evaluation.intervals import (
    ANYTHING,
    RESAMPLES,
    SHARE,
    Interval,
    Range,
    choices,
    interval,
)


def iqm(scores: np.ndarray) -> float:
    """The interquartile mean: the mean of the middle half of all scores."""
    return float(trim_mean(np.asarray(scores, float), 0.25, axis=None))


def aggregate(
    scores: np.ndarray,
    statistic: Callable[[np.ndarray], float] = iqm,
    *,
    possible: Range = ANYTHING,
    independent_tasks: bool = False,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """A statistic of scores [runs, tasks] with its 95 % bootstrap interval over runs.

    possible: what the statistic can be; for means of returns `intervals.pays(env.spec)`.
    Raises UserError for scores that are no matrix or not all numbers.
    """
    scores = check_scores(scores)
    draws = [statistic(x) for x in _resampled(scores, independent_tasks, seed, resamples)]
    return interval(statistic(scores), np.array(draws), len(scores), possible)


def probability_of_improvement(
    ours: np.ndarray,
    others: np.ndarray,
    *,
    independent_tasks: bool = False,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """P(a run of ours beats a run of the others), the mean over tasks; ties count half.

    ours [runs, tasks] and others [runs, tasks] may differ in runs; with a single one on either side
    there is no interval. Raises UserError if their tasks differ.
    """
    ours, others = check_scores(ours), check_scores(others)
    if ours.shape[1] != others.shape[1]:
        raise UserError(
            f"{ours.shape[1]} tasks against {others.shape[1]}: compare scores on the same tasks"
        )
    resampled = (
        _resampled(x, independent_tasks, seed + i, resamples) for i, x in enumerate((ours, others))
    )
    # a side of one run has no resamples, and then there are no pairs of them
    draws = np.array([_beats(x, y) for x, y in zip(*resampled, strict=False)])
    return interval(_beats(ours, others), draws, min(len(ours), len(others)), SHARE)


def performance_profile(
    scores: np.ndarray,
    thresholds: np.ndarray,
    *,
    independent_tasks: bool = False,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each threshold [X] the share of scores [runs, tasks] above it, and its 95 % band."""
    scores = check_scores(scores)
    above = lambda x: (x[..., None] > np.asarray(thresholds, float)).mean((0, 1))
    draws = np.array([above(x) for x in _resampled(scores, independent_tasks, seed, resamples)])
    bands = [
        interval(float(point), draws[:, i] if len(draws) else draws, len(scores), SHARE)
        for i, point in enumerate(above(scores))
    ]
    share, low, high = np.array(bands).T
    return share, low, high


def worst_case(scores: np.ndarray) -> float:
    """What a run [runs, partners] earns with its worst partner, the mean over runs."""
    return float(check_scores(scores).min(1).mean())


def cvar(share: float) -> Callable[[np.ndarray], float]:
    """What a run [runs, partners] earns with its worst `share` of partners, the mean over runs.

    The conditional value at risk; with share 1 the plain mean, with a share of one partner or less
    the worst case. Raises UserError for a share that is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise UserError(f"share is {share}: give a share of the partners above 0, at most 1")

    def statistic(scores: np.ndarray) -> float:
        ranked = np.sort(check_scores(scores), axis=1)
        # whole partners, and the fitting part of the next one
        weight = np.clip(share * ranked.shape[1] - np.arange(ranked.shape[1]), 0.0, 1.0)
        weight[0] = max(weight[0], 1e-12)
        return float((ranked * weight).sum(1).mean() / weight.sum())

    return statistic


def check_scores(scores: np.ndarray) -> np.ndarray:
    """The scores as floats [runs, tasks]. Raises UserError unless they are that and finite."""
    scores = np.asarray(scores, float)
    if scores.ndim != 2 or scores.size == 0:
        raise UserError(f"scores of shape {scores.shape}: give [runs, tasks]")
    if not np.isfinite(scores).all():
        run, task = np.argwhere(~np.isfinite(scores))[0]
        raise UserError(
            f"the score of run {run} in task {task} is {scores[run, task]}: play it again, or "
            "leave the task out"
        )
    return scores


def _resampled(
    scores: np.ndarray, independent_tasks: bool, seed: int, resamples: int
) -> list[np.ndarray]:
    """Runs drawn with replacement, whole or for each task; none if there is one run only."""
    runs, tasks = scores.shape
    columns = tasks if independent_tasks else 1
    places = choices(runs, columns, seed=seed, resamples=resamples)
    return [scores[chosen, np.arange(tasks)] for chosen in places]


def _beats(ours: np.ndarray, others: np.ndarray) -> float:
    above = ours[:, None] > others[None]
    level = ours[:, None] == others[None]
    return float((above + 0.5 * level).mean())
