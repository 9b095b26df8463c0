"""Clones beside the people whom they imitate: who earns what with whom."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from zsc.agents.pool import Pool
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.evaluation.cross_play import crossplay
from zsc.evaluation.intervals import Interval, pays
from zsc.evaluation.people import bounds
from zsc.evaluation.two_way import two_way
from zsc.records.record import Record
from zsc.records.whose import Whose, groups_of


def beside_people(
    env: Environment,
    games: Record,
    clones: Mapping[str, Pool],
    *,
    whose: Whose | None = None,
    episodes: int = 32,
    seed: int = 0,
) -> pd.DataFrame:
    """Rows: people with one another, then each pool of clones with itself and with one another.

    games: of people alone; of each the first `horizon` steps count, as those of agents are so
    long. whose: who played; people who met are one unit of the interval, games are if left out.
    Clones are units of theirs. Columns "n", "return", "return low", "return high". A clone that
    earns much less than people is a poor stand-in for them. Raises UserError for games in which an
    agent played.
    """
    if whose is not None and not all(all(row) for row in whose):
        raise UserError("an agent played in these games: clones stand beside games of people alone")
    earned = games.reward[:, : env.spec.horizon].mean(-1).sum(1)
    unit = np.arange(len(earned)) if whose is None else groups_of(whose)
    own = two_way(earned, unit, np.zeros(len(earned), int), possible=pays(env.spec))
    rows = {"people, with people": _row(len(np.unique(unit)), own)}
    played = crossplay(env, clones, episodes=episodes, seed=seed).summary()
    for name, row in played.iterrows():
        for told, column in (("itself", "SP"), ("one another", "XP within")):
            found = Interval(*(float(row[f"{column}{end}"]) for end in ("", " low", " high")))
            rows[f"{name}, with {told}"] = _row(int(row["policies"]), found)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("who")


def _row(n: int, found: Interval) -> dict[str, float]:
    return {"n": n} | bounds(found)
