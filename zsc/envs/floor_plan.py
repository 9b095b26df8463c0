"""The plan of a kitchen: rows of symbols, which cells are floor, and what borders on what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: (x, y) of a step up, down, right, left: the order of directions in every kitchen.
STEPS = np.array([[0, -1], [0, 1], [1, 0], [-1, 0]])


@dataclass(frozen=True)
class FloorPlan:
    """Rows of equal length. Cells are numbered row by row: cell = y * width + x."""

    name: str
    rows: tuple[str, ...]  # terrain without the starts
    starts: tuple[int, ...]  # cell of each agent

    @property
    def height(self) -> int:
        """Rows."""
        return len(self.rows)

    @property
    def width(self) -> int:
        """Columns."""
        return len(self.rows[0])

    @cached_property
    def walkable(self) -> np.ndarray:
        """[cells] bool: floor."""
        return np.array([symbol == " " for row in self.rows for symbol in row])

    @cached_property
    def floor(self) -> np.ndarray:
        """[F] floor cells."""
        return np.flatnonzero(self.walkable)

    def where(self, cell: int) -> tuple[int, int]:
        """(x, y) of a cell."""
        y, x = divmod(int(cell), self.width)
        return x, y

    def neighbours(self, cell: int) -> dict[int, int]:
        """Direction (0 up, 1 down, 2 right, 3 left) to neighbouring cell, inside the grid."""
        x, y = self.where(cell)
        around = {way: (x + int(dx), y + int(dy)) for way, (dx, dy) in enumerate(STEPS)}
        return {
            way: row * self.width + column
            for way, (column, row) in around.items()
            if 0 <= row < self.height and 0 <= column < self.width
        }

    def beside_floor(self, cell: int) -> bool:
        """True if an agent could stand beside the cell."""
        return any(self.walkable[other] for other in self.neighbours(cell).values())

    def component(self, start: int) -> frozenset[int]:
        """The floor cells that can be walked to from a floor cell."""
        found, frontier = {int(start)}, [int(start)]
        while frontier:
            for other in self.neighbours(frontier.pop()).values():
                if self.walkable[other] and other not in found:
                    found.add(other)
                    frontier.append(other)
        return frozenset(found)

    @cached_property
    def rooms(self) -> tuple[frozenset[int], ...]:
        """By agent: the part of the kitchen that its start belongs to, where it stays."""
        return tuple(self.component(start) for start in self.starts)

    def within_reach(self, start: int) -> frozenset[int]:
        """The cells that are no floor and border on the room of a floor cell."""
        around = {near for cell in self.component(start) for near in self.neighbours(cell).values()}
        return frozenset(cell for cell in around if not self.walkable[cell])

    @cached_property
    def all_within_reach(self) -> frozenset[int]:
        """The cells that are no floor and border on the room of some agent."""
        return frozenset[int]().union(*(self.within_reach(start) for start in self.starts))
