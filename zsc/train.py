"""Training a population: one update for all members, and the host loop around it.

One update plays one whole episode of E games per member, cut into segments; after each segment the
member learns from it. So partners, seats and symmetries are drawn once per update, a reported
return is always that of whole episodes, and no game is alive between two updates. A game that ends
early is followed by another one at the next segment; the last of these may be cut off, and are
learned from but not reported.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from zsc.cluster import to_host
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.learn.learner import Learner, Metrics, make_optimizer
from zsc.learn.ppo import PPOConfig, Schedule, schedule
from zsc.match import Match, MatchSpec, draw_match
from zsc.members import map_members, replicate, spread
from zsc.method import Matches, Method, no_method_state
from zsc.policy import Policy, in_turns
from zsc.rollout import Games, Trajectory, deal_anew, rollout, start
from zsc.sinks import Progress, Row, Sink
from zsc.types import Array, Key, Params, PyTree

Update: TypeAlias = Callable[["TrainState"], tuple["TrainState", Metrics]]


class Segment(NamedTuple):
    """What changes from segment to segment of an update, each [M, ...]."""

    params: Params
    optimizer: optax.OptState
    games: tuple[Games, ...]  # one per MatchSpec


class TrainState(NamedTuple):
    """Everything that a run needs to go on."""

    params: Params  # [M, ...]
    optimizer: optax.OptState  # [M, ...]
    method: PyTree  # the method's own state
    pool: Params  # frozen partners [P, ...] or ()
    key: Key  # [M] one per member, fixed for the whole run
    update: Array  # [] int32, updates done
    budget: Array  # [] int32, updates to do in all
    alive: Array  # [M] bool; a member whose numbers went bad keeps its last good parameters


def segment_length(env: Environment, config: PPOConfig) -> int:
    """T: steps between two policy updates."""
    return -(-env.spec.horizon // config.segments)


def segments(env: Environment, config: PPOConfig) -> int:
    """How many segments an episode is cut into; never more than it has steps."""
    return -(-env.spec.horizon // segment_length(env, config))


def steps_per_update(env: Environment, config: PPOConfig) -> int:
    """Environment steps that one member plays for one update."""
    return env.spec.horizon * config.envs


def updates_for(env: Environment, config: PPOConfig, steps: float) -> int:
    """How many updates a budget of environment steps per member pays for."""
    cost = steps_per_update(env, config)
    if not abs(steps) < cost * 2.0**31:  # nan as well
        raise UserError(f"steps is {steps:g}: give a number of steps that can be played, e.g. 1e6")
    if steps < cost:
        raise UserError(
            f"{steps:g} steps are fewer than one update: {config.envs} games of "
            f"{env.spec.horizon} steps need {cost} (raise steps, or lower envs)"
        )
    return int(steps // cost)


def init_state(
    policy: Policy,
    method: Method,
    config: PPOConfig,
    *,
    members: int | Sequence[int],
    seed: int,
    updates: int,
    pool: Params = (),
) -> TrainState:
    """A fresh population. `members` is how many, or which: member m is the same in any company."""
    ids = np.arange(members) if isinstance(members, int) else np.asarray(members)
    if len(ids) == 0:
        raise UserError("a population of 0 members cannot be trained: use members >= 1")
    return _place(_init(policy, method, config, jax.random.key(seed), ids, updates, pool))


def _place(state: TrainState) -> TrainState:
    """Members on their devices, the rest on all: the same in and out, so nothing recompiles."""
    count = len(state.key)
    params, optimizer, key, alive = spread(
        (state.params, state.optimizer, state.key, state.alive), count
    )
    method, pool = replicate((state.method, state.pool), count)
    update, budget = replicate((state.update, state.budget), count)
    return TrainState(params, optimizer, method, pool, key, update, budget, alive)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _init(
    policy: Policy,
    method: Method,
    config: PPOConfig,
    root: Key,
    ids: Array,
    updates: int,
    pool: Params,
) -> TrainState:
    keys = jax.vmap(partial(jax.random.fold_in, root))(ids)
    # lax.map, not vmap: batched orthogonal initialisers hang on a CPU with two cores
    params = jax.lax.map(policy.init, keys)
    optimizer = jax.vmap(make_optimizer(config).init)(params)
    begin = method.init or no_method_state
    mstate, pool = begin(jax.random.fold_in(root, 2**31 - 1), params, pool)
    counter = jnp.asarray(0, jnp.int32)
    budget, alive = jnp.asarray(updates, jnp.int32), jnp.ones(len(ids), bool)
    return TrainState(params, optimizer, mstate, pool, keys, counter, budget, alive)


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
        return _place(after), metrics

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


def _tell_stopped(rows: Sequence[Row], alive: np.ndarray) -> None:
    """Warn of members that were alive before these rows and are not any more."""
    for row in rows:
        for member in np.flatnonzero(alive & (row["alive"] == 0)):
            warnings.warn(
                f"member {member} is stopped at update {row['update']}: its loss is "
                f"{row['loss'][member]:g}, its return {row['return'][member]:g}; it keeps what it "
                "was before, the others go on",
                stacklevel=3,
            )
        alive = alive & (row["alive"] > 0)


@lru_cache(maxsize=64)
def _chunk(update: Update, size: int) -> Callable[[TrainState, Array], tuple[TrainState, Metrics]]:
    """Up to `size` updates as one program; how many is an argument, so a rest compiles nothing."""
    once = jax.jit(update)  # traced a single time, for its shapes and for the loop

    def run(state: TrainState, count: Array) -> tuple[TrainState, Metrics]:
        shapes = jax.eval_shape(once, state)[1]
        log = jax.tree.map(lambda x: jnp.zeros((size, *x.shape), x.dtype), shapes)

        def body(index: Array, carry: tuple[TrainState, Metrics]) -> tuple[TrainState, Metrics]:
            state, log = carry
            state, metrics = once(state)
            return state, jax.tree.map(lambda rows, row: rows.at[index].set(row), log, metrics)

        state, log = jax.lax.fori_loop(0, count, body, (state, log))
        return state, replicate(log, len(state.key))

    return jax.jit(run, donate_argnums=0)


def fit(
    update: Update,
    state: TrainState,
    *,
    updates: int,
    chunk: int = 10,
    sinks: Sequence[Sink] = (),
    steps_per_update: int = 1,
    save: Callable[[TrainState], None] | None = None,
) -> TrainState:
    """Train until `updates` updates are done in all; `chunk` at a time are one device program.

    A member whose numbers go bad (a loss that is no number) is stopped with a warning that names it
    and keeps its last good parameters; the others go on.

    After each chunk every sink gets one row per update: {"update", "steps", metric: [M] ...}, steps
    being those of one member; then `save(state)` is called, if given.
    """
    run = _chunk(update, chunk)
    done = int(state.update)
    alive = np.asarray(to_host(state.alive))
    state = jax.tree.map(jnp.copy, state)  # the caller's arrays are not given away
    for sink in sinks:
        sink.start(Progress(done, updates, steps_per_update, len(state.key)))
    try:
        while done < updates:
            began = time.perf_counter()
            count = min(chunk, updates - done)
            state, log = run(state, jnp.int32(count))
            host = jax.tree.map(np.asarray, log)
            rows = [
                {"update": done + i + 1, "steps": (done + i + 1) * steps_per_update}
                | {name: value[i] for name, value in host.items()}
                for i in range(count)
            ]
            _tell_stopped(rows, alive)
            alive, done = host["alive"][count - 1] > 0, done + count
            for sink in sinks:
                sink.write(rows, time.perf_counter() - began)
            if save is not None:
                save(state)
    finally:
        for sink in sinks:
            sink.close()
    return state
