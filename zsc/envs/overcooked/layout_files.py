"""Kitchens from files: a drawing, or a `.layout` file of Overcooked-AI.

Such a file is a dictionary as Python writes it: the drawing is its "grid", the rest are rules. It
is read as values only, never run. The rules of 2020 are read from it (`file_rules`). Where those of
2019 are played, rules that these do not have are refused, since agents would be trained in another
game than the file's.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zsc.envs.overcooked.rules import DELIVERY_REWARD
from zsc.envs.overcooked.state import COOK_TIME, POT_SIZE
from zsc.errors import UserError
from zsc.files import read_text

_SOUP = ["onion"] * POT_SIZE
#: The shaped rewards of this game, by their names in such files; all others are 0.
_SHAPED = {"PLACEMENT_IN_POT_REW": 3, "DISH_PICKUP_REWARD": 3, "SOUP_PICKUP_REWARD": 5}
#: Rules that are a number, how often they count for the soup of this game, and what that is here.
_NUMBERS = {
    "cook_time": (1, COOK_TIME),
    "onion_time": (POT_SIZE, COOK_TIME),
    "num_items_for_soup": (1, POT_SIZE),
    "delivery_reward": (1, DELIVERY_REWARD),
    "onion_value": (POT_SIZE, DELIVERY_REWARD),
}
#: What changes nothing in games of onion soups only.
_IDLE = {"layout_name", "tomato_time", "tomato_value", "order_bonus"}


def read_layout(path: str | Path, dynamics: str = "2019") -> str:
    """What is in a file, as `make("overcooked", layout=..., dynamics=...)` takes it.

    By the rules of 2019 that is the drawing, by those of 2020 the whole text, with the kitchen's
    own rules. Raises UserError if there is no such file, or by the rules of 2019 if it asks for
    others.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is not a file: give a drawing of a kitchen")
    try:
        text = read_text(path, errors="replace")
        drawing = drawing_of(text) if dynamics == "2019" else text
        return drawing if "\n" in drawing else f"{drawing}\n"  # of one line it would be a name
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def drawing_of(text: str) -> str:
    """The drawing in the text of a layout file; text that is no dictionary as it is.

    Raises UserError for a dictionary that cannot be read, or has rules that this game has not.
    """
    told = told_in(text)
    if told is None:
        return text
    check_rules(told)
    return str(told["grid"])


def told_in(text: str) -> Mapping[str, Any] | None:
    """The dictionary that the text of a layout file is, None for a drawing alone.

    Raises UserError for a dictionary that cannot be read.
    """
    if not text.lstrip().startswith("{"):
        return None
    # the one call that such files have in them
    text = re.sub(r"float\(\s*(['\"])inf\1\s*\)", "1e999", text)
    try:
        told = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise UserError(
            "the layout file is not made of plain values alone: write what it works out as values"
        ) from None
    if not isinstance(told, dict) or not isinstance(told.get("grid"), str):
        raise UserError('the layout file has no "grid": put the drawing there, or give it alone')
    return told


def check_rules(told: Mapping[str, Any]) -> None:
    """Raise UserError for rules, by their names in such files, that are not those of this game.

    Other shaped rewards, and rules that are not known here, are named in a warning.
    """
    for name, (times, own) in _NUMBERS.items():
        value = told.get(name)
        if value is not None and value * times != own:
            each = f" for each of {times} onions" if times > 1 else ""
            raise UserError(
                f"the layout file has {name} {value!r}{each}, this game has {own:g} in all: leave "
                f"{name} out to play by the rules of this game"
            )
    if told.get("start_state") is not None:
        raise UserError("the layout file begins in a start_state of its own: leave it out")
    if told.get("start_order_list"):
        raise UserError("the layout file ends with its start_order_list: set it to None")
    _check_orders(told)
    shaped = told.get("rew_shaping_params") or _SHAPED
    if not isinstance(shaped, dict) or any(x != _SHAPED.get(n, 0) for n, x in shaped.items()):
        warnings.warn(
            f"the layout file has shaped rewards of its own, {shaped}: this game's are {_SHAPED}",
            stacklevel=2,
        )
    known = {"grid", "start_state", "start_order_list", "start_all_orders", "start_bonus_orders",
             "rew_shaping_params", "recipe_values", "recipe_times", *_NUMBERS, *_IDLE}  # fmt: skip
    strange = [str(name) for name in told if name not in known]
    if strange:
        warnings.warn(f"the layout file has {', '.join(strange)}: not used here", stacklevel=2)


def _check_orders(told: Mapping[str, Any]) -> None:
    """The only soup of this game is ordered, and is worth what it is worth here."""
    orders, bonus = (
        [_ingredients(order) for order in told.get(f"start_{kind}_orders") or ()]
        for kind in ("all", "bonus")
    )
    if orders and _SOUP not in orders:
        raise UserError(
            "the layout file orders no soup of three onions, which is the only one of this game"
        )
    if _SOUP in bonus:
        raise UserError(
            "the layout file pays a bonus for a soup of three onions, this game does not: empty "
            "its start_bonus_orders"
        )
    for name, own in (("recipe_values", DELIVERY_REWARD), ("recipe_times", COOK_TIME)):
        values = told.get(name)
        if not values:
            continue
        of_orders = dict(zip(map(tuple, orders), values, strict=False))
        if of_orders.get(tuple(_SOUP), own) != own:
            raise UserError(
                f"the layout file has {name} of {of_orders[tuple(_SOUP)]!r} for a soup of three "
                f"onions, this game has {own:g}: leave them out to play by the rules of this game"
            )


def _ingredients(order: Any) -> list[str]:
    try:
        return sorted(order["ingredients"])
    except (KeyError, TypeError):
        raise UserError(f"the layout file has an order {order!r} without ingredients") from None
