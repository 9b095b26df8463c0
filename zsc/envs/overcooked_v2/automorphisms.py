"""The symmetries of a kitchen: flips and turns of the plan together with a change of ingredients.

A true symmetry puts every tile on its like, where the piles of ingredient i may become those of
ingredient p(i), and keeps the set of recipes. In the kitchens of the paper that have one it is the
flip that exchanges ingredients 0 and 1 (Gessler et al. 2025, arXiv 2503.17821, draw them so).

Two caveats. Agents of the layout's own start face up, and a flip turns that down: rules and what
is seen commute, the start only with `random_positions`. And agents interact in the order of their
seats, so a change of seats commutes except where two race for the same thing in one step.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.envs.floor_plan import STEPS
from zsc.envs.overcooked_v2 import observation
from zsc.envs.overcooked_v2.layouts import PILE, POT, Layout
from zsc.envs.overcooked_v2.observation import Entry
from zsc.envs.overcooked_v2.state import COOKED, PLATE, WAYS, State
from zsc.envs.symmetry import Symmetry
from zsc.types import Array


class _Map(NamedTuple):
    """One automorphism: old cell, direction or ingredient to new one."""

    cell: np.ndarray  # [cells]
    direction: np.ndarray  # [4]
    piece: np.ndarray  # [ingredients]
    swap: bool  # whether the two seats change


@cache
def layout_symmetry(
    layout: Layout, encoding: str, view: int | None, delivery: bool, random_positions: bool
) -> Symmetry:
    """The group of a kitchen, acting on what is shown in the given encoding."""
    maps = [m for m in _automorphisms(layout, random_positions) if _fits(layout, view, m, encoding)]
    if encoding == "compact":
        entries = observation.compact_entries(layout, view, delivery=delivery)
        index = [_entry_index(entries, m) for m in maps]
    else:
        index = [_grid_index(layout, view, delivery, m) for m in maps]
    return Symmetry(
        obs_index=np.stack(index),
        action_index=np.stack([_actions(m) for m in maps]),
        seat_index=np.array([_seats(layout, m) for m in maps]),
        move_state=_state_mover(layout, maps),
    )


@cache
def channel_symmetry(
    layout: Layout, view: int | None, delivery: bool, pieces: tuple[int, ...]
) -> Symmetry:
    """Every relabelling of some ingredients in the channels of the grid, and of nothing else.

    This is what other-play relabels in the reference engine and in the paper. It is a bijection of
    observations and no symmetry of the game: the piles would have to change places.
    """
    n, agents = layout.num_ingredients, len(layout.starts)
    still, maps = np.arange(len(layout.kinds)), []
    for order in permutations(pieces):
        piece = np.arange(n)
        piece[list(pieces)] = order
        maps.append(_Map(still, np.arange(4), piece, False))
    return Symmetry(
        obs_index=np.stack([_grid_index(layout, view, delivery, m) for m in maps]),
        action_index=np.stack([_actions(m) for m in maps]),
        seat_index=np.tile(np.arange(agents), (len(maps), 1)),
    )


def _automorphisms(layout: Layout, random_positions: bool) -> list[_Map]:
    found = []
    for cell, direction in layout.turns():
        for piece in _relabellings(layout, cell):
            swaps = _seat_changes(layout, cell, random_positions)
            found += [_Map(cell, direction, piece, swap) for swap in swaps]
    still = np.arange(len(layout.kinds))
    return sorted(found, key=lambda m: (m.swap, (m.cell != still).any(), tuple(m.piece)))


def _relabellings(layout: Layout, cell: np.ndarray) -> list[np.ndarray]:
    """The changes of ingredients that, with these cells, keep the map and the recipes."""
    good = []
    recipes = {tuple(sorted(recipe)) for recipe in layout.recipes}
    was = layout.kinds
    for order in permutations(range(layout.num_ingredients)):
        piece = np.array(order)
        new = np.where(was >= PILE, PILE + piece[np.maximum(was - PILE, 0)], was)
        keeps_map = (layout.kinds[cell] == new).all()
        if keeps_map and {tuple(sorted(order[i] for i in r)) for r in recipes} == recipes:
            good.append(piece)
    return good


def _seat_changes(layout: Layout, cell: np.ndarray, random_positions: bool) -> list[bool]:
    """Which seat changes keep the set of starts, given where the cells go."""
    starts = [frozenset([s]) for s in layout.starts]
    if random_positions:
        starts = list(layout.rooms)
    goes = [frozenset(int(cell[c]) for c in start) for start in starts]
    keeps = [False] if goes == starts else []
    return keeps + ([True] if len(starts) == 2 and goes == starts[::-1] else [])


def _fits(layout: Layout, view: int | None, m: _Map, encoding: str) -> bool:
    """False for a map that sends cells that look alike to others than those that stand for them."""
    twin = observation.plan_of(layout, view).twin
    return encoding != "compact" or bool((twin[m.cell] == m.cell[twin]).all())


def _seats(layout: Layout, m: _Map) -> list[int]:
    return [1, 0] if m.swap else list(range(len(layout.starts)))


def _actions(m: _Map) -> np.ndarray:
    """[N] the new name of each action."""
    of_way = {int(way): action for action, way in enumerate(WAYS) if way >= 0}
    return np.array(
        [of_way[int(m.direction[way])] if way >= 0 else action for action, way in enumerate(WAYS)]
    )


def _new(m: _Map, entry: Entry) -> Entry:
    """What an entry speaks of in the relabelled kitchen."""
    subject, cell, what, which = entry
    if which is not None:
        which = int((m.direction if what == "faces" else m.piece)[which])
    return subject, None if cell is None else int(m.cell[cell]), what, which


def _entry_index(entries: tuple[Entry, ...], m: _Map) -> np.ndarray:
    """[D] the old place of what each new entry tells."""
    place = {entry: i for i, entry in enumerate(entries)}
    index = np.empty(len(entries), np.int64)
    for old, entry in enumerate(entries):
        index[place[_new(m, entry)]] = old
    return index


def _grid_index(layout: Layout, view: int | None, delivery: bool, m: _Map) -> np.ndarray:
    channel = _entry_index(observation.channels(layout, delivery=delivery), m)
    if view is None:
        old_cell = np.argsort(m.cell)
    else:  # the window turns about its middle as the map does
        size = 2 * view + 1
        turned = STEPS[m.direction]  # where each direction points now
        right, down = turned[2], turned[1]
        old_cell = np.empty(size * size, np.int64)
        for y in range(size):
            for x in range(size):
                dx, dy = (x - view) * right + (y - view) * down
                old_cell[(dy + view) * size + dx + view] = y * size + x
    return (old_cell[:, None] * len(channel) + channel).reshape(-1)


def _relabelled(piece: Array, bits: Array) -> Array:
    """Bits with ingredient i counted as ingredient piece[i]."""
    new = bits & (PLATE | COOKED)
    for i in range(piece.shape[-1]):
        new = new | (((bits >> (2 + 2 * i)) & 3) << (2 + 2 * piece[i]))
    return new


def _state_mover(layout: Layout, maps: list[_Map]):  # type: ignore[no-untyped-def]
    cell = np.stack([m.cell for m in maps])
    direction = np.stack([m.direction for m in maps])
    piece = np.stack([m.piece for m in maps])
    seat = np.array([_seats(layout, m) for m in maps])

    def places(cells: np.ndarray) -> np.ndarray:
        order = {int(c): i for i, c in enumerate(cells)}
        rows = [[order[int(np.argsort(m.cell)[c])] for c in cells] for m in maps]
        return np.array(rows, np.int32).reshape(len(maps), len(cells))

    counter, pot = places(layout.counters), places(layout.cells(POT))
    button = (
        places(layout.buttons) if layout.buttons[0] >= 0 else np.zeros((len(maps), 1), np.int32)
    )

    def move(g: Array, state: State) -> State:
        order, named = jnp.asarray(seat)[g], jnp.asarray(piece, jnp.int32)[g]
        return state._replace(
            cell=jnp.asarray(cell, jnp.int32)[g][state.cell][order],
            direction=jnp.asarray(direction, jnp.int32)[g][state.direction][order],
            held=_relabelled(named, state.held)[order],
            counter=_relabelled(named, state.counter)[jnp.asarray(counter)[g]],
            pot=_relabelled(named, state.pot)[jnp.asarray(pot)[g]],
            pot_left=state.pot_left[jnp.asarray(pot)[g]],
            button_left=state.button_left[jnp.asarray(button)[g]],
            recipe=_relabelled(named, state.recipe),
        )

    return move
