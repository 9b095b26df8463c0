"""Kitchens by chance, joined and divided."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.oracle.record import SOUPS
from zsc.envs.overcooked import Layout, parse_layout
from zsc.envs.overcooked.layouts import COUNTER, FLOOR
from zsc.errors import UserError

_MOST = (("P", 4), ("O", 3), ("D", 2), ("S", 2))


def generate_layouts(
    seed: int, count: int, *, cooks: int = 2, tomatoes: bool = False
) -> list[Layout]:
    """Kitchens by chance in which soup can be made; the first and every third one are divided."""
    rng = np.random.default_rng(seed)
    found: list[Layout] = []
    while len(found) < count:
        layout = _try_layout(rng, len(found) % 3 == 0, cooks, tomatoes)
        if layout is not None:
            found.append(layout)
    return found


def generate_files(seed: int, count: int, *, cooks: int = 2) -> list[dict[str, Any]]:
    """Kitchens by chance with tomatoes and orders by chance, as layout files tell them."""
    rng = np.random.default_rng(seed + 1)
    layouts = generate_layouts(seed, count, cooks=cooks, tomatoes=True)
    return [{"grid": layout.text(), **_orders_by_chance(rng)} for layout in layouts]


def _orders_by_chance(rng: Generator) -> dict[str, Any]:
    """Some orders, some with a bonus; prices and times in one of the ways to tell them."""
    soups = [{"ingredients": ["onion"] * o + ["tomato"] * t} for (o, t) in SOUPS]
    soups = [soups[i] for i in rng.permutation(len(soups))[: rng.integers(1, len(soups) + 1)]]
    told: dict[str, Any] = {
        "start_all_orders": soups,
        "start_bonus_orders": [soup for soup in soups if rng.random() < 0.3],
        "order_bonus": int(rng.integers(2, 4)),
    }
    for what, of_all, most in (("value", "delivery_reward", 40), ("time", "cook_time", 30)):
        way = rng.integers(4)
        if way == 0:
            told[of_all] = int(rng.integers(1, most))
        elif way == 1:
            told[f"recipe_{what}s"] = [int(x) for x in rng.integers(1, most, len(soups))]
        elif way == 2:
            told |= {f"{x}_{what}": int(rng.integers(1, most)) for x in ("onion", "tomato")}
    if rng.random() < 0.5:
        names = ("PLACEMENT_IN_POT_REW", "DISH_PICKUP_REWARD", "SOUP_PICKUP_REWARD")
        told["rew_shaping_params"] = {name: int(rng.integers(0, 9)) for name in names}
    return told


def _try_layout(rng: Generator, divided: bool, cooks: int, tomatoes: bool) -> Layout | None:
    height, width = int(rng.integers(3, 9)), int(rng.integers(4 + divided, 12))
    plan = np.full((height, width), "X")
    inside = rng.random((height - 2, width - 2)) < rng.choice([0.0, 0.15, 0.3])
    plan[1:-1, 1:-1] = np.where(inside, "X", " ")
    if divided:
        plan[:, rng.integers(2, width - 2)] = "X"
    floor = np.argwhere(plan == " ")
    if len(floor) < cooks:
        return None
    for player, spot in zip("1234"[:cooks], rng.permutation(floor)[:cooks], strict=True):
        plan[tuple(spot)] = player
    for symbol, most in (*_MOST, *([("T", 2)] if tomatoes else [])):
        closed = np.argwhere(plan == "X")
        number = min(int(rng.integers(1, most + 1)), len(closed))
        for spot in rng.permutation(closed)[:number]:
            plan[tuple(spot)] = symbol
    try:
        text = "\n".join("".join(row) for row in plan)
        layout = parse_layout(text, tomatoes=tomatoes)
    except UserError:
        return None
    return layout if is_divided(layout) == divided and _solvable(layout) else None


def _solvable(layout: Layout) -> bool:
    """Agents that are apart share a counter to pass things on.

    That every kind of tile is within somebody's reach is what `parse_layout` has seen to.
    """
    first, second, *_ = (within_reach(layout, start) for start in layout.starts)
    shared = any(layout.kinds[tile] == COUNTER for tile in first & second)
    return shared or not is_divided(layout)


def is_divided(layout: Layout) -> bool:
    """True if the first two agents can never meet."""
    return layout.starts[1] not in layout.component(layout.starts[0])


def within_reach(layout: Layout, cell: int) -> frozenset[int]:
    """The tiles that an agent on a floor cell can walk up to."""
    beside = (layout.neighbours(floor).values() for floor in layout.component(cell))
    return frozenset(n for cells in beside for n in cells if layout.kinds[n] != FLOOR)
