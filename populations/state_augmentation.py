"""Self-play from states that the population has reached (Gessler et al. 2025, arXiv 2503.17821).

Agents fail with strangers also because these lead them where they have never been. The budget is
cut into rounds; before each, all ordered pairs of a group of seeds play some games, and every
tenth of their states is kept. In the round every episode of every seed begins in one of these
states, with the clock at zero (section 5 of the paper).

Members of one group have seen each other's states, so they are no strangers: the population falls
into groups that know nothing of each other. Compare those, e.g. `pool[:4]` with `pool[4:]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy
from zsc.agents.pool import Pool
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.populations.hooks.groups import by_group
from zsc.populations.hooks.starts import at_the_start, has_clock, reached_by_pairs
from zsc.populations.recipe import Recipe, Run, at_least_one
from zsc.populations.self_play import final_members
from zsc.train.method import Matches, Method, Told
from zsc.types import Array, Key, Params, State


class Reached(NamedTuple):
    """The method's state: where episodes begin."""

    states: State  # [G, n, ...] of each group
    key: Key  # [] of the draws of all games that are played to reach them


@dataclass(frozen=True)
class Reach:
    """How states are collected: `games` of each pair of a group, every `every`-th step."""

    env: Environment
    policy: Policy
    size: int
    games: int
    every: int

    def __call__(self, key: Key, params: Params) -> State:
        """[G, n, ...] states that groups of agents [M, ...] reach; each group has its own draws."""
        groups = by_group(params, self.size)
        collect = partial(
            reached_by_pairs, self.env, self.policy, games=self.games, every=self.every
        )
        count = len(jax.tree.leaves(groups)[0])
        keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(count))
        return at_the_start(jax.lax.map(lambda one: collect(*one), (groups, keys)))


@dataclass(frozen=True)
class BeginReached:
    """The init hook: states that untrained members reach."""

    reach: Reach

    def __call__(self, key: Key, params: Params, partners: Params) -> tuple[Reached, Params]:
        """The first buffer."""
        return Reached(self.reach(jax.random.fold_in(key, 0), params), key), partners


@dataclass(frozen=True)
class BeginAnywhere:
    """The start hook: each episode begins in a state of its member's group, drawn uniformly."""

    size: int
    envs: int

    def __call__(
        self, mstate: Reached, keys: Key, params: Params, matches: Matches, partners: Params
    ) -> tuple[State]:
        """[M, E, ...] states."""
        del params, matches, partners
        count = jax.tree.leaves(mstate.states)[0].shape[1]

        def one(key: Key, group: Array) -> State:
            drawn = jax.random.randint(key, (self.envs,), 0, count)
            return jax.tree.map(lambda x: x[group, drawn], mstate.states)

        return (jax.vmap(one)(keys, jnp.arange(len(keys)) // self.size),)


@dataclass(frozen=True)
class ReachAgain:
    """The after hook: when a round is over, the states are replaced."""

    reach: Reach
    rounds: int

    def __call__(
        self, mstate: Reached, params: Params, told: Told, partners: Params
    ) -> tuple[Reached, Params]:
        """The buffer of the next update."""
        over, ended = told.rounds_over(self.rounds)
        again = lambda: self.reach(jax.random.fold_in(mstate.key, told.update), params)
        # the last round is over with the training: nobody begins there any more
        states = jax.lax.cond(ended & (over < self.rounds), again, lambda: mstate.states)
        return mstate._replace(states=states), partners


@dataclass(frozen=True, kw_only=True)
class StateAugmentation(Recipe):
    """Self-play whose episodes begin in states that all pairs of a group reached.

    Beside the fields of `Recipe`:

    members: seeds, which fall into `groups` of neighbours.
    groups: that know nothing of each other.
    rounds: how often states are collected.
    visits: games of each pair and round.
    every: of so many steps one state is kept.
    """

    members: int = 8
    groups: int = 2
    rounds: int = 10
    visits: int = 10
    every: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "groups", "rounds", "visits", "every")
        if self.members % self.groups:
            raise UserError(
                f"{self.members} members cannot fall into {self.groups} groups: make members a "
                "multiple of groups"
            )

    def check(self, env: Environment) -> None:
        """Raise UserError for a game whose states do not know their time."""
        if not has_clock(env):
            raise UserError(
                f"states of {env.spec.id} have no field `time`: no episode can begin in one"
            )

    def build(self, run: Run) -> Pool:
        """The final members, group after group."""
        size = self.members // self.groups
        reach = Reach(run.env, self.agents(run.env.spec), size, self.visits, self.every)
        method = Method(
            "state_augmentation",
            init=BeginReached(reach),
            start=BeginAnywhere(size, run.stages[0].learner.envs),
            after=ReachAgain(reach, self.rounds),
        )
        return final_members(self, run, method)
