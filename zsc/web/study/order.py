"""Who meets whom when: balanced Latin squares, and the least-used cell for whoever comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import product
from random import Random
from typing import NamedTuple


class Cell(NamedTuple):
    """A person's place in the design: rows of the squares, and the seat to begin with."""

    partners: int
    blocks: int
    seat: int


def latin_square(size: int) -> list[tuple[int, ...]]:
    """Rows of a balanced Latin square (Williams 1949): every number is equally often in every
    place, and equally often right behind every other. An odd size needs twice as many rows.

    >>> latin_square(4)
    [(0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1)]
    """
    if size < 2:
        return [tuple(range(size))]
    first = [0]
    for step in range(1, size):  # 0, 1, n-1, 2, n-2, ...
        first.append((step + 1) // 2 if step % 2 else size - step // 2)
    rows = [tuple((start + x) % size for x in first) for start in range(size)]
    return rows + [row[::-1] for row in rows] if size % 2 else rows


def sizes(partners: int, blocks: int, seats: int) -> Cell:
    """How many values each part of a cell has."""
    return Cell(len(latin_square(partners)), len(latin_square(blocks)), max(1, seats))


def least_used(limits: Cell, used: Iterable[Cell], draw: Random) -> Cell:
    """The cell for the next person: of those whose parts were used least, one by chance.

    First each part by itself counts, then pairs of them, then the cell. used: of people who have
    finished or still may; the cells of those who left are free again.
    """
    counts: Counter[tuple[int | None, int | None, int | None]] = Counter()
    for cell in used:
        for keep in product((True, False), repeat=3):
            counts[_part(cell, keep)] += 1
    ranks = sorted(product((True, False), repeat=3), key=sum)

    def cost(cell: Cell) -> tuple[int, ...]:
        return tuple(counts[_part(cell, keep)] for keep in ranks if any(keep))

    cells = [Cell(*parts) for parts in product(*(range(size) for size in limits))]
    least = min(map(cost, cells))
    return draw.choice([cell for cell in cells if cost(cell) == least])


def _part(cell: Cell, keep: tuple[bool, ...]) -> tuple[int | None, int | None, int | None]:
    one, two, three = (x if k else None for x, k in zip(cell, keep, strict=True))
    return one, two, three
