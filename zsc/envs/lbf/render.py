"""Pictures of a foraging game, drawn with Pillow from plain shapes."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from PIL import Image, ImageDraw

from zsc.envs.lbf.state import State

TILE = 40
_FIELD, _LINE, _INK = (236, 240, 226), (205, 212, 190), (40, 44, 36)
_FOOD, _LEAF, _RING = (206, 62, 52), (88, 150, 74), (250, 200, 40)
_AGENTS = (
    (37, 99, 176), (222, 130, 40), (120, 80, 170), (30, 140, 130), (190, 70, 130),
    (110, 110, 110), (150, 110, 60), (70, 150, 210), (90, 90, 40),
)  # fmt: skip


def draw(size: int, state: State) -> np.ndarray:
    """[H, W, 3] uint8: agents as discs, foods as apples, with their levels; who loads is ringed."""
    now = jax.tree.map(np.asarray, state)
    image = Image.new("RGB", (size * TILE + 1, size * TILE + 1), _FIELD)
    pen = ImageDraw.Draw(image)
    for line in range(0, size * TILE + 1, TILE):
        pen.line((0, line, size * TILE, line), fill=_LINE)
        pen.line((line, 0, line, size * TILE), fill=_LINE)
    for cell, level, eaten in zip(now.food_pos, now.food_level, now.food_eaten, strict=True):
        if not eaten:
            _apple(pen, *_middle(cell), int(level))
    for agent, (cell, level) in enumerate(zip(now.pos, now.level, strict=True)):
        x, y = _middle(cell)
        if now.loading[agent]:
            _disc(pen, x, y, 18, _RING)
        _disc(pen, x, y, 14, _AGENTS[agent % len(_AGENTS)])
        _number(pen, x, y, int(level))
    return np.asarray(image)


def _middle(cell: np.ndarray) -> tuple[float, float]:
    row, column = cell.tolist()
    return column * TILE + TILE / 2, row * TILE + TILE / 2


def _apple(pen: Any, x: float, y: float, level: int) -> None:
    _disc(pen, x - 4, y + 2, 10, _FOOD)
    _disc(pen, x + 4, y + 2, 10, _FOOD)
    pen.ellipse((x, y - 17, x + 10, y - 9), fill=_LEAF)
    _number(pen, x, y + 2, level)


def _disc(pen: Any, x: float, y: float, radius: float, fill: tuple[int, int, int]) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _number(pen: Any, x: float, y: float, level: int) -> None:
    pen.text((x, y), str(level), fill=(255, 255, 255), anchor="mm", font_size=15)
