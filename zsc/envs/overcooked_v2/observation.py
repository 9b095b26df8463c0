"""What an agent sees: the reference engine's channels, or only what can change.

Both are egocentric: the observing agent comes first, the others in the order of their seats. With a
view of so many cells in each direction both tell what stands in that window, and nothing else.
"""

from __future__ import annotations

import functools
import operator
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
    agents, (y, x) = len(layout.starts), jnp.divmod(state.cell, layout.width)
    window = _whole(layout) if view is None else _window_of(layout, view, len(world) - 1, y, x)
    rest = world.at[window.row].get(mode="promise_in_bounds")
    stands = (window.y[:, None] == y[:, None, None]) & (window.x[:, None] == x[:, None, None])
    shown = jnp.where(
        jnp.broadcast_to(stands, (agents, agents, *window.row.shape[1:]))[..., None],
        _cook_rows(layout, state)[None, :, None, None],
        jnp.uint8(0),
    )  # [A who sees, A who is seen, h, w, cook channels]
    own = np.eye(agents, dtype=np.uint8)[..., None, None, None]
    me, others = ((shown * part).sum(1, dtype=jnp.uint8) for part in (own, 1 - own))
    return jnp.concatenate([me, others, rest], axis=-1)


class _Windowed(NamedTuple):
    """What is seen, as cells: each [A, h, w], or [1, ...] where it is the same for all."""

    row: Array  # of `_world_rows`
    y: Array
    x: Array


def _whole(layout: Layout) -> _Windowed:
    where = _row_of(layout)
    y, x = np.indices(where.shape)
    row = jnp.broadcast_to(jnp.asarray(where), (len(layout.starts), *where.shape))
    return _Windowed(row, jnp.asarray(y)[None], jnp.asarray(x)[None])


