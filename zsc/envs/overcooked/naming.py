"""Kitchens by name, by drawing, or by the text of a layout file, with the rules to play by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from zsc.envs.overcooked.drawings import named_layout, parse_layout
from zsc.envs.overcooked.engine_states import read_state
from zsc.envs.overcooked.file_rules import content_of, rules_of
from zsc.envs.overcooked.layout_files import drawing_of, told_in
from zsc.envs.overcooked.layouts import LAYOUTS, Layout
from zsc.envs.overcooked.orders import ORDERED
from zsc.envs.overcooked.rules import DYNAMICS, ONION_SOUP_2020, RULES_2019, Rules
from zsc.errors import UserError, unknown


class Kitchen(NamedTuple):
    """A kitchen with its rules.

    begins: snapshot of the state that games begin in, None for an empty kitchen.
    """

    id: str  # tells kitchens of one name but other rules apart
    layout: Layout
    rules: Rules
    begins: dict[str, np.ndarray] | None = None


@cache
def find_kitchen(layout: str, dynamics: str = "2019") -> Kitchen:
    """The kitchen of that name, drawing or layout file's text. Raises UserError if there is none.

    By the rules of 2020 a file has its own rules, so has a name in `ORDERED`; the other names are
    kitchens of onion soup, and a drawing alone is played by the reference engine's defaults: all
    nine soups are ordered, cook 20 steps and pay 20.
    """
    if dynamics not in DYNAMICS:
        raise unknown("dynamics", dynamics, DYNAMICS)
    if layout.endswith(".layout"):
        raise UserError(f"layout is {layout!r}: give what is in the file, read_layout({layout!r})")
    if dynamics == "2019":
        return _kitchen_2019(layout)
    drawn = _is_drawing(layout)
    told = told_in(layout) or ({"grid": layout.replace("|", "\n")} if drawn else None)
    if told is not None:
        return _from_file(told)
    if layout in ORDERED:
        return _from_file(ORDERED[layout], layout)
    if layout not in LAYOUTS:
        raise unknown("layout", layout, (*LAYOUTS, *ORDERED))
    return Kitchen(f"{layout}:2020", named_layout(layout), ONION_SOUP_2020)


def _kitchen_2019(layout: str) -> Kitchen:
    layout = drawing_of(layout)
    if _is_drawing(layout):
        found = parse_layout(layout.replace("|", "\n"))
    elif layout in ORDERED:
        raise UserError(
            f"the kitchen {layout} has orders by the rules of 2020: set dynamics to '2020'"
        )
    else:
        found = named_layout(layout)
    return Kitchen(found.name, found, RULES_2019)


def _is_drawing(layout: str) -> bool:
    return any(symbol in layout for symbol in "\n|") or layout.strip() == ""


def _from_file(told: Mapping[str, Any], name: str | None = None) -> Kitchen:
    rules, state = rules_of(told), told.get("start_state")
    layout = parse_layout(told["grid"], name, tomatoes=True)
    begins = None if state is None else _begin(told, layout, rules, state)
    if name is not None:
        return Kitchen(name, layout, rules, begins)
    plain = rules == rules_of({}) and begins is None
    digest = hashlib.sha256(repr((rules, state)).encode()).hexdigest()[:8]
    return Kitchen(f"{layout.name}:2020{'' if plain else '-' + digest}", layout, rules, begins)


def _begin(
    told: Mapping[str, Any], layout: Layout, rules: Rules, state: Any
) -> dict[str, np.ndarray]:
    """The snapshot of a file's start_state. Raises UserError for one that cannot be."""
    try:
        _check_begins(told, state)
        time = np.array(state.get("timestep", 0), np.int32)
        return read_state(layout, rules, state) | {"time": time}
    except UserError as error:
        raise UserError(f"start_state: {error}") from None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"the layout file's start_state cannot be understood ({error!r}): write it as "
            "Overcooked-AI does"
        ) from None


def _check_begins(told: Mapping[str, Any], begins: Any) -> None:
    """A first state has no orders but the kitchen's."""
    if not isinstance(begins, Mapping) or not {"players", "objects"} <= set(begins):
        raise UserError("the layout file begins in a start_state without players and objects")
    for kind in ("all_orders", "bonus_orders"):
        here, there = (
            sorted(content_of(order) for order in orders or ())
            for orders in (begins.get(kind), told.get(f"start_{kind}"))
        )
        if here != there:
            raise UserError(
                f"the layout file begins in a start_state with other {kind} than its start_{kind}: "
                "let both be the same"
            )
