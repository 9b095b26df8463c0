"""One update of a population: an episode is played in segments, and each is learned from.

One update plays one whole episode of E games per member, cut into segments; after each segment the
member learns from it. So partners, seats and symmetries are drawn once per update, a reported
return is always that of whole episodes, and no game is alive between two updates. A game that ends
early is followed by another one at the next segment; the last of these may be cut off, and are
learned from but not reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from zsc import keys as streams
from zsc.agents.policy import Policy, Team, in_turns, policies_of
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.keys import fold
from zsc.learn.base import Clock, Hypers, Learner, Loss, Metrics, Played, Task
from zsc.learn.ppo import PPOConfig
from zsc.machine.members import map_members
from zsc.play.match import Match, MatchSpec, draw_match
from zsc.play.rollout import Games, begin, begin_anew, rollout
from zsc.train.method import Matches, Member, Method, Told
from zsc.train.state import (
    TrainState,
    as_learner,
    place,
    segment_length,
    segments,
    steps_per_update,
)
from zsc.types import Array, Key, Params, PyTree

Update: TypeAlias = Callable[[TrainState], tuple[TrainState, Metrics]]


class Training(NamedTuple):
    """What is fixed about a training: which game, which agents, which method, how they learn."""

    env: Environment
    policy: Policy | Team  # as it plays, see `in_turns`
    method: Method
    learner: Learner

    @property
    def task(self) -> Task:
        """What the learner is told of it."""
        return Task(self.env, self.policy, self.method.specs)


class Segment(NamedTuple):
    """What changes from segment to segment of an update, each [M, ...]."""

    params: Params
    learner: PyTree
    games: tuple[Games, ...]  # one per MatchSpec


class Shared(NamedTuple):
    """What hooks of one member may ask of the whole population."""

    everyone: Params  # [M, ...]
    mstate: PyTree
    partners: Params


@lru_cache(maxsize=64)
def make_update(
    env: Environment, policy: Policy | Team, method: Method, learner: PPOConfig | Learner
) -> Update:
    """(TrainState) -> (TrainState, metrics [M]): one episode played and learned from, pure.

    The same arguments give the same function, so a second run compiles nothing. Raises UserError
    for a learner that reads the state, and for a joint loss that the learner cannot learn from.
    """
    run = training(env, policy, method, learner)
    for one in policies_of(policy):
        if "state" in one.reads:
            raise UserError(f"{one.name} reads the state of the game: it plays, but cannot learn")
    if method.joint_loss is not None and run.learner.learn_jointly is None:
        raise UserError(f"{method.name} has a joint loss: {run.learner.name} cannot learn from one")
    return partial(update, run)


def training(
    env: Environment, policy: Policy | Team, method: Method, learner: PPOConfig | Learner
) -> Training:
    """The fixed part of a training, for those who write an update of their own."""
    return Training(env, in_turns(env.spec, policy), method, as_learner(learner))


def update(run: Training, state: TrainState) -> tuple[TrainState, Metrics]:
    """Play an episode in segments, learn from each, and tell the method."""
    method = run.method
    now = fold(state.key, state.update)
    match_keys, start_keys, play_keys = (
        fold(now, stream) for stream in (streams.MATCH, streams.START, streams.PLAY)
    )
    matches = draw_matches(run, state, state.params, match_keys)
    begun = Segment(state.params, state.learner, begin_games(run, state, matches, start_keys))

    def segment(before: Segment, index: Array) -> tuple[Segment, Metrics]:
        matches = draw_matches(run, state, before.params, match_keys)
        return advance(run, state, before, matches, fold(play_keys, index))

    (params, learner, games), learned = jax.lax.scan(
        segment, begun, jnp.arange(segments(run.env, run.learner))
    )
    metrics = {name: value.mean(0) for name, value in learned.items()}
    if "first_ratio_error" in learned:
        metrics["first_ratio_error"] = learned["first_ratio_error"].max(0)
    for spec, played in zip(method.specs, games, strict=True):
        name = "return" if spec is method.specs[0] else f"return/{spec.name}"
        metrics[name] = played.returns.mean(-1)
        if not run.env.spec.fixed_length:
            metrics[name.replace("return", "length")] = played.length.mean(-1)
    alive = state.alive & _all_finite(params, learner, metrics["return"])
    params, learner = _choose(alive, (params, learner), (state.params, state.learner))
    metrics["alive"] = alive.astype(jnp.float32)
    after = state._replace(params=params, learner=learner, update=state.update + 1, alive=alive)
    return place(tell(run, after, games, matches, metrics)), metrics


def draw_matches(run: Training, state: TrainState, params: Params, keys: Key) -> Matches:
    """Who plays whom in an update, for all members [M, ...]."""
    if run.method.match is not None:
        return run.method.match(state.method, keys, params, state.partners)

    def draw(spec: MatchSpec, key: Key) -> Match:
        return draw_match(
            key,
            spec,
            envs=spec.envs(run.learner.envs),
            num_agents=run.env.spec.num_agents,
            symmetries=len(run.env.symmetry()),
        )

    return tuple(
        jax.vmap(partial(draw, spec))(fold(keys, i)) for i, spec in enumerate(run.method.specs)
    )


def begin_games(run: Training, state: TrainState, matches: Matches, keys: Key) -> tuple[Games, ...]:
    """The games of an update before their first step, for all members [M, ...]."""
    states: tuple[Any, ...] = (None,) * len(matches)
    if run.method.start is not None:
        own = fold(keys, streams.START_STATES)
        states = run.method.start(state.method, own, state.params, matches, state.partners)

    def one(spec: MatchSpec, match: Match, key: Key, states: Any = None) -> Games:
        return begin(run.env, spec, run.policy, match, key, states)

    return tuple(
        map_members(partial(one, spec))(match, fold(keys, i), *(() if given is None else (given,)))
        for i, (spec, match, given) in enumerate(
            zip(run.method.specs, matches, states, strict=True)
        )
    )


def advance(
    run: Training, state: TrainState, before: Segment, matches: Matches, keys: Key
) -> tuple[Segment, Metrics]:
    """A segment: all members play and learn, each by itself unless the method has a joint loss.

    So only the trajectories of those at work are in memory.
    """
    method, learner = run.method, run.learner
    hypers = _hypers(run, state, len(keys))
    # what belongs to all is handed on only where a hook may ask for it
    asked = method.reward is not None or method.loss is not None
    shared = Shared(before.params, state.method, state.partners) if asked else None
    index = jnp.arange(len(keys))
    each = bytes_each(run)
    if method.joint_loss is None:
        alone = map_members(partial(_advance_one, run), each=each)
        return alone(before, matches, keys, index, hypers, shared=shared)
    games, played, living = map_members(partial(_play_one, run), each=each)(
        before, matches, keys, index, hypers, shared=shared
    )
    joint_loss, learn = method.joint_loss, learner.learn_jointly
    joint: Loss = lambda params, played: joint_loss(params, run.policy, played)
    assert learn is not None  # make_update refuses such a learner
    params, kept, metrics = learn(
        run.task,
        fold(keys, streams.LEARN),
        before.params,
        before.learner,
        played,
        hypers,
        joint,
    )
    return Segment(params, kept, games), metrics | living


def _advance_one(
    run: Training,
    shared: Shared | None,
    before: Segment,
    matches: Matches,
    key: Key,
    index: Array,
    hypers: Hypers,
) -> tuple[Segment, Metrics]:
    """A segment of one member: it plays and learns."""
    games, played, living = _play_one(run, shared, before, matches, key, index, hypers)
    own: Loss | None = None
    if run.method.loss is not None:
        loss, member = run.method.loss, _member(shared, before, matches, index)
        own = lambda params, played: loss(params, member, run.policy, played)
    params, kept, metrics = run.learner.learn(
        run.task,
        jax.random.fold_in(key, streams.LEARN),
        before.params,
        before.learner,
        played,
        hypers,
        own,
    )
    return Segment(params, kept, games), metrics | living


def _play_one(
    run: Training,
    shared: Shared | None,
    before: Segment,
    matches: Matches,
    key: Key,
    index: Array,
    hypers: Hypers,
) -> tuple[tuple[Games, ...], Played, Metrics]:
    """A segment of one member is played, and rewarded as the method says."""
    params = run.learner.acting(before.params, hypers)
    games, played = play(run, params, matches, before.games, key)
    living = _living(run, played)
    if run.method.reward is not None:
        member = _member(shared, before, matches, index)
        played = run.method.reward(member, run.policy, played)
    return games, played, living


def play(
    run: Training, params: Params, matches: Matches, games: tuple[Games, ...], key: Key
) -> tuple[tuple[Games, ...], Played]:
    """A segment of all kinds of games of one member, by parameters as it acts while it learns."""
    env, ends, trajectories = run.env, [], []
    length = segment_length(env, run.learner)
    ends_early = not env.spec.fixed_length and segments(env, run.learner) > 1
    policy, world = _behaving(run), run.learner.world(env)
    for i, (spec, match) in enumerate(zip(run.method.specs, matches, strict=True)):
        own, before = jax.random.fold_in(key, i), games[i]
        if ends_early:
            deal = jax.random.fold_in(own, streams.DEAL)
            before = begin_anew(env, spec, run.policy, match, before, deal)
        end, played = rollout(env, spec, policy, params, match, before, own, length, world=world)
        ends.append(end)
        trajectories.append(played)
    return tuple(ends), tuple(trajectories)


def tell(
    run: Training, state: TrainState, games: tuple[Games, ...], matches: Matches, metrics: Metrics
) -> TrainState:
    """The state after the method was told what an update came to."""
    method, mstate, partners = run.method, state.method, state.partners
    if method.select is None and method.after is None:
        return state
    returns = tuple(
        played.returns.reshape(len(state.key), spec.blocks, -1).mean(-1)
        for spec, played in zip(method.specs, games, strict=True)
    )
    told = Told(metrics, matches, returns, state.update, state.budget)
    if method.select is not None:
        # the key of the whole population is that of its first member
        key = jax.random.fold_in(fold(state.key[:1], state.update)[0], streams.METHOD)
        mstate, source = method.select(mstate, key, told)
        copied = jax.tree.map(lambda x: x[source], (state.params, state.learner, state.alive))
        params, learner, alive = copied
        state = state._replace(params=params, learner=learner, alive=alive)
    if method.after is not None:
        mstate, partners = method.after(mstate, state.params, told, partners)
    return state._replace(method=mstate, partners=partners)


def bytes_each(run: Training) -> int:
    """What one member needs for a segment: a rough count, with room for activations."""
    spec, length = run.env.spec, segment_length(run.env, run.learner)
    samples = length * sum(one.envs(run.learner.envs) for one in run.method.specs)
    return samples * spec.num_agents * (8 * math.prod(spec.obs_shape) + 4096)


def _member(shared: Shared | None, before: Segment, matches: Matches, index: Array) -> Member:
    assert shared is not None  # handed on whenever there is a hook to ask for it
    return Member(index, before.params, matches, shared.everyone, shared.mstate, shared.partners)


def _behaving(run: Training) -> Policy | Team:
    """The policy as it explores."""
    behave = run.learner.behave
    if isinstance(run.policy, Team):
        return replace(run.policy, policies=tuple(behave(one) for one in run.policy.policies))
    return behave(run.policy)


def _living(run: Training, trajectories: Played) -> Metrics:
    """How much of a segment was played by living games; the rest waited for the others."""
    if run.env.spec.fixed_length:
        return {}
    return {"playing": jnp.stack([x.playing.mean() for x in trajectories]).mean()}


def _hypers(run: Training, state: TrainState, members: int) -> Hypers:
    """What each member learns with now, each [M]."""
    # floats: a long run has more steps than an int32 can count
    steps = state.update.astype(jnp.float32) * steps_per_update(run.env, run.learner)
    clock = Clock(steps, state.update / jnp.maximum(state.budget, 1))
    usual = jax.tree.map(lambda x: jnp.broadcast_to(x, members), run.learner.schedule(clock))
    return usual if run.method.tune is None else run.method.tune(state.method, usual)


def _all_finite(params: Params, learner: PyTree, returns: Array) -> Array:
    """[M] bool: all numbers of a member, and what it earned, are numbers."""
    good = [
        jnp.isfinite(x).reshape(len(x), -1).all(1)
        for x in (*jax.tree.leaves(params), *jax.tree.leaves(learner), returns)
        if jnp.issubdtype(x.dtype, jnp.floating)
    ]
    return jnp.stack(good).all(0)


def _choose(alive: Array, new: PyTree, old: PyTree) -> PyTree:
    """[M, ...] new values of the members that are alive, old ones of the others."""
    pick = lambda x, y: jnp.where(alive.reshape(-1, *(1,) * (x.ndim - 1)), x, y)
    return jax.tree.map(pick, new, old)
