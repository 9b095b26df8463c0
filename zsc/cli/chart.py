"""Curves in a terminal: lines of braille dots, two across and four down in each letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.text import Text

COLOURS = ("bright_blue", "yellow", "green", "bright_red", "cyan", "magenta")
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # [down, across]
_MARGIN = 9  # letters left of the axis


def chart(
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]], *, width: int = 72, height: int = 12
) -> Text:
    """Lines (x [n], y [n]) by name, in colours, on one scale; y that is no number is left out."""
    points = {name: _finite(*line) for name, line in lines.items()}
    every = [line for line in points.values() if len(line[0])]
    if not every:
        return Text("nothing to draw yet")
    most_x = max(float(x.max()) for x, _ in every) or 1.0
    low, high = _span(np.concatenate([y for _, y in every]))
    columns = max(width - _MARGIN - 1, 10)
    dots = np.zeros((height, columns), int)
    owner = np.zeros((height, columns), int)
    for number, (x, y) in enumerate(points.values()):
        for column, row in _cells(x / most_x, (y - low) / (high - low), columns * 2, height * 4):
            dots[row // 4, column // 2] |= _DOTS[row % 4, column % 2]
            owner[row // 4, column // 2] = number
    text = Text()
    for r in range(height):
        label = {0: high, height - 1: low}.get(r)
        if r == height // 2:
            label = (high + low) / 2
        text.append(f"{short(label) if label is not None else '':>{_MARGIN - 1}s} ┤", "dim")
        for c in range(columns):
            text.append(chr(0x2800 + dots[r, c]), COLOURS[owner[r, c] % len(COLOURS)])
        text.append("\n")
    text.append(" " * _MARGIN + "└" + "─" * columns + "\n", "dim")
    middle, right = short(most_x / 2), f"{short(most_x)} steps"
    gap = columns - len(right)
    text.append(" " * (_MARGIN + 1) + f"0{middle:^{max(gap - 1, 1)}s}{right}\n", "dim")
    for number, name in enumerate(lines):
        text.append("━━ ", COLOURS[number % len(COLOURS)])
        text.append(f"{name}   ")
    return text


def short(value: float) -> str:
    """A number in a few letters.

    >>> [short(x) for x in (0.25, 12.5, 1500, 2_500_000, -3)]
    ['0.25', '12.5', '1.5k', '2.5M', '-3']
    """
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:.3g}"


def _finite(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    well = np.isfinite(y)
    return np.asarray(x, float)[well], np.asarray(y, float)[well]


def _span(y: np.ndarray) -> tuple[float, float]:
    low, high = min(0.0, float(y.min())), float(y.max())
    return (low, high) if high > low else (low, low + 1.0)


def _cells(x: np.ndarray, y: np.ndarray, across: int, down: int) -> Sequence[tuple[int, int]]:
    """The dots (column, row) of a line whose x and y [n] go from 0 to 1."""
    columns = np.round(x * (across - 1)).astype(int)
    rows = np.round((1 - np.clip(y, 0, 1)) * (down - 1)).astype(int)
    found: list[tuple[int, int]] = []
    for i in range(len(columns)):
        before = max(i - 1, 0)
        steps = max(abs(columns[i] - columns[before]), abs(rows[i] - rows[before]), 1)
        between = np.linspace(0, 1, steps + 1)
        found += zip(
            np.round(columns[before] + between * (columns[i] - columns[before])).astype(int),
            np.round(rows[before] + between * (rows[i] - rows[before])).astype(int),
            strict=True,
        )
    return found
