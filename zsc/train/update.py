"""Training a population: one update for all members, and the host loop around it.

One update plays one whole episode of E games per member, cut into segments; after each segment the
member learns from it. So partners, seats and symmetries are drawn once per update, a reported
return is always that of whole episodes, and no game is alive between two updates. A game that ends
early is followed by another one at the next segment; the last of these may be cut off, and are
learned from but not reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from zsc.agents.policy import Policy, in_turns
from zsc.envs.base import Environment
from zsc.learn.learner import Learner, Metrics
from zsc.learn.ppo import PPOConfig, Schedule, schedule
from zsc.machine.members import map_members
from zsc.play.match import Match, MatchSpec, draw_match
from zsc.play.rollout import Games, Trajectory, deal_anew, rollout, start
from zsc.train.method import Matches, Method
from zsc.train.state import TrainState, place, segment_length, segments, steps_per_update
from zsc.types import Array, Key, Params, PyTree

Update: TypeAlias = Callable[[TrainState], tuple[TrainState, Metrics]]


class Segment(NamedTuple):
    """What changes from segment to segment of an update, each [M, ...]."""

    params: Params
    optimizer: optax.OptState
    games: tuple[Games, ...]  # one per MatchSpec


@lru_cache(maxsize=64)
def make_update(env: Environment, policy: Policy, method: Method, config: PPOConfig) -> Update:
    """(TrainState) -> (TrainState, metrics [M]): one episode played and learned from, pure.

    The same arguments give the same function, so a second run compiles nothing.
    """
    trainer = _Trainer(env, policy, method, config)
    return trainer.update


class _Trainer:
    """The parts of one update; holds static values only."""

    def __init__(self, env: Environment, policy: Policy, method: Method, config: PPOConfig) -> None:
        self.env, self.policy = env, in_turns(env.spec, policy)
        self.method, self.config = method, config
        self.length = segment_length(env, config)
        self.learner = Learner(self.policy, config, method.loss)
        self.ends_early = not env.spec.fixed_length and segments(env, config) > 1

    def update(self, state: TrainState) -> tuple[TrainState, Metrics]:
        """Play an episode in segments and learn from each."""
        now = jax.vmap(lambda key: jax.random.fold_in(key, state.update))(state.key)
        match_keys, start_keys, play_keys = (_fold(now, i) for i in range(3))
        matches = self.match(state, state.params, match_keys)
        games = tuple(
            map_members(partial(self.start_games, spec))(match, _fold(start_keys, i))
            for i, (spec, match) in enumerate(zip(self.method.specs, matches, strict=True))
        )

        def segment(before: Segment, index: Array) -> tuple[Segment, Metrics]:
            matches = self.match(state, before.params, match_keys)
            return advance(state, before, matches, _fold(play_keys, index))

        alone = self.method.reward is None and self.method.loss is None
        advance = self.advance_alone if alone else self.advance_together
        begun = Segment(state.params, state.optimizer, games)
        (params, optimizer, games), learned = jax.lax.scan(
            segment, begun, jnp.arange(segments(self.env, self.config))
        )
        metrics = {name: value.mean(0) for name, value in learned.items()}
        metrics["first_ratio_error"] = learned["first_ratio_error"].max(0)
        for spec, played in zip(self.method.specs, games, strict=True):
            name = "return" if spec is self.method.specs[0] else f"return/{spec.name}"
            metrics[name] = played.returns.mean(-1)
            if not self.env.spec.fixed_length:
                metrics[name.replace("return", "length")] = played.length.mean(-1)
        alive = state.alive & _all_finite(params, optimizer, metrics["return"])
        params, optimizer = _choose(alive, (params, optimizer), (state.params, state.optimizer))
        metrics["alive"] = alive.astype(jnp.float32)
        mstate, pool = state.method, state.pool
        if self.method.after is not None:
            progress = (state.update + 1) / jnp.maximum(state.budget, 1)
            told = metrics | {"progress": progress}
            mstate, pool = self.method.after(mstate, params, told, pool)
        after = state._replace(
            params=params,
            optimizer=optimizer,
            method=mstate,
            pool=pool,
            update=state.update + 1,
            alive=alive,
        )
        return place(after), metrics

    def match(self, state: TrainState, params: Params, keys: Key) -> Matches:
        if self.method.match is not None:
            return self.method.match(state.method, keys, params, state.pool)
        return tuple(
            jax.vmap(partial(self.draw, spec))(_fold(keys, i))
            for i, spec in enumerate(self.method.specs)
        )

    def draw(self, spec: MatchSpec, key: Key) -> Match:
        return draw_match(
            key,
            spec,
            envs=spec.envs(self.config.envs),
            num_agents=self.env.spec.num_agents,
            symmetries=len(self.env.symmetry()),
        )

    def start_games(self, spec: MatchSpec, match: Match, key: Key) -> Games:
        return start(self.env, spec, self.policy, match, key)

    def advance_alone(
        self, state: TrainState, before: Segment, matches: Matches, keys: Key
    ) -> tuple[Segment, Metrics]:
        """A segment of members that do not depend on one another: each plays and learns by itself,
        so that only the trajectories of those at work are in memory."""

        def one(
            before: Segment, matches: Matches, key: Key, now: Schedule
        ) -> tuple[Segment, Metrics]:
            games, trajectories = self.play(before.params, matches, before.games, key)
            params, optimizer, metrics = self.learner.alone(
                before.params, before.optimizer, trajectories, jax.random.fold_in(key, 99), now
            )
            return Segment(params, optimizer, games), metrics | self.living(trajectories)

        now = self.schedules(state, len(keys))
        return map_members(one, each=self.bytes_each())(before, matches, keys, now)

    def advance_together(
        self, state: TrainState, before: Segment, matches: Matches, keys: Key
    ) -> tuple[Segment, Metrics]:
        """A segment of members whose rewards or losses need all trajectories."""
        params = before.params
        play = map_members(self.play, each=self.bytes_each())
        games, trajectories = play(params, matches, before.games, keys)
        living = jax.vmap(self.living)(trajectories)
        if self.method.reward is not None:
            trajectories = self.method.reward(state.method, self.policy, params, trajectories)
        learn = self.learner.together
        if self.method.loss is None:
            learn = map_members(self.learner.alone, each=self.bytes_each())
        now = self.schedules(state, len(keys))
        params, optimizer, metrics = learn(
            params, before.optimizer, trajectories, _fold(keys, 99), now
        )
        return Segment(params, optimizer, games), metrics | living

    def play(
        self, params: Params, matches: Matches, games: tuple[Games, ...], key: Key
    ) -> tuple[tuple[Games, ...], tuple[Trajectory, ...]]:
        """A segment of all kinds of games of one member."""
        played = []
        for i, (spec, match) in enumerate(zip(self.method.specs, matches, strict=True)):
            own, before = jax.random.fold_in(key, i), games[i]
            if self.ends_early:
                deal = jax.random.fold_in(own, 98)
                before = deal_anew(self.env, spec, self.policy, match, before, deal)
            played.append(
                rollout(self.env, spec, self.policy, params, match, before, own, self.length)
            )
        ends, trajectories = zip(*played, strict=True)
        return ends, trajectories

    def living(self, trajectories: tuple[Trajectory, ...]) -> Metrics:
        """How much of a segment was played by living games; the rest waited for the others."""
        if self.env.spec.fixed_length:
            return {}
        return {"playing": jnp.stack([x.playing.mean() for x in trajectories]).mean()}

    def bytes_each(self) -> int:
        """What one member needs for a segment: a rough count, with room for activations."""
        spec, config = self.env.spec, self.config
        samples = self.length * sum(s.envs(config.envs) for s in self.method.specs)
        return samples * spec.num_agents * (8 * math.prod(spec.obs_shape) + 4096)

    def schedules(self, state: TrainState, members: int) -> Schedule:
        """Where the run stands, each [M]."""
        # floats: a long run has more steps than an int32 can count
        steps = state.update.astype(jnp.float32) * steps_per_update(self.env, self.config)
        now = schedule(self.config, steps, state.update / jnp.maximum(state.budget, 1))
        return jax.tree.map(lambda x: jnp.broadcast_to(x, members), now)


def _all_finite(params: Params, optimizer: optax.OptState, returns: Array) -> Array:
    """[M] bool: all numbers of a member, and what it earned, are numbers."""
    good = [
        jnp.isfinite(x).reshape(len(x), -1).all(1)
        for x in (*jax.tree.leaves(params), *jax.tree.leaves(optimizer), returns)
        if jnp.issubdtype(x.dtype, jnp.floating)
    ]
    return jnp.stack(good).all(0)


def _choose(alive: Array, new: PyTree, old: PyTree) -> PyTree:
    """[M, ...] new values of the members that are alive, old ones of the others."""
    pick = lambda x, y: jnp.where(alive.reshape(-1, *(1,) * (x.ndim - 1)), x, y)
    return jax.tree.map(pick, new, old)


def _fold(keys: Key, data: Any) -> Key:
    return jax.vmap(lambda key: jax.random.fold_in(key, data))(keys)
