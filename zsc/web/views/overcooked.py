"""What a page needs to draw a kitchen."""

from __future__ import annotations

from typing import Any

import numpy as np

from zsc.envs.base import Environment
from zsc.envs.overcooked import Overcooked
from zsc.envs.overcooked.rules import CONTENT_OF_ITEM, Rules, ingredients
from zsc.envs.overcooked.state import (
    DISH,
    EAST,
    INTERACT,
    NORTH,
    NOTHING,
    ONION,
    POT_SIZE,
    SOUP,
    SOUTH,
    TOMATO,
    WEST,
)
from zsc.web.stage import Shown

#: Key codes of a browser and what they do.
KEYS = {
    "ArrowUp": NORTH, "ArrowDown": SOUTH, "ArrowRight": EAST, "ArrowLeft": WEST, "Space": INTERACT,
    "KeyW": NORTH, "KeyS": SOUTH, "KeyD": EAST, "KeyA": WEST, "KeyE": INTERACT,
}  # fmt: skip


def fits(env: Environment) -> bool:
    """True for a game in one kitchen."""
    return isinstance(env, Overcooked)


def scene(env: Overcooked) -> dict[str, Any]:
    """The kitchen: its cells by kind (counter, onions, dishes, pot, window, floor, tomatoes), and
    by the rules of 2020 what is ordered."""
    kitchen = env.kitchen
    orders = {"orders": _orders(env.rules)} if env.rules.new else {}
    return orders | {
        "width": kitchen.width,
        "height": kitchen.height,
        "kinds": kitchen.kinds.tolist(),
        "pots": kitchen.pots.tolist(),
        "keys": KEYS,
    }


def state(env: Overcooked, shown: Shown, seat: int) -> dict[str, Any]:
    """Cooks as [x, y, direction, thing], what lies on counters as [cell, thing], pots as [onions,
    tomatoes, tick, ticks until ready].

    All cooks see all of it, so the seat does not matter.
    """
    now = shown.snapshot
    items = np.asarray(now["counter"]).reshape(-1)
    tomatoes = now.get("pot_t", np.zeros_like(now["pot_n"]))
    return {
        "cooks": [
            [*map(int, place), int(way), _thing(held)]
            for place, way, held in zip(now["pos"], now["dir"], now["held"], strict=True)
        ],
        "counter": [[int(cell), _thing(items[cell])] for cell in np.flatnonzero(items)],
        "pots": [
            [int(n), int(t), int(tick), int(env.rules.times[int(n) + (POT_SIZE + 1) * int(t)])]
            for n, t, tick in zip(now["pot_n"], tomatoes, now["pot_tick"], strict=True)
        ],
    }


def _orders(rules: Rules) -> list[list[int]]:
    """Each soup that is ordered as [onions, tomatoes, points, steps], the best paid first."""
    wanted = [content for content, value in enumerate(rules.values) if value > 0]
    wanted.sort(key=lambda content: -rules.values[content])
    return [[*ingredients(c), round(rules.values[c]), rules.times[c]] for c in wanted]


def _thing(item: Any) -> list[int]:
    """What is held or lies, as [kind] or, for a soup, [kind, onions, tomatoes]."""
    if int(item) in (NOTHING, ONION, DISH, TOMATO):
        return [int(item)]
    return [SOUP, *map(int, ingredients(int(CONTENT_OF_ITEM[int(item)])))]
