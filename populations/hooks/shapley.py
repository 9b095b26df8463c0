"""What each agent of a population contributes to its working together (COLE's graphic values).

A payoff matrix is a graph in which each agent walks to others in proportion to what it earns with
them. Everything takes a mask of who is there, so that a growing population keeps its shape.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from zsc.types import Array, Key

_DAMPING, _WALKS = 0.85, 64


def pagerank(payoff: Array, there: Array) -> Array:
    """[n] the share of a long walk that is spent with each agent; 0 for who is not there.

    payoff [n, n] from 0 on, there [n] bool. With probability .15 a walk begins anew anywhere; from
    an agent that earns nothing with anybody it goes anywhere.
    """
    edges = payoff * there[:, None] * there[None]
    count = jnp.maximum(there.sum(), 1)
    total = edges.sum(1, keepdims=True)
    anywhere = jnp.broadcast_to(there / count, edges.shape)
    moves = jnp.where(total > 0, edges / jnp.where(total > 0, total, 1.0), anywhere)
    walk = lambda _, rank: (1 - _DAMPING) * there / count + _DAMPING * rank @ moves
    return jax.lax.fori_loop(0, _WALKS, walk, there / count) * there


def graphic_value(payoff: Array, there: Array, sharpness: float = 10.0) -> Array:
    """[] v(S) = (1 / |S|) sum_ij M_ij sigma_j with sigma = softmax(-sharpness PageRank) over S.

    What those of S earn with one another, most with whom it is hard to work together (Li et al.
    2023, arXiv 2302.04831, the graphic-form game).
    """
    logits = jnp.where(there, -sharpness * pagerank(payoff, there), -jnp.inf)
    weight = jnp.where(there.any(), jax.nn.softmax(logits), 0.0)
    weight = jnp.where(there, weight, 0.0)
    return (payoff * there[:, None] * weight[None]).sum() / jnp.maximum(there.sum(), 1)


def shapley_values(
    payoff: Array, there: Array, key: Key, *, orders: int = 200, clipped: bool = True
) -> Array:
    """[n] the mean marginal value of each agent over random orders of arrival.

    clipped: negative marginal values count nothing, as in the authors' code.
    """

    def one(key: Key) -> Array:
        rank = jax.random.permutation(key, len(there))

        def arrive(before: Array, who: Array) -> tuple[Array, Array]:
            after = before | (jnp.arange(len(there)) == who)
            value = partial(graphic_value, payoff)
            return after, value(after & there) - value(before & there)

        _, gain = jax.lax.scan(arrive, jnp.zeros(len(there), bool), rank)
        return jnp.zeros(len(there)).at[rank].set(gain)

    gains = jax.lax.map(one, jax.random.split(key, orders))
    return (jnp.maximum(gains, 0.0) if clipped else gains).mean(0) * there


def preferred(payoff: Array, there: Array) -> Array:
    """[n] by how many agents each is preferred to all others (its preference centrality)."""
    apart = payoff + jnp.where(there[None] & ~jnp.eye(len(there), dtype=bool), 0.0, -jnp.inf)
    choice = jnp.argmax(apart, axis=1)
    return ((choice[:, None] == jnp.arange(len(there))) & there[:, None]).sum(0) * there
