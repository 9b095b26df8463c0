"""The state of a training, and how much is played for one update."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc import keys as streams
from zsc.agents.policy import Policy, Team
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.learn.base import Learner, Task
from zsc.learn.ppo import PPOConfig, ppo
from zsc.machine.members import make_members, replicate, spread
from zsc.machine.memory import bytes_of, check
from zsc.train.method import Method, PerMember, no_method_state
from zsc.types import Array, Key, Params, PyTree


class TrainState(NamedTuple):
    """Everything that a run needs to go on."""

    params: Params  # [M, ...] what acts; of a team a tuple with an entry for each policy
    learner: PyTree  # [M, ...] what learning needs beside: optimizer, critic, target, buffer
    method: PyTree  # the method's own state
    partners: Params  # frozen partners [P, ...], or whatever `Method.init` made of them
    key: Key  # [M] one per member, fixed for the whole run
    update: Array  # [] int32, updates done
    budget: Array  # [] int32, updates to do in all
    alive: Array  # [M] bool; a member whose numbers went bad keeps its last good parameters


@lru_cache(maxsize=64)
def as_learner(learner: PPOConfig | Learner) -> Learner:
    """Settings of PPO stand for PPO with these settings."""
    return learner if isinstance(learner, Learner) else ppo(learner)


def segment_length(env: Environment, learner: PPOConfig | Learner) -> int:
    """T: steps between two policy updates."""
    return -(-env.spec.horizon // learner.segments)


def segments(env: Environment, learner: PPOConfig | Learner) -> int:
    """How many segments an episode is cut into; never more than it has steps."""
    return -(-env.spec.horizon // segment_length(env, learner))


def steps_per_update(env: Environment, learner: PPOConfig | Learner) -> int:
    """Environment steps that one member plays for one update."""
    return env.spec.horizon * learner.envs


def updates_for(env: Environment, learner: PPOConfig | Learner, steps: float) -> int:
    """How many updates a budget of environment steps per member pays for.

    Raises UserError for a budget that is no number, or pays for none.
    """
    cost = steps_per_update(env, learner)
    if not abs(steps) < cost * 2.0**31:  # nan as well
        raise UserError(f"steps is {steps:g}: give a number of steps that can be played, e.g. 1e6")
    if steps < cost:
        raise UserError(
            f"{steps:g} steps are fewer than one update: {learner.envs} games of "
            f"{env.spec.horizon} steps need {cost} (raise steps, or lower envs)"
        )
    return int(steps // cost)


def init_state(
    env: Environment,
    policy: Policy | Team,
    method: Method,
    learner: PPOConfig | Learner,
    *,
    members: int | Sequence[int],
    seed: int,
    updates: int,
    partners: Params = (),
) -> TrainState:
    """A fresh population.

    members: how many, or which; member m is the same in any company. updates: the budget, by which
    schedules end. partners: frozen partners for the method. Raises UserError for no members, or
    more than clearly fit into memory.
    """
    count = members if isinstance(members, int) else len(members)
    if count == 0:
        raise UserError("a population of 0 members cannot be trained: use members >= 1")
    given = env, policy, method, as_learner(learner), streams.seed_bits(seed)
    # traced once, for its shapes and for the program
    made = _init.eval_shape(*given, jax.ShapeDtypeStruct((count,), jnp.int32), updates, partners)
    own = bytes_of(made) / jax.process_count()  # members are dealt to the processes
    check(f"a population of {count:,}", own, "train fewer members", on_device=True)
    ids = np.arange(members) if isinstance(members, int) else np.asarray(members)
    return place(_init(*given, ids, updates, partners))


def place(state: TrainState) -> TrainState:
    """Members on their devices, the rest on all: the same in and out, so nothing recompiles."""
    count = len(state.key)
    per_member = lambda x: isinstance(x, PerMember)

    def put(part: PyTree) -> PyTree:
        return (spread if per_member(part) else replicate)(part, count)

    def each(tree: PyTree) -> PyTree:
        return jax.tree.map(put, tree, is_leaf=per_member)

    params, learner, key, alive = spread(
        (state.params, state.learner, state.key, state.alive), count
    )
    method, partners = each((state.method, state.partners))
    update, budget = replicate((state.update, state.budget), count)
    return TrainState(params, learner, method, partners, key, update, budget, alive)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _init(
    env: Environment,
    policy: Policy | Team,
    method: Method,
    learner: Learner,
    seed: Array,
    ids: Array,
    updates: int,
    partners: Params,
) -> TrainState:
    root = jax.random.key(seed)
    keys = jax.vmap(partial(jax.random.fold_in, root))(ids)
    params = make_members(policy.init, keys)
    task = Task(env, policy, method.specs)
    kept = make_members(partial(learner.init, task), keys, params)
    begin = method.init or no_method_state
    given = begin(jax.random.fold_in(root, streams.METHOD), params, partners)
    mstate, partners = jax.tree.map(_settled, given)
    counter = jnp.asarray(0, jnp.int32)
    budget, alive = jnp.asarray(updates, jnp.int32), jnp.ones(len(ids), bool)
    return TrainState(params, kept, mstate, partners, keys, counter, budget, alive)


def _settled(x: Array) -> Array:
    """The array with a type of its own: one made of a plain number would be another program's."""
    if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return x
    return jax.lax.convert_element_type(x, x.dtype)
