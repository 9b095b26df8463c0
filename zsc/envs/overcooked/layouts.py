"""Kitchens: the five classic ones, kitchens with a mirror, and any other from text.

Symbols, as in the reference engine: `X` counter, `O` onions, `D` dishes, `P` pot, `S` serving
window, space floor, `1` and `2` where the players start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from zsc.errors import UserError, unknown
from zsc.types import Array

KINDS = COUNTER, ONIONS, DISHES, POT, SERVING, FLOOR = range(6)
_KINDS = {"X": COUNTER, "O": ONIONS, "D": DISHES, "P": POT, "S": SERVING, " ": FLOOR}
#: What a symbol of other versions of the game means.
_HINTS = {
    "T": " (tomatoes are not part of the 2019 rules)",
    **dict.fromkeys("3456789", " (where a third cook starts: this is a game of two)"),
    "\ufeff": " (a byte order mark: read the file as utf-8-sig)",
    "\t": " (a tab: draw floor as spaces)",
}
_NAMES = {"O": "onion dispenser", "D": "dish dispenser", "P": "pot", "S": "serving window"}

#: The kitchens of Carroll et al. 2019 (arXiv 1910.05789), as the reference engine draws them.
CLASSIC = {
    "cramped_room": """
        XXPXX
        O  2O
        X1  X
        XDXSX""",
    "asymmetric_advantages": """
        XXXXXXXXX
        O XSXOX S
        X   P 1 X
        X2  P   X
        XXXDXDXXX""",
    "coordination_ring": """
        XXXPX
        X 1 P
        D2X X
        O   X
        XOSXX""",
    "forced_coordination": """
        XXXPX
        O X1P
        O2X X
        D X X
        XXXSX""",
    "counter_circuit": """
        XXXPPXXX
        X  2   X
        D XXXX S
        X  1   X
        XXXOOXXX""",
}

#: Kitchens whose mirror image is the same kitchen: here other-play has a symmetry to work with.
MIRRORED = {
    "mirror_ring": """
        XXPPPXX
        D     D
        O1XXX2O
        X     X
        XXXSXXX""",
}

LAYOUTS = {**CLASSIC, **MIRRORED}


class Terrain(NamedTuple):
    """What never changes in a game, as the rules read it.

    One kitchen for all games is numpy and is folded into the program as constants. Kitchens that
    differ from game to game are traced arrays in the state, all in a frame of one size.
    """

    kinds: np.ndarray | Array  # [cells] COUNTER ... FLOOR
    pots: np.ndarray | Array  # [K] cells in row-major order; -1 pads, behind the others
    starts: np.ndarray | Array  # [A] cells
    counters: np.ndarray | None = None  # [C] cells; None: the state has a place for every cell

    @property
    def num_pots(self) -> np.ndarray | Array:
        """[] how many pots there are, without padding."""
        return (self.pots >= 0).sum()

    @property
    def places(self) -> np.ndarray:
        """[C] the cells of `State.counter`."""
        return np.arange(self.kinds.shape[0]) if self.counters is None else self.counters


@dataclass(frozen=True)
class Layout:
    """A checked kitchen. Cells are numbered row by row: cell = y * width + x."""

    name: str
    rows: tuple[str, ...]  # terrain without the starts
    starts: tuple[int, int]  # cells of player 1 and player 2

    @property
    def height(self) -> int:
        """Rows."""
        return len(self.rows)

    @property
    def width(self) -> int:
        """Columns."""
        return len(self.rows[0])

    @cached_property
    def kinds(self) -> np.ndarray:
        """[cells] what each cell is: COUNTER ... FLOOR."""
        return np.array([_KINDS[symbol] for row in self.rows for symbol in row], np.int32)

    def cells(self, kind: int) -> np.ndarray:
        """The cells of one kind, in row-major order."""
        return np.flatnonzero(self.kinds == kind)

    @cached_property
    def floor(self) -> np.ndarray:
        """[F] floor cells."""
        return self.cells(FLOOR)

    @cached_property
    def pots(self) -> np.ndarray:
        """[pots] pot cells."""
        return self.cells(POT)

    @cached_property
    def counters(self) -> np.ndarray:
        """[counters] counter cells, the ones that can be reached first."""
        cells = self.cells(COUNTER)
        reach = np.array([self.beside_floor(cell) for cell in cells], bool)
        return np.concatenate([cells[reach], cells[~reach]])

    @cached_property
    def num_reachable_counters(self) -> int:
        """How many of `counters` border on floor: only these can ever change in play."""
        return sum(self.beside_floor(cell) for cell in self.counters)

    def neighbours(self, cell: int) -> dict[int, int]:
        """Direction (0 N, 1 S, 2 E, 3 W) to neighbouring cell, inside the grid."""
        y, x = divmod(int(cell), self.width)
        around = {0: (y - 1, x), 1: (y + 1, x), 2: (y, x + 1), 3: (y, x - 1)}
        return {
            direction: row * self.width + column
            for direction, (row, column) in around.items()
            if 0 <= row < self.height and 0 <= column < self.width
        }

    def beside_floor(self, cell: int) -> bool:
        """True if an agent could stand beside the cell."""
        return any(self.kinds[other] == FLOOR for other in self.neighbours(cell).values())

    def component(self, start: int) -> frozenset[int]:
        """The floor cells that can be walked to from a floor cell."""
        found, frontier = {int(start)}, [int(start)]
        while frontier:
            for other in self.neighbours(frontier.pop()).values():
                if self.kinds[other] == FLOOR and other not in found:
                    found.add(other)
                    frontier.append(other)
        return frozenset(found)

    @cached_property
    def start_pairs(self) -> np.ndarray:
        """[pairs, 2] every pair of start cells for random starts.

        Each agent starts somewhere in the part of the kitchen that its own start belongs to, so a
        divided kitchen never has both agents in one part.
        """
        first, second = (sorted(self.component(start)) for start in self.starts)
        return np.array([(a, b) for a in first for b in second if a != b], np.int32)

    def terrain(self, size: tuple[int, int] | None = None, pots: int | None = None) -> Terrain:
        """What the rules read, in numpy; with a size (H, W) in the top-left corner of a frame.

        Cells are then numbered in the frame, what is not kitchen is counter, every cell has its
        place in the state, and so many pots are padded to. Raises UserError if it does not fit.
        """
        return _terrain(self, size, pots)

    def text(self) -> str:
        """The layout as the string it could be made from."""
        symbols = [list(row) for row in self.rows]
        for player, cell in enumerate(self.starts):
            y, x = divmod(cell, self.width)
            symbols[y][x] = str(player + 1)
        return "\n".join("".join(row) for row in symbols)


@cache
def _terrain(layout: Layout, size: tuple[int, int] | None, pots: int | None) -> Terrain:
    if size is None:
        return Terrain(layout.kinds, layout.pots, np.asarray(layout.starts), layout.counters)
    height, width = size
    if layout.height > height or layout.width > width:
        raise UserError(
            f"the kitchen {layout.name!r} has {layout.height} rows of {layout.width} cells and "
            f"does not fit into a frame of {height}x{width}: take a larger frame"
        )
    kinds = np.full(size, COUNTER, np.int8)
    kinds[: layout.height, : layout.width] = layout.kinds.reshape(layout.height, layout.width)
    cells = np.flatnonzero(kinds == POT)
    padding = max(pots or 0, len(cells)) - len(cells)
    return Terrain(
        kinds=kinds.reshape(-1),
        pots=np.pad(cells, (0, padding), constant_values=-1).astype(np.int32),
        starts=np.array([c // layout.width * width + c % layout.width for c in layout.starts]),
    )


def parse_layout(text: str, name: str | None = None) -> Layout:
    """A layout from text in the reference's symbols. Raises UserError naming the fault."""
    lines = [line.strip() for line in text.strip("\n").split("\n")]
    lines = [line for line in lines if line]
    if not lines:
        raise UserError("the layout is empty: draw it with the symbols X O D P S, space, 1 and 2")
    _check_shape(lines)
    _check_symbols(lines)
    starts = _find_starts(lines)
    rows = tuple(line.replace("1", " ").replace("2", " ") for line in lines)
    layout = Layout(name or "|".join(lines), rows, starts)
    _check_reach(layout)
    return layout


