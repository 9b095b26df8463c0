"""All that is random in STORM: who wins a race, where both start.

The reference draws everything of a step from the step's key, every time; `reference_*` do the same,
to the bit. Else starts are uniform over pairs of cells without coins and over all four directions.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.storm.dynamics import Draws, Spawn
from zsc.envs.storm.fields import Field
from zsc.types import Array, Key


def draw_spawn(field: Field, key: Key) -> Spawn:
    """A start off the coins."""
    return _spawn(field, jax.random.bits(key))


def draw_step(field: Field, key: Key) -> Draws:
    """What a step needs, from one draw of bits."""
    bits = jax.random.bits(key)
    return Draws((bits & 1) == 1, _spawn(field, bits >> 1))


def draw_homes(field: Field, key: Key) -> Array:
    """[2, C, 2] the cells of coins, dealt to the colours anew."""
    return jax.random.permutation(key, field.homes.reshape(-1, 2)).reshape(field.homes.shape)


def _spawn(field: Field, bits: Array) -> Spawn:
    pairs = field.spawns_off_coins()
    directions = jnp.stack([bits & 3, (bits >> 2) & 3]).astype(jnp.int8)
    # of 28 bits and more what is left over counts for nothing
    return Spawn(jnp.asarray(pairs)[(bits >> 4) % len(pairs)], directions)


def reference_spawn(field: Field, key: Key) -> Spawn:
    """The reference's start from a key: one of all pairs, directions 0 to 2."""
    pos = jax.random.choice(key, jnp.asarray(field.spawns), shape=(), replace=False)
    return Spawn(pos, jax.random.randint(key, (2,), 0, 3, jnp.int8))


def reference_reset(field: Field, key: Key, shuffled: bool) -> tuple[Spawn, Array]:
    """The reference's start of an episode, and the homes [2, C, 2] of its coins."""
    inner = jax.random.split(key)[1]
    homes = jnp.asarray(field.homes)
    if shuffled:
        listed = np.zeros((2 * field.homes.shape[1], 2), np.int8)
        listed[1::2], listed[::2] = field.homes  # in the order that it permutes
        homes = jax.random.permutation(inner, jnp.asarray(listed), axis=0).reshape(homes.shape)
    return reference_spawn(field, inner), homes


def reference_step(field: Field, key: Key) -> Draws:
    """The reference's draws of a step."""
    wins = jax.random.choice(key, jnp.array([0, 1]))
    return Draws(wins == 1, reference_spawn(field, key))
