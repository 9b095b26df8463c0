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
