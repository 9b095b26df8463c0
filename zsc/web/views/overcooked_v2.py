"""What a cook of OvercookedV2 has in view, for a page to draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from zsc.envs.overcooked_v2 import OvercookedV2
from zsc.envs.overcooked_v2.dynamics import BUTTON_COST
from zsc.envs.overcooked_v2.layouts import BUTTON, GOAL, INDICATOR, POT
from zsc.envs.overcooked_v2.state import ACTION_NAMES, COOK_TIME, INTERACT
from zsc.web.stage import Shown

_RIGHT, _DOWN, _LEFT, _UP = (ACTION_NAMES.index(way) for way in ("right", "down", "left", "up"))
#: Key codes of a browser and what they do.
KEYS = {
    "ArrowUp": _UP, "ArrowDown": _DOWN, "ArrowRight": _RIGHT, "ArrowLeft": _LEFT, "Space": INTERACT,
    "KeyW": _UP, "KeyS": _DOWN, "KeyD": _RIGHT, "KeyA": _LEFT, "KeyE": INTERACT,
}  # fmt: skip


def scene(env: OvercookedV2) -> dict[str, Any]:
    """The plan of the kitchen, its cells in the codes of `Layout.kinds`.

    It is the same in every game, and agents have learned it by heart: people get it too.
    """
    kitchen = env.kitchen
    return {
        "width": kitchen.width,
        "height": kitchen.height,
        "kinds": kitchen.kinds.tolist(),
        "view": env.view,
        "cook_time": COOK_TIME,
        "button": -round(BUTTON_COST),
        "starts": env.start_cooking_interaction,
        "keys": KEYS,
    }


def state(env: OvercookedV2, shown: Shown, seat: int) -> dict[str, Any]:
    """What changes and is in view of a seat, as its cook's observation has it.

    cooks: [x, y, direction, bits held], None out of view. lies: [cell, bits]. pots: [cell, bits,
    steps left]. recipe: bits, 0 if no sign in view shows it. shows: the signs that do. thanks: the
    goals in view, after a right dish, where the game tells of it.
    """
    now = shown.snapshot
    near = in_view(env, now["pos"], seat)
    kinds = np.asarray(now["grid"])[..., 0].reshape(-1)
    bits, left = (np.asarray(now["grid"])[..., layer].reshape(-1) for layer in (1, 2))
    here = lambda wanted: np.flatnonzero(wanted & near).tolist()
    shows = here((kinds == INDICATOR) | ((kinds == BUTTON) & (left > 0)))
    thanked = env.indicate_successful_delivery and bool(now["delivered"])
    width = env.kitchen.width
    return {
        "cooks": [
            [int(x), int(y), int(way), int(held)] if near[int(y) * width + int(x)] else None
            for (x, y), way, held in zip(now["pos"], now["dir"], now["inventory"], strict=True)
        ],
        "lies": [[cell, int(bits[cell])] for cell in here((bits > 0) & (kinds != POT))],
        "pots": [[cell, int(bits[cell]), int(left[cell])] for cell in here(kinds == POT)],
        "recipe": int(now["recipe"]) if shows else 0,
        "shows": shows,
        "thanks": here(kinds == GOAL) if thanked else [],
    }


def in_view(env: OvercookedV2, pos: Any, seat: int) -> np.ndarray:
    """[cells] bool: the cells that the cook in a seat sees, all of them without a view."""
    y, x = np.divmod(np.arange(len(env.kitchen.kinds)), env.kitchen.width)
    if env.view is None:
        return np.ones_like(y, bool)
    column, row = (int(place) for place in pos[seat])
    return np.asarray(np.maximum(abs(y - row), abs(x - column)) <= env.view)
