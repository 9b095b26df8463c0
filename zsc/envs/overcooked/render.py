"""Pictures of a kitchen, drawn with Pillow from plain shapes."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from PIL import Image, ImageDraw

from zsc.envs.overcooked.layouts import (
    COUNTER,
    DISHES,
    FLOOR,
    ONIONS,
    POT,
    SERVING,
    TOMATOES,
    Terrain,
)
from zsc.envs.overcooked.rules import CONTENT_OF_ITEM, RULES_2019, Rules, ingredients
from zsc.envs.overcooked.state import DISH, NOTHING, ONION, POT_SIZE, TOMATO, State

TILE = 48
_BACKGROUND = {
    COUNTER: (181, 142, 99),
    ONIONS: (181, 142, 99),
    DISHES: (181, 142, 99),
    TOMATOES: (181, 142, 99),
    POT: (96, 96, 104),
    SERVING: (150, 176, 150),
    FLOOR: (238, 231, 218),
}
_HATS = ((37, 99, 176), (201, 80, 37), (46, 125, 80), (128, 72, 160))
_ONION, _SOUP, _PLATE, _INK = (238, 196, 62), (226, 137, 46), (250, 250, 250), (60, 52, 46)
_TOMATO = (205, 52, 44)


def draw(terrain: Terrain, width: int, state: State, rules: Rules = RULES_2019) -> np.ndarray:
    """[H, W, 3] uint8: the kitchen with its cooks, what they hold, and a clock on each pot.

    A soup with tomatoes in it shows its ingredients.
    """
    terrain, now = jax.tree.map(np.asarray, (terrain, state))
    image = Image.new("RGB", (width * TILE, len(terrain.kinds) // width * TILE))
    pen = ImageDraw.Draw(image)
    for cell, kind in enumerate(terrain.kinds):
        _tile(pen, *_corner(width, cell), int(kind))
    for cell, item in zip(terrain.places, now.counter, strict=True):
        x, y = _corner(width, int(cell))
        _item(pen, x + TILE / 2, y + TILE / 2, int(item))
    tomatoes = np.zeros_like(now.pot_n) if now.pot_t is None else now.pot_t
    for cell, onions, more, tick in zip(
        terrain.pots, now.pot_n, tomatoes, now.pot_tick, strict=True
    ):
        if cell < 0:
            continue
        content = int(onions) + (POT_SIZE + 1) * int(more)
        _pot(pen, *_corner(width, int(cell)), content, int(tick), rules.times[content])
    for agent in range(len(now.cell)):
        x, y = _corner(width, int(now.cell[agent]))
        _cook(pen, x, y, agent, int(now.direction[agent]), int(now.held[agent]))
    return np.asarray(image)


def _corner(width: int, cell: int) -> tuple[int, int]:
    return cell % width * TILE, cell // width * TILE


def disc(pen: Any, x: float, y: float, radius: float, fill: Any, outline: Any = _INK) -> None:
    """A filled circle."""
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=outline)


def _tile(pen: Any, x: int, y: int, kind: int) -> None:
    box = (x, y, x + TILE - 1, y + TILE - 1)
    pen.rectangle(box, fill=_BACKGROUND[kind], outline=(214, 205, 190))
    middle = (x + TILE / 2, y + TILE / 2)
    if kind in (ONIONS, TOMATOES):
        for dx, dy in ((-9, 6), (9, 6), (0, -8)):
            disc(pen, middle[0] + dx, middle[1] + dy, 9, _ONION if kind == ONIONS else _TOMATO)
    elif kind == DISHES:
        for shift in (6, 0, -6):
            disc(pen, middle[0], middle[1] + shift, 13, _PLATE)
    elif kind == SERVING:
        pen.rectangle((x + 8, y + 14, x + TILE - 9, y + TILE - 15), fill=(222, 238, 222))
        pen.text((x + 12, y + TILE / 2 - 6), "SERVE", fill=_INK)


def _item(pen: Any, x: float, y: float, item: int, scale: float = 1.0) -> None:
    if item == NOTHING:
        return
    if item in (ONION, TOMATO):
        disc(pen, x, y, 9 * scale, _ONION if item == ONION else _TOMATO)
        return
    disc(pen, x, y, 13 * scale, _PLATE)
    if item == DISH:
        disc(pen, x, y, 9 * scale, _PLATE, (200, 200, 200))
        return
    disc(pen, x, y, 9 * scale, _SOUP)
    content = int(CONTENT_OF_ITEM[item])
    if content != POT_SIZE:
        _inside(pen, x, y, content, scale)


def _inside(pen: Any, x: float, y: float, content: int, scale: float = 1.0) -> None:
    """What a pot or soup is made of, side by side."""
    onions, tomatoes = ingredients(content)
    for number, fill in enumerate([_ONION] * onions + [_TOMATO] * tomatoes):
        disc(pen, x + 9 * scale * (number - 1), y, 5 * scale, fill)


def _pot(pen: Any, x: int, y: int, content: int, tick: int, time: int) -> None:
    middle = (x + TILE / 2, y + TILE / 2)
    disc(pen, *middle, 18, (44, 44, 50))
    if tick >= 0:
        disc(pen, *middle, 15, _SOUP)
        ready = tick >= time
        pen.pieslice(
            (x + 9, y + 9, x + TILE - 10, y + TILE - 10),
            -90,
            -90 + 360 * min(tick, time) / max(time, 1),
            fill=(92, 164, 86) if ready else (244, 188, 120),
        )
    if tick < 0 or content > POT_SIZE:
        _inside(pen, *middle, content)


def _cook(pen: Any, x: int, y: int, agent: int, direction: int, held: int) -> None:
    middle = (x + TILE / 2, y + TILE / 2)
    dx, dy = ((0, -1), (0, 1), (1, 0), (-1, 0))[direction]
    disc(pen, *middle, 17, _HATS[agent])
    nose = (middle[0] + 17 * dx, middle[1] + 17 * dy)
    side = (7 * dy, 7 * dx)
    base = (middle[0] + 10 * dx, middle[1] + 10 * dy)
    corners = [nose, (base[0] + side[0], base[1] + side[1]), (base[0] - side[0], base[1] - side[1])]
    pen.polygon(corners, fill=(255, 255, 255))
    pen.text((middle[0] - 3, middle[1] - 6), str(agent + 1), fill=(255, 255, 255))
    _item(pen, middle[0] + 12 * dx + 6 * abs(dy), middle[1] + 12 * dy + 6 * abs(dx), held, 0.7)
