"""Kitchens from drawings, checked; what is wrong with one is said in a line."""

from __future__ import annotations

from collections.abc import Iterable

from zsc.envs.floor_plan import rows_of
from zsc.envs.overcooked.layouts import LAYOUTS, MOST_COOKS, SYMBOLS, Layout
from zsc.errors import UserError, unknown

#: What a symbol of other versions of the game means.
_HINTS = {
    "T": " (tomatoes are not part of the 2019 rules: dynamics='2020' has them)",
    **dict.fromkeys("56789", f" (at most {MOST_COOKS} cooks are possible)"),
    "\ufeff": " (a byte order mark: read the file as utf-8-sig)",
    "\t": " (a tab: draw floor as spaces)",
}
_NAMES = {
    "O": "onion dispenser",
    "D": "dish dispenser",
    "P": "pot",
    "S": "serving window",
    "T": "tomato dispenser",
}
_COOKS = "1234"


def parse_layout(text: str, name: str | None = None, *, tomatoes: bool = False) -> Layout:
    """A layout from text in the reference's symbols. Raises UserError naming the fault.

    tomatoes: `T` is a symbol too, as by the rules of 2020, and either ingredient is enough.
    """
    lines = rows_of(text, wall="X", starts=_COOKS, most=255, symbols="X O D P S, space, 1 and 2")
    _check_symbols(lines, tomatoes)
    starts = _find_starts(lines)
    floor = str.maketrans(_COOKS, " " * len(_COOKS))
    layout = Layout(name or "|".join(lines), tuple(x.translate(floor) for x in lines), starts)
    _check_reach(layout)
    return layout


def named_layout(name: str) -> Layout:
    """One of the kitchens of `LAYOUTS`."""
    if name not in LAYOUTS:
        raise unknown("layout", name, LAYOUTS)
    return parse_layout(LAYOUTS[name], name)


def _check_symbols(lines: list[str], tomatoes: bool) -> None:
    for number, line in enumerate(lines, 1):
        for column, symbol in enumerate(line, 1):
            known = symbol in SYMBOLS and (tomatoes or symbol != "T")
            if not known and symbol not in _COOKS:
                extra = _HINTS.get(symbol, "")
                raise UserError(
                    f"unknown layout symbol {symbol!r} in row {number}, column {column}{extra}: "
                    f"use X O{' T' * tomatoes} D P S, space, 1 and 2"
                )
    drawn = set("".join(lines))
    for symbol, what in _NAMES.items():
        optional = symbol == "T" or (symbol == "O" and "T" in drawn)
        if symbol not in drawn and not optional:
            raise UserError(f"the layout has no {what}: put at least one {symbol!r} in it")


def _find_starts(lines: list[str]) -> tuple[int, ...]:
    everything = "".join(lines)
    last = max((player for player in _COOKS if player in everything), default="1")
    for player in _COOKS[: max(2, int(last))]:
        if everything.count(player) != 1:
            extra = f" (this is a game of two to {MOST_COOKS})" if player == "2" else ""
            raise UserError(
                f"the layout has {everything.count(player)} starts for player {player}{extra}: "
                f"put exactly one {player!r} on a floor cell"
            )
    return tuple(everything.index(player) for player in _COOKS[: max(2, int(last))])


def _check_reach(layout: Layout) -> None:
    reachable = frozenset[int]().union(*layout.rooms)
    for symbol, what in _NAMES.items():
        cells = layout.cells(SYMBOLS[symbol])
        lost = [c for c in cells if not _touches(layout, int(c), reachable)]
        if symbol == "P":
            if lost:
                y, x = divmod(int(lost[0]), layout.width)
                raise UserError(
                    f"the pot in row {y + 1}, column {x + 1} cannot be reached from any start: "
                    "open a way to it or make it a counter"
                )
        elif len(cells) and len(lost) == len(cells):
            raise UserError(f"no {what} can be reached from any start: move one beside the floor")


def _touches(layout: Layout, cell: int, floor: Iterable[int]) -> bool:
    return any(other in floor for other in layout.neighbours(cell).values())
