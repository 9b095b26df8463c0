"""Games of jumanji's engine, written down."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jumanji.environments.routing.lbf import env as engine
from jumanji.environments.routing.lbf.generator import RandomGenerator

from tests.replays import Games
from zsc.envs.lbf import Foraging
from zsc.envs.lbf.state import LOAD

BATCH = 32  # games of a program


@cache
def reference(env: Foraging) -> engine.LevelBasedForaging:
    """Their game with our settings."""
    return engine.LevelBasedForaging(
        generator=RandomGenerator(
            grid_size=env.size,
            num_agents=env.players,
            num_food=env.foods,
            fov=env.view,
            max_agent_level=env.max_level,
            force_coop=env.cooperate,
        ),
        time_limit=env.horizon,
        grid_observation=env.encoding == "grid",
        normalize_reward=env.normalize,
        penalty=env.penalty,
    )


def play(env: Foraging, seed: int) -> Games:
    """BATCH games of `seek`; rewards are shares, whatever env pays."""
    states, actions, seen = jax.tree.map(np.asarray, _run(env)(jax.random.key(seed)))
    obs = seen.observation.agents_view
    last = seen.step_type[:, 1:] == 2
    terminated = last & (seen.discount[:, 1:] == 0).all(-1)
    return Games(
        states=states,
        actions=actions,
        shown={
            "obs": np.moveaxis(obs, -3, -1) if env.encoding == "grid" else obs,
            "mask": seen.observation.action_mask,
        },
        paid={
            "reward": seen.reward[:, 1:],
            "terminated": terminated,
            "truncated": last & ~terminated,
        },
    )


def snapshots(states: Any) -> dict[str, Any]:
    """Their states by the names of our snapshot."""
    agents, foods = states.agents, states.food_items
    return {
        "pos": agents.position,
        "level": agents.level,
        "loading": agents.loading,
        "food_pos": foods.position,
        "food_level": foods.level,
        "food_eaten": foods.eaten,
        "time": states.step_count,
    }


def seek(key: Any, state: Any) -> Any:
    """[A] actions: half of them towards the nearest food or loading it, the rest any of the six."""
    ways = jnp.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1], [0, 0]])
    pos, food = state.agents.position, state.food_items
    after = pos[:, None, None] + ways[:, None]  # [A, N, 1, 2]
    far = jnp.abs(after - food.position).sum(-1)
    far = jnp.where(food.eaten, 1000, far).min(-1)  # [A, N]
    draws = jax.random.split(key, 3)
    noise = jax.random.uniform(draws[0], far.shape)
    near = jnp.where(far[:, 0] == 1, LOAD, jnp.argmin(far[:, :LOAD] + noise[:, :LOAD], -1))
    aimless = jax.random.randint(draws[1], near.shape, 0, 6)
    return jnp.where(jax.random.bernoulli(draws[2], 0.5, near.shape), near, aimless)


@cache
def _run(env: Foraging) -> Any:
    theirs = reference(env)

    def one(key: Any) -> Any:
        start, moves = jax.random.split(key)
        state, seen = theirs.reset(start)
        seen.extras = {}

        def step(carry: Any, key: Any) -> Any:
            action = seek(key, carry[0])
            state, seen = theirs.step(carry[0], action)
            seen.extras = {}
            return (state, seen), (state, action, seen)

        keys = jax.random.split(moves, env.horizon)
        _, (states, actions, shown) = jax.lax.scan(step, (state, seen), keys)
        put = lambda first, rest: jnp.concatenate([first[None], rest])
        states = jax.tree.map(put, snapshots(state), snapshots(states))
        return states, actions, jax.tree.map(put, seen, shown)

    return jax.jit(lambda key: jax.vmap(one)(jax.random.split(key, BATCH)))
