"""The state of a training, and how much is played for one update."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from zsc.agents.policy import Policy
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.learn.learner import make_optimizer
from zsc.learn.ppo import PPOConfig
from zsc.machine.members import replicate, spread
from zsc.train.method import Method, no_method_state
from zsc.types import Array, Key, Params, PyTree


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
    return place(_init(policy, method, config, jax.random.key(seed), ids, updates, pool))


def place(state: TrainState) -> TrainState:
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
