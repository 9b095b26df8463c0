"""Kitchens: the five classic ones, one with a mirror, some for three and four, and what they are.

Symbols, as in the reference engine: `X` counter, `O` onions, `T` tomatoes (by the rules of 2020),
`D` dishes, `P` pot, `S` serving window, space floor, `1` to `4` where the players start.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from zsc.envs.floor_plan import FloorPlan
from zsc.errors import UserError
from zsc.types import Array

KINDS = COUNTER, ONIONS, DISHES, POT, SERVING, FLOOR, TOMATOES = range(7)
SYMBOLS = {
    "X": COUNTER,
    "O": ONIONS,
    "D": DISHES,
    "P": POT,
    "S": SERVING,
    " ": FLOOR,
    "T": TOMATOES,
}
MOST_COOKS = 4

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

#: Kitchens for three and four. In `assembly_line` each cook has a room of its own and onions, soups
#: and dishes go over the counters between them; `multiplayer_schelling` is the reference engine's.
BRIGADES = {
    "trio_ring": """
        XXXPXXX
        O  1  O
        X XPX X
        D2   3S
        X     X
        XXXXXXX""",
    "assembly_line": """
        XXXXPXXXX
        O  X X  S
        X1 X2X 3X
        O  X X  D
        XXXXPXXXX""",
    "quartet_room": """
        XXXPXXX
        O1   2O
        X  P  X
        D3   4S
        XXXXXXX""",
    "multiplayer_schelling": """
        XXSPDXX
        X  1  X
        X  X  X
        O3   4O
        X  X  X
        X  2  X
        XXDPSXX""",
}

LAYOUTS = {**CLASSIC, **MIRRORED, **BRIGADES}


class Terrain(NamedTuple):
    """What never changes in a game, as the rules read it.

    One kitchen for all games is numpy and is folded into the program as constants. Kitchens that
    differ from game to game are traced arrays in the state, all in a frame of one size.
    """

    kinds: np.ndarray | Array  # [cells] COUNTER ... TOMATOES
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
class Layout(FloorPlan):
    """A checked kitchen; starts are those of player 1, player 2, ..."""

    @cached_property
    def kinds(self) -> np.ndarray:
        """[cells] what each cell is: COUNTER ... TOMATOES."""
        return np.array([SYMBOLS[symbol] for row in self.rows for symbol in row], np.int32)

    def cells(self, kind: int) -> np.ndarray:
        """The cells of one kind, in row-major order."""
        return np.flatnonzero(self.kinds == kind)

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

    @cached_property
    def start_pairs(self) -> np.ndarray:
        """[pairs, 2] every pair of start cells for random starts of two.

        Each agent starts somewhere in the part of the kitchen that its own start belongs to, so a
        divided kitchen never has both agents in one part.
        """
        first, second = map(sorted, self.rooms)
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
