"""Where battles begin. Games come first here, as `jax.vmap` puts them: it is done once a battle."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.smax.units import HALF, TYPE_NAMES, Scenario
from zsc.types import Array, Key

SPREAD = 2.0  # units stand so far from their team's place at most, along x and along y
EDGE = HALF - 1.0  # nobody begins nearer to the border, which kills
_CORNERS = HALF * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], np.float32)


def starts(scenario: Scenario, key: Key) -> tuple[Array, Array]:
    """(position [U, 2] from the centre, before units are pushed apart; types [U] uint8)."""
    place, kind = jax.random.split(key)
    if not scenario.random:
        return _opposite(scenario, place), jnp.asarray(scenario.types)
    allies, enemies = scenario.sizes
    types = jax.random.randint(kind, (allies,), 0, len(TYPE_NAMES)).astype(jnp.uint8)
    draw, surround, reflect = jax.random.split(place, 3)
    position = jnp.where(
        jax.random.bernoulli(draw), _surround(scenario, surround), _reflect(scenario, reflect)
    )
    return inside(position), jnp.concatenate([types, types[:enemies]])


def inside(position: Array) -> Array:
    """Positions with what lies beyond `EDGE` folded back, so that no two of them become one."""
    return jnp.where(jnp.abs(position) > EDGE, jnp.sign(position) * 2 * EDGE - position, position)


def _spread(key: Key, count: int) -> Array:
    return jax.random.uniform(key, (count, 2), minval=-SPREAD, maxval=SPREAD)


def _opposite(scenario: Scenario, key: Key) -> Array:
    """Allies around the middle of the left half, enemies of the right one."""
    sides = np.repeat(np.array([[-HALF / 2, 0], [HALF / 2, 0]], np.float32), scenario.sizes, axis=0)
    return jnp.asarray(sides) + _spread(key, scenario.units)


def _reflect(scenario: Scenario, key: Key) -> Array:
    """Allies anywhere in the left half, enemies as their mirror images."""
    low, high = jnp.array([-HALF, -HALF]), jnp.array([0.0, HALF])
    allies = jax.random.uniform(key, (scenario.sizes[0], 2), minval=low, maxval=high)
    return jnp.concatenate([allies, allies * jnp.array([-1.0, 1.0])])


def _surround(scenario: Scenario, key: Key) -> Array:
    """One team in the centre, the other in groups on the diagonals; either with probability 1/2."""
    keys = jax.random.split(key, 4)
    along = jax.random.uniform(keys[0], (4, 1))  # 1 is the centre
    group = jax.random.randint(keys[1], scenario.sizes[:1], 0, 4)
    outside = ((1 - along) * _CORNERS)[group]
    centre = jnp.zeros_like(outside)
    allies_in = jax.random.bernoulli(keys[2])
    teams = jnp.where(
        allies_in, jnp.stack([centre, outside]), jnp.stack([outside, centre])
    ).reshape(-1, 2)
    return teams + _spread(keys[3], scenario.units)
