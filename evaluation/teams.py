"""Teams of three and more: every multiset of policies, with its statistics.

The replication unit stays the policy. SP is the mean over teams of one policy alone, XP over teams
of all different ones; between them stand mixed teams, told apart by how many different policies
they have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import numpy as np
import pandas as pd

from zsc.agents.pool import Pool, check_entries
from zsc.checks import seed_of
from zsc.envs.base import Environment, check_game
from zsc.errors import UserError
from zsc.evaluation.intervals import ANYTHING, RESAMPLES, Interval, Range, drawn, interval, pays
from zsc.evaluation.matrix import names_of
from zsc.play.teams import check_team_reward, count_teams, play_teams, some_teams
from zsc.switches import door

MOST = 4_000  # teams that are played without being asked


@dataclass(frozen=True)
class TeamPlay:
    """What the teams of a roster earned: all of them, or a sample."""

    returns: np.ndarray  # [X, episodes]
    teams: np.ndarray  # [X, A] places in the roster
    names: tuple[str, ...]
    groups: tuple[str, ...]
    methods: tuple[str, ...]
    env: str
    seed: int
    ids: tuple[str, ...] = ()  # who is the same agent; if left out, all are different
    pays: Range = ANYTHING  # what a mean return can be

    @property
    def firsts(self) -> np.ndarray:
        """[N] the first place of each policy's agent: copies of an agent have the same."""
        first = {name: place for place, name in reversed(list(enumerate(self.ids)))}
        return np.array([first[name] for name in self.ids] or range(len(self.names)), int)

    @property
    def different(self) -> np.ndarray:
        """[X] how many different agents a team has."""
        return np.array([len(set(team)) for team in self.firsts[self.teams].tolist()])

    def to_frame(self) -> pd.DataFrame:
        """One row per team: its members, how many are different, the mean return."""
        seats = {f"member {i}": np.array(self.names)[col] for i, col in enumerate(self.teams.T)}
        return pd.DataFrame(seats | {"different": self.different, "return": self.returns.mean(1)})

    def summary(self, *, seed: int = 0, resamples: int = RESAMPLES) -> pd.DataFrame:
        """One row per group and number of different policies, with 95 % bounds over policies.

        Policies of different methods (scripted partners) are no repetitions: they have no bounds.
        """
        rows = []
        for group in dict.fromkeys(self.groups):
            own = np.flatnonzero(np.array(self.groups) == group)
            repeats = len({self.methods[i] for i in own}) <= 1
            inside = np.isin(self.teams, own).all(1)
            for count in range(1, self.teams.shape[1] + 1):
                chosen = inside & (self.different == count)
                if chosen.any():
                    draws = resamples if repeats else 0
                    found = self.mean_of(chosen, own, seed=seed, resamples=draws)
                    rows.append({"group": group, "different": count, "teams": int(chosen.sum())}
                                | found._asdict())  # fmt: skip
        return pd.DataFrame(rows)

    def mean_of(
        self, chosen: np.ndarray, policies: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES
    ) -> Interval:
        """The mean over chosen teams [X] bool, resampling the policies that they are made of.

        A resample weighs a team by how often its different members were drawn. Teams of d
        different policies that drop out when a policy is drawn twice narrow the spread by
        (N - d) / (N - 1), which is undone.
        """
        teams, means = self.firsts[self.teams[chosen]], self.returns[chosen].mean(1)
        policies = np.unique(self.firsts[policies])
        size, most = len(policies), max(len(set(team)) for team in teams.tolist())
        count = np.zeros((resamples if size > most else 0, len(self.names)), int)
        if size > most:
            count[:, policies] = drawn(size, seed=seed, resamples=resamples)
        # each member of a team once, however many copies of it play
        part = np.zeros((len(teams), len(self.names)), bool)
        part[np.arange(len(teams))[:, None], teams] = True
        weight = np.stack([count[:, members].prod(1) for members in part], axis=1)
        total = weight.sum(1)
        draws = np.divide(weight @ means, total, out=np.full(len(total), np.nan), where=total > 0)
        stretch = (size - 1) / (size - most) if size > most else np.nan
        return interval(float(means.mean()), draws, size, self.pays, stretch=stretch)


@door
def teams(
    env: Environment,
    entries: Mapping[str, Pool],
    *,
    episodes: int = 24,
    seed: int = 0,
    most: int | None = None,
) -> TeamPlay:
    """Let every team that the roster can make play; with two seats these are the cells i <= j.

    most: where there are more teams than that, play a sample of so many, drawn by the seed without
    replacement: each policy with copies of itself, and others uniformly (`some_teams`). Nobody is
    sampled without asking: if left out, more than MOST teams are an error.
    Raises UserError for an empty roster, too many teams, a pool of another game, or a game that
    does not pay the team.
    """
    check_game(env)
    check_entries(entries)
    check_team_reward(env)
    seed = seed_of(seed)
    pools = list(entries.values())
    size = sum(len(pool) for pool in pools)
    if size == 0:
        raise UserError("the roster is empty: give at least one pool, e.g. {'SP': pool}")
    possible = count_teams(size, env.spec.num_agents)
    if most is None and possible > MOST:
        raise UserError(
            f"{size} policies make {possible} teams of {env.spec.num_agents}: take fewer "
            f"policies, play a sample by most={MOST}, or all by most={possible}"
        )
    room = possible if most is None else most
    chosen = some_teams(size, env.spec.num_agents, room, seed=seed)
    returns = play_teams(env, pools, chosen, episodes=episodes, key=jax.random.key(seed))
    return TeamPlay(
        returns=returns,
        teams=chosen,
        names=tuple(n for group, pool in entries.items() for n in names_of(group, pool)),
        groups=tuple(group for group, pool in entries.items() for _ in pool.labels),
        methods=tuple(label.method for pool in pools for label in pool.labels),
        env=env.spec.id,
        seed=seed,
        ids=tuple(label.id for pool in pools for label in pool.labels),
        pays=pays(env.spec),
    )
