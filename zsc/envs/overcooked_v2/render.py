"""Pictures of a kitchen with recipes, in the look of the first Overcooked."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from PIL import Image, ImageDraw

from zsc.envs.overcooked.render import TILE, disc
from zsc.envs.overcooked_v2.layouts import (
    BUTTON,
    EMPTY,
    GOAL,
    INDICATOR,
    PILE,
    PLATES,
    POT,
    WALL,
    Layout,
)
from zsc.envs.overcooked_v2.state import COOK_TIME, COOKED, PLATE, SHOWN_TIME, State

_COUNTER, _FLOOR, _STEEL, _SERVE = (181, 142, 99), (238, 231, 218), (96, 96, 104), (150, 176, 150)
_SIGN, _PLATE, _INK = (86, 84, 120), (250, 250, 250), (60, 52, 46)
_BACKGROUND = {EMPTY: _FLOOR, WALL: _COUNTER, GOAL: _SERVE, POT: _STEEL}
_BACKGROUND |= {INDICATOR: _SIGN, BUTTON: _SIGN, PLATES: _COUNTER}
#: Of ingredients, told apart without colour vision too: they also have a shape each.
_PIECES = (
    (238, 196, 62),
    (204, 68, 75),
    (98, 148, 70),
    (120, 94, 240),
    (220, 130, 190),
    (64, 160, 190),
    (150, 110, 70),
    (240, 240, 140),
    (110, 110, 110),
    (30, 60, 140),
)
_HATS = ((37, 99, 176), (201, 80, 37), (70, 140, 90), (140, 80, 160))


def draw(layout: Layout, state: State, view: int | None) -> np.ndarray:
    """[H, W, 3] uint8: the kitchen with what lies, cooks and is shown, and the cooks."""
    now = jax.tree.map(np.asarray, state)
    image = Image.new("RGB", (layout.width * TILE, layout.height * TILE))
    pen = ImageDraw.Draw(image)
    for cell, kind in enumerate(layout.kinds):
        _tile(pen, *_corner(layout, cell), int(kind))
    for cell, bits in zip(layout.counters, now.counter, strict=True):
        x, y = _corner(layout, int(cell))
        _item(pen, x + TILE / 2, y + TILE / 2, int(bits))
    for cell, bits, left in zip(layout.cells(POT), now.pot, now.pot_left, strict=True):
        _pot(pen, *_corner(layout, int(cell)), int(bits), int(left))
    for cell in layout.cells(INDICATOR):
        _recipe(pen, *_corner(layout, int(cell)), int(now.recipe))
    for cell, left in zip(layout.cells(BUTTON), now.button_left, strict=False):
        _button(pen, *_corner(layout, int(cell)), int(now.recipe), int(left))
    for agent in range(len(layout.starts)):
        x, y = _corner(layout, int(now.cell[agent]))
        _cook(pen, x, y, agent, int(now.direction[agent]), int(now.held[agent]))
    picture = np.asarray(image)
    return picture if view is None else _shaded(layout, picture, now.cell, view)


def _shaded(layout: Layout, picture: np.ndarray, cells: np.ndarray, view: int) -> np.ndarray:
    """The picture, darker where no agent looks."""
    y, x = np.divmod(np.arange(len(layout.kinds)), layout.width)
    rows, columns = np.divmod(cells, layout.width)
    away = np.maximum(abs(y[:, None] - rows), abs(x[:, None] - columns))
    seen = (away <= view).any(1).reshape(layout.height, layout.width)
    light = np.where(seen, 1.0, 0.6).repeat(TILE, 0).repeat(TILE, 1)[..., None]
    return (picture * light).astype(np.uint8)


def _corner(layout: Layout, cell: int) -> tuple[int, int]:
    x, y = layout.where(cell)
    return x * TILE, y * TILE


def _tile(pen: Any, x: int, y: int, kind: int) -> None:
    box = (x, y, x + TILE - 1, y + TILE - 1)
    pen.rectangle(box, fill=_BACKGROUND.get(kind, _COUNTER), outline=(214, 205, 190))
    middle = (x + TILE / 2, y + TILE / 2)
    if kind >= PILE:
        for dx, dy in ((-9, 7), (9, 7), (0, -9)):
            _piece(pen, middle[0] + dx, middle[1] + dy, kind - PILE, 8)
    elif kind == PLATES:
        for shift in (6, 0, -6):
            disc(pen, middle[0], middle[1] + shift, 13, _PLATE)
    elif kind == GOAL:
        pen.rectangle((x + 8, y + 14, x + TILE - 9, y + TILE - 15), fill=(222, 238, 222))
        pen.text((x + 12, y + TILE / 2 - 6), "SERVE", fill=_INK)


def _piece(pen: Any, x: float, y: float, number: int, radius: float) -> None:
    """One ingredient: disc, square, triangle or diamond, in turn, in its colour."""
    fill, shape = _PIECES[number], number % 4
    if shape == 0:
        disc(pen, x, y, radius, fill)
    elif shape == 1:
        half = 0.85 * radius
        pen.rectangle((x - half, y - half, x + half, y + half), fill=fill, outline=_INK)
    else:
        low = y + 0.8 * radius if shape == 2 else y
        corners = [(x, y - radius), (x + radius, low), (x - radius, low)]
        if shape == 3:
            corners.insert(2, (x, y + radius))
        pen.polygon(corners, fill=fill, outline=_INK)


def _pieces(bits: int) -> list[int]:
    return [i for i in range(len(_PIECES)) for _ in range((bits >> (2 + 2 * i)) & 3)]


def _trio(pen: Any, x: float, y: float, bits: int, radius: float) -> None:
    """Up to three ingredients around a point."""
    for (dx, dy), number in zip(((-1, 0.6), (1, 0.6), (0, -1)), _pieces(bits), strict=False):
        _piece(pen, x + 0.9 * radius * dx, y + 0.9 * radius * dy, number, radius)


def _item(pen: Any, x: float, y: float, bits: int, scale: float = 1.0) -> None:
    if bits & PLATE:
        disc(pen, x, y, 13 * scale, _PLATE)
        _trio(pen, x, y, bits, 5 * scale) if bits & COOKED else None
    elif bits:
        _trio(pen, x, y + 3 * scale, bits, 8 * scale)


def _pot(pen: Any, x: int, y: int, bits: int, left: int) -> None:
    middle = (x + TILE / 2, y + TILE / 2)
    disc(pen, *middle, 18, (44, 44, 50))
    done = 1.0 if bits & COOKED else (COOK_TIME - left) / COOK_TIME if left else 0.0
    if done:
        fill = (92, 164, 86) if bits & COOKED else (244, 188, 120)
        pen.pieslice((x + 8, y + 8, x + TILE - 9, y + TILE - 9), -90, -90 + 360 * done, fill=fill)
    _trio(pen, *middle, bits, 6)


def _recipe(pen: Any, x: int, y: int, bits: int) -> None:
    pen.rectangle((x + 5, y + 5, x + TILE - 6, y + TILE - 6), fill=(232, 232, 244), outline=_INK)
    _trio(pen, x + TILE / 2, y + TILE / 2, bits, 7)


def _button(pen: Any, x: int, y: int, recipe: int, left: int) -> None:
    if left:
        _recipe(pen, x, y, recipe)
        width = (TILE - 12) * left / SHOWN_TIME
        pen.rectangle((x + 6, y + TILE - 10, x + 6 + width, y + TILE - 7), fill=(201, 80, 37))
    else:
        disc(pen, x + TILE / 2, y + TILE / 2, 12, (201, 80, 37))


def _cook(pen: Any, x: int, y: int, agent: int, direction: int, held: int) -> None:
    middle = (x + TILE / 2, y + TILE / 2)
    dx, dy = ((0, -1), (0, 1), (1, 0), (-1, 0))[direction]
    disc(pen, *middle, 17, _HATS[agent % len(_HATS)])
    base, side = (middle[0] + 10 * dx, middle[1] + 10 * dy), (7 * dy, 7 * dx)
    nose = (middle[0] + 17 * dx, middle[1] + 17 * dy)
    corners = [nose, (base[0] + side[0], base[1] + side[1]), (base[0] - side[0], base[1] - side[1])]
    pen.polygon(corners, fill=(255, 255, 255))
    pen.text((middle[0] - 3, middle[1] - 6), str(agent + 1), fill=(255, 255, 255))
    _item(pen, middle[0] + 12 * dx + 6 * abs(dy), middle[1] + 12 * dy + 6 * abs(dx), held, 0.7)
