"""How often the 95 % intervals of the statistics hold the truth, by simulation.

    python -m benchmarks.coverage [--trials 400] [--sizes 2 3 4 5 7 10]

A world says how good a run of a method turns out to be; every trial draws runs anew, and asks each
statistic for its interval. The truth is known by construction or from very many runs.
"""

import argparse
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from benchmarks.report import table, write_section
from zsc.evaluation import stats
from zsc.evaluation.aggregates import aggregate, iqm, probability_of_improvement, worst_case
from zsc.evaluation.intervals import ANYTHING, SHARE, Interval, Range
from zsc.evaluation.teams import TeamPlay
from zsc.play.teams import all_teams

SIZES = (2, 3, 4, 5, 7, 10)
TASKS = np.array([1.0, 0.8, 0.5, 0.9])  # what a run keeps of its skill with each partner
RESAMPLES = 200  # of each interval: their spread is all that is used
MANY = 200_000

Draw = Callable[[np.random.Generator, int], np.ndarray]


class World(NamedTuple):
    """How the skills of runs are spread."""

    draw: Draw  # (rng, runs) -> [runs]
    possible: Range


WORLDS = {
    "even in [0, max]": World(lambda rng, n: rng.uniform(0, 1, n), SHARE),
    "good or bad in [0, max]": World(lambda rng, n: rng.beta(0.5, 0.5, n), SHARE),
    "skewed to 0": World(lambda rng, n: rng.beta(0.5, 3, n), SHARE),
    "near the most": World(lambda rng, n: rng.beta(8, 0.5, n), SHARE),
    "ties: 0, 20, 40 ... of 400": World(
        lambda rng, n: 20.0 * rng.binomial(12, 0.4, n), Range(0.0, 400.0)
    ),
    "half of the runs fail": World(lambda rng, n: 1.0 * (rng.random(n) < 0.5), SHARE),
    "one run in ten succeeds": World(lambda rng, n: 1.0 * (rng.random(n) < 0.1), SHARE),
    "a third fails, the others differ": World(
        lambda rng, n: np.where(rng.random(n) < 1 / 3, 0.0, rng.normal(0.6, 0.05, n)), SHARE
    ),
    "negative, no known ends": World(lambda rng, n: rng.normal(-50, 10, n), ANYTHING),
    "skewed and negative, no known ends": World(
        lambda rng, n: -np.exp(rng.normal(0, 0.7, n)), ANYTHING
    ),
}


