"""What an agent sees: the reference engine's 26 channels, or only what can change.

Both are egocentric: the observing agent comes first, its partner second.
"""

from __future__ import annotations

from functools import cache, reduce
from operator import add

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked.layouts import COUNTER, DISHES, ONIONS, POT, SERVING, Layout
from zsc.envs.overcooked.state import COOK_TIME, DISH, ONION, POT_SIZE, SOUP, State
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

NO_ITEM = 255  # of a channel that no object lights
_POT_N, _SOUP_N, _REMAINING, _DONE, _DISHES, _ONIONS, _URGENCY = 16, 18, 20, 21, 22, 23, 25


def grid(layout: Layout, state: State, horizon: int) -> Array:
    """[A, H, W, 26] uint8: `lossless_state_encoding` of the reference engine (transposed to rows).

    Both agents see the same world but for two cells, so it is written once, cell by cell, and the
    agents' rows are added where they stand.
    """
    urgent = (horizon - state.time < URGENT).astype(jnp.uint8) * _unit(_URGENCY)
    rows: list[Array | np.ndarray] = list(_terrain(layout))
    for cell, items in zip(layout.counters, _item_channels(state.counter), strict=True):
        rows[cell] = rows[cell] + items
    for cell, pot in zip(layout.pots, _pot_channels(state), strict=True):
        rows[cell] = rows[cell] + pot
    # [A, 2, 26], as own and as partner; worked out before the sums below, not once per cell
    world, marks = jax.lax.optimization_barrier(
        (jnp.stack([row + urgent for row in rows]), _agent_channels(state))
    )
    obs = jnp.broadcast_to(world, (2, *world.shape))
    for viewer in (0, 1):
        for role, agent in enumerate((viewer, 1 - viewer)):
            spot = obs.at[viewer, state.cell[agent]]
            obs = spot.add(marks[agent, role], mode="promise_in_bounds", unique_indices=True)
    return obs.reshape(2, layout.height, layout.width, len(CHANNELS))


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


@cache
def _item_tables() -> tuple[np.ndarray, np.ndarray]:
    """([26], [26]) uint8: the object that lights a channel at its cell, and the value it has."""
    rows = {ONION: _unit(_ONIONS), DISH: _unit(_DISHES)}
    rows[SOUP] = _unit(_SOUP_N, POT_SIZE) + _unit(_DONE)
    item, value = np.full(len(CHANNELS), NO_ITEM, np.uint8), np.zeros(len(CHANNELS), np.uint8)
    for code, row in rows.items():
        item[row > 0], value[row > 0] = code, row[row > 0]
    return item, value


def _item_channels(item: Array) -> Array:
    """[..., 26] uint8: what an object code [...] adds at its cell."""
    wanted, value = _item_tables()
    return jnp.where(item.astype(jnp.uint8)[..., None] == wanted, value, np.uint8(0))


def _agent_channels(state: State) -> Array:
    """[A, 2, 26] uint8: what an agent adds at its cell in its own view, and in its partner's."""
    channel = np.arange(len(CHANNELS))
    facing = state.direction[:, None]  # [A, 1]
    own = (channel == 0) | (channel == 2 + facing)
    partner = (channel == 1) | (channel == 6 + facing)
    seen = jnp.stack([own, partner], axis=1).astype(jnp.uint8)
    return seen + _item_channels(state.held)[:, None]


@cache
def _terrain(layout: Layout) -> np.ndarray:
    """[cells, 26] uint8: what never changes."""
    planes = np.zeros((len(layout.kinds), len(CHANNELS)), np.uint8)
    for channel, kind in ((10, POT), (11, COUNTER), (12, ONIONS), (14, DISHES), (15, SERVING)):
        planes[layout.kinds == kind, channel] = 1
    return planes


def _pot_channels(state: State) -> Array:
    """[pots, 26] uint8: what is in each pot."""
    cooks = state.pot_tick >= 0
    left = jnp.where(cooks, COOK_TIME - state.pot_tick, 0)
    columns = (
        (_POT_N, jnp.where(cooks, 0, state.pot_n)),
        (_SOUP_N, jnp.where(cooks, state.pot_n, 0)),
        (_REMAINING, left),
        (_DONE, state.pot_tick >= COOK_TIME),
    )
    return reduce(add, [value.astype(jnp.uint8)[:, None] * _unit(c) for c, value in columns])
