"""A learner as a value: how one member learns from what it played."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import jax
import optax

from zsc.agents.policy import Policy, Team
from zsc.envs.base import Environment
from zsc.play.match import MatchSpec
from zsc.play.rollout import Trajectory
from zsc.types import Array, Key, Params, PyTree, State

Metrics: TypeAlias = dict[str, Array]
Played: TypeAlias = tuple[Trajectory, ...]  # one per MatchSpec; of one member unless said otherwise
Hypers: TypeAlias = Any  # a NamedTuple of the learner's own, each []: what may change in a run
Loss: TypeAlias = Callable[[Params, Played], Array]


class Clock(NamedTuple):
    """Where a run stands; each []."""

    steps: Array  # environment steps that a member has played
    progress: Array  # share of the budget used up, 0 to 1


@dataclass(frozen=True)
class Task:
    """What is learned in; static."""

    env: Environment
    policy: Policy | Team
    specs: tuple[MatchSpec, ...]

    def players(self, kind: int) -> tuple[int, ...]:
        """[R] which of a team's policies plays each learning role in games of this kind."""
        return self.specs[kind].players(self.env.spec.num_agents)


def _unchanged(policy: Policy) -> Policy:
    return policy


def _as_they_are(params: Params, hypers: Hypers) -> Params:
    del hypers
    return params


def _no_world(env: Environment) -> None:
    del env


@dataclass(frozen=True)
class Learner:
    """Pure functions for ONE member, as optax has them for one set of parameters.

    name, config: learners of equal name and config are equal and share compiled programs.
    envs, segments: how much is played for one update, see `PPOConfig`.
    init(task, key, params) -> state: optimizer, critic, target network, replay buffer: all that
        learning needs and acting does not. So a pool is decentralised by construction.
    schedule(clock) -> hypers: settings that change in the course of a run. `Method.tune` may
        change them for each member.
    learn(task, key, params, state, played, hypers, loss) -> (params, state, metrics): one segment.
        `loss` is the method's own, or None. metrics has "loss".
    behave(policy) -> policy: how it explores while it learns, with parameters
    acting(params, hypers) -> params.
    plays(policy) -> policy: how the agents act when learning is over.
    world(env) -> the function of a state whose values [T + 1, E, ...] it wants to see, an array or
        a tree of them, or None.
    learn_jointly: `learn` for all members [M, ...] with one loss for all of them, or None.
    """

    name: str
    config: Any
    envs: int
    segments: int
    init: Callable[[Task, Key, Params], PyTree] = field(compare=False, repr=False)
    schedule: Callable[[Clock], Hypers] = field(compare=False, repr=False)
    learn: Callable[..., tuple[Params, PyTree, Metrics]] = field(compare=False, repr=False)
    behave: Callable[[Policy], Policy] = field(default=_unchanged, compare=False, repr=False)
    plays: Callable[[Policy], Policy] = field(default=_unchanged, compare=False, repr=False)
    acting: Callable[[Params, Hypers], Params] = field(
        default=_as_they_are, compare=False, repr=False
    )
    world: Callable[[Environment], Callable[[State], Array] | None] = field(
        default=_no_world, compare=False, repr=False
    )
    learn_jointly: Callable[..., tuple[Params, PyTree, Metrics]] | None = field(
        default=None, compare=False, repr=False
    )


def world_scale(env: Environment) -> tuple[float, ...]:
    """What to divide each entry of the flattened `env.world(state)` by.

    A game may say so itself, by a `world_scale`. Else a world that is all that agents see has the
    scale of observations, and any other is taken as it is.
    """
    spec = env.spec
    own: tuple[float, ...] | None = getattr(env, "world_scale", None)
    if own is not None:
        return own
    shape = jax.eval_shape(lambda key: env.world(env.reset(key)[0]), jax.random.key(0)).shape
    size, seen = math.prod(shape), spec.num_agents * math.prod(spec.obs_shape)
    if size != seen:
        return (1.0,) * size
    return spec.obs_scale * (seen // len(spec.obs_scale))


def parts(policy: Policy | Team, tree: PyTree) -> tuple[PyTree, ...]:
    """The entries of a team's parameters, gradients or optimizers; those of one policy are one."""
    return tuple(tree) if isinstance(policy, Team) else (tree,)


def whole(policy: Policy | Team, entries: tuple[PyTree, ...]) -> PyTree:
    """The inverse of `parts`."""
    return entries if isinstance(policy, Team) else entries[0]


def init_optimizer(
    optimizer: optax.GradientTransformation, policy: Policy | Team, params: Params
) -> PyTree:
    """What `descend` keeps: one entry for each policy of a team."""
    return whole(policy, tuple(optimizer.init(one) for one in parts(policy, params)))


def descend(
    optimizer: optax.GradientTransformation,
    policy: Policy | Team,
    rate: Array,
    params: Params,
    state: PyTree,
    grads: Params,
) -> tuple[Params, PyTree]:
    """A step of this learning rate along the gradients of one member.

    Each policy of a team has its own clipping, moments and multiple of the rate.
    """
    rates = policy.rates if isinstance(policy, Team) else ()
    entries = zip(*(parts(policy, tree) for tree in (params, state, grads)), strict=True)
    done = [
        step(optimizer, rate * rates[i] if rates else rate, *entry)
        for i, entry in enumerate(entries)
    ]
    moved, states = zip(*done, strict=True)
    return whole(policy, moved), whole(policy, states)


def step(
    optimizer: optax.GradientTransformation,
    rate: Array,
    params: Params,
    state: optax.OptState,
    grads: Params,
) -> tuple[Params, optax.OptState]:
    """One set of parameters moved against its gradients."""
    direction, state = optimizer.update(grads, state)
    return optax.apply_updates(params, jax.tree.map(lambda x: -rate * x, direction)), state
