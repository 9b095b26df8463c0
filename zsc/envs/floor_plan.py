"""The plan of a kitchen: rows of symbols, which cells are floor, and what borders on what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zsc.errors import UserError

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

    def turns(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Turns and flips that keep the outline: old cell -> new cell, old direction -> new."""
        plan = np.arange(self.height * self.width).reshape(self.height, self.width)
        for turn in range(4):
            for flip in (False, True):
                moved = np.rot90(plan[:, ::-1] if flip else plan, turn)
                if moved.shape != plan.shape:
                    continue
                ways = STEPS * [-1, 1] if flip else STEPS
                for _ in range(turn):  # np.rot90 turns counterclockwise: (x, y) -> (y, -x)
                    ways = np.stack([ways[:, 1], -ways[:, 0]], axis=1)
                direction = [int(np.flatnonzero((w == STEPS).all(1))[0]) for w in ways]
                yield np.argsort(moved.reshape(-1)), np.array(direction)


def rows_of(text: str, *, wall: str, starts: str, most: int, symbols: str) -> list[str]:
    """The rows of a drawing without indent and empty lines.

    wall: what closes a border. starts: symbols that stand on floor. most: cells that are possible.
    symbols: what to draw with, in words. Raises UserError for an outline that is no kitchen's.
    """
    lines = [line.strip() for line in text.strip("\n").split("\n")]
    lines = [line for line in lines if line]
    if not lines:
        raise UserError(f"the layout is empty: draw it with the symbols {symbols}")
    width = len(lines[0])
    for number, line in enumerate(lines, 1):
        if len(line) != width:
            raise UserError(
                f"layout row {number} {line!r} has {len(line)} cells, row 1 has {width}: "
                f"make all rows equally long (borders are {wall}, not spaces)"
            )
    if len(lines) * width > most:
        raise UserError(f"the layout has {len(lines) * width} cells: at most {most} are possible")
    border = lines[0] + lines[-1] + "".join(line[0] + line[-1] for line in lines)
    if any(symbol in " " + starts for symbol in border):
        raise UserError(f"the layout's border has floor or a start in it: close it with {wall}")
    return lines
