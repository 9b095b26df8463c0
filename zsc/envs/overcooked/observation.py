"""What an agent sees: the reference engine's 26 channels, or only what can change.

Both are egocentric: the observing agent comes first, the others follow in the order of their seats.
The reference encodes for two; with more cooks there are a position and four directions for each of
them, in its order, before the other sixteen channels: 31 for three, 36 for four.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked.dynamics import cook_time, is_soup, lookup, pot_content
from zsc.envs.overcooked.layouts import (
    COUNTER,
    DISHES,
    FLOOR,
    ONIONS,
    POT,
    SERVING,
    TOMATOES,
    Layout,
    Terrain,
)
from zsc.envs.overcooked.rules import (
    CONTENT_OF_ITEM,
    RECIPES,
    RULES_2019,
    SOUP_ITEMS,
    Rules,
    ingredients,
)
from zsc.envs.overcooked.state import COOK_TIME, DISH, IDLE, ONION, POT_SIZE, SOUP, TOMATO, State
from zsc.types import Array

URGENT = 40  # steps before the end at which the urgency channel lights up


def channels(cooks: int) -> tuple[str, ...]:
    """What each channel of the grid says."""
    others = ["partner"] if cooks == 2 else [f"partner {k}" for k in range(1, cooks)]
    everyone = ["own", *others]
    return (
        *(f"{who} position" for who in everyone),
        *(f"{who} faces {way}" for who in everyone for way in "NSEW"),
        *("pot", "counter", "onion dispenser", "tomato dispenser", "dish dispenser", "serving"),
        *("onions in pot", "tomatoes in pot", "onions in soup", "tomatoes in soup"),
        *("cook time remaining", "soup done", "dishes", "onions", "tomatoes", "urgency"),
    )


def grid_max(cooks: int, longest: int) -> tuple[int, ...]:
    """The largest value of each channel, where the slowest soup cooks so many steps."""
    return (1,) * (5 * cooks + 6) + (POT_SIZE,) * 4 + (longest,) + (1,) * 5


CHANNELS = channels(2)
GRID_MAX = grid_max(2, COOK_TIME)


def grid(
    terrain: Terrain,
    size: tuple[int, int],
    state: State,
    horizon: int,
    rules: Rules = RULES_2019,
) -> Array:
    """[A, H, W, channels] uint8: `lossless_state_encoding` of the reference engine, rows first.

    For a state that has a place for every cell of the frame (H, W); `into_frame` makes it. A cell
    shows one of few rows: a tile and what lies on it, a pot and what is in it, or a cook. So each
    cell gets the number of its row, and all rows are then fetched at once.
    """
    cooks = state.cell.shape[0]
    rows, first = _rows(rules, cooks), _numbers(rules)
    code = terrain.kinds.astype(jnp.int16) * rules.items + state.counter  # [H W]
    cell = np.arange(size[0] * size[1], dtype=np.int16)
    content = pot_content(state)
    for pot in range(terrain.pots.shape[0]):
        ticks = state.pot_tick[pot] - IDLE
        inside = content[pot].astype(jnp.int16) * first.ticks + ticks
        code = jnp.where(cell == terrain.pots[pot], first.pot + inside, code)
    own = first.cook + state.direction * rules.items + state.held  # [A]
    apart = 4 * rules.items * np.arange(cooks)
    seen = jnp.stack([x + apart[k] if k else x for k, x in enumerate(ranked(own))], axis=1)
    where = jnp.stack(ranked(state.cell), axis=1)  # [A, own and the others]
    codes = (
        jnp.broadcast_to(code, (cooks, *code.shape))
        .at[np.arange(cooks)[:, None], where]
        .set(seen.astype(jnp.int16), mode="promise_in_bounds", unique_indices=True)
    )
    # written first: XLA would work the number out anew for each of the channels
    urgent = jnp.where(horizon - state.time < URGENT, len(rows) // 2, 0).astype(jnp.int16)
    codes = jax.lax.optimization_barrier(codes + urgent).astype(jnp.int32)
    obs = jnp.asarray(rows).at[codes].get(mode="promise_in_bounds")
    return obs.reshape(cooks, *size, rows.shape[1])


def ranked(per_seat: Array) -> list[Array]:
    """[A, ...] each: for every observer its own, then those of the others by their seats."""
    if per_seat.shape[0] == 2:
        return [per_seat, per_seat[::-1]]
    return [per_seat[column] for column in seat_order(per_seat.shape[0]).T]


@cache
def seat_order(cooks: int) -> np.ndarray:
    """[A, A] for each observer the seats in the order in which it sees them."""
    return np.array([[seat, *(s for s in range(cooks) if s != seat)] for seat in range(cooks)])


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


def compact_size(layout: Layout, rules: Rules = RULES_2019) -> int:
    """The length of the compact vector."""
    return len(compact_max(layout, rules))


def compact_max(layout: Layout, rules: Rules = RULES_2019) -> tuple[int, ...]:
    """The largest value of each entry of the compact vector."""
    thing = (1, 1, 1, 1, POT_SIZE, POT_SIZE) if rules.new else (1, 1, 1)
    agents = ((1,) * (len(layout.floor) + 4) + thing) * len(layout.starts)
    counters, pots = thing * layout.num_reachable_counters, len(layout.pots)
    flags = (8 if rules.new else 5) * pots
    return agents + counters + (1,) * flags + (rules.longest,) * pots + (1,)


def compact(layout: Layout, state: State, horizon: int, rules: Rules = RULES_2019) -> Array:
    """[A, compact_size] uint8: everything that play can change in this layout, and nothing else.

    In order: floor cell, direction and held object of the observer, then of the others, as
    one-hots; for each reachable counter onion, dish, soup; for each pot at least 1, 2, 3 onions,
    cooking or ready, ready; ticks left to cook for each pot; the urgency flag. Constant tiles and
    tiles that no agent can reach are left out, since a layer's bias does their work.

    By the rules of 2020 things are onion, dish, soup, tomato, and the onions and tomatoes in a
    soup, counted; pots are at least 1, 2, 3 onions, at least 1, 2, 3 tomatoes, and as before.
    """
    agent = [state.cell == int(cell) for cell in layout.floor]  # each [A]
    agent += [state.direction == direction for direction in range(4)]
    agent += _things(rules, state.held)
    counters = state.counter[: layout.num_reachable_counters]
    world = [entry for lies in counters for entry in _things(rules, lies)]
    time = cook_time(rules, state)
    cooks, ready = state.pot_tick >= 0, state.pot_tick >= time
    for pot in range(len(layout.pots)):
        world += [state.pot_n[pot] >= onions for onions in (1, 2, 3)]
        if state.pot_t is not None:
            world += [state.pot_t[pot] >= tomatoes for tomatoes in (1, 2, 3)]
        world += [cooks[pot], ready[pot]]
    left = jnp.where(cooks, time - state.pot_tick, 0)
    world += [*left, horizon - state.time < URGENT]
    # entry by entry: for a batch of games each is one comparison of two vectors, where a broadcast
    # comparison of short rows and their concatenation would be worked out byte by byte
    own = jnp.stack([entry.astype(jnp.uint8) for entry in agent], axis=1)
    shared = jnp.stack([entry.astype(jnp.uint8) for entry in world])
    return jnp.concatenate([*ranked(own), jnp.stack([shared] * own.shape[0])], axis=1)


def _things(rules: Rules, item: Array) -> list[Array]:
    """The entries that tell what is held or lies somewhere."""
    if not rules.new:
        return [item == thing for thing in (ONION, DISH, SOUP)]
    content = lookup(CONTENT_OF_ITEM, item)
    inside = [content % (POT_SIZE + 1), content // (POT_SIZE + 1)]
    return [item == ONION, item == DISH, is_soup(rules, item), item == TOMATO, *inside]


def compact_names(layout: Layout, rules: Rules = RULES_2019) -> tuple[str, ...]:
    """What each entry of the compact vector says."""

    def at(cell: int) -> str:
        return f"({cell % layout.width},{cell // layout.width})"

    items = ["onion", "dish", "soup"]
    pot = ["1+ onions", "2+ onions", "3 onions", "cooks or ready", "ready"]
    if rules.new:
        items += ["tomato", "onions in soup", "tomatoes in soup"]
        pot[3:3] = ["1+ tomatoes", "2+ tomatoes", "3 tomatoes"]
    agent = [f"at {at(c)}" for c in layout.floor] + [f"faces {d}" for d in "NSEW"]
    agent += [f"holds {item}" for item in items]
    everyone = [name.removesuffix(" position") for name in channels(len(layout.starts))
                if name.endswith(" position")]  # fmt: skip
    names = [f"{who} {what}" for who in everyone for what in agent]
    reachable = layout.counters[: layout.num_reachable_counters]
    names += [f"{item} on {at(c)}" for c in reachable for item in items]
    names += [f"pot {at(c)} {what}" for c in layout.pots for what in pot]
    names += [f"pot {at(c)} ticks left" for c in layout.pots]
    return (*names, "urgent")


class _Numbers(NamedTuple):
    """How the rows that a cell can show are numbered; then all again with the urgency flag."""

    ticks: int  # of a pot
    pot: int  # the first row of a pot
    cook: int  # the first row of a cook


def _numbers(rules: Rules) -> _Numbers:
    kinds, ticks = TOMATOES + 1 if rules.new else FLOOR + 1, rules.longest - IDLE + 1
    pot = kinds * rules.items
    return _Numbers(ticks, pot, pot + rules.contents * ticks)


@cache
def _rows(rules: Rules, cooks: int) -> np.ndarray:
    """[2 R, channels] uint8: every row, in the order of the numbers."""
    names = channels(cooks)

    def unit(name: str, value: int = 1) -> np.ndarray:
        row = np.zeros(len(names), np.uint8)
        row[names.index(name)] = value
        return row

    def soup(content: int, where: str) -> np.ndarray:
        onions, tomatoes = ingredients(content)
        return unit(f"onions in {where}", onions) + unit(f"tomatoes in {where}", tomatoes)

    def pot(content: int, tick: int) -> np.ndarray:
        if tick == IDLE:
            return soup(content, "pot")
        left = max(rules.times[content] - tick, 0)
        done = unit("soup done", int(left == 0))
        return soup(content, "soup") + unit("cook time remaining", left) + done

    blank = np.zeros(len(names), np.uint8)
    items = {ONION: unit("onions"), DISH: unit("dishes"), TOMATO: unit("tomatoes")}
    for item, content in zip(SOUP_ITEMS, RECIPES, strict=True):
        items[item] = soup(content, "soup") + unit("soup done")
    things = [items.get(item, blank) for item in range(rules.items)]
    first = _numbers(rules)
    kinds = [
        unit(_TILES[kind]) if kind in _TILES else blank for kind in range(first.pot // rules.items)
    ]
    rows = [tile + item for tile in kinds for item in things]
    rows += [
        kinds[POT] + pot(content, tick)
        for content in range(rules.contents)
        for tick in range(IDLE, first.ticks + IDLE)
    ]
    rows += [
        unit(names[who]) + unit(names[cooks + 4 * who + way]) + item
        for who in range(cooks)
        for way in range(4)
        for item in things
    ]
    return np.stack(rows + [row + unit("urgency") for row in rows])


_TILES = {
    POT: "pot",
    COUNTER: "counter",
    ONIONS: "onion dispenser",
    TOMATOES: "tomato dispenser",
    DISHES: "dish dispenser",
    SERVING: "serving",
}
