"""The state of a game of STORM, and its snapshot in the reference's codes."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.types import Array

LEFT, RIGHT, FORWARD, INTERACT, STAY = range(5)
EMPTY, RED_AGENT, BLUE_AGENT, RED_COIN, BLUE_COIN, WALL, BEAM = range(7)
NOT_FROZEN = -1


class State(NamedTuple):
    """One game. Cells are (a, b); direction 0 looks along b, 1 along a, 2 and 3 back. Agent 0 is
    red, colour 0 is red."""

    pos: Array  # [2, 2] int8
    direction: Array  # [2] int8, 0-3
    inventory: Array  # [2, 2] int8, coins of each agent by colour
    homes: Array  # [2, C, 2] int8, where coins of each colour lie at first
    present: Array  # [2, C] bool, the coin still lies there
    beam: Array  # [2, 4] bool, which of the cells of `beam_cells` were lit in the last step
    freeze: Array  # [] int8, steps until both start anew, NOT_FROZEN if nobody waits
    time: Array  # [] int32, steps since the reset


def ahead(direction: Array) -> Array:
    """[..., 2] int8: the way that a direction [...] looks."""
    step = lambda one, other: (direction == one).astype(jnp.int8) - (direction == other)
    return jnp.stack([step(1, 3), step(0, 2)], axis=-1).astype(jnp.int8)


def to_the_right(forward: Array) -> Array:
    """[..., 2]: the way to the right of a way."""
    return jnp.stack([forward[..., 1], -forward[..., 0]], axis=-1)


def beam_cells(size: int, pos: Array, direction: Array) -> Array:
    """[2, 4, 2] int8: one ahead, two ahead, ahead and right, ahead and left of each agent.

    At the border the first two end on the last cell, and what is off the field is the cell ahead.
    """
    forward = ahead(direction)
    right = to_the_right(forward)
    first = jnp.clip(pos + forward, 0, size - 1)
    second = jnp.clip(pos + 2 * forward, 0, size - 1)
    sides = [pos + forward + right, pos + forward - right]
    on = lambda cell: ((cell >= 0) & (cell < size)).all(-1, keepdims=True)
    return jnp.stack([first, second, *(jnp.where(on(x), x, first) for x in sides)], axis=1)


def same(one: Array, two: Array) -> Array:
    """[...] bool: equal cells."""
    return (one == two).all(-1)


def grid_of(size: int, state: State) -> Array:
    """[size, size] int8 the reference's codes: what lies in each cell; coins cover agents."""
    cells = jnp.stack(jnp.meshgrid(jnp.arange(size), jnp.arange(size), indexing="ij"), axis=-1)
    grid = jnp.zeros((size, size), jnp.int8)

    def put(grid: Array, places: Array, there: Array, code: int) -> Array:
        marks = (cells[:, :, None] == places).all(-1) & there
        return jnp.where(marks.any(-1), jnp.int8(code), grid)

    lit = beam_cells(size, state.pos, state.direction).reshape(-1, 2)
    grid = put(grid, lit, state.beam.reshape(-1), BEAM)
    for agent, code in enumerate((RED_AGENT, BLUE_AGENT)):
        grid = put(grid, state.pos[agent : agent + 1], jnp.ones(1, bool), code)
    for colour, code in enumerate((RED_COIN, BLUE_COIN)):
        grid = put(grid, state.homes[colour], state.present[colour], code)
    return grid


def snapshot(size: int, state: State) -> dict[str, Any]:
    """Plain arrays: red_pos, blue_pos [3] (a, b, direction), red_inventory, blue_inventory [2],
    red_coins, blue_coins [C, 2], freeze [], grid [size, size], time []."""
    whole = jnp.concatenate([state.pos, state.direction[:, None]], axis=1)
    return {
        "red_pos": whole[0],
        "blue_pos": whole[1],
        "red_inventory": state.inventory[0],
        "blue_inventory": state.inventory[1],
        "red_coins": state.homes[0],
        "blue_coins": state.homes[1],
        "freeze": state.freeze,
        "grid": grid_of(size, state),
        "time": state.time,
    }


def restore(size: int, snapshot: dict[str, Any]) -> State:
    """The state of a snapshot. Of the grid the coins at home and the lit cells count."""
    small = {name: jnp.asarray(x).astype(jnp.int8) for name, x in snapshot.items()}
    both = lambda name: jnp.stack([small[f"red_{name}"], small[f"blue_{name}"]])
    whole, homes, grid = both("pos"), both("coins"), small["grid"]
    pos, direction = whole[:, :2], whole[:, 2]
    lit = beam_cells(size, pos, direction)
    at = lambda cells: grid[cells[..., 0], cells[..., 1]]
    return State(
        pos=pos,
        direction=direction,
        inventory=both("inventory"),
        homes=homes,
        present=at(homes) == np.array([[RED_COIN], [BLUE_COIN]]),
        beam=at(lit) == BEAM,
        freeze=small["freeze"],
        time=jnp.asarray(snapshot["time"], jnp.int32),
    )
