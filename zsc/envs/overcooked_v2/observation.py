"""What an agent sees: the reference engine's channels, or only what can change.

Both are egocentric: the observing agent comes first, the others in the order of their seats. With a
view of so many cells in each direction both tell what stands in that window, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked_v2.layouts import (
    BUTTON,
    GOAL,
    INDICATOR,
    PILE,
    PLATES,
    POT,
    RECIPE_SIZE,
    WALL,
    Layout,
)
from zsc.envs.overcooked_v2.state import COOK_TIME, COOKED, PLATE, SHOWN_TIME, State, count_of
from zsc.types import Array

#: What an entry speaks of; what a symmetry does to it follows from that.
#: (subject, cell or None, what, direction or ingredient or None)
Entry: TypeAlias = tuple[str, int | None, str, int | None]

_TILES = (WALL, GOAL, POT, INDICATOR, BUTTON, PLATES)
_TILE_NAMES = ("wall", "goal", "pot", "indicator", "button", "plates")


# --- the grid ---------------------------------------------------------------------------------


def channels(layout: Layout, *, delivery: bool) -> tuple[Entry, ...]:
    """What each channel of the grid is, in the order of the reference engine; cells are None."""
    kinds = range(layout.num_ingredients)

    def item(subject: str) -> list[Entry]:
        return [
            (subject, None, "plate", None),
            (subject, None, "cooked", None),
            *((subject, None, "count", i) for i in kinds),
        ]

    def cook(who: str) -> list[Entry]:
        return [
            (who, None, "at", None),
            *((who, None, "faces", way) for way in range(4)),
            *item(who),
        ]

    return (
        *cook("self"),
        *cook("others"),
        *(("tile", None, name, None) for name in _TILE_NAMES),
        *(("tile", None, "pile", i) for i in kinds),
        *item("lies"),
        *item("recipe"),
        ("pot", None, "left", None),
        *([("goal", None, "delivered", None)] if delivery else []),
    )


def grid_scale(layout: Layout, *, delivery: bool) -> tuple[float, ...]:
    """The largest value of each channel."""
    largest = {"count": RECIPE_SIZE, "left": COOK_TIME}
    return tuple(largest.get(what, 1) for _, _, what, _ in channels(layout, delivery=delivery))


def grid(layout: Layout, view: int | None, state: State, *, delivery: bool) -> Array:
    """[A, h, w, C] uint8, the reference's `get_obs`; outside of the map all channels are 0."""
    world = _world_rows(layout, state, delivery=delivery)
    where = _row_of(layout)
    agents = len(layout.starts)
    y, x = state.cell // layout.width, state.cell % layout.width  # [A]
    if view is None:
        height, width = layout.height, layout.width
        rows, columns = np.arange(height)[None, :, None], np.arange(width)[None, None]
        seen = jnp.broadcast_to(jnp.asarray(where), (agents, height, width))
    else:
        height = width = 2 * view + 1
        rows = y[:, None, None] + np.arange(-view, view + 1)[:, None]
        columns = x[:, None, None] + np.arange(-view, view + 1)
        padded = np.pad(where, view, constant_values=len(world) - 1)
        seen = jnp.asarray(padded)[rows + view, columns + view]
    rest = world.at[seen].get(mode="promise_in_bounds")
    rows, columns = jnp.broadcast_arrays(rows, columns)  # [1 or A, h, w]
    stands = (rows[:, None] == y[:, None, None]) & (columns[:, None] == x[:, None, None])
    shown = jnp.where(
        jnp.broadcast_to(stands, (agents, agents, height, width))[..., None],
        _cook_rows(layout, state)[None, :, None, None],
        jnp.uint8(0),
    )  # [A who sees, A who is seen, h, w, cook channels]
    own = np.eye(agents, dtype=np.uint8)[..., None, None, None]
    me, others = (shown * own).sum(1, dtype=jnp.uint8), (shown * (1 - own)).sum(1, dtype=jnp.uint8)
    return jnp.concatenate([me, others, rest], axis=-1)


def _cook_rows(layout: Layout, state: State) -> Array:
    """[A, 5 + 2 + ingredients] uint8: position, direction, what is held."""
    at = [jnp.ones_like(state.direction), *(state.direction == way for way in range(4))]
    return jnp.stack([x.astype(jnp.uint8) for x in (*at, *_item_channels(layout, state.held))], -1)


def _item_channels(layout: Layout, bits: Array) -> list[Array]:
    counts = [count_of(bits, i) for i in range(layout.num_ingredients)]
    return [bits & PLATE, (bits & COOKED) >> 1, *counts]


