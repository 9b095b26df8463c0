"""Symmetries of foraging: the square's rotations and mirror images, names of foods, of teammates.

Neither food nor teammate is told apart by anything but its slot in the list of what is seen, and
north is a direction like any other. What of it can be told as a table depends on the encoding:
windows ("grid") turn, and show no slots; lists counted from the middle ("centred") turn by signs;
lists counted from a corner ("vector") can only be mirrored at the diagonal through it, and where
they are sorted, as in the original's, nothing is left.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, product

import jax.numpy as jnp
import numpy as np

from zsc.envs.lbf.state import State
from zsc.envs.symmetry import Symmetry
from zsc.types import Array

#: Up to these many all permutations are listed, rotations beyond: tables are to stay small.
_MOST_FOODS, _MOST_AGENTS = 4, 3
_TURN, _MIRROR = np.array([[0, 1], [-1, 0]]), np.array([[0, 1], [1, 0]])


@cache
def foraging_symmetry(
    size: int, view: int, players: int, foods: int, encoding: str, sorted_list: bool
) -> Symmetry:
    """The group of one encoding as tables; the identity first.

    sorted_list: what is seen is listed first, so that slots belong to nobody.
    """
    slots = encoding != "grid" and not sorted_list
    images = _images(encoding, sorted_list)
    food_names = _orders(foods, _MOST_FOODS) if slots else np.arange(foods)[None]
    # of two agents each knows which is the other: seats are names from three on
    seat_names = (
        _orders(players, _MOST_AGENTS) if slots and players > 2 else np.arange(players)[None]
    )
    rows = list(product(images, food_names, seat_names))
    image = np.stack([row[0] for row in rows])  # [G, 2, 2]
    food = np.stack([row[1] for row in rows])  # [G, F] new slot of each old one
    seat = np.stack([row[2] for row in rows]).astype(np.int32)
    if encoding == "grid":
        index, sign = _windows(image, view), np.ones(0)
    else:
        index, sign = _lists(image, food, seat)
    plain = len(seat_names) == 1
    return Symmetry(
        obs_index=(index[:, 0] if index.ndim == 3 and plain else index).astype(np.int32),
        action_index=_actions(image),
        seat_index=seat,
        obs_sign=None if encoding != "centred" else sign[:, 0] if plain else sign,
        move_state=lambda g, state: _move_state(size, image, food, seat, g, state),
    )


def _images(encoding: str, sorted_list: bool) -> list[np.ndarray]:
    """Matrices that act on (row, column) from the middle."""
    one = np.eye(2, dtype=int)
    if encoding == "vector":
        return [one] if sorted_list else [one, _MIRROR]
    turns = [one, _TURN, -one, -_TURN]
    return [turn @ mirror for mirror in (one, _MIRROR) for turn in turns]


def _orders(count: int, most: int) -> np.ndarray:
    """[., count] new place of each; the identity first."""
    if count <= most:
        return np.array(list(permutations(range(count))))
    return (np.arange(count)[:, None] + np.arange(count)) % count


def _actions(image: np.ndarray) -> np.ndarray:
    """[G, N] the new name of each action."""
    ways = np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]])  # see `dynamics.moves`
    turned = np.einsum("gij,nj->gni", image, ways)
    steps = (turned[:, :, None] == ways).all(-1).argmax(-1)
    return np.concatenate([steps, np.full((len(image), 1), 5)], axis=1).astype(np.int32)


def _windows(image: np.ndarray, view: int) -> np.ndarray:
    """[G, W * W * 3] where each entry of a window comes from."""
    width = 2 * view + 1
    cells = np.stack(np.divmod(np.arange(width**2), width), axis=1) - view
    moved = np.einsum("gij,cj->gci", image, cells) + view
    back = np.argsort(moved @ np.array([width, 1]), axis=1)
    return (3 * back[..., None] + np.arange(3)).reshape(len(image), -1)


def _lists(image: np.ndarray, food: np.ndarray, seat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[G, A, D] where each entry of a list comes from, and its sign."""
    foods, players = food.shape[1], seat.shape[1]
    listed = [[i, *(j for j in range(players) if j != i)] for i in range(players)]
    old_food, old_seat = np.argsort(food, axis=1), np.argsort(seat, axis=1)
    index = np.zeros((len(image), players, 3 * (foods + players)), int)
    for g, matrix in enumerate(image):
        from_axis = np.array([*np.abs(matrix).argmax(1), 2])
        for s in range(players):
            old = [listed[s].index(old_seat[g, j]) for j in listed[seat[g, s]]]
            slots = np.concatenate([old_food[g], foods + np.array(old)])
            index[g, s] = (3 * slots[:, None] + from_axis).reshape(-1)
    entries = np.concatenate([image.sum(2), np.ones((len(image), 1), int)], axis=1)
    sign = np.tile(entries, (1, foods + players)).astype(np.int32)
    return index, np.broadcast_to(sign[:, None], index.shape)


def _move_state(
    size: int, image: np.ndarray, food: np.ndarray, seat: np.ndarray, g: Array, state: State
) -> State:
    matrix = jnp.asarray(image, jnp.int32)[g]
    turned = lambda cells: (((2 * cells - (size - 1)) @ matrix.T + (size - 1)) // 2).astype(
        jnp.int8
    )
    foods, seats = (jnp.asarray(np.argsort(x, axis=1))[g] for x in (food, seat))
    return State(
        pos=turned(state.pos.astype(jnp.int32))[seats],
        level=state.level[seats],
        loading=state.loading[seats],
        food_pos=turned(state.food_pos.astype(jnp.int32))[foods],
        food_level=state.food_level[foods],
        food_eaten=state.food_eaten[foods],
        time=state.time,
    )
