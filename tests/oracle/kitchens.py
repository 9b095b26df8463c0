"""Kitchens by chance, joined and divided."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from zsc.envs.overcooked import Layout, parse_layout
from zsc.envs.overcooked.layouts import COUNTER, FLOOR
from zsc.errors import UserError


def generate_layouts(seed: int, count: int) -> list[Layout]:
    """Kitchens by chance in which soup can be made; the first and every third one are divided."""
    rng = np.random.default_rng(seed)
    found: list[Layout] = []
    while len(found) < count:
        layout = _try_layout(rng, divided=len(found) % 3 == 0)
        if layout is not None:
            found.append(layout)
    return found


def _try_layout(rng: Generator, divided: bool) -> Layout | None:
    height, width = int(rng.integers(3, 9)), int(rng.integers(4 + divided, 12))
    plan = np.full((height, width), "X")
    inside = rng.random((height - 2, width - 2)) < rng.choice([0.0, 0.15, 0.3])
    plan[1:-1, 1:-1] = np.where(inside, "X", " ")
    if divided:
        plan[:, rng.integers(2, width - 2)] = "X"
    floor = np.argwhere(plan == " ")
    if len(floor) < 2:
        return None
    for player, spot in zip("12", rng.permutation(floor)[:2], strict=True):
        plan[tuple(spot)] = player
    for symbol, most in (("P", 4), ("O", 3), ("D", 2), ("S", 2)):
        closed = np.argwhere(plan == "X")
        number = min(int(rng.integers(1, most + 1)), len(closed))
        for spot in rng.permutation(closed)[:number]:
            plan[tuple(spot)] = symbol
    try:
        layout = parse_layout("\n".join("".join(row) for row in plan))
    except UserError:
        return None
    return layout if is_divided(layout) == divided and _solvable(layout) else None


def _solvable(layout: Layout) -> bool:
    """Agents that are apart share a counter to pass things on.

    That every kind of tile is within somebody's reach is what `parse_layout` has seen to.
    """
    first, second = (within_reach(layout, start) for start in layout.starts)
    shared = any(layout.kinds[tile] == COUNTER for tile in first & second)
    return shared or not is_divided(layout)


def is_divided(layout: Layout) -> bool:
    """True if the agents can never meet."""
    return layout.starts[1] not in layout.component(layout.starts[0])


def within_reach(layout: Layout, cell: int) -> frozenset[int]:
    """The tiles that an agent on a floor cell can walk up to."""
    beside = (layout.neighbours(floor).values() for floor in layout.component(cell))
    return frozenset(n for cells in beside for n in cells if layout.kinds[n] != FLOOR)