def _world_rows(layout: Layout, state: State, *, delivery: bool) -> Array:
    """[cells + 1, rest of channels] uint8: what a cell shows but cooks; in the order of `_places`,
    one row of zeros behind them."""
    places = _places(layout)
    still = _still_rows(layout)[np.concatenate(places)]
    groups = (layout.counters, layout.cells(POT), layout.cells(INDICATOR), layout.cells(BUTTON))
    counters, pots, indicators, buttons = map(len, groups)
    total, n = len(layout.kinds), layout.num_ingredients
    nothing = jnp.zeros(total - counters - pots, jnp.int32)
    lies = jnp.concatenate([state.counter, state.pot, nothing])
    shows = jnp.concatenate([jnp.ones(indicators, bool), state.button_left > 0])
    before, after = counters + pots, total - counters - pots - indicators - buttons
    recipe = jnp.concatenate(
        [jnp.zeros(before, jnp.int32), jnp.where(shows, state.recipe, 0), jnp.zeros(after, jnp.int32)]
    )
    left = jnp.concatenate(
        [jnp.zeros(counters, jnp.int32), state.pot_left, jnp.zeros(total - before, jnp.int32)]
    )
    parts = [*_item_channels(layout, lies), *_item_channels(layout, recipe), left]
    if delivery:
        parts.append(jnp.asarray(still[:, 1] > 0) & state.delivered)
    moving = jnp.stack([part.astype(jnp.uint8) for part in parts], axis=-1)
    rows = jnp.concatenate([jnp.asarray(still), moving], axis=-1)
    return jnp.concatenate([rows, jnp.zeros((1, 6 + n + moving.shape[-1]), jnp.uint8)])


@cache
def _places(layout: Layout) -> tuple[np.ndarray, ...]:
    """All cells by what they can show: counters, pots, indicators, buttons, the rest."""
    moving = (layout.counters, *(layout.cells(kind) for kind in (POT, INDICATOR, BUTTON)))
    rest = np.setdiff1d(np.arange(len(layout.kinds)), np.concatenate(moving))
    return (*moving, rest)


@cache
def _row_of(layout: Layout) -> np.ndarray:
    """[H, W] the row of `_world_rows` that a cell has."""
    order = np.argsort(np.concatenate(_places(layout)))
    return order.reshape(layout.height, layout.width).astype(np.int32)


@cache
def _still_rows(layout: Layout) -> np.ndarray:
    """[cells, 6 + ingredients] uint8: what never changes."""
    tiles = [*_TILES, *(PILE + i for i in range(layout.num_ingredients))]
    return (layout.kinds[:, None] == np.array(tiles)).astype(np.uint8)


# --- the compact vector -----------------------------------------------------------------------


class _Plan(NamedTuple):
    """What can be seen from somewhere in a kitchen with a view, as cells."""

    stands: np.ndarray  # where an agent may stand, one of each kind of cells that look alike
    twin: np.ndarray  # [cells] the one that stands for a cell
    floor: np.ndarray  # where others may be seen
    counters: np.ndarray  # the rest: what may be seen and can change in play
    pots: np.ndarray
    buttons: np.ndarray
    indicators: np.ndarray
    goals: np.ndarray

    @property
    def alike(self) -> bool:
        """True if some cells cannot be told apart by what stands around them."""
        return bool((self.twin != np.arange(len(self.twin))).any())


@cache
def plan_of(layout: Layout, view: int | None) -> _Plan:
    """The cells of a kitchen that the compact vector speaks of."""
    twin = _twins(layout, view)
    stands = np.unique(twin[layout.floor])
    near = np.zeros((len(layout.kinds),), bool)
    for cell in stands:
        near |= _window(layout, view, int(cell))

    def seen(cells: np.ndarray) -> np.ndarray:
        return np.asarray([cell for cell in cells if near[cell]], np.int32)

    return _Plan(
        stands.astype(np.int32),
        twin,
        seen(layout.floor),
        seen(layout.counters[: layout.num_reachable_counters]),
        *(seen(layout.cells(kind)) for kind in (POT, BUTTON, INDICATOR, GOAL)),
    )


def _window(layout: Layout, view: int | None, cell: int) -> np.ndarray:
    """[cells] bool: what is seen from a cell."""
    y, x = np.divmod(np.arange(len(layout.kinds)), layout.width)
    if view is None:
        return np.ones_like(y, bool)
    column, row = layout.where(cell)
    return np.maximum(abs(y - row), abs(x - column)) <= view


