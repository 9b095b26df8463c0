"""The state of a foraging game: small integers, and its plain-array snapshot."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from zsc.types import Array

NOOP, NORTH, SOUTH, WEST, EAST, LOAD = range(6)


class State(NamedTuple):
    """One game of A agents and F foods. Cells are (row, column), row 0 is north."""

    pos: Array  # [A, 2] int8
    level: Array  # [A] int8, from 1
    loading: Array  # [A] bool, loaded in the last step
    food_pos: Array  # [F, 2] int8
    food_level: Array  # [F] int8, from 1; 0 for a food that found no room at the start
    food_eaten: Array  # [F] bool
    time: Array  # [] int32, steps since the reset


def snapshot(state: State) -> dict[str, Any]:
    """Plain arrays by the names of the state's fields."""
    return state._asdict()


def restore(snapshot: dict[str, Any]) -> State:
    """The state with these plain arrays; any state can be injected."""
    flags = ("loading", "food_eaten")
    kinds = dict.fromkeys(State._fields, jnp.int8) | dict.fromkeys(flags, jnp.bool_)
    kinds["time"] = jnp.int32
    return State(**{name: jnp.asarray(snapshot[name], kind) for name, kind in kinds.items()})