def matrix_of(rng: np.random.Generator, skill: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[rows, cols] what two runs earn: the mean of their skills, less what goes wrong between."""
    kept = rng.uniform(0.5, 1.0, (len(skill), len(other)))
    return (skill[:, None] + other[None]) / 2 * kept


def _self_play(rng: np.random.Generator, world: World, size: int) -> Interval:
    return stats.within(_own(rng, world, size), possible=world.possible, resamples=RESAMPLES)[0]


def _cross_play(rng: np.random.Generator, world: World, size: int) -> Interval:
    return stats.within(_own(rng, world, size), possible=world.possible, resamples=RESAMPLES)[1]


def _gap(rng: np.random.Generator, world: World, size: int) -> Interval:
    return stats.within(_own(rng, world, size), possible=world.possible, resamples=RESAMPLES)[2]


def _between(rng: np.random.Generator, world: World, size: int) -> Interval:
    block = matrix_of(rng, world.draw(rng, size), world.draw(rng, size))
    return stats.between(block, possible=world.possible, resamples=RESAMPLES)


def _iqm(rng: np.random.Generator, world: World, size: int) -> Interval:
    return aggregate(_scores(rng, world, size), iqm, possible=world.possible, resamples=RESAMPLES)


def _worst(rng: np.random.Generator, world: World, size: int) -> Interval:
    return aggregate(
        _scores(rng, world, size), worst_case, possible=world.possible, resamples=RESAMPLES
    )


def _improvement(rng: np.random.Generator, world: World, size: int) -> Interval:
    ours, others = _scores(rng, world, size), _scores(rng, world, size)
    return probability_of_improvement(ours, others, resamples=RESAMPLES)


def _teams_of_three(rng: np.random.Generator, world: World, size: int) -> Interval:
    skill, teams = world.draw(rng, size), all_teams(size, 3)
    returns = skill[teams].mean(1) * rng.uniform(0.5, 1.0, len(teams))
    names = tuple(map(str, range(size)))
    one = ("method",) * size
    played = TeamPlay(returns[:, None], teams, names, one, one, "", 0, pays=world.possible)
    strangers = played.different == 3
    if not strangers.any():
        return Interval(np.nan, np.nan, np.nan)
    return played.mean_of(strangers, np.arange(size), resamples=RESAMPLES)


def _own(rng: np.random.Generator, world: World, size: int) -> np.ndarray:
    skill = world.draw(rng, size)
    matrix = matrix_of(rng, skill, skill)
    np.fill_diagonal(matrix, skill)
    return matrix


def _scores(rng: np.random.Generator, world: World, size: int) -> np.ndarray:
    """[runs, tasks] a skill shows in every task."""
    return world.draw(rng, size)[:, None] * TASKS


@cache
def _mean(name: str) -> float:
    return float(WORLDS[name].draw(np.random.default_rng(1), MANY).mean())


def _worst_truth(name: str) -> float:
    return worst_case(_scores(np.random.default_rng(1), WORLDS[name], MANY))


def _iqm_truth(name: str) -> float:
    return iqm(_scores(np.random.default_rng(1), WORLDS[name], MANY))


#: Each statistic's interval of some runs of a world, and its true value.
STATISTICS: dict[str, tuple[Callable[..., Interval], Callable[[str], float]]] = {
    "SP": (_self_play, _mean),
    "XP": (_cross_play, lambda name: 0.75 * _mean(name)),
    "gap": (_gap, lambda name: 0.25 * _mean(name)),
    "between two methods": (_between, lambda name: 0.75 * _mean(name)),
    "teams of three": (_teams_of_three, lambda name: 0.75 * _mean(name)),
    "IQM of scores": (_iqm, _iqm_truth),
    "worst partner": (_worst, _worst_truth),
    "P(improvement)": (_improvement, lambda name: 0.5),
}


def coverage(world: str, statistic: str, size: int, *, trials: int, seed: int = 0) -> float:
    """The share of trials in which the interval of `size` runs holds the truth.

    nan where so few runs have no interval. Without known ends, trials in which all runs agree have
    none, and are left out.
    """
    ask, truth = STATISTICS[statistic]
    wanted, rng = truth(world), np.random.default_rng(seed)
    found = [ask(rng, WORLDS[world], size) for _ in range(trials)]
    slack = 1e-9 * max(1.0, abs(wanted))
    held = [x.low - slack <= wanted <= x.high + slack for x in found if np.isfinite(x.low)]
    return float(np.mean(held)) if held else float("nan")


def main(trials: int, sizes: list[int]) -> None:
    """Write the table."""
    rows = []
    for world in WORLDS:
        for statistic in STATISTICS:
            shares = [coverage(world, statistic, size, trials=trials) for size in sizes]
            rows.append([world, statistic, *("-" if np.isnan(x) else f"{x:.0%}" for x in shares)])
            print(*rows[-1], sep=" | ", flush=True)
    command = f"python -m benchmarks.coverage --trials {trials} --sizes {' '.join(map(str, sizes))}"
    text = (
        f"`{command}`: the share of {trials} simulated experiments whose 95 % interval holds the "
        "truth, by number of runs; a dash where there is no interval."
    )
    columns = ["runs are", "statistic", *(f"{size} runs" for size in sizes)]
    write_section("Coverage of intervals", f"{text}\n\n{table(columns, rows)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="runs")
    given = parser.parse_args()
    main(given.trials, given.sizes)
