"""What an agent sees: the reference engine's 26 channels, or only what can change.

Both are egocentric: the observing agent comes first, its partner second.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked.layouts import (
    COUNTER,
    DISHES,
    KINDS,
    ONIONS,
    POT,
    SERVING,
    Layout,
    Terrain,
)
from zsc.envs.overcooked.state import COOK_TIME, DISH, IDLE, ONION, POT_SIZE, SOUP, State
from zsc.types import Array

URGENT = 40  # steps before the end at which the urgency channel lights up

CHANNELS = (
    *("own position", "partner position"),
    *(f"{who} faces {way}" for who in ("own", "partner") for way in "NSEW"),
    *("pot", "counter", "onion dispenser", "tomato dispenser", "dish dispenser", "serving"),
    *("onions in pot", "tomatoes in pot", "onions in soup", "tomatoes in soup"),
    *("cook time remaining", "soup done", "dishes", "onions", "tomatoes", "urgency"),
)
GRID_MAX = (1,) * 16 + (POT_SIZE,) * 4 + (COOK_TIME,) + (1,) * 5

_POT_N, _SOUP_N, _REMAINING, _DONE, _DISHES, _ONIONS, _URGENCY = 16, 18, 20, 21, 22, 23, 25


def grid(terrain: Terrain, size: tuple[int, int], state: State, horizon: int) -> Array:
    """[A, H, W, 26] uint8: `lossless_state_encoding` of the reference engine (transposed to rows).

    For a state that has a place for every cell of the frame (H, W); `into_frame` makes it. A cell
    shows one of few rows: a tile and what lies on it, a pot and what is in it, or a cook. So each
    cell gets the number of its row, and all rows are then fetched at once.
    """
    code = terrain.kinds.astype(jnp.int16) * _ITEMS + state.counter  # [H W]
    cell = np.arange(size[0] * size[1], dtype=np.int16)
    for pot in range(terrain.pots.shape[0]):
        inside = state.pot_n[pot].astype(jnp.int16) * _TICKS + (state.pot_tick[pot] - IDLE)
        code = jnp.where(cell == terrain.pots[pot], _POT_ROWS + inside, code)
    own = _COOK_ROWS + state.direction * _ITEMS + state.held  # [A]
    partner = own + 4 * _ITEMS
    seen = jnp.stack([own, partner[::-1]], axis=1)  # [A, own and partner]
    where = jnp.stack([state.cell, state.cell[::-1]], axis=1)
    codes = (
        jnp.broadcast_to(code, (2, *code.shape))
        .at[np.arange(2)[:, None], where]
        .set(seen.astype(jnp.int16), mode="promise_in_bounds", unique_indices=True)
    )
    # written first: XLA would work the number out anew for each of the 26 channels
    urgent = jnp.where(horizon - state.time < URGENT, len(_rows()) // 2, 0).astype(jnp.int16)
    codes = jax.lax.optimization_barrier(codes + urgent).astype(jnp.int32)
    obs = jnp.asarray(_rows()).at[codes].get(mode="promise_in_bounds")
    return obs.reshape(2, *size, len(CHANNELS))


def into_frame(layout: Layout, size: tuple[int, int], state: State) -> State:
    """The state as `Layout.terrain(size)` numbers cells, with a place for every cell."""
    places = _in_frame(layout.counters, layout.width, size[1])
    items = (
        jnp.zeros(size[0] * size[1], jnp.int8)
        .at[places]
        .set(state.counter, mode="promise_in_bounds", unique_indices=True)
    )
    return state._replace(cell=_in_frame(state.cell, layout.width, size[1]), counter=items)


def _in_frame(cell: Any, width: int, wider: int) -> Any:
    """The number of a cell in a frame of more columns."""
    return cell if width == wider else cell // width * wider + cell % width


def compact_size(layout: Layout) -> int:
    """The length of the compact vector."""
    counters, pots = layout.num_reachable_counters, len(layout.pots)
    return 2 * (len(layout.floor) + 4 + 3) + 3 * counters + 6 * pots + 1


def compact_max(layout: Layout) -> tuple[int, ...]:
    """The largest value of each entry of the compact vector."""
    pots = len(layout.pots)
    return (1,) * (compact_size(layout) - 1 - pots) + (COOK_TIME,) * pots + (1,)


def compact(layout: Layout, state: State, horizon: int) -> Array:
    """[A, compact_size] uint8: everything that play can change in this layout, and nothing else.

    In order: floor cell, direction and held object of the observer, then of its partner, as
    one-hots; for each reachable counter onion, dish, soup; for each pot at least 1, 2, 3 onions,
    cooking or ready, ready; ticks left to cook for each pot; the urgency flag. Constant tiles and
    tiles that no agent can reach are left out, since a layer's bias does their work.
    """
    agent = [state.cell == int(cell) for cell in layout.floor]  # each [A]
    agent += [state.direction == direction for direction in range(4)]
    agent += [state.held == item for item in (ONION, DISH, SOUP)]
    counters = state.counter[: layout.num_reachable_counters]
    world = [lies == item for lies in counters for item in (ONION, DISH, SOUP)]
    cooks, ready = state.pot_tick >= 0, state.pot_tick >= COOK_TIME
    for pot in range(len(layout.pots)):
        world += [state.pot_n[pot] >= onions for onions in (1, 2, 3)] + [cooks[pot], ready[pot]]
    left = jnp.where(cooks, COOK_TIME - state.pot_tick, 0)
    world += [*left, horizon - state.time < URGENT]
    # entry by entry: for a batch of games each is one comparison of two vectors, where a broadcast
    # comparison of short rows and their concatenation would be worked out byte by byte
    own = jnp.stack([entry.astype(jnp.uint8) for entry in agent], axis=1)
    shared = jnp.stack([entry.astype(jnp.uint8) for entry in world])
    return jnp.concatenate([own, own[::-1], jnp.stack([shared, shared])], axis=1)


def compact_names(layout: Layout) -> tuple[str, ...]:
    """What each entry of the compact vector says."""

    def at(cell: int) -> str:
        return f"({cell % layout.width},{cell // layout.width})"

    items = ("onion", "dish", "soup")
    agent = [f"at {at(c)}" for c in layout.floor] + [f"faces {d}" for d in "NSEW"]
    agent += [f"holds {item}" for item in items]
    names = [f"{who} {what}" for who in ("own", "partner") for what in agent]
    reachable = layout.counters[: layout.num_reachable_counters]
    names += [f"{item} on {at(c)}" for c in reachable for item in items]
    pot = ("1+ onions", "2+ onions", "3 onions", "cooks or ready", "ready")
    names += [f"pot {at(c)} {what}" for c in layout.pots for what in pot]
    names += [f"pot {at(c)} ticks left" for c in layout.pots]
    return (*names, "urgent")


def _unit(channel: int, value: int = 1) -> np.ndarray:
    row = np.zeros(len(CHANNELS), np.uint8)
    row[channel] = value
    return row


# The rows that a cell can show, by number; then all of them again with the urgency flag.
_ITEMS, _TICKS = SOUP + 1, COOK_TIME - IDLE + 1  # on a tile or in hand; of a pot
_POT_ROWS = len(KINDS) * _ITEMS
_COOK_ROWS = _POT_ROWS + (POT_SIZE + 1) * _TICKS


@cache
def _rows() -> np.ndarray:
    """[2 R, 26] uint8: every row, in the order of the numbers."""
    items = (0, _unit(_ONIONS), _unit(_DISHES), _unit(_SOUP_N, POT_SIZE) + _unit(_DONE))
    tiles = {POT: 10, COUNTER: 11, ONIONS: 12, DISHES: 14, SERVING: 15}
    blank = np.zeros(len(CHANNELS), np.uint8)
    kinds = [_unit(tiles[kind]) if kind in tiles else blank for kind in range(len(KINDS))]
    rows = [tile + item for tile in kinds for item in items]
    rows += [
        kinds[POT] + _pot(onions, tick)
        for onions in range(POT_SIZE + 1)
        for tick in range(IDLE, COOK_TIME + 1)
    ]
    rows += [
        _unit(who) + _unit(2 + 4 * who + way) + item
        for who in (0, 1)
        for way in range(4)
        for item in items
    ]
    return np.stack(rows + [row + _unit(_URGENCY) for row in rows])


def _pot(onions: int, tick: int) -> np.ndarray:
    if tick == IDLE:
        return _unit(_POT_N, onions)
    done = _unit(_DONE, int(tick >= COOK_TIME))
    return _unit(_SOUP_N, onions) + _unit(_REMAINING, COOK_TIME - tick) + done
