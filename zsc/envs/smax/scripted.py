"""The reference's scripted enemy, from the state. Games last.

Who can shoot shoots, at whom it attacked last if that one is still in range, else at the nearest;
it stands still meanwhile, also while its weapon cools down. Who cannot goes after one of the allies
it sees, drawn anew every step, and to the place opposite its start while it sees nobody.
"""

from __future__ import annotations

import jax.numpy as jnp

from zsc.envs.smax.dynamics import apart
from zsc.envs.smax.state import MOVES, NOBODY, STOP, Memory, State
from zsc.envs.smax.units import Scenario, stats_of
from zsc.types import Array


def decide(scenario: Scenario, state: State, picks: Array) -> tuple[Array, Memory]:
    """[E, G] the enemies' actions, and what they remember. picks [E, allies, G], see `Draws`."""
    allies = scenario.sizes[0]
    stats, alive = stats_of(state.types), state.health > 0
    near = apart(scenario, state.position[:, 0], state.position[:, 1])  # [allies, E, G]
    both = alive[:allies, None] & alive[None, allies:]
    sight, reach = stats.sight[None, allies:], stats.reach[None, allies:]
    seen, shootable = both & (near < sight * sight), both & (near < reach * reach)
    memory = state.memory
    target = jnp.full_like(memory.target, NOBODY)
    closest = jnp.full(target.shape, jnp.inf, jnp.float32)
    keeps = jnp.zeros(target.shape, bool)
    best = jnp.full(target.shape, -1.0, jnp.float32)
    goal = memory.goal
    for number in range(allies):  # as an enemy counts them
        ally = allies - 1 - number
        nearer = shootable[ally] & (near[ally] < closest)
        target = jnp.where(nearer, number, target)
        closest = jnp.where(nearer, near[ally], closest)
        keeps |= shootable[ally] & (memory.target == number)
        follow = seen[ally] & (picks[:, ally] > best)
        goal = jnp.where(follow[:, None], state.position[ally], goal)
        best = jnp.where(follow, picks[:, ally], best)
    target = jnp.where(keeps, memory.target, target)
    walk = towards(goal[:, 0] - state.position[allies:, 0], goal[:, 1] - state.position[allies:, 1])
    action = jnp.where(target >= 0, target + MOVES, walk)
    return jnp.where(alive[allies:], action, STOP), Memory(memory.goal, target)


def towards(dx: Array, dy: Array) -> Array:
    """[...] int32, the move that goes furthest along (dx, dy); the first of equals."""
    move, best = jnp.zeros(dx.shape, jnp.int32), dy
    for code, along in ((1, dx), (2, -dy), (3, -dx)):
        move = jnp.where(along > best, code, move)
        best = jnp.maximum(along, best)
    return move
