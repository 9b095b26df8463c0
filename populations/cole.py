"""COLE, cooperative open-ended learning (Li et al. 2023, arXiv 2302.04831), the authors' own form.

One agent goes on learning all the time. Snapshots of it are a growing population; it plays with
itself and, most, with those snapshots that contribute least to the population's working together:
in inverse proportion to their graphic Shapley value (equation 6). When a generation is over it
plays with all snapshots, and becomes one of them if it is preferred by enough of them, or at its
third try.

Deviations: snapshots are never dropped, room is made for as many as there are generations; no
count of meetings is added to the values, since each update meets several snapshots.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import Policy
from zsc.agents.pool import Label, Pool
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.machine.cluster import to_host
from zsc.machine.members import map_members
from zsc.play.match import Match, MatchSpec, draw_match
from zsc.play.rollout import begin, rollout
from zsc.populations.hooks.groups import Draw
from zsc.populations.hooks.shapley import preferred, shapley_values
from zsc.populations.presets import Preset, diverse_preset
from zsc.populations.recipe import Load, Recipe, Run, at_least_one
from zsc.populations.stage import Stage
from zsc.train.method import Matches, Method, PerMember, Told
from zsc.train.state import TrainState
from zsc.types import Array, Key, Params

_TRIES = 3  # after so many a snapshot is taken anyway
_BEST = 0.2  # or if at most this share of the population is preferred to it


class Population(NamedTuple):
    """The method's state, each [M, ...] for the room of N snapshots."""

    payoff: Array  # [M, N, N] mean return of every two, both seatings
    size: Array  # [M] int32 how many there are
    chance: Array  # [M, N] log of how often each is met, up to a constant
    tries: Array  # [M] int32 generations since the last snapshot
    key: Key  # [M] of the games that are played to measure


@dataclass(frozen=True)
class Grow:
    """How payoffs are measured, and who becomes a snapshot."""

    env: Environment
    policy: Policy
    room: int
    games: int  # of every two, for each seating

    def earned(self, params: Params, room: Params, key: Key) -> Array:
        """[N] mean return of one agent with each snapshot."""
        seats = 2 * self.games  # both seatings alike
        spec = MatchSpec("measured", partner=self.policy, blocks=self.room)
        agents = self.env.spec.num_agents
        match = draw_match(
            key, spec, envs=self.room * seats, num_agents=agents, symmetries=1, partners=room
        )
        turn = jnp.tile(jnp.arange(seats) % agents, self.room)[:, None]
        match = match._replace(seats=(jnp.arange(agents) + turn) % agents)
        games = begin(self.env, spec, self.policy, match, key)
        play = partial(rollout, self.env, spec, self.policy, params, match, games, key)
        end, _ = play(self.env.spec.horizon)
        return end.returns.reshape(self.room, -1).mean(1)

    def alone(self, params: Params, key: Key) -> Array:
        """[] mean return of an agent with itself."""
        one = jax.tree.map(lambda x: jnp.broadcast_to(x, (self.room, *x.shape)), params)
        return self.earned(params, one, key).mean()

    def grown(
        self, params: Params, room: Params, now: Population, key: Key
    ) -> tuple[Params, Population]:
        """The room and the state of one run after a generation."""
        play_key, own_key, order_key = jax.random.split(key, 3)
        row = self.earned(params, room, play_key)
        there = jnp.arange(self.room) < now.size
        newest = jnp.arange(self.room) == now.size  # its place, if it is taken
        row = jnp.where(newest, self.alone(params, own_key), jnp.where(there, row, 0.0))
        payoff = jnp.where(newest[:, None], row, jnp.where(newest[None], row[:, None], now.payoff))
        with_it = there | newest
        likes = preferred(payoff, with_it)
        above = (likes > (likes * newest).sum()).sum() / jnp.maximum(with_it.sum(), 1)
        taken = ((above <= _BEST) | (now.tries + 1 >= _TRIES)) & (now.size < self.room)
        size = now.size + taken
        payoff = jnp.where(taken, payoff, now.payoff)
        put = lambda old, new: jnp.where(
            (taken & newest).reshape(-1, *(1,) * new.ndim), new[None], old
        )
        values = shapley_values(payoff, jnp.arange(self.room) < size, order_key)
        after = Population(
            payoff=payoff,
            size=size,
            chance=hard_first(values, jnp.arange(self.room) < size),
            tries=jnp.where(taken, 0, now.tries + 1),
            key=now.key,
        )
        return jax.tree.map(put, room, params), after


def hard_first(values: Array, there: Array) -> Array:
    """[N] log chances in inverse proportion to values, as shares of the largest."""
    share = values / jnp.maximum(values.max(), 1e-6)
    return jnp.where(there, -jnp.log(jnp.maximum(share, 0.05)), -jnp.inf)