def _twins(layout: Layout, view: int | None) -> np.ndarray:
    """[cells] the first floor cell around which the same things stand, for floor cells; itself."""
    twin = np.arange(len(layout.kinds))
    if view is None:
        return twin
    plan = np.pad(layout.kinds.reshape(layout.height, layout.width), view, constant_values=-1)
    first: dict[bytes, int] = {}
    for cell in layout.floor:
        x, y = layout.where(cell)
        around = plan[y : y + 2 * view + 1, x : x + 2 * view + 1].tobytes()
        twin[cell] = first.setdefault(around, int(cell))
    return twin


def compact_entries(layout: Layout, view: int | None, *, delivery: bool) -> tuple[Entry, ...]:
    """What each entry of the compact vector says."""
    plan, kinds = plan_of(layout, view), range(layout.num_ingredients)

    def item(subject: str, cell: int | None) -> list[Entry]:
        raw: list[Entry] = [(subject, cell, "raw", i) for i in kinds]
        dish: list[Entry] = [(subject, cell, "count", i) for i in kinds]
        return [(subject, cell, "plate", None), (subject, cell, "dish", None), *raw, *dish]

    def cook(who: str, cells: np.ndarray) -> list[Entry]:
        return [
            *((who, int(cell), "at", None) for cell in cells),
            *((who, None, "faces", way) for way in range(4)),
            *item(who, None),
        ]

    entries = cook("self", plan.stands)
    for other in range(1, len(layout.starts)):
        entries += cook(f"other {other}", plan.floor)
    for cell in plan.counters:
        entries += item("lies", int(cell))
    for cell in plan.pots:
        place = int(cell)
        entries += [("pot", place, "count", i) for i in kinds]
        entries += [("pot", place, what, None) for what in ("full", "cooks", "cooked", "left")]
    entries += [("button", int(cell), "shows", None) for cell in plan.buttons]
    if len(plan.indicators) or len(plan.buttons):
        entries += [("recipe", None, "count", i) for i in kinds]
    if delivery and len(plan.goals):
        entries.append(("goal", None, "delivered", None))
    return tuple(entries)


def compact_scale(layout: Layout, view: int | None, *, delivery: bool) -> tuple[float, ...]:
    """The largest value of each entry of the compact vector."""
    largest = {"count": RECIPE_SIZE, "left": COOK_TIME}
    entries = compact_entries(layout, view, delivery=delivery)
    return tuple(largest.get(what, 1) for _, _, what, _ in entries)


def compact(layout: Layout, view: int | None, state: State, *, delivery: bool) -> Array:
    """[A, entries] uint8: everything in view that play can change here, and nothing else.

    Places are those of the map. Where a window looks the same from several cells, it is told as if
    the agent stood on the first of them, so that a vector never tells more than its window. Tiles
    are left out, since the place implies them; so is what lies where nobody can reach.
    """
    plan, agents = plan_of(layout, view), len(layout.starts)
    shift = _shift(plan, state.cell) if plan.alike else None
    stands = state.cell if shift is None else state.cell - shift
    sees = _sight(layout, view, stands)
    mine = [stands == int(cell) for cell in plan.stands]
    own = jnp.stack(_bytes([*mine, *_facing(state), *_items(layout, state.held)]), axis=1)
    others = [
        _others(layout, plan, state, shift, sees, step) for step in range(1, agents)
    ]  # each [A, entries]
    world = _world(layout, plan, _told(layout, plan, state, shift), sees, delivery=delivery)
    shared = jnp.stack(_bytes([jnp.broadcast_to(x, (agents,)) for x in world]), axis=1)
    return jnp.concatenate([own, *others, shared], axis=1)


def everything(layout: Layout, state: State) -> Array:
    """[entries] float32 from 0 to 1: all of the state but the time, for critics of the team."""
    seen = compact(layout, None, state, delivery=True)[0]  # agent 0, then the others, then all else
    scale = np.asarray(compact_scale(layout, None, delivery=True), np.float32)
    recipe = [count_of(state.recipe, i) / RECIPE_SIZE for i in range(layout.num_ingredients)]
    hidden = jnp.concatenate([jnp.stack(recipe), state.button_left / SHOWN_TIME])
    return jnp.concatenate([seen / scale, hidden.astype(jnp.float32)])


_Sight: TypeAlias = Callable[[int], Array | np.bool_]  # a cell of the map -> [A] who sees it


def _sight(layout: Layout, view: int | None, stands: Array) -> _Sight:
    if view is None:
        return lambda cell: np.True_
    y, x = stands // layout.width, stands % layout.width

    def sees(cell: int) -> Array:
        column, row = layout.where(cell)
        return jnp.maximum(abs(y - row), abs(x - column)) <= view

    return sees


