"""What a page needs to draw a kitchen."""

from __future__ import annotations

from typing import Any

import numpy as np

from zsc.envs.base import Environment
from zsc.envs.overcooked import Overcooked
from zsc.envs.overcooked.state import COOK_TIME, EAST, INTERACT, NORTH, SOUTH, WEST
from zsc.web.stage import Shown

_KEYS = {
    "ArrowUp": NORTH, "ArrowDown": SOUTH, "ArrowRight": EAST, "ArrowLeft": WEST, "Space": INTERACT,
    "KeyW": NORTH, "KeyS": SOUTH, "KeyD": EAST, "KeyA": WEST, "KeyE": INTERACT,
}  # fmt: skip


def fits(env: Environment) -> bool:
    """True for a game in one kitchen."""
    return isinstance(env, Overcooked)


def scene(env: Overcooked) -> dict[str, Any]:
    """The kitchen: its cells by kind (counter, onions, dishes, pot, window, floor)."""
    kitchen = env.kitchen
    return {
        "width": kitchen.width,
        "height": kitchen.height,
        "kinds": kitchen.kinds.tolist(),
        "pots": kitchen.pots.tolist(),
        "cook_time": COOK_TIME,
        "keys": _KEYS,
    }


def state(env: Overcooked, shown: Shown, seat: int) -> dict[str, Any]:
    """Cooks as [x, y, direction, held], what lies on counters as [cell, item], pots as [n, tick].

    Both cooks see all of it, so the seat does not matter.
    """
    now = shown.snapshot
    items = np.asarray(now["counter"]).reshape(-1)
    return {
        "cooks": [
            [*map(int, place), int(way), int(held)]
            for place, way, held in zip(now["pos"], now["dir"], now["held"], strict=True)
        ],
        "counter": [[int(cell), int(items[cell])] for cell in np.flatnonzero(items)],
        "pots": [[int(n), int(t)] for n, t in zip(now["pot_n"], now["pot_tick"], strict=True)],
    }
