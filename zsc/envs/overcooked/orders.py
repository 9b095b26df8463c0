"""Kitchens with orders of their own, for the rules of 2020.

Most are those in which the people of the 2020 data of Overcooked-AI cooked, as the reference engine
draws them and tells their orders; `counter_circuit_tomato` is called `counter_circuit` there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _orders(*soups: str) -> list[dict[str, list[str]]]:
    """Orders from soups such as "oot": two onions and a tomato."""
    names = {"o": "onion", "t": "tomato"}
    return [{"ingredients": [names[letter] for letter in soup]} for soup in soups]


#: What a soup is worth and cooks in most of these kitchens, by what is in it.
_BY_INGREDIENT = {"onion_value": 21, "tomato_value": 13, "onion_time": 15, "tomato_time": 7}

#: By name, as a layout file tells it.
ORDERED: dict[str, Mapping[str, Any]] = {
    "cramped_room_tomato": {
        "grid": """
            XXPXX
            O  2T
            X1  X
            XDXSX""",
        "start_all_orders": _orders("ooo", "ttt", "to"),
        "start_bonus_orders": _orders("to"),
        **{"onion_value": 15, "tomato_value": 10, "onion_time": 10, "tomato_time": 10},
    },
    "asymmetric_advantages_tomato": {
        "grid": """
            XTXXXXXOX
            D XOXTX S
            X   P 1 X
            X2  X   X
            XXXSXDXXX""",
        "start_all_orders": _orders("ooo", "oot", "ttt", "t"),
        "start_bonus_orders": _orders("ttt", "oot"),
        **_BY_INGREDIENT,
    },
    "counter_circuit_tomato": {
        "grid": """
            XXXPDPXXX
            X   2   X
            X XXXXX X
            X   1   X
            XXXOSTXXX""",
        "start_all_orders": _orders("ott", "oot", "ot"),
        "start_bonus_orders": _orders("ot"),
        **_BY_INGREDIENT,
    },
    "cramped_corridor": {
        "grid": """
            XTPXXXXSX
            D      2X
            XXXX XXXX
            D      1X
            XOPXXXXSX""",
        "start_all_orders": _orders("t", "ooo", "ttt", "to", "tt"),
        "start_bonus_orders": _orders("to", "t", "tt"),
        **_BY_INGREDIENT,
    },
    "inverse_marshmallow_experiment": {
        "grid": """
            XOXXXXXXXXXOX
            X     X     X
            XXXX  D  XXXX
            XXS 2 P 1 SXX
            XXXXXTXTXXXXX""",
        "start_all_orders": _orders("o", "t", "oto", "ooo", "ttt"),
        "start_bonus_orders": _orders("ooo"),
        **_BY_INGREDIENT,
    },
    "marshmallow_experiment": {
        "grid": """
            XXXXXXXXXXXXX
            O   DTXTD   O
            XX    P    XX
            S   2 P 1   S
            XXXXXTXTXXXXX""",
        "start_all_orders": _orders("ooo", "ttt"),
        "start_bonus_orders": _orders("ooo"),
        **_BY_INGREDIENT,
    },
    "marshmallow_experiment_coordination": {
        "grid": """
            XXXXXXXXXXXOX
            X    XTTX   X
            XXX  P    XXX
            S  2 P 1    X
            XXXXDXTTXXXXX""",
        "start_all_orders": _orders("ooo", "ttt"),
        "start_bonus_orders": _orders("ooo"),
        **_BY_INGREDIENT,
    },
    "soup_coordination": {
        "grid": """
            XXXDTXOXXXX
            X    X    X
            S 2  P  1 S
            X    X    X
            XXXXOXTDXXX""",
        "start_all_orders": _orders("oot", "ttt", "ot", "t", "o"),
        "start_bonus_orders": _orders("t", "too", "ttt", "o"),
        **_BY_INGREDIENT,
    },
    "you_shall_not_pass": {
        "grid": """
            XXXXXSSSXXXXX
            XXTSSS SSSOXX
            P 1       2 P
            XXDSSSSSSSDXX""",
        "start_all_orders": _orders("o", "t", "oot", "tto", "ttt", "oo"),
        "start_bonus_orders": _orders("oot", "tto"),
        **_BY_INGREDIENT,
    },
    # for three and four
    "trio_ring_tomato": {
        "grid": """
            XXXPXXX
            O  1  T
            X XPX X
            D2   3S
            X     X
            XXXXXXX""",
        "start_all_orders": _orders("ooo", "oot", "ott", "ttt"),
        "start_bonus_orders": _orders("oot"),
        **_BY_INGREDIENT,
    },
    "quartet_tomato": {
        "grid": """
            XXXPXXX
            O1   2T
            X  P  X
            X     X
            D3   4S
            XXXXXXX""",
        "start_all_orders": _orders("ooo", "oot", "ott", "ttt"),
        "start_bonus_orders": _orders("ott"),
        **_BY_INGREDIENT,
    },
}
