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

    >>> end = jnp.array([False, True])
    >>> gae(jnp.array([0.0, 1.0]), jnp.zeros(2), jnp.float32(5.0), end, ~end & False,
    ...     gamma=0.5, lam=1.0).tolist()  # the 5 comes after the end: nobody gets it
    [0.5, 1.0]
    >>> gae(jnp.array([0.0, 1.0]), jnp.zeros(2), jnp.float32(5.0), ~end & False, end,
    ...     gamma=0.5, lam=1.0).tolist()  # a time limit cuts nothing off
    [1.75, 3.5]
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
