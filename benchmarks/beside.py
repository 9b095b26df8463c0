"""Measuring two libraries side by side in one process."""

import time

import jax
import numpy as np


def checksum(obs):
    """Every element of an array, at the speed of memory, so that nothing is optimised away."""
    return obs.sum((0, 1), dtype=obs.dtype)


def seconds(sides, repeats):
    """Wall time of each side [sides, repeats], taken in turns; sides are functions of a number.

    Everything is run once before, to compile it.
    """
    spent = np.zeros((len(sides), repeats))
    for turn in range(-1, repeats):
        for side, run in enumerate(sides):
            began = time.perf_counter()
            jax.block_until_ready(run(turn + 1))
            if turn >= 0:
                spent[side, turn] = time.perf_counter() - began
    return spent


def ratio(ours, theirs, digits=1):
    """How many times less time ours took: median, and the range over the turns."""
    times = theirs / ours
    return f"{np.median(times):.{digits}f}x ({times.min():.{digits}f} to {times.max():.{digits}f})"
