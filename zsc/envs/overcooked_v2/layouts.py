"""Kitchens of OvercookedV2: those of Gessler et al. 2025, and any other from a drawing.

Symbols: `W` wall (a counter), `X` goal, `B` plates, `P` pot, `R` recipe indicator, `L` indicator
with a button, `0` to `9` the pile of that ingredient, space floor, `A` where an agent starts.
Agents are numbered in reading order; `a`, `b`, ... number them otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import TypeAlias

import numpy as np

from zsc.envs.floor_plan import FloorPlan, rows_of
from zsc.errors import UserError

#: What a cell is, in the codes of the reference engine; ingredient i is PILE + i.
EMPTY, WALL, GOAL, POT, INDICATOR, BUTTON, PLATES, PILE = 0, 1, 4, 5, 6, 7, 9, 10
RECIPE_SIZE = 3

Recipe: TypeAlias = tuple[int, ...]  # the ingredients of a dish, RECIPE_SIZE of them

_KINDS = {" ": EMPTY, "W": WALL, "X": GOAL, "P": POT, "R": INDICATOR, "L": BUTTON, "B": PLATES}
_KINDS |= {str(i): PILE + i for i in range(10)}
_STARTS = "abcdefghij"
_NEEDED = {WALL: "wall ('W')", POT: "pot ('P')", PLATES: "pile of plates ('B')", GOAL: "goal ('X')"}
_HINTS = {
    "O": " (an onion pile is an ingredient here: draw '0')",
    "S": " (a serving window is called goal here: draw 'X')",
    "D": " (a dish dispenser is a pile of plates here: draw 'B')",
    "\t": " (a tab: draw floor as spaces)",
    "\ufeff": " (a byte order mark: read the file as utf-8-sig)",
}
_MOST_CELLS = 1_024


@dataclass(frozen=True)
class Layout(FloorPlan):
    """A checked kitchen with the recipes that may be asked for in it."""

    recipes: tuple[Recipe, ...] = ()

    @cached_property
    def kinds(self) -> np.ndarray:
        """[cells] what each cell is, in the reference's codes."""
        return np.array([_KINDS[symbol] for row in self.rows for symbol in row], np.int32)

    def cells(self, kind: int) -> np.ndarray:
        """The cells of one kind, in row-major order."""
        return np.flatnonzero(self.kinds == kind)

    @cached_property
    def counters(self) -> np.ndarray:
        """[C] the walls, those that can be reached first: only these can ever change in play."""
        cells = self.cells(WALL)
        near = np.array([self.beside_floor(cell) for cell in cells], bool)
        return np.concatenate([cells[near], cells[~near]])

    @cached_property
    def num_reachable_counters(self) -> int:
        """How many of `counters` border on floor."""
        return sum(self.beside_floor(cell) for cell in self.counters)

    @cached_property
    def buttons(self) -> np.ndarray:
        """[L] button cells, or one that is nowhere, -1: no array of a state is empty."""
        cells = self.cells(BUTTON)
        return cells if len(cells) else np.array([-1])

    @cached_property
    def num_ingredients(self) -> int:
        """The largest pile's number and one."""
        return max(int(self.kinds.max()) - PILE + 1, 0)

    def text(self) -> str:
        """The layout as the string it could be made from."""
        symbols = [list(row) for row in self.rows]
        ordered = list(self.starts) == sorted(self.starts)
        for agent, cell in enumerate(self.starts):
            x, y = self.where(cell)
            symbols[y][x] = "A" if ordered else _STARTS[agent]
        return "\n".join("".join(row) for row in symbols)


def parse_layout(
    text: str, recipes: tuple[Recipe, ...] | None = None, name: str | None = None
) -> Layout:
    """A layout from a drawing.

    recipes: those that may be asked for; None for every one that its piles allow, which a kitchen
        without a recipe indicator cannot have: nobody could know which of them it is.
    Raises UserError naming the fault.
    """
    symbols = "W X B P R L, digits, space and A"
    lines = rows_of(text, wall="W", starts="A" + _STARTS, most=_MOST_CELLS, symbols=symbols)
    _check_symbols(lines)
    starts = _find_starts(lines)
    rows = tuple("".join(" " if s in "A" + _STARTS else s for s in line) for line in lines)
    plan = Layout(name or "|".join(lines), rows, starts)
    _check_objects(plan)
    layout = Layout(plan.name, rows, starts, _recipes(plan, recipes))
    _check_buttons(layout)
    return layout


