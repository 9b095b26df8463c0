"""Pictures of a game of STORM, drawn with Pillow from plain shapes."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from PIL import Image, ImageDraw

from zsc.envs.storm.state import BEAM, State, grid_of

TILE, FOOT = 36, 26
_FIELD, _LINE, _INK, _LIT = (238, 235, 226), (214, 209, 196), (50, 50, 50), (250, 222, 120)
_AGENTS = ((232, 128, 36), (44, 116, 190))  # red is drawn orange, as in the reference
_COINS = (
    (60, 150, 72),
    (200, 56, 56),
)  # a red coin is drawn green there: in the dilemma it is kind


def draw(size: int, state: State) -> np.ndarray:
    """[H, W, 3] uint8: agents as arrows, coins, beams; below what both hold, greyed while frozen.

    a runs to the right and b downwards, so that direction 0 looks down.
    """
    grid = np.asarray(grid_of(size, state))
    now = jax.tree.map(np.asarray, state)
    image = Image.new("RGB", (size * TILE + 1, size * TILE + FOOT + 1), (255, 255, 255))
    pen = ImageDraw.Draw(image)
    for a in range(size):
        for b in range(size):
            fill = _LIT if grid[a, b] == BEAM else _FIELD
            box = (a * TILE, b * TILE, (a + 1) * TILE, (b + 1) * TILE)
            pen.rectangle(box, fill=fill, outline=_LINE)
    for agent in range(2):
        _arrow(pen, now, agent)
    for colour in range(2):
        for cell, there in zip(now.homes[colour], now.present[colour], strict=True):
            if there:
                _coin(pen, *_middle(cell), 7, _COINS[colour])
    _holdings(pen, size, now)
    return np.asarray(image)


def _middle(cell: np.ndarray) -> tuple[float, float]:
    a, b = cell.tolist()
    return a * TILE + TILE / 2, b * TILE + TILE / 2


def _coin(pen: Any, x: float, y: float, radius: float, fill: tuple[int, int, int]) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=_INK)


def _arrow(pen: Any, now: Any, agent: int) -> None:
    x, y = _middle(now.pos[agent])
    dx, dy = ((0, 1), (1, 0), (0, -1), (-1, 0))[int(now.direction[agent])]
    corners = [
        (x + 14 * dx, y + 14 * dy),
        (x - 10 * dx + 10 * dy, y - 10 * dy - 10 * dx),
        (x - 10 * dx - 10 * dy, y - 10 * dy + 10 * dx),
    ]
    still = int(now.freeze) > 0
    pen.polygon(corners, fill=_AGENTS[agent], outline=_INK if not still else (255, 255, 255))


def _holdings(pen: Any, size: int, now: Any) -> None:
    top = size * TILE + FOOT / 2 + 1
    for agent in range(2):
        x = 12.0 + agent * size * TILE / 2
        pen.rectangle((x - 6, top - 6, x + 6, top + 6), fill=_AGENTS[agent])
        for colour, count in enumerate(now.inventory[agent].tolist()):
            x += 28
            _coin(pen, x, top, 6, _COINS[colour])
            pen.text((x + 10, top), str(count), fill=_INK, anchor="lm", font_size=12)