def _window_of(layout: Layout, view: int, outside: int, y: Array, x: Array) -> _Windowed:
    """Around agents at these places; cells off the map have the row `outside`."""
    padded = jnp.asarray(np.pad(_row_of(layout), view, constant_values=outside))
    around = np.arange(-view, view + 1)
    row, column = y[:, None, None] + around[:, None], x[:, None, None] + around
    row, column = jnp.broadcast_arrays(row, column)
    return _Windowed(padded[row + view, column + view], row, column)


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
    shows = jnp.concatenate([jnp.ones(indicators, bool), state.button_left[:buttons] > 0])
    before = counters + pots

    def spread(first: int, values: Array) -> Array:
        """[cells] the values from place `first` on, 0 elsewhere."""
        return jnp.pad(values.astype(jnp.int32), (first, total - first - len(values)))

    lies = spread(0, jnp.concatenate([state.counter, state.pot]))
    recipe = spread(before, jnp.where(shows, state.recipe, 0))
    left = spread(counters, state.pot_left)
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
        counts: list[Entry] = [(subject, cell, "count", i) for i in kinds]
        return [(subject, cell, "plate", None), (subject, cell, "dish", None), *counts]

    def cook(who: str, cells: np.ndarray) -> list[Entry]:
        return [
            *((who, int(cell), "at", None) for cell in cells),
            *((who, None, "faces", way) for way in range(4)),
            *item(who, None),
            *((who, None, "raw", i) for i in kinds),
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
    # agent by agent and entry by entry: for a batch of games each is one comparison of vectors
    rows = [_seen_by(layout, view, state, agent, delivery) for agent in range(len(layout.starts))]
    return jnp.stack([jnp.stack([x.astype(jnp.uint8) for x in row]) for row in rows])


def everything(layout: Layout, state: State) -> Array:
    """[entries] float32 from 0 to 1: all of the state but the time, for critics of the team."""
    seen = compact(layout, None, state, delivery=True)[0]  # agent 0, then the others, then all else
    scale = np.asarray(compact_scale(layout, None, delivery=True), np.float32)
    recipe = [count_of(state.recipe, i) / RECIPE_SIZE for i in range(layout.num_ingredients)]
    hidden = jnp.concatenate([jnp.stack(recipe), state.button_left / SHOWN_TIME])
    return jnp.concatenate([seen / scale, hidden.astype(jnp.float32)])


class _Eye(NamedTuple):
    """From where one agent looks."""

    stands: Array  # [] the cell, or the one that stands for it
    shift: Array | int  # [] how far the cell is from that one; 0 where no two cells look alike
    sees: Callable[[int], Array]  # whether a cell of the map is in view, as it looks from there


def _eye(layout: Layout, view: int | None, plan: _Plan, cell: Array) -> _Eye:
    away = np.arange(len(plan.twin)) - plan.twin
    shift = jnp.asarray(away, jnp.int32)[cell] if plan.alike else 0
    stands = cell - shift
    y, x = stands // layout.width, stands % layout.width

    def sees(place: int) -> Array:
        if view is None:
            return jnp.bool_(True)
        column, row = layout.where(place)
        return jnp.maximum(abs(y - row), abs(x - column)) <= view

    return _Eye(stands, shift, sees)


def _seen_by(
    layout: Layout, view: int | None, state: State, agent: int, delivery: bool
) -> list[Array]:
    """The entries of one agent, each []."""
    plan = plan_of(layout, view)
    eye = _eye(layout, view, plan, state.cell[agent])
    entries = [eye.stands == int(cell) for cell in plan.stands]
    entries += _cook(layout, state.direction[agent], state.held[agent])
    for other in range(len(layout.starts)):
        if other != agent:
            cell = state.cell[other] - eye.shift
            at = [(cell == int(place)) & eye.sees(int(place)) for place in plan.floor]
            seen = functools.reduce(operator.or_, at)
            direction = jnp.where(seen, state.direction[other], -1)
            entries += [*at, *_cook(layout, direction, jnp.where(seen, state.held[other], 0))]
    return entries + _kitchen(layout, plan, state, eye, delivery)


def _cook(layout: Layout, direction: Array, held: Array) -> list[Array]:
    counts = _counts(layout, held)
    raw = [(count > 0) & ((held & COOKED) == 0) for count in counts]
    return [*(direction == way for way in range(4)), *_item(layout, held), *raw]


def _item(layout: Layout, bits: Array) -> list[Array]:
    return [bits == PLATE, (bits & COOKED) != 0, *_counts(layout, bits)]


def _counts(layout: Layout, bits: Array) -> list[Array]:
    return [count_of(bits, i) for i in range(layout.num_ingredients)]


def _kitchen(layout: Layout, plan: _Plan, state: State, eye: _Eye, delivery: bool) -> list[Array]:
    """The entries that are no cook's, each []."""

    def in_view(places: np.ndarray, cells: np.ndarray, values: Array) -> list[Array]:
        """What these places of the plan have, 0 out of view; values belong to cells."""
        if plan.alike:
            whole = jnp.zeros(len(layout.kinds), jnp.int32).at[cells].set(values)
            there = [whole.at[int(place) + eye.shift].get(mode="clip") for place in places]
        else:
            there = [values[int(np.flatnonzero(cells == place)[0])] for place in places]
        return [jnp.where(eye.sees(int(p)), x, 0) for p, x in zip(places, there, strict=True)]

    pots, buttons = layout.cells(POT), layout.cells(BUTTON)
    entries: list[Array] = []
    for bits in in_view(plan.counters, layout.counters, state.counter):
        entries += _item(layout, bits)
    inside = in_view(plan.pots, pots, state.pot)
    for bits, left in zip(inside, in_view(plan.pots, pots, state.pot_left), strict=True):
        counts = _counts(layout, bits)
        full = functools.reduce(operator.add, counts) == RECIPE_SIZE
        entries += [*counts, full, left > 0, (bits & COOKED) != 0, left]
    shows = [left > 0 for left in in_view(plan.buttons, buttons, state.button_left)]
    entries += shows
    if shows or len(plan.indicators):
        near = [eye.sees(int(cell)) for cell in plan.indicators]
        known = functools.reduce(operator.or_, shows + near)
        entries += _counts(layout, jnp.where(known, state.recipe, 0))
    if delivery and len(plan.goals):
        near = [eye.sees(int(cell)) for cell in plan.goals]
        entries.append(functools.reduce(operator.or_, near) & state.delivered)
    return entries