def _check_symbols(lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        for column, symbol in enumerate(line, 1):
            if symbol not in _KINDS and symbol not in "A" + _STARTS:
                raise UserError(
                    f"unknown layout symbol {symbol!r} in row {number}, column {column}"
                    f"{_HINTS.get(symbol, '')}: use W X B P R L, digits, space and A"
                )


def _find_starts(lines: list[str]) -> tuple[int, ...]:
    cells = "".join(lines)
    plain = [cell for cell, symbol in enumerate(cells) if symbol == "A"]
    lettered = sorted((s, cell) for cell, s in enumerate(cells) if s in _STARTS)
    if bool(plain) == bool(lettered):
        raise UserError(
            "the layout mixes A with a, b, ...: number all agents or none"
            if plain
            else "the layout has no agent: put an A on each cell where one starts"
        )
    if lettered and "".join(s for s, _ in lettered) != _STARTS[: len(lettered)]:
        raise UserError("the layout's agents are not a, b, ... in turn, each once: number them so")
    return tuple(plain or (cell for _, cell in lettered))


def _check_objects(plan: Layout) -> None:
    near = plan.all_within_reach
    for kind, what in _NEEDED.items():
        cells = plan.cells(kind)
        if not len(cells):
            raise UserError(f"the layout has no {what}: put at least one in it")
        if not near & set(cells.tolist()):
            raise UserError(f"no {what} can be reached from any start: move one beside the floor")
    if plan.num_ingredients == 0:
        raise UserError("the layout has no ingredient: put at least one pile, '0', in it")


def _recipes(plan: Layout, given: tuple[Recipe, ...] | None) -> tuple[Recipe, ...]:
    near = plan.all_within_reach
    piles = sorted({int(plan.kinds[c]) - PILE for c in near if plan.kinds[c] >= PILE})
    if not piles:
        raise UserError("no pile of an ingredient can be reached from any start: move one")
    if given is None:
        if not len(plan.cells(INDICATOR)):
            raise UserError(
                "the layout has no recipe indicator ('R') and no recipes: give some, such as "
                "recipes=((0, 0, 0),)"
            )
        return tuple(combinations_with_replacement(piles, RECIPE_SIZE))
    if not given:
        raise UserError("recipes is empty: give at least one, such as ((0, 0, 0),)")
    for recipe in given:
        if len(recipe) != RECIPE_SIZE:
            raise UserError(f"the recipe {recipe} has {len(recipe)} ingredients: give 3 of them")
        for ingredient in recipe:
            if ingredient not in piles:
                raise UserError(
                    f"the recipe {recipe} needs ingredient {ingredient}, and no pile of it can be "
                    f"reached: this kitchen has {', '.join(map(str, piles)) or 'none'}"
                )
    return tuple(tuple(sorted(recipe)) for recipe in given)


def _check_buttons(layout: Layout) -> None:
    for cell in layout.cells(BUTTON):
        if int(cell) not in layout.all_within_reach:
            x, y = layout.where(cell)
            raise UserError(
                f"the button in row {y + 1}, column {x + 1} cannot be reached from any start: open "
                "a way to it or draw W"
            )


def check_view(layout: Layout, view: int | None) -> None:
    """Raise UserError for a recipe indicator that no agent ever has in view."""
    rooms = np.array(sorted(frozenset[int]().union(*layout.rooms)))
    floor_y, floor_x = np.divmod(rooms, layout.width)
    for cell in layout.cells(INDICATOR):
        x, y = layout.where(cell)
        away = int(np.maximum(abs(floor_y - y), abs(floor_x - x)).min())
        if view is not None and away > view:
            raise UserError(
                f"the recipe indicator in row {y + 1}, column {x + 1} is {away} cells from where "
                f"an agent can be, and view is {view}: move it, or take a larger view"
            )
