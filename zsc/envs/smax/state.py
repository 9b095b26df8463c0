"""The state of a battle, and its plain-array snapshot under the reference's names."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from zsc.envs.smax.units import HALF
from zsc.types import Array

UP, RIGHT, DOWN, LEFT, STOP = range(5)
MOVES = 5  # the actions before the attacks, STOP among them
NOBODY = -1


class Memory(NamedTuple):
    """What the scripted enemies remember, E of them."""

    goal: Array  # [E, 2] float32, where they go while they see nobody; from the centre
    target: Array  # [E] int32, whom they attacked last, as they count allies; NOBODY


class State(NamedTuple):
    """One battle of U units, allies first.

    Positions are told from the centre of the map, y upwards, and lie on a grid that is fine enough
    for nobody to notice (`GRID`): so a mirror image is exact, bit for bit, and so is the way to
    the reference's corner and back.
    """

    position: Array  # [U, 2] float32, x and y in map units
    health: Array  # [U] float32; 0 is dead
    types: Array  # [U] uint8
    cooldown: Array  # [U] float32, seconds until the weapon is ready; ready from 0 down
    action: Array  # [U] int32, the last one: UP ... STOP, or an attack
    time: Array  # [] int32, steps since the reset
    memory: Any = ()  # Memory; () where both teams are agents


class Draws(NamedTuple):
    """All that is random in a step against scripted enemies."""

    noise: Array  # [8, U] float32, what each world step would add to a cooldown after a shot
    picks: Array  # [E, allies] float32: of those it sees, an enemy follows the one with the highest


#: Steps of positions in map units. Beyond the border, where a push may leave a unit for a step,
#: they are twice as long, or float32 could not tell them from the corner.
GRID = 2.0**-19


def on_grid(position: Array) -> Array:
    """Positions rounded to the grid; half a step goes to the even one, so a mirror image agrees."""
    step = jnp.where(jnp.abs(position) >= HALF, 2 * GRID, GRID)
    return jnp.round(position / step) * step


def snapshot(state: State) -> dict[str, Any]:
    """Plain arrays under the reference's names; positions [U, 2] from the corner of the map."""
    attacks = state.action >= MOVES
    plain = {
        "unit_positions": state.position + HALF,
        "unit_alive": state.health > 0,
        "unit_health": state.health,
        "unit_types": state.types,
        "unit_weapon_cooldowns": state.cooldown,
        "prev_movement_actions": direction(state.action),
        "prev_attack_actions": jnp.where(attacks, state.action, 0),
        "time": state.time,
    }
    if isinstance(state.memory, Memory):
        plain["enemy_goals"] = state.memory.goal + HALF
        plain["enemy_targets"] = state.memory.target
    return plain


def restore(snapshot: dict[str, Any], enemies: int) -> State:
    """The state with these plain arrays; any state can be injected.

    enemies: how many are scripted, 0 if none. What they remember may be left out: then they are as
    at the start of a battle.
    """
    get = lambda name, kind: jnp.asarray(snapshot[name], kind)
    position = get("unit_positions", jnp.float32) - HALF
    attack = get("prev_attack_actions", jnp.int32)
    moved = _code(get("prev_movement_actions", jnp.float32))
    memory: Any = ()
    if enemies and "enemy_goals" in snapshot:
        goal = get("enemy_goals", jnp.float32) - HALF
        memory = Memory(goal, get("enemy_targets", jnp.int32))
    elif enemies:
        memory = first_memory(position[-enemies:])
    return State(
        position=position,
        health=jnp.where(get("unit_alive", bool), get("unit_health", jnp.float32), 0.0),
        types=get("unit_types", jnp.uint8),
        cooldown=get("unit_weapon_cooldowns", jnp.float32),
        action=jnp.where(attack >= MOVES, attack, moved),
        time=get("time", jnp.int32),
        memory=memory,
    )


def first_memory(position: Array) -> Memory:
    """What enemies at [E, 2] begin with: they go to the opposite place."""
    return Memory(0.0 - position, jnp.full(position.shape[0], NOBODY, jnp.int32))


def direction(action: Array) -> Array:
    """[..., 2] float32, the step of length 1 of moves, (0, 0) of anything else."""
    along = (action == RIGHT).astype(jnp.float32) - (action == LEFT).astype(jnp.float32)
    up = (action == UP).astype(jnp.float32) - (action == DOWN).astype(jnp.float32)
    return jnp.stack([along, up], axis=-1)


def _code(moved: Array) -> Array:
    """The move of a step [..., 2]: the inverse of `direction`."""
    x, y = moved[..., 0], moved[..., 1]
    code = jnp.where(y > 0.5, UP, STOP)
    code = jnp.where(y < -0.5, DOWN, code)
    code = jnp.where(x > 0.5, RIGHT, code)
    return jnp.where(x < -0.5, LEFT, code).astype(jnp.int32)
