"""Whether a kitchen can be solved, in jittable form, and how hard it is, on the host."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked.layouts import (
    COUNTER,
    DISHES,
    FLOOR,
    ONIONS,
    POT,
    SERVING,
    Layout,
)
from zsc.types import Array

_OBJECTS = (ONIONS, DISHES, POT, SERVING)


def solvable(kinds: Array, starts: Array) -> Array:
    """[] bool: both cooks can move and, together, make and serve a soup; all can be reached.

    kinds [H, W]; starts [2] cells. What one of them can get, the other can have as well if they
    reach a common counter. Jittable; `is_solvable` says the same of a layout, but for objects out
    of everybody's reach, which a layout may have.
    """
    floor = kinds == FLOOR
    rooms = [_flood(floor, start) for start in (starts[0], starts[1])]
    reach = [_spread(room) & ~floor for room in rooms]
    both = reach[0] & reach[1]
    shared = (both & (kinds == COUNTER)).any() | (rooms[0] == rooms[1]).all()
    own = [{kind: (r & (kinds == kind)).any() for kind in _OBJECTS} for r in reach]
    has = [{k: own[i][k] | (shared & own[1 - i][k]) for k in _OBJECTS} for i in (0, 1)]
    pot = kinds == POT
    filled = (pot & reach[0] & has[0][ONIONS]) | (pot & reach[1] & has[1][ONIONS])
    serves = [has[i][DISHES] & has[i][SERVING] for i in (0, 1)]
    emptied = (pot & reach[0] & serves[0]) | (pot & reach[1] & serves[1])
    is_object = ~floor & (kinds != COUNTER)
    moves = (rooms[0].sum() >= 2) & (rooms[1].sum() >= 2) & ((rooms[0] | rooms[1]).sum() >= 3)
    return moves & (filled & emptied).any() & ~(is_object & ~(reach[0] | reach[1])).any()


def _flood(floor: Array, start: Array) -> Array:
    """[H, W] the floor that can be walked to from a cell."""
    first = (jnp.arange(floor.size) == start).reshape(floor.shape) & floor
    grow = lambda pair: (pair[1], _spread(pair[1]) & floor)
    changed = lambda pair: (pair[0] != pair[1]).any()
    return jax.lax.while_loop(changed, grow, grow((first, first)))[1]


def _spread(mask: Array) -> Array:
    padded = jnp.pad(mask, 1)
    sides = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return mask | sides


class Difficulty(NamedTuple):
    """How hard a kitchen is."""

    together: bool  # no cook can make and serve a soup alone
    path: int | None  # fewest moves of one cook for a soup, None if it takes two
    floor: int  # cells to stand on
    bottlenecks: int  # floor cells that part a room if somebody stands there


def difficulty(layout: Layout) -> Difficulty:
    """The measures of a kitchen.

    path counts the moves of three onions to a pot, a dish to that pot and the soup to a window, by
    the cook for whom that is shortest, one thing at a time; interacts and turns come on top.
    """
    paths = [_path(layout, start) for start in layout.starts]
    alone = [path for path in paths if path is not None]
    rooms = {layout.component(start) for start in layout.starts}
    narrow = sum(_parts(layout, room - {cell}) > 1 for room in rooms for cell in room)
    return Difficulty(not alone, min(alone) if alone else None, len(set().union(*rooms)), narrow)


def _path(layout: Layout, start: int) -> int | None:
    room = sorted(layout.component(start))
    apart = _distances(layout, room)
    beside = {
        kind: {
            tile: [i for i, c in enumerate(room) if int(tile) in layout.neighbours(c).values()]
            for tile in layout.cells(kind)
        }
        for kind in _OBJECTS
    }
    reach = {k: {t: c for t, c in tiles.items() if c} for k, tiles in beside.items()}
    if not all(reach.values()):
        return None

    def between(kind: int, stands: list[int]) -> int:
        return min(int(apart[np.ix_(c, stands)].min()) for c in reach[kind].values())

    return min(
        # to the pot and back for each onion, but once: one is carried to it, the next is fetched
        (2 * 3 - 1) * between(ONIONS, stands)
        + 2 * between(DISHES, stands)
        + between(SERVING, stands)
        for stands in reach[POT].values()
    )


def _distances(layout: Layout, room: list[int]) -> np.ndarray:
    """[n, n] moves between the floor cells of a room."""
    index = {cell: i for i, cell in enumerate(room)}
    apart = np.full((len(room), len(room)), 10_000)
    np.fill_diagonal(apart, 0)
    for cell, i in index.items():
        for other in layout.neighbours(cell).values():
            if other in index:
                apart[i, index[other]] = 1
    for via in range(len(room)):
        apart = np.minimum(apart, apart[:, via, None] + apart[None, via])
    return apart


def _parts(layout: Layout, cells: frozenset[int]) -> int:
    """How many pieces a set of floor cells falls into."""
    left, parts = set(cells), 0
    while left:
        parts += 1
        frontier = [left.pop()]
        while frontier:
            for other in layout.neighbours(frontier.pop()).values():
                if other in left:
                    left.remove(other)
                    frontier.append(other)
    return parts
