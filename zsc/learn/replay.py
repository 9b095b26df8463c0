"""A replay buffer: a ring of past games of one member, as arrays."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from zsc.types import Array, Key, PyTree


class Buffer(NamedTuple):
    """The last games of one member."""

    games: PyTree  # [capacity, T, ...]
    seen: Array  # [] int32, games put in so far


def empty(shapes: PyTree, capacity: int) -> Buffer:
    """A buffer for games whose leaves have these shapes [T, ...]."""
    make = lambda x: jnp.zeros((capacity, *x.shape), x.dtype)
    return Buffer(jax.tree.map(make, shapes), jnp.int32(0))


def add(buffer: Buffer, games: PyTree) -> Buffer:
    """Games [E, T, ...] in the places of the oldest; E divides the capacity."""
    capacity = len(jax.tree.leaves(buffer.games)[0])
    count = len(jax.tree.leaves(games)[0])
    put = lambda old, new: jax.lax.dynamic_update_slice_in_dim(old, new, buffer.seen % capacity, 0)
    return Buffer(jax.tree.map(put, buffer.games, games), buffer.seen + count)


def draw(buffer: Buffer, key: Key, count: int) -> PyTree:
    """Some of the games that are in it, uniformly with replacement."""
    capacity = len(jax.tree.leaves(buffer.games)[0])
    index = jax.random.randint(key, (count,), 0, jnp.minimum(buffer.seen, capacity))
    return jax.tree.map(lambda x: x[index], buffer.games)
