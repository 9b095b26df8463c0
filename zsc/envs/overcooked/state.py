"""The state of a kitchen: some sixty bytes of small integers, and its plain-array snapshot."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from zsc.envs.overcooked.layouts import Terrain
from zsc.types import Array

NORTH, SOUTH, EAST, WEST, STAY, INTERACT = range(6)
NOTHING, ONION, DISH, SOUP = range(4)
POT_SIZE = 3  # onions in a soup
COOK_TIME = 20  # ticks from the third onion to a ready soup
IDLE = -1  # the tick of a pot that does not cook


class State(NamedTuple):
    """One kitchen. Counters are in the order of `Terrain.places`, pots in row-major order."""

    cell: Array  # [A] int32, where each agent stands
    direction: Array  # [A] int32, NORTH ... WEST
    held: Array  # [A] int32, NOTHING ... SOUP
    counter: Array  # [C] int8, NOTHING ... SOUP
    pot_n: Array  # [K] int8, onions in the pot, 0-3
    pot_tick: Array  # [K] int8, IDLE, 1-19 cooking, 20 ready
    time: Array  # [] int32, steps since the reset


def initial_state(terrain: Terrain, cell: Array) -> State:
    """Agents at the given cells [A], facing north with empty hands in an empty kitchen."""
    return State(
        cell=cell.astype(jnp.int32),
        direction=jnp.full(2, NORTH, jnp.int32),
        held=jnp.full(2, NOTHING, jnp.int32),
        counter=jnp.full(len(terrain.places), NOTHING, jnp.int8),
        pot_n=jnp.zeros(terrain.pots.shape[0], jnp.int8),
        pot_tick=jnp.full(terrain.pots.shape[0], IDLE, jnp.int8),
        time=jnp.int32(0),
    )


def snapshot(terrain: Terrain, width: int, state: State) -> dict[str, Any]:
    """Plain arrays: pos [A, 2] as (x, y), dir [A], held [A], counter [H, W], pot_n [K],
    pot_tick [K], time []."""
    items = jnp.zeros(terrain.kinds.shape, jnp.int8).at[terrain.places].set(state.counter)
    return {
        "pos": jnp.stack([state.cell % width, state.cell // width], axis=-1),
        "dir": state.direction,
        "held": state.held,
        "counter": items.reshape(-1, width),
        "pot_n": state.pot_n,
        "pot_tick": state.pot_tick,
        "time": state.time,
    }


def restore(terrain: Terrain, width: int, snapshot: dict[str, Any]) -> State:
    """The state with these plain arrays; any state can be injected."""
    pos = jnp.asarray(snapshot["pos"], jnp.int32)
    items = jnp.asarray(snapshot["counter"], jnp.int8).reshape(-1)
    return State(
        cell=pos[:, 1] * width + pos[:, 0],
        direction=jnp.asarray(snapshot["dir"], jnp.int32),
        held=jnp.asarray(snapshot["held"], jnp.int32),
        counter=items[terrain.places],
        pot_n=jnp.asarray(snapshot["pot_n"], jnp.int8),
        pot_tick=jnp.asarray(snapshot["pot_tick"], jnp.int8),
        time=jnp.asarray(snapshot["time"], jnp.int32),
    )