def _shift(plan: _Plan, cell: Array) -> Array:
    """[A] how far each agent is from the cell that stands for its own."""
    away = np.arange(len(plan.twin)) - plan.twin
    return jnp.asarray(away, jnp.int32)[cell]


class _Told(NamedTuple):
    """What stands at the plan's places, each [] or [A]."""

    counter: list[Array]
    pot: list[Array]
    pot_left: list[Array]
    button_left: list[Array]
    recipe: Array
    delivered: Array


def _told(layout: Layout, plan: _Plan, state: State, shift: Array | None) -> _Told:
    """By place of the map, or of the map as it looks from where an agent seems to stand."""
    pots, buttons = layout.cells(POT), layout.cells(BUTTON)
    groups = (
        (plan.counters, layout.counters, state.counter),
        (plan.pots, pots, state.pot),
        (plan.pots, pots, state.pot_left),
        (plan.buttons, buttons, state.button_left),
    )
    if shift is None:
        found = [
            [values[int(np.flatnonzero(cells == cell)[0])] for cell in places]
            for places, cells, values in groups
        ]
    else:
        found = []
        for places, cells, values in groups:
            whole = jnp.zeros(len(layout.kinds), jnp.int32).at[cells].set(values)
            found.append([whole.at[int(cell) + shift].get(mode="clip") for cell in places])
    return _Told(found[0], found[1], found[2], found[3], state.recipe, state.delivered)


def _world(
    layout: Layout, plan: _Plan, told: _Told, sees: _Sight, *, delivery: bool
) -> list[Array]:
    """The entries that are no cook's, each [] or [A]."""
    entries: list[Array] = []
    for cell, bits in zip(plan.counters, told.counter, strict=True):
        shown = jnp.where(sees(int(cell)), bits, 0)
        entries += _items(layout, shown)
    for cell, bits, left in zip(plan.pots, told.pot, told.pot_left, strict=True):
        seen = sees(int(cell))
        bits, left = jnp.where(seen, bits, 0), jnp.where(seen, left, 0)
        counts = [count_of(bits, i) for i in range(layout.num_ingredients)]
        full = sum(counts) == RECIPE_SIZE
        entries += [*counts, full, left > 0, (bits & COOKED) != 0, left]
    shows = [
        sees(int(cell)) & (left > 0)
        for cell, left in zip(plan.buttons, told.button_left, strict=True)
    ]
    entries += shows
    if shows or len(plan.indicators):
        known = _any([*shows, *(jnp.asarray(sees(int(cell))) for cell in plan.indicators)])
        recipe = jnp.where(known, told.recipe, 0)
        entries += [count_of(recipe, i) for i in range(layout.num_ingredients)]
    if delivery and len(plan.goals):
        near = _any([jnp.asarray(sees(int(cell))) for cell in plan.goals])
        entries.append(near & told.delivered)
    return entries


def _any(flags: list[Array]) -> Array:
    found = flags[0]
    for flag in flags[1:]:
        found = found | flag
    return found


def _others(
    layout: Layout, plan: _Plan, state: State, shift: Array | None, sees: _Sight, step: int
) -> Array:
    """[A, entries] uint8: the cook `step` seats on among the others, in the order of seats."""
    agents = len(layout.starts)
    who = np.array([[j for j in range(agents) if j != i][step - 1] for i in range(agents)])
    cell = state.cell[who] if shift is None else state.cell[who] - shift
    at = [(cell == int(place)) & sees(int(place)) for place in plan.floor]
    seen = _any(at)
    held = jnp.where(seen, state.held[who], 0)
    facing = [(state.direction[who] == way) & seen for way in range(4)]
    return jnp.stack(_bytes([*at, *facing, *_items(layout, held)]), axis=1)


def _facing(state: State) -> list[Array]:
    return [state.direction == way for way in range(4)]


def _items(layout: Layout, bits: Array) -> list[Array]:
    """A bare plate, a dish, each ingredient raw, each ingredient's count in the dish."""
    dish = (bits & COOKED) != 0
    counts = [count_of(bits, i) for i in range(layout.num_ingredients)]
    raw = [(count > 0) & ~dish for count in counts]
    return [bits == PLATE, dish, *raw, *(jnp.where(dish, count, 0) for count in counts)]


def _bytes(entries: list[Array]) -> list[Array]:
    return [jnp.asarray(entry).astype(jnp.uint8) for entry in entries]

