"""Whole episodes and everything that happened in them, for records, films and teams."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import Policy
from zsc.agents.pool import Pool, check_home
from zsc.checks import seed_of
from zsc.envs.base import Environment, check_game
from zsc.errors import UserError
from zsc.machine.memory import bytes_of, check
from zsc.play.stepping import Now, advance, first
from zsc.records.record import Record
from zsc.switches import door
from zsc.types import Array, Key, Params


@door
def record(
    env: Environment,
    agents: tuple[Pool, ...],
    *,
    episodes: int = 1,
    seed: int = 0,
    first: int = 0,
) -> Record:
    """Let one agent per seat play, and keep everything. Episode e of a seed is always the same.

    agents: one pool of a single agent per seat. first: the number of the first episode. Raises
    UserError for a wrong number of seats, a pool of another game, or more than clearly fits into
    memory.
    """
    check_game(env)
    seed = seed_of(seed)
    for pool in agents:
        check_home(pool, env.spec)
    if len(agents) != env.spec.num_agents or any(len(pool) != 1 for pool in agents):
        raise UserError(
            f"{env.spec.id} has {env.spec.num_agents} seats: give one single-agent pool per seat, "
            "e.g. pool.take([0])"
        )
    if episodes < 1:
        raise UserError(f"{episodes} episodes: record at least 1")
    params = tuple(jax.tree.map(lambda x: x[0], pool.params) for pool in agents)
    policies = tuple(pool.policy for pool in agents)
    shapes = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), episodes))
    made = _play.eval_shape(env, policies, params, shapes)
    what = f"a record of {episodes:,} games of {env.spec.horizon:,} steps"
    check(what, bytes_of(made), "record fewer episodes")
    if not 0 <= first < 2**31 - episodes:
        raise UserError(f"there is no episode {first}: the first one is 0")
    keys = jax.vmap(partial(jax.random.fold_in, jax.random.key(seed)))(first + jnp.arange(episodes))
    return Record(*jax.tree.map(np.asarray, _play(env, policies, params, keys)))


@partial(jax.jit, static_argnums=(0, 1))
def _play(
    env: Environment, policies: tuple[Policy, ...], params: tuple[Params, ...], keys: Key
) -> tuple[Any, ...]:
    seats = jnp.arange(env.spec.num_agents)
    return jax.vmap(lambda key: episode(env, policies, params, seats, key))(keys)


def episode(
    env: Environment,
    policies: tuple[Policy, ...],
    params: tuple[Params, ...],
    seats: Array,
    key: Key,
) -> tuple[Any, ...]:
    """The fields of a `Record` for one episode: role r plays by policies[r] in seat seats[r]."""
    nobody = jnp.full(env.spec.num_agents, -1, jnp.int32)

    def step(now: Now, time: Array) -> tuple[Now, Any]:
        """One step of the game, and what the record keeps of it."""
        then = advance(env, policies, params, seats, key, now, time, nobody)
        seen, after = now.shown, then.shown
        kept = (seen.obs, seen.mask, then.acted, after.reward, after.info["events"], ~seen.done)
        return then, (then.state, *kept)

    start = first(env, policies, key)
    _, (states, *rest) = jax.lax.scan(step, start, jnp.arange(env.spec.horizon))
    return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), start.state, states), *rest
