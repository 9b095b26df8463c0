"""Kitchens by chance in which soup can be made, on the host."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from numpy.random import Generator

from zsc.envs.overcooked.drawings import parse_layout
from zsc.envs.overcooked.layouts import (
    COUNTER,
    DISHES,
    FLOOR,
    ONIONS,
    POT,
    SERVING,
    Layout,
)
from zsc.errors import UserError

_MOST = {"P": 3, "O": 3, "D": 2, "S": 2}  # of each object
_SMALLEST = (3, 5)


def digest(layout: Layout) -> str:
    """Twelve letters that stand for a kitchen: its walls, objects and starts, not its name."""
    return hashlib.sha256(layout.text().encode()).hexdigest()[:12]


@cache
def random_layouts(
    seed: int, count: int, size: tuple[int, int], without: tuple[str, ...] = ()
) -> tuple[Layout, ...]:
    """So many different kitchens of at most (H, W); the same for the same arguments.

    without: digests of kitchens that are left out, such as those that agents are judged in.

    In each of them both cooks can move, every kind of object is within somebody's reach, and soup
    can be made, in divided kitchens perhaps only by handing over. Raises UserError if the size is
    too small for that many.
    """
    if min(count, size[0] - _SMALLEST[0] + 1, size[1] - _SMALLEST[1] + 1) < 1:
        raise UserError(
            f"{count} random kitchens of {size[0]}x{size[1]}: ask for at least one, of at least "
            f"{_SMALLEST[0]} rows and {_SMALLEST[1]} columns"
        )
    rng = np.random.default_rng(seed)
    found: dict[str, Layout] = {}
    for _ in range(20 * count + 1_000):
        layout = _try_layout(rng, size)
        if layout is not None and digest(layout) not in without:
            found.setdefault(layout.name, layout)
        if len(found) == count:
            return tuple(found.values())
    raise UserError(
        f"{count} different kitchens of {size[0]}x{size[1]} were not found, only {len(found)}: "
        "take a larger size or fewer kitchens"
    )


def _try_layout(rng: Generator, size: tuple[int, int]) -> Layout | None:
    height = int(rng.integers(_SMALLEST[0], size[0] + 1))
    width = int(rng.integers(_SMALLEST[1], size[1] + 1))
    plan = np.full((height, width), "X")
    walls = rng.random((height - 2, width - 2)) < rng.choice([0.0, 0.15, 0.3])
    plan[1:-1, 1:-1] = np.where(walls, "X", " ")
    if rng.random() < 0.3:  # a wall from top to bottom: the cooks may have to hand over
        plan[:, rng.integers(2, width - 2)] = "X"
    floor = np.argwhere(plan == " ")
    if len(floor) < 3:
        return None
    free = plan == " "
    beside = np.zeros_like(free)
    beside[1:] |= free[:-1]
    beside[:-1] |= free[1:]
    beside[:, 1:] |= free[:, :-1]
    beside[:, :-1] |= free[:, 1:]
    spots = rng.permutation(np.argwhere(beside & ~free))
    symbols = [s for s, most in _MOST.items() for _ in range(rng.integers(1, most + 1))]
    if len(spots) < len(symbols):
        return None
    starts = rng.permutation(floor)[:2]
    for symbol, (y, x) in zip([*symbols, "1", "2"], [*spots[: len(symbols)], *starts], strict=True):
        plan[y, x] = symbol
    try:
        layout = parse_layout("\n".join("".join(row) for row in plan))
    except UserError:  # an object that nobody can reach
        return None
    return layout if is_solvable(layout) else None


def is_solvable(layout: Layout) -> bool:
    """True if both cooks can move and can, together, make and serve a soup of onions.

    What one of them can get, the other can have as well if they reach a common counter. Raises
    UserError for a kitchen of more than two.
    """
    if len(layout.starts) != 2:
        raise UserError(f"the kitchen is for {len(layout.starts)} cooks: only two are looked at")
    rooms = [layout.component(start) for start in layout.starts]
    if min(map(len, rooms)) < 2 or len(rooms[0] | rooms[1]) < 3:
        return False
    tiles = [{near for cell in room for near in layout.neighbours(cell).values()} for room in rooms]
    kinds = [{int(layout.kinds[tile]) for tile in reach} - {FLOOR} for reach in tiles]
    shared = any(layout.kinds[tile] == COUNTER for tile in tiles[0] & tiles[1])
    if shared or rooms[0] == rooms[1]:
        kinds = [kinds[0] | kinds[1]] * 2
    if not {POT, ONIONS, DISHES, SERVING} <= kinds[0] | kinds[1]:
        return False
    return any(
        any(pot in reach and ONIONS in has for reach, has in zip(tiles, kinds, strict=True))
        and any(
            pot in reach and {DISHES, SERVING} <= has
            for reach, has in zip(tiles, kinds, strict=True)
        )
        for pot in layout.pots
    )
