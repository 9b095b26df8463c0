"""The kitchens of OvercookedV2 (Gessler et al. 2025, arXiv 2503.17821), by their names there."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from zsc.envs.overcooked_v2.layouts import Layout, Recipe, parse_layout
from zsc.errors import unknown


class Drawing(NamedTuple):
    """A kitchen as text; no recipes: every one that its piles allow."""

    text: str
    recipes: tuple[Recipe, ...] | None = None


_ONIONS = ((0, 0, 0),)
_EITHER = ((0, 0, 0), (1, 1, 1))

#: The five kitchens of Overcooked, and these with recipes.
_CLASSIC = {
    "cramped_room": Drawing(
        """
        WWPWW
        0b a0
        W   W
        WBWXW""",
        _ONIONS,
    ),
    "asymm_advantages": Drawing(
        """
        WWWWWWWWW
        0 WXW0W X
        W   P   W
        W A PA  W
        WWWBWBWWW""",
        _ONIONS,
    ),
    "coord_ring": Drawing(
        """
        WWWPW
        W A P
        BAW W
        0   W
        W0XWW""",
        _ONIONS,
    ),
    "forced_coord": Drawing(
        """
        WWWPW
        0 WAP
        0AW W
        B W W
        WWWXW""",
        _ONIONS,
    ),
    "counter_circuit": Drawing(
        """
        WWWPPWWW
        W b    W
        B WWWW X
        W     aW
        WWW00WWW""",
        _ONIONS,
    ),
    "cramped_room_v2": Drawing(
        """
        WWPWW
        0A A1
        W   R
        WBWXW"""
    ),
    "asymm_advantages_recipes_center": Drawing(
        """
        WWWWWWWWW
        0 WXR01 X
        1   P   W
        W A PA  W
        WWWBWBWWW"""
    ),
    "asymm_advantages_recipes_right": Drawing(
        """
        WWWWWWWWW
        0 WXW01 X
        1   P   R
        W A PA  W
        WWWBWBWWW"""
    ),
    "asymm_advantages_recipes_left": Drawing(
        """
        WWWWWWWWW
        0 WXW01 X
        1   P   R
        R A PA  W
        WWWBWBWWW"""
    ),
}

_MORE = {
    "two_rooms": Drawing(
        """
        WWWWWB10W
        W   W   R
        P A W A W
        W   W   X
        WWWWWWWWW"""
    ),
    "two_rooms_both": Drawing(
        """
        W01BWB10W
        W   W   R
        P A W A W
        W   W   X
        WWWWWWWWW"""
    ),
    "long_room": Drawing(
        """
        WWWWWWWWWWWWWWW
        B            AP
        0             X
        WWWWWWWWWWWWWWW""",
        _ONIONS,
    ),
    "fun_coordination": Drawing(
        """
        WWWWWWWWW
        0   X   2
        RA  P  AW
        1   B   3
        WWWWWWWWW""",
        ((0, 0, 2), (1, 1, 3)),
    ),
    "more_fun_coordination": Drawing(
        """
        WWWWWWWWW
        W   X   W
        RA  P  A1
        0   P   2
        W   B   W
        WWWWWWWWW""",
        ((0, 1, 1), (0, 2, 2)),
    ),
    "fun_symmetries": Drawing(
        """
        WWWWBWW
        2  W  0
        R APA X
        2  W  1
        WWWWBWW""",
        _EITHER,
    ),
    "fun_symmetries_plates": Drawing(
        """
        WWWWWWW
        B  W  0
        R APA X
        B  W  1
        WWWWWWW""",
        _EITHER,
    ),
    "fun_symmetries1": Drawing(
        """
        WWWWWBWW
        2  WW  0
        R AWPA X
        2  WW  1
        WWWWWBWW""",
        _EITHER,
    ),
}

#: The kitchens of the paper's experiments: what one cook sees, the other has to be told.
PAPER = {
    "grounded_coord_simple": Drawing(
        """
        WW2WWWWW
        W  WB  0
        R ALPA X
        W  WB  1
        WW2WWWWW""",
        _EITHER,
    ),
    "grounded_coord_ring": Drawing(
        """
        WWW2R2WWW
        W       W
        W WWLWW W
        2 0   B 2
        RAXAP X R
        2 1   B 2
        W WWLWW W
        W       W
        WWW2R2WWW""",
        _EITHER,
    ),
    "test_time_simple": Drawing(
        """
        WW2WWWWW
        W  WB  0
        R AWPA X
        W  WB  1
        WW2WWWWW""",
        _EITHER,
    ),
    "test_time_wide": Drawing(
        """
        WWXBWW
        0 A  0
        1    1
        WPWPWW
        3 A  3
        W    W
        WWRWWW""",
        _EITHER,
    ),
    "demo_cook_simple": Drawing(
        """
        WWWWWR2W0WW
        0      W  B
        W     APA X
        1      W  B
        WWWWWR2W1WW""",
        _EITHER,
    ),
    "demo_cook_wide": Drawing(
        """
        WWWWBXBWWWW
        WWW0 A 1WWW
        WWWWWPWWWWW
        W    A    W
        0  W3R3W  0
        W1WWWWWWW1W""",
        _EITHER,
    ),
}

LAYOUTS = {**_CLASSIC, **_MORE, **PAPER}


@cache
def find_kitchen(layout: str, recipes: tuple[Recipe, ...] | None = None) -> Layout:
    """The kitchen of that name, or of that drawing; its own recipes unless some are given.

    Rows of a drawing are lines, or parts between "|". Raises UserError if there is none.
    """
    if any(symbol in layout for symbol in "\n|") or layout.strip() == "":
        return parse_layout(layout.replace("|", "\n"), recipes)
    if layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    drawn = LAYOUTS[layout]
    return parse_layout(drawn.text, drawn.recipes if recipes is None else recipes, layout)
