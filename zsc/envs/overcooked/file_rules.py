"""The rules that a layout file of Overcooked-AI asks for, as the reference engine reads them.

What a soup pays: `delivery_reward`, or its place in `recipe_values`, or the sum of `onion_value`
and `tomato_value`, or 20; nothing if it is not in `start_all_orders`, and `order_bonus` (2) times
as much if it is in `start_bonus_orders`. How long it cooks: `cook_time`, or its place in
`recipe_times`, or the sum of `onion_time` and `tomato_time`, or 20. No orders are all orders.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from zsc.envs.overcooked.rules import CONTENTS, DELIVERY_REWARD, RECIPES, Rules, ingredients
from zsc.envs.overcooked.state import COOK_TIME, POT_SIZE
from zsc.errors import UserError

#: A clock of eight bits counts so far.
MOST_TIME = 127
_SHAPED = {
    "PLACEMENT_IN_POT_REW": "placement",
    "DISH_PICKUP_REWARD": "dish",
    "SOUP_PICKUP_REWARD": "scoop",
}
#: Names of which a file may have one, since each says the same in another way.
_EITHER = (
    ("delivery_reward", "recipe_values"),
    ("delivery_reward", "tomato_value"),
    ("recipe_values", "tomato_value"),
    ("cook_time", "recipe_times"),
    ("cook_time", "tomato_time"),
    ("recipe_times", "tomato_time"),
)
_TOGETHER = (("onion_value", "tomato_value"), ("onion_time", "tomato_time"))
#: Rules of which this game has one setting.
_FIXED = {
    "num_items_for_soup": POT_SIZE,
    "max_num_ingredients": POT_SIZE,
    "start_order_list": [],
    "old_dynamics": False,
}
_KNOWN = {
    *("grid", "layout_name", "start_state", "start_all_orders", "start_bonus_orders"),
    *("rew_shaping_params", "order_bonus"),
    *(name for names in (*_EITHER, *_TOGETHER) for name in names),
    *_FIXED,
}


def rules_of(told: Mapping[str, Any]) -> Rules:
    """The rules of 2020 with what a layout file, as a dictionary, says of them.

    Raises UserError for what contradicts itself or cannot be played here; names that are not known
    are told in a warning.
    """
    told = {name: value for name, value in told.items() if value is not None}
    _check(told)
    listed = [content_of(order) for order in _list(told, "start_all_orders")]
    orders = listed or list(RECIPES)
    bonus = [content_of(order) for order in _list(told, "start_bonus_orders")]
    for name, which in (("start_all_orders", orders), ("start_bonus_orders", bonus)):
        if len(set(which)) < len(which):
            raise UserError(f"the layout file has a soup twice in its {name}: name each once")
    if not set(bonus) <= set(orders):
        raise UserError("the layout file pays a bonus for a soup that it has no order for")
    factor = _number("order_bonus", told.get("order_bonus", 2))
    base = _per_soup(told, listed, "value", "delivery_reward", DELIVERY_REWARD)
    values = {soup: base[soup] and base[soup] * (factor if soup in bonus else 1) for soup in orders}
    times = _per_soup(told, listed, "time", "cook_time", COOK_TIME)
    for soup, time in times.items():
        if time != int(time) or time > MOST_TIME:
            raise UserError(
                f"the layout file cooks {_in_words(soup)} for {time} steps: whole numbers up to "
                f"{MOST_TIME} are possible"
            )
    return Rules(
        "2020",
        tuple(int(times.get(content, COOK_TIME)) for content in range(CONTENTS)),
        tuple(float(values.get(content, 0.0)) for content in range(CONTENTS)),
        **_shaped(told),
    )


def content_of(order: Any) -> int:
    """The content of an order, {"ingredients": [...]}. Raises UserError for what is no soup."""
    try:
        names = list(order["ingredients"])
    except (KeyError, TypeError):
        raise UserError(f"the layout file has an order {order!r} without ingredients") from None
    return content_of_names(names)


def content_of_names(names: Sequence[Any]) -> int:
    """The content of a soup of these ingredients. Raises UserError for what is no soup."""
    for name in names:
        if name not in ("onion", "tomato"):
            raise UserError(f"a soup is made of {name!r}: onions and tomatoes are known")
    if not 1 <= len(names) <= POT_SIZE:
        raise UserError(f"a soup is made of {len(names)} things: 1 to {POT_SIZE} are possible")
    return names.count("onion") + (POT_SIZE + 1) * names.count("tomato")


def _check(told: Mapping[str, Any]) -> None:
    for one, other in _EITHER:
        if one in told and other in told:
            raise UserError(f"the layout file has both {one} and {other}: leave out one of them")
    for one, other in _TOGETHER:
        if (one in told) != (other in told):
            raise UserError(f"the layout file has one of {one} and {other}: give both")
    for name, own in _FIXED.items():
        if name in told and told[name] != own and (told[name] or own):
            raise UserError(f"the layout file has {name} {told[name]!r}, this game has {own!r}")
    strange = [str(name) for name in told if name not in _KNOWN]
    if strange:
        warnings.warn(f"the layout file has {', '.join(strange)}: not used here", stacklevel=3)


def _per_soup(
    told: Mapping[str, Any], listed: Sequence[int], what: str, of_all: str, usual: float
) -> dict[int, float]:
    """By content: the value or time of every soup. As in the engine, a 0 for all says nothing."""
    whole = _number(of_all, told.get(of_all, 0))
    own = _list(told, f"recipe_{what}s")
    if own and len(own) != len(listed):
        raise UserError(
            f"the layout file has {len(own)} recipe_{what}s for {len(listed)} start_all_orders: "
            "give as many"
        )
    named = {
        soup: _number(f"recipe_{what}s", value) for soup, value in zip(listed, own, strict=False)
    }
    onion, tomato = (
        _number(name, told.get(name, 0)) for name in (f"onion_{what}", f"tomato_{what}")
    )
    found = {}
    for soup in RECIPES:
        onions, tomatoes = ingredients(soup)
        summed = onion * onions + tomato * tomatoes if onion and tomato else usual
        found[soup] = whole or named.get(soup, summed)
    return found


def _list(told: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = told.get(name) or ()
    if not isinstance(value, list | tuple):
        raise UserError(f"the layout file has {name} {value!r}: give a list")
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise UserError(f"the layout file has {name} {value!r}: give a number that is not negative")
    return value


def _shaped(told: Mapping[str, Any]) -> dict[str, float]:
    shaped = told.get("rew_shaping_params") or {}
    if not isinstance(shaped, Mapping):
        raise UserError(f"the layout file has rew_shaping_params {shaped!r}: give a dictionary")
    return {
        own: float(_number(name, shaped[name])) for name, own in _SHAPED.items() if name in shaped
    }


def _in_words(content: int) -> str:
    onions, tomatoes = ingredients(content)
    return f"a soup of {onions} onions and {tomatoes} tomatoes"
