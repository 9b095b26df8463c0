"""Pictures of games that have no place: rows of cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_CELL, _GAP = 16, 2
EMPTY, PALE, DARK = (228, 228, 228), (190, 190, 190), (70, 70, 70)
FIRST, SECOND, LIGHT = (214, 94, 40), (40, 110, 190), (250, 205, 70)
AGENTS = (FIRST, SECOND)


def cells(rows: Sequence[Sequence[tuple[int, int, int]]]) -> np.ndarray:
    """[H, W, 3] uint8: a square for each colour; all rows are as wide as the longest."""
    step, wide = _CELL + _GAP, max(map(len, rows))
    picture = np.full((len(rows) * step + _GAP, wide * step + _GAP, 3), 255, np.uint8)
    for y, row in enumerate(rows):
        for x, colour in enumerate(row):
            top, left = y * step + _GAP, x * step + _GAP
            picture[top : top + _CELL, left : left + _CELL] = colour
    return picture


def chosen(choice: int, number: int, agent: int) -> list[tuple[int, int, int]]:
    """A row of so many choices, the one that an agent made in its colour; -1: none yet."""
    return [AGENTS[agent] if i == choice else EMPTY for i in range(number)]
