"""Points that are pushed around on a plane, as in the particle worlds of mpe2 and jaxmarl."""

from __future__ import annotations

import jax.numpy as jnp

from zsc.types import Array

_DT, _DAMPING, _ACCELERATION = 0.1, 0.25, 5.0
_STIFFNESS, _SOFTNESS = 100.0, 1e-3


def advance(
    pos: Array, vel: Array, move: Array, radius: float, collide: bool
) -> tuple[Array, Array]:
    """Positions and velocities [A, 2] a step later, for moves [A]; the old velocity moves."""
    force = jnp.stack([_chosen(move, axis) for axis in (0, 1)], axis=-1)
    if collide:
        force = force + _contact(pos, radius)
    return pos + vel * _DT, vel * (1 - _DAMPING) + force * _DT


def _chosen(move: Array, axis: int) -> Array:
    """[A] the force along an axis: comparisons, where a table would be gathered game by game."""
    plus, minus = 2 + 2 * axis, 1 + 2 * axis
    return _ACCELERATION * ((move == plus).astype(jnp.float32) - (move == minus))


def _contact(pos: Array, radius: float) -> Array:
    """[A, 2] what agents that touch do to one another, each pair once."""
    agents = pos.shape[0]
    total = [jnp.zeros(2)] * agents
    for i in range(agents):
        for j in range(i + 1, agents):
            away = pos[i] - pos[j]
            apart = jnp.sqrt(jnp.square(away).sum())
            deep = jnp.logaddexp(0.0, (2 * radius - apart) / _SOFTNESS) * _SOFTNESS
            push = _STIFFNESS * away / jnp.maximum(apart, 1e-12) * deep
            total[i], total[j] = total[i] + push, total[j] - push
    return jnp.stack(total)
