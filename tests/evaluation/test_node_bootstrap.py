"""The node bootstrap of few policies: a resample has fewer pairs than the matrix has."""

import numpy as np
import pytest

from zsc.evaluation import stats


@pytest.mark.parametrize("size", [3, 4, 5])
def test_intervals_of_few_policies_cover_cross_play(size):
    """A policy has an effect on all its pairs. Without the factor (N - 1) / (N - 2) the interval of
    three is half as wide, and covers far less often than it says."""
    rng, inside, runs = np.random.default_rng(size), 0, 300
    for run in range(runs):
        effect = rng.normal(size=size)
        matrix = 50 + 5 * (effect[:, None] + effect[None]) + rng.normal(size=(size, size))
        xp = stats.within(matrix, seed=run, resamples=200)[1]
        inside += xp.low <= 50 <= xp.high
    assert inside / runs > 0.88


@pytest.mark.parametrize("size", [3, 4, 5])
def test_cross_play_is_no_less_uncertain_than_the_policies_that_it_is_made_of(size):
    """Returns are sums of what each policy is good for: then the mean of all pairs is twice the
    mean of the policies, and so is self-play's. Resamples of few policies have few pairs, all of
    them alike: without the factor the interval would be 0.74 to 0.87 of self-play's."""
    rng, widths = np.random.default_rng(size), np.zeros(2)
    for run in range(30):
        effect = rng.normal(size=size)
        found = stats.within(effect[:, None] + effect[None], seed=run, resamples=400)
        widths += [one.high - one.low for one in found[:2]]
    assert 1.0 < widths[1] / widths[0] < 1.6
