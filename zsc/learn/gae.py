"""Generalised advantage estimation, with the time limit apart from the end of the game."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from zsc.types import Array


def gae(
    reward: Array,
    value: Array,
    last_value: Array,
    terminated: Array,
    truncated: Array,
    *,
    gamma: float,
    lam: float,
) -> Array:
    """Advantages [T, ...] (Schulman et al. 2016, arXiv 1506.02438, equation 16).

    reward, value, terminated, truncated [T, ...]; last_value [...] is the value of what follows
    the last step. A terminated step has no future. A truncated one has: it bootstraps from the
    value of the state it was cut off in, and only the sum over later errors stops there. value[t+1]
    must therefore be the value of that state, as it is where terminal states absorb.
    """
    next_value = jnp.concatenate([value[1:], last_value[None]])
    delta = reward + gamma * next_value * ~terminated - value
    carries_on = gamma * lam * ~(terminated | truncated)

    def backwards(later: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        error, decay = now
        advantage = error + decay * later
        return advantage, advantage

    start = jnp.zeros_like(last_value)
    return jax.lax.scan(backwards, start, (delta, carries_on), reverse=True)[1]
