"""Confidence intervals of statistics whose unit of replication is a whole run.

A bootstrap draws whole runs; its spread becomes an interval by Student's t, so that it holds the
truth as often as it says for few runs, too. What a game can pay bounds the interval from both
sides. benchmarks/coverage.py simulates how often the intervals hold the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import t

from zsc.envs.base import EnvSpec
from zsc.errors import printable

RESAMPLES = 2_000
FEW = 5  # with fewer runs an interval is rough: it is wide, and misses failures that were not seen
_TAIL = 0.025
_NAN = float("nan")


class Interval(NamedTuple):
    """A statistic with its 95 % bounds; nan bounds where nothing can be said."""

    mean: float
    low: float
    high: float


class Range(NamedTuple):
    """What a statistic can be at all."""

    least: float = -np.inf
    most: float = np.inf

    @property
    def of_differences(self) -> Range:
        """What differences of two such statistics can be."""
        return Range(self.least - self.most, self.most - self.least)

    def noted(self) -> list[float | None]:
        """The two ends as JSON has them: None where there is none."""
        return [float(end) if np.isfinite(end) else None for end in self]

    @classmethod
    def told(cls, ends: Sequence[float | None]) -> Range:
        """The range that `noted` wrote."""
        least, most = ends
        return cls(-np.inf if least is None else least, np.inf if most is None else most)


def rough(table: pd.DataFrame, size: str, statistic: str) -> str:
    """What to say beside a table's intervals of few runs; nothing if there are none.

    size: the column of how many runs a row has. statistic: one whose bounds say whether a row has
    intervals at all, as scripted partners have none.
    """
    marked = table[(table[size] < FEW) & table[f"{statistic} low"].notna()]
    if marked.empty:
        return ""
    few = [f"{printable(str(name))} ({int(row[size])})" for name, row in marked.iterrows()]
    return (
        f"few runs: {', '.join(few)}. Intervals of fewer than {FEW} runs are wide, and know "
        "nothing of failures that none of them had"
    )


ANYTHING = Range()
SHARE = Range(0.0, 1.0)


def pays(spec: EnvSpec) -> Range:
    """What a mean return can be in a game; infinite where the game does not say."""
    return Range.told((spec.min_return, spec.max_return))


def choices(size: int, *columns: int, seed: int, resamples: int = RESAMPLES) -> np.ndarray:
    """[resamples, size, *columns] places of runs drawn with replacement.

    Without rows for a single run, of which nothing can be drawn. One seed draws the same runs
    everywhere, so that two statistics of the same runs get the same interval.
    """
    rng = np.random.default_rng(seed)
    return rng.integers(size, size=(resamples if size > 1 else 0, size, *columns))


def drawn(size: int, *, seed: int, resamples: int = RESAMPLES) -> np.ndarray:
    """[resamples, size] how often each of `size` runs is drawn, with replacement."""
    chosen = choices(size, seed=seed, resamples=resamples)
    return (chosen[..., None] == np.arange(size)).sum(1)


def interval(
    point: float,
    draws: np.ndarray,
    units: int,
    possible: Range = ANYTHING,
    *,
    stretch: float = 1.0,
) -> Interval:
    """The 95 % interval of a statistic of `units` runs from its bootstrap draws.

    A resample of n runs understates the variance by (n - 1) / n, which is undone, and few runs take
    Student's quantile with n - 1 degrees. Between two known ends the bounds are set on the logit
    scale, so that they stay inside and lean away from the nearer end. Draws that are nan are left
    out. stretch: how much wider it has to be beside that.

    Runs that are all alike have no spread to tell of. With known ends the bounds are then exact for
    outcomes at the ends (Clopper and Pearson 1934): n failures of n leave a rate of success of up
    to 1 - .025^(1/n). Without, they are nan, as for a single run.
    """
    draws = draws[np.isfinite(draws)]
    if units < 2 or len(draws) == 0 or not np.isfinite(stretch):
        return Interval(point, _NAN, _NAN)
    error = float(stretch * draws.std() * np.sqrt(units / (units - 1)))
    return around(point, error, units - 1, units, possible)


def around(
    point: float, error: float, degrees: float, units: int, possible: Range = ANYTHING
) -> Interval:
    """The 95 % interval of a statistic with this standard error, as `interval` sets it.

    degrees: of freedom, for Student's quantile. units: runs or people, for those that are all
    alike.
    """
    if error <= 1e-9 * max(1.0, abs(point)):
        return _all_alike(point, units, possible)
    half = float(t.ppf(1 - _TAIL, degrees)) * error
    low, high = max(point - half, possible.least), min(point + half, possible.most)
    if not np.isfinite(possible).all():
        return Interval(point, low, high)
    room = possible.most - possible.least
    share = (point - possible.least) / room
    if not 0 < share < 1:
        _, alike_low, alike_high = _all_alike(point, units, possible)
        return Interval(point, min(low, alike_low), max(high, alike_high))
    away = half / room / (share * (1 - share))
    low, high = (possible.least + room * expit(logit(share) + x) for x in (-away, away))
    return Interval(point, float(low), float(high))


def _all_alike(point: float, units: int, possible: Range) -> Interval:
    """Bounds where all runs agree: what is left for those that were not seen."""
    if not np.isfinite(possible).all():
        return Interval(point, _NAN, _NAN)
    rest = _TAIL ** (1 / units)
    low = possible.least + (point - possible.least) * rest
    high = possible.most - (possible.most - point) * rest
    return Interval(point, min(point, low), max(point, high))
