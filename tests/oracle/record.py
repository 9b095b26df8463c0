"""What is written down of an episode, in plain arrays that both engines can be held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from zsc.envs.overcooked import Layout

# Written out once more rather than imported: a wrong constant in zsc must not move both sides.
STAY, INTERACT = 4, 5
NOTHING, ONION, DISH, SOUP = range(4)
READY, POT_SIZE = 20, 3
ITEMS = ("nothing", "onion", "dish", "soup")
ACTIONS = ("north", "south", "east", "west", "stay", "interact")
OFFSETS = np.array([[0, -1], [0, 1], [1, 0], [-1, 0], [0, 0], [0, 0]])  # x, y of each action
FIELDS = ("pos", "dir", "held", "counter", "pot_n", "pot_tick", "time")

Snapshot = dict[str, np.ndarray]  # a state: the FIELDS, as `Overcooked.snapshot` shapes them
Policy = Callable[[Snapshot], tuple[int, int]]


class DifferenceError(AssertionError):
    """The engines disagree; the message shows the first place where they do."""


class Record(NamedTuple):
    """What the reference did in one episode of n steps; n + 1 states."""

    label: str
    actions: np.ndarray  # [n, A]
    states: Snapshot  # each [n + 1, ...]
    obs: np.ndarray  # [n + 1, A, H, W, 26] uint8
    sparse: np.ndarray  # [n, A]
    shaped: np.ndarray  # [n, A]
    events: np.ndarray  # [n, A, len(EVENT_NAMES)] bool


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
