"""What is written down of an episode, in plain arrays that both engines can be held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from zsc.envs.overcooked import Layout

# Written out once more rather than imported: a wrong constant in zsc must not move both sides.
STAY, INTERACT = 4, 5
NOTHING, ONION, DISH, SOUP, TOMATO = range(5)
READY, POT_SIZE = 20, 3
#: What is held or lies, by number; soups by their (onions, tomatoes).
ITEMS = ("nothing", "onion", "dish", "soup", "tomato")
SOUPS = {(3, 0): SOUP, (1, 0): 5, (2, 0): 6, (0, 1): 7, (1, 1): 8, (2, 1): 9, (0, 2): 10}
SOUPS |= {(1, 2): 11, (0, 3): 12}
ACTIONS = ("north", "south", "east", "west", "stay", "interact")
OFFSETS = np.array([[0, -1], [0, 1], [1, 0], [-1, 0], [0, 0], [0, 0]])  # x, y of each action
FIELDS = ("pos", "dir", "held", "counter", "pot_n", "pot_tick", "time")

#: A state: the FIELDS, by the rules of 2020 also pot_t, as `Overcooked.snapshot` shapes them.
Snapshot = dict[str, np.ndarray]
Policy = Callable[[Snapshot], tuple[int, ...]]


def item_name(code: int) -> str:
    """What an item is called."""
    if code < len(ITEMS):
        return ITEMS[code]
    return f"soup of {next(soup for soup, item in SOUPS.items() if item == code)}"


class DifferenceError(AssertionError):
    """The engines disagree; the message shows the first place where they do."""


class Record(NamedTuple):
    """What the reference did in one episode of n steps; n + 1 states."""

    label: str
    actions: np.ndarray  # [n, A]
    states: Snapshot  # each [n + 1, ...]
    obs: np.ndarray  # [n + 1, A, H, W, channels] uint8
    sparse: np.ndarray  # [n, A]
    shaped: np.ndarray  # [n, A]
    events: np.ndarray  # [n, A, events] bool


def at(states: Snapshot, step: int) -> Snapshot:
    """The state at one step of a stack of states."""
    return {name: values[step] for name, values in states.items()}


def place(layout: Layout, cell: int) -> tuple[int, int]:
    """The (x, y) of a cell."""
    y, x = divmod(int(cell), layout.width)
    return x, y


def cells_at(layout: Layout, places: np.ndarray) -> np.ndarray:
    """[...] the cells of places [..., (x, y)]."""
    return np.asarray(places @ [1, layout.width])
