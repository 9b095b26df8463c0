"""Pictures of a battle, drawn with Pillow from plain shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from zsc.envs.smax.observation import target_of
from zsc.envs.smax.state import MOVES, State
from zsc.envs.smax.units import HALF, STATS, WIDTH, Scenario

SCALE = 16  # pixels in a map unit
_GROUND, _BORDER, _INK = (236, 233, 222), (150, 90, 80), (46, 44, 50)
_TEAMS = ((52, 110, 190), (206, 84, 50))
_LETTERS = "mMsZzh"  # as the reference's pictures have them


def draw(scenario: Scenario, state: State) -> np.ndarray:
    """[H, W, 3] uint8: a disc for each unit with the letter of its type, an arc that shows how much
    health is left, and a line to whom it attacks while its weapon is warm. Crosses are the dead."""
    edge = int(WIDTH * SCALE)
    image = Image.new("RGB", (edge, edge), _GROUND)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, edge - 1, edge - 1), outline=_BORDER, width=4)
    alive = np.asarray(state.health) > 0
    for unit in np.flatnonzero(~alive):
        _cross(pen, *_pixel(state, int(unit)))
    for unit in np.flatnonzero(alive):
        _aim(pen, scenario, state, int(unit), alive)
    for unit in np.flatnonzero(alive):
        _unit(pen, state, int(unit), int(unit >= scenario.sizes[0]))
    return np.asarray(image)


def _pixel(state: State, unit: int) -> tuple[float, float]:
    x, y = np.asarray(state.position)[unit]
    return float((x + HALF) * SCALE), float((HALF - y) * SCALE)


def _aim(pen: Any, scenario: Scenario, state: State, unit: int, alive: np.ndarray) -> None:
    action = int(state.action[unit])
    if action < MOVES:
        return
    target = target_of(scenario, unit, action - MOVES)
    if not 0 <= target < scenario.units or not alive[target]:
        return
    shot = float(state.cooldown[unit]) > 0
    colour = _TEAMS[int(unit >= scenario.sizes[0])]
    line = (*_pixel(state, unit), *_pixel(state, target))
    pen.line(line, fill=colour if shot else (200, 196, 184), width=3 if shot else 1)


def _unit(pen: Any, state: State, unit: int, team: int) -> None:
    x, y = _pixel(state, unit)
    kind = int(state.types[unit])
    radius = STATS.radius[kind] * SCALE
    box = (x - radius, y - radius, x + radius, y + radius)
    pen.ellipse(box, fill=_TEAMS[team], outline=_INK)
    share = float(state.health[unit]) / float(STATS.health[kind])
    ring = (x - radius - 4, y - radius - 4, x + radius + 4, y + radius + 4)
    colour = (76, 160, 84) if share > 0.5 else (216, 164, 40) if share > 0.25 else (200, 50, 50)
    pen.arc(ring, -90, -90 + 360 * share, fill=colour, width=3)
    pen.text((x, y), _LETTERS[kind], fill=(255, 255, 255), anchor="mm")


def _cross(pen: Any, x: float, y: float) -> None:
    for sign in (-1, 1):
        pen.line((x - 4, y - 4 * sign, x + 4, y + 4 * sign), fill=(170, 164, 152), width=2)
