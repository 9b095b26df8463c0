"""The state of a kitchen: some sixty bytes of small integers, and its plain-array snapshot."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from zsc.envs.overcooked.layouts import Terrain
from zsc.types import Array

NORTH, SOUTH, EAST, WEST, STAY, INTERACT = range(6)
#: What is held or lies. SOUP is the one of three onions; by the rules of 2020 the other soups
#: follow the tomato, see `rules.SOUP_ITEMS`.
NOTHING, ONION, DISH, SOUP, TOMATO = range(5)
POT_SIZE = 3  # ingredients that a pot takes
COOK_TIME = 20  # ticks until a soup is ready, where its kitchen says nothing else
IDLE = -1  # the tick of a pot that does not cook


class State(NamedTuple):
    """One kitchen. Counters are in the order of `Terrain.places`, pots in row-major order."""

    cell: Array  # [A] int32, where each agent stands
    direction: Array  # [A] int32, NORTH ... WEST
    held: Array  # [A] int32, NOTHING ... SOUP, and more by the rules of 2020
    counter: Array  # [C] int8, the same
    pot_n: Array  # [K] int8, onions in the pot, 0-3
    pot_tick: Array  # [K] int8, IDLE, from 1 on cooking, as many as the soup cooks: ready
    time: Array  # [] int32, steps since the reset
    pot_t: Array | None = None  # [K] int8, tomatoes in the pot, 0-3; None by the rules of 2019


def initial_state(terrain: Terrain, cell: Array, *, tomatoes: bool = False) -> State:
    """Agents at the given cells [A], facing north with empty hands in an empty kitchen."""
    pots = terrain.pots.shape[0]
    return State(
        cell=cell.astype(jnp.int32),
        direction=jnp.full(cell.shape[0], NORTH, jnp.int32),
        held=jnp.full(cell.shape[0], NOTHING, jnp.int32),
        counter=jnp.full(len(terrain.places), NOTHING, jnp.int8),
        pot_n=jnp.zeros(pots, jnp.int8),
        pot_tick=jnp.full(pots, IDLE, jnp.int8),
        time=jnp.int32(0),
        pot_t=jnp.zeros(pots, jnp.int8) if tomatoes else None,
    )


def snapshot(terrain: Terrain, width: int, state: State) -> dict[str, Any]:
    """Plain arrays: pos [A, 2] as (x, y), dir [A], held [A], counter [H, W], pot_n [K],
    pot_tick [K], time []; by the rules of 2020 also pot_t [K]."""
    items = jnp.zeros(terrain.kinds.shape, jnp.int8).at[terrain.places].set(state.counter)
    plain = {
        "pos": jnp.stack([state.cell % width, state.cell // width], axis=-1),
        "dir": state.direction,
        "held": state.held,
        "counter": items.reshape(-1, width),
        "pot_n": state.pot_n,
        "pot_tick": state.pot_tick,
        "time": state.time,
    }
    return plain if state.pot_t is None else plain | {"pot_t": state.pot_t}


def restore(terrain: Terrain, width: int, snapshot: dict[str, Any]) -> State:
    """The state with these plain arrays; any state can be injected."""
    pos = jnp.asarray(snapshot["pos"], jnp.int32)
    items = jnp.asarray(snapshot["counter"], jnp.int8).reshape(-1)
    tomatoes = snapshot.get("pot_t")
    return State(
        cell=pos[:, 1] * width + pos[:, 0],
        direction=jnp.asarray(snapshot["dir"], jnp.int32),
        held=jnp.asarray(snapshot["held"], jnp.int32),
        counter=items[terrain.places],
        pot_n=jnp.asarray(snapshot["pot_n"], jnp.int8),
        pot_tick=jnp.asarray(snapshot["pot_tick"], jnp.int8),
        time=jnp.asarray(snapshot["time"], jnp.int32),
        pot_t=None if tomatoes is None else jnp.asarray(tomatoes, jnp.int8),
    )
