"""Games of the reference engine, written down."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.replays import Games
from zsc.envs.storm import Storm
from zsc.envs.storm.state import FORWARD, INTERACT, LEFT, RIGHT, beam_cells

BATCH = 16  # games of a program


@cache
def module(size: int) -> Any:
    """Their module; for the small field a copy with other constants, which is how it was made."""
    with contextlib.redirect_stdout(io.StringIO()):
        from jaxmarl.environments.storm import storm_2p
    if size == 8:
        return storm_2p
    spec = importlib.util.spec_from_file_location(
        "jaxmarl.environments.storm.small", storm_2p.__file__
    )
    assert spec is not None
    assert spec.loader is not None
    small = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small)
    field = Storm(size=size).field
    red, blue = (jnp.asarray(x) for x in field.homes)
    small.GRID_SIZE, small.NUM_COINS = size, len(red)
    small.COIN_SPAWNS = jnp.stack([blue, red], axis=1).reshape(-1, 2)
    # theirs are named the other way round
    small.RED_SPAWN, small.BLUE_SPAWN = blue, red
    small.AGENT_SPAWNS = jnp.asarray(field.spawns)
    return small


@cache
def engine(env: Storm, length: int) -> Any:
    """Their game with our settings, and so many steps."""
    return module(env.size).InTheGrid_2p(
        num_inner_steps=length,
        fixed_coin_location=not env.shuffled,
        payoff_matrix=jnp.array(env.payoffs, jnp.float32),
        freeze_penalty=env.freeze,
    )


def play(env: Storm, seed: int) -> Games:
    """BATCH games of `seek` until env's horizon.

    Where env is not to end as the reference does, theirs is played with a longer horizon.
    """
    states, actions, obs, reward, keys = _run(env)(jax.random.key(seed))
    states, actions, obs, reward = jax.tree.map(np.asarray, (states, actions, obs, reward))
    steps = actions.shape[:2]
    states["time"] = np.broadcast_to(np.arange(env.horizon + 1), (BATCH, env.horizon + 1))
    ends = np.broadcast_to(np.arange(1, env.horizon + 1) == env.horizon, steps)
    paid = {"reward": reward, "truncated": ends, "terminated": np.zeros(steps, bool)}
    mask = np.ones((*obs.shape[:3], 5), bool)
    return Games(states, actions, {"obs": obs, "mask": mask}, paid, keys)


def snapshots(state: Any) -> dict[str, Any]:
    """Their state by the names of our snapshot, without the time."""
    names = ("red_pos", "blue_pos", "red_inventory", "blue_inventory", "red_coins", "blue_coins")
    return {name: getattr(state, name) for name in (*names, "freeze", "grid")}


def row(obs: Any) -> Any:
    """[2, 260] their two observations as ours."""
    zeros = jnp.zeros(4)
    flat = lambda one: jnp.concatenate([one["observation"].reshape(-1), one["inventory"], zeros])
    return jnp.stack([flat(one) for one in obs])


@cache
def _run(env: Storm) -> Any:
    length = env.horizon + (0 if env.reference else 1)
    theirs = engine(env, length)

    def one(key: Any) -> Any:
        start, moves = jax.random.split(key)
        obs, state = theirs.reset(start)

        def step(state: Any, key: Any) -> Any:
            action = seek(env.size, jax.random.fold_in(key, 1), state)
            obs, state, reward, _, _ = theirs.step_env(key, state, (action[0], action[1]))
            return state, (snapshots(state), action, row(obs), jnp.stack(reward))

        state = state.replace(**{n: jnp.asarray(getattr(state, n)) for n in ("step", "outer_t")})
        state = state.replace(done=jnp.asarray(False))
        keys = jax.random.split(moves, env.horizon)
        _, (states, actions, seen, reward) = jax.lax.scan(step, state, keys)
        put = lambda first, rest: jnp.concatenate([jnp.asarray(first)[None], rest])
        return (
            jax.tree.map(put, snapshots(state), states),
            actions,
            put(row(obs), seen),
            reward,
            keys,
        )

    return jax.jit(lambda key: jax.vmap(one)(jax.random.split(key, BATCH)))


def seek(size: int, key: Any, state: Any) -> Any:
    """[2] actions: to the nearest coin, then to the other and at it; a third is any of the five."""
    pos = jnp.stack([state.red_pos, state.blue_pos]).astype(jnp.int32)
    cells, direction = pos[:, :2], pos[:, 2]
    has = jnp.stack([state.red_inventory.sum() > 0, state.blue_inventory.sum() > 0])
    coins = jnp.concatenate([state.red_coins, state.blue_coins]).astype(jnp.int32)
    there = jnp.isin(state.grid[coins[:, 0], coins[:, 1]], jnp.array([3, 4]))
    far = jnp.abs(cells[:, None] - coins).sum(-1) + 100 * ~there
    target = jnp.where(has[:, None], cells[::-1], coins[far.argmin(-1)])
    way = target - cells
    along = jnp.abs(way[:, 1]) >= jnp.abs(way[:, 0])
    wanted = jnp.where(along, jnp.where(way[:, 1] >= 0, 0, 2), jnp.where(way[:, 0] >= 0, 1, 3))
    turn = (wanted - direction) % 4
    walk = jnp.where(turn == 0, FORWARD, jnp.where(turn == 3, RIGHT, LEFT))
    lit = beam_cells(size, cells.astype(jnp.int8), direction.astype(jnp.int8))
    meets = (lit == cells[::-1, None]).all(-1).any(-1) & has
    draws = jax.random.split(key)
    aimless = jax.random.randint(draws[0], (2,), 0, 5)
    random = jax.random.bernoulli(draws[1], 0.3, (2,))
    return jnp.where(random, aimless, jnp.where(meets, INTERACT, walk))
