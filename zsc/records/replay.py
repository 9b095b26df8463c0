"""Games from their actions, through the rules once more."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from zsc.envs.base import Environment, TimeStep
from zsc.types import Array, Key, State


def replay_actions(
    env: Environment, begun: tuple[State, TimeStep], key: Key, actions: Array, length: Array
) -> tuple[Any, ...]:
    """The fields of a `Record` of ONE game, from its start and its actions [T, A].

    key: step t draws by fold_in(key, t), as everywhere. length []: steps that were played; the
    state stands still after them, and after the end of the game. Pure: to be jitted by the caller.
    """

    def step(now: Any, told: Any) -> Any:
        (state, shown), (time, action) = now, told
        moved, then = env.step(jax.random.fold_in(key, time), state, action)
        plays = (time < length) & ~shown.done
        stand = lambda new, old: jnp.where(plays, new, old)
        moved, then = jax.tree.map(stand, (moved, then), (state, shown))
        reward = jnp.where(plays, then.reward, 0.0)
        kept = (shown.obs, shown.mask, action, reward, then.info["events"] & plays, plays)
        return (moved, then), (moved, *kept)

    _, (states, *rest) = jax.lax.scan(step, begun, (jnp.arange(len(actions)), actions))
    whole = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), begun[0], states)
    return (whole, *rest)