@dataclass(frozen=True)
class BeginPopulation:
    """The init hook: the untrained agent is the first snapshot."""

    room: int

    def __call__(self, key: Key, params: Params, partners: Params) -> tuple[PerMember, PerMember]:
        """The state, and the room [M, N, ...]."""
        del partners
        members = len(jax.tree.leaves(params)[0])
        room = jax.tree.map(lambda x: jnp.repeat(x[:, None], self.room, axis=1), params)
        first = jnp.where(jnp.arange(self.room) == 0, 0.0, -jnp.inf)
        state = Population(
            payoff=jnp.zeros((members, self.room, self.room)),
            size=jnp.ones(members, jnp.int32),
            chance=jnp.broadcast_to(first, (members, self.room)),
            tries=jnp.zeros(members, jnp.int32),
            key=jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(members)),
        )
        return PerMember(state), PerMember(room)


@dataclass(frozen=True)
class MeetSnapshots:
    """The match hook: games with itself, and with snapshots by their chances."""

    own: Draw
    snapshot: Draw

    def __call__(
        self, mstate: PerMember, keys: Key, params: Params, partners: PerMember
    ) -> Matches:
        """Matches [M, ...]."""
        del params

        def one(key: Key, chance: Array, room: Params) -> tuple[Match, Match]:
            own, whom, seats = jax.random.split(key, 3)
            who = jax.random.categorical(whom, chance, shape=(self.snapshot.spec.blocks,))
            theirs = jax.tree.map(lambda x: x[who], room)
            return self.own(own), self.snapshot(seats, theirs, who)

        return jax.vmap(one)(keys, mstate.value.chance, partners.value)


@dataclass(frozen=True)
class GrowWhenDue:
    """The after hook: the population grows at the end of each generation."""

    grow: Grow
    generations: int

    def __call__(
        self, mstate: PerMember, params: Params, told: Told, partners: PerMember
    ) -> tuple[PerMember, PerMember]:
        """The state and the room after an update."""
        _, due = told.rounds_over(self.generations)
        now: Population = mstate.value
        keys = jax.vmap(partial(jax.random.fold_in, data=told.update))(now.key)
        bigger = lambda: map_members(self.grow.grown)(params, partners.value, now, keys)
        room, state = jax.lax.cond(due, bigger, lambda: (partners.value, now))
        return PerMember(state), PerMember(room)


@dataclass(frozen=True, kw_only=True)
class COLE(Recipe):
    """Agents that learn with snapshots of themselves, most with those that fit in least.

    Beside the fields of `Recipe`:

    generations: how often an agent may become a snapshot.
    measured: games that are played with each snapshot to know payoffs, for each seating.
    self_play: share of the games with itself.
    """

    members: int = 4
    generations: int = 16
    measured: int = 2
    self_play: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "generations", "measured")
        if not 0 < self.self_play < 1:
            raise UserError(f"self_play is {self.self_play}: give a share between 0 and 1")

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How an agent learns in a game."""
        usual = diverse_preset(spec)
        return (usual._replace(steps=3 * usual.steps).but(self.learner, self.steps, self.network),)

    def loads(self) -> tuple[Load, ...]:
        """Agents and their snapshots."""
        return (Load(self.members, kept=self.generations + 1),)

    def build(self, run: Run) -> Pool:
        """The agents; their snapshots are in the run folder's `partners/`."""
        policy, spec = self.agents(run.env.spec), run.env.spec
        envs = run.stages[0].learner.envs
        specs = (
            MatchSpec("self", share=self.self_play),
            MatchSpec("snapshot", share=1.0 - self.self_play, partner=policy, blocks=4),
        )
        room = self.generations + 1
        method = Method(
            "cole",
            specs,
            init=BeginPopulation(room),
            match=MeetSnapshots(*(Draw(one, envs, spec.num_agents) for one in specs)),
            after=GrowWhenDue(Grow(run.env, policy, room, self.measured), self.generations),
        )
        stage = run.stage(method, members=self.members)
        state = stage.train(run.log)
        done = stage.steps_done(state)
        run.log.write_pool(self.snapshots(stage, state, done), "partners")
        labels = [Label("cole", run.seed, m, done) for m in range(self.members)]
        return stage.pool(state, labels)

    def snapshots(self, stage: Stage, state: TrainState, done: int) -> Pool:
        """All snapshots that were taken, run after run."""
        sizes = to_host(state.method.value.size)
        where = [(m, s) for m, size in enumerate(sizes) for s in range(int(size))]
        member, slot = np.array(where).T
        params = jax.tree.map(lambda x: x[member, slot], state.partners.value)
        names = [Label("cole/snapshot", stage.seed, int(m), done) for m in member]
        return stage.measured(self.agents(stage.env.spec), params, names)
