"""States as Overcooked-AI writes them, in dictionaries, read as the plain arrays of a snapshot.

A soup is [kind, how many, ticks] in states of 2019, a list of ingredients and a tick in newer ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zsc.envs.overcooked.file_rules import content_of_names
from zsc.envs.overcooked.layouts import Layout
from zsc.envs.overcooked.rules import ITEM_OF_CONTENT, Rules, ingredients
from zsc.envs.overcooked.state import DISH, IDLE, NOTHING, ONION, POT_SIZE, SOUP, TOMATO
from zsc.errors import UserError

_ITEMS = {"onion": ONION, "dish": DISH, "soup": SOUP, "tomato": TOMATO}
DIRECTIONS = {(0, -1): 0, (0, 1): 1, (1, 0): 2, (-1, 0): 3, (0, 0): 4}


def read_state(kitchen: Layout, rules: Rules, state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The snapshot that `Overcooked.restore` takes, its clock at 0.

    Raises UserError for what cannot be in this kitchen or by these rules.
    """
    counter = np.zeros((kitchen.height, kitchen.width), np.int8)
    inside = np.zeros((len(kitchen.pots), 2), np.int8)
    tick = np.full(len(kitchen.pots), IDLE, np.int8)
    objects = state["objects"]
    for item in objects.values() if isinstance(objects, Mapping) else objects:
        cell = _cell(kitchen, item["position"])
        at = np.flatnonzero(kitchen.pots == cell)
        if len(at):
            inside[at[0]], tick[at[0]] = _in_pot(rules, item)
        elif cell in kitchen.counters:
            counter[divmod(cell, kitchen.width)] = _item(rules, item)
        else:
            raise UserError(f"a {item['name']} lies at {item['position']}, where no counter is")
    players = state["players"]
    if len(players) != len(kitchen.starts):
        raise UserError(
            f"there are {len(players)} cooks: only games of {len(kitchen.starts)} can be read"
        )
    tomatoes = {"pot_t": inside[:, 1]} if rules.new else {}
    return {
        "pos": _positions(kitchen, players),
        "dir": np.array([DIRECTIONS[tuple(p["orientation"])] for p in players], np.int32),
        "held": np.array([_item(rules, p.get("held_object")) for p in players], np.int32),
        "counter": counter,
        "pot_n": inside[:, 0],
        "pot_tick": tick,
        "time": np.zeros((), np.int32),
    } | tomatoes


def _positions(kitchen: Layout, players: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """[A, 2] where the cooks stand."""
    cells: list[int] = []
    for number, player in enumerate(players, 1):
        x, y = (int(value) for value in player["position"])
        if min(x, y) < 0:
            raise UserError(
                f"cook {number} is at [{x}, {y}], as absent ones are: leave out the rows in which "
                "not all are there"
            )
        cell = _cell(kitchen, (x, y))
        if cell not in kitchen.floor:
            raise UserError(f"cook {number} is at [{x}, {y}], where no floor is")
        if cell in cells:
            raise UserError(f"cooks {cells.index(cell) + 1} and {number} are both at [{x}, {y}]")
        cells.append(cell)
    return np.array([player["position"] for player in players], np.int32)


def _cell(kitchen: Layout, position: Sequence[Any]) -> int:
    """The number of a cell (x, y). Raises UserError outside the kitchen."""
    x, y = (int(value) for value in position)
    if not (0 <= x < kitchen.width and 0 <= y < kitchen.height):
        raise UserError(
            f"something is at [{x}, {y}], outside of the kitchen of {kitchen.width}x"
            f"{kitchen.height} cells"
        )
    return y * kitchen.width + x


def _in_pot(rules: Rules, item: Mapping[str, Any]) -> tuple[tuple[int, int], int]:
    """((onions, tomatoes), tick) of a soup in a pot."""
    content = _content(rules, item)
    amount, time = sum(ingredients(content)), rules.times[content]
    if "state" in item:  # its ticks count from the third ingredient on
        ticks = item["state"][2] if amount == POT_SIZE else IDLE
    else:
        ticks = item["cooking_tick"] if "cooking_tick" in item else item["_cooking_tick"]
        if item.get("cook_time") not in (None, time, -1):
            raise UserError(f"a soup cooks {item['cook_time']} steps, in this game {time}")
    if not rules.new and (amount == POT_SIZE) != (ticks >= 0):
        what = "waits to be started" if ticks < 0 else "cooks"
        raise UserError(
            f"a pot with {amount} onions {what}, as by the rules of 2020: by those of 2019 pots "
            "start by themselves at the third onion, set dynamics to 2020"
        )
    return ingredients(content), min(int(ticks), time) if ticks >= 0 else IDLE


def _content(rules: Rules, item: Mapping[str, Any]) -> int:
    """What a soup is made of. Raises UserError for other ingredients, none, too many."""
    if "state" in item:  # [ingredient, how many, ticks]
        kinds = [item["state"][0]] * item["state"][1]
    else:
        kinds = [one["name"] for one in item["_ingredients"]]
    if not rules.new:
        for kind in kinds:
            if kind != "onion":
                raise UserError(
                    f"a pot holds {kind}: by the rules of 2019 there are onion soups only, set "
                    "dynamics to 2020"
                )
        if not 1 <= len(kinds) <= POT_SIZE:
            raise UserError(f"a pot holds {len(kinds)} onions: 1 to {POT_SIZE} are possible")
    return content_of_names(kinds)


def _item(rules: Rules, item: Mapping[str, Any] | None) -> int:
    """What is held, or lies on a counter."""
    if item is None:
        return NOTHING
    if item["name"] not in _ITEMS or (item["name"] == "tomato" and not rules.new):
        raise UserError(
            f"there is a {item['name']}: "
            + ("it is not known" if rules.new else "by the rules of 2019 there are onions only")
        )
    if item["name"] != "soup":
        return _ITEMS[item["name"]]
    content = _content(rules, item)
    if not rules.new and content < POT_SIZE:
        raise UserError(f"there is a soup of {content} onions: this game has those of three")
    return int(ITEM_OF_CONTENT[content])