def named_layout(name: str) -> Layout:
    """One of the kitchens that ship with the package."""
    if name not in LAYOUTS:
        raise unknown("layout", name, LAYOUTS)
    return parse_layout(LAYOUTS[name], name)


def _check_shape(lines: list[str]) -> None:
    width = len(lines[0])
    for number, line in enumerate(lines, 1):
        if len(line) != width:
            raise UserError(
                f"layout row {number} {line!r} has {len(line)} cells, row 1 has {width}: "
                "make all rows equally long (borders are counters, not spaces)"
            )
    if len(lines) * width > 255:
        raise UserError(f"the layout has {len(lines) * width} cells: at most 255 are possible")
    border = lines[0] + lines[-1] + "".join(line[0] + line[-1] for line in lines)
    if any(symbol in " 12" for symbol in border):
        raise UserError("the layout's border has floor or a start in it: close it with X")


def _check_symbols(lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        for column, symbol in enumerate(line, 1):
            if symbol not in _KINDS and symbol not in "12":
                extra = _HINTS.get(symbol, "")
                raise UserError(
                    f"unknown layout symbol {symbol!r} in row {number}, column {column}{extra}: "
                    "use X O D P S, space, 1 and 2"
                )
    for symbol, what in _NAMES.items():
        if not any(symbol in line for line in lines):
            raise UserError(f"the layout has no {what}: put at least one {symbol!r} in it")


def _find_starts(lines: list[str]) -> tuple[int, int]:
    everything = "".join(lines)
    for player in "12":
        if everything.count(player) != 1:
            extra = " (this is a game of two)" if player == "2" else ""
            raise UserError(
                f"the layout has {everything.count(player)} starts for player {player}{extra}: "
                f"put exactly one {player!r} on a floor cell"
            )
    return everything.index("1"), everything.index("2")


def _check_reach(layout: Layout) -> None:
    reachable: set[int] = set()
    for start in layout.starts:
        reachable |= layout.component(start)
    for symbol, what in _NAMES.items():
        cells = layout.cells(_KINDS[symbol])
        lost = [c for c in cells if not _touches(layout, int(c), reachable)]
        if symbol == "P":
            if lost:
                y, x = divmod(int(lost[0]), layout.width)
                raise UserError(
                    f"the pot in row {y + 1}, column {x + 1} cannot be reached from any start: "
                    "open a way to it or make it a counter"
                )
        elif len(lost) == len(cells):
            raise UserError(f"no {what} can be reached from any start: move one beside the floor")


def _touches(layout: Layout, cell: int, floor: Iterable[int]) -> bool:
    return any(other in floor for other in layout.neighbours(cell).values())
