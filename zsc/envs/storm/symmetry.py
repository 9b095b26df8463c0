"""Symmetries of STORM: colours change places, or the seats do, where the pay-offs allow it.

Half a turn puts red coins exactly where blue ones were, and a window that is turned to the own view
shows nothing of it: so colours can change names if a matrix is the same with both of its indices
flipped. Seats can where blue is paid as red would be in its place. Battle of the sexes allows
neither, but both at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.storm.dynamics import Draws, Spawn
from zsc.envs.storm.fields import Payoffs
from zsc.envs.storm.observation import CHANNELS, HELD, RED, WIDTH
from zsc.envs.storm.state import State
from zsc.envs.symmetry import Symmetry
from zsc.types import Array


@cache
def storm_symmetry(size: int, payoffs: Payoffs, encoding: str, num_actions: int) -> Symmetry:
    """The group of relabellings that leave the pay-offs as they are; the identity first."""
    elements = _elements(*np.array(payoffs, float))
    colours, seats = np.array(elements).T
    swapped = _swapped(encoding)
    index = [swapped if colour else np.arange(len(swapped)) for colour in colours]

    def relabel(g: Array, one: Any, turn: Callable[[Any], Any], swap: Callable[[Any], Any]) -> Any:
        """State or draws under an element: turned, then in other seats."""
        for changes, change in ((colours, turn), (seats, swap)):
            happens = jnp.asarray(changes, bool)[g]
            one = jax.tree.map(lambda x, y, h=happens: jnp.where(h, y, x), one, change(one))
        return one

    turn = partial(_half_turn, size)
    return Symmetry(
        obs_index=np.stack(index).astype(np.int32),
        action_index=np.tile(np.arange(num_actions, dtype=np.int32), (len(elements), 1)),
        seat_index=np.stack([[1, 0] if seat else [0, 1] for seat in seats]).astype(np.int32),
        move_state=lambda g, state: relabel(g, state, turn, _other_seats),
        move_draws=lambda g, draws: relabel(g, draws, partial(_turn_draws, size), _swap_draws),
    )


def _elements(red: np.ndarray, blue: np.ndarray) -> list[tuple[int, int]]:
    """(colours change, seats change) of all relabellings that the two matrices allow."""
    flip = lambda matrix: matrix[::-1, ::-1]
    same = lambda *pairs: all((one == two).all() for one, two in pairs)
    allowed = {
        (0, 0): True,
        (1, 0): same((flip(red), red), (flip(blue), blue)),
        (0, 1): same((blue, red.T)),
        (1, 1): same((blue, flip(red).T)),
    }
    return [element for element, holds in allowed.items() if holds]


def _swapped(encoding: str) -> np.ndarray:
    """[D] where entries of an observation come from when the colours change places."""
    channels, numbers = np.arange(CHANNELS), np.array([1, 0, 2, 3, 5, 4])
    channels[[RED, RED + 1]] = RED + 1, RED
    cells = np.arange(WIDTH**2)[:, None]
    if encoding == "grid":
        both = np.concatenate([channels, CHANNELS + numbers])
        return (cells * (CHANNELS + HELD) + both).reshape(-1)
    window = (cells * CHANNELS + channels).reshape(-1)
    rest = np.arange(HELD, CHANNELS)
    return np.concatenate([window, len(window) + numbers, len(window) + rest])


def _half_turn(size: int, state: State) -> State:
    """The field turned by 180 degrees, and the colours exchanged."""
    return state._replace(
        pos=jnp.int8(size - 1) - state.pos,
        direction=(state.direction + 2) & jnp.int8(3),
        inventory=state.inventory[:, ::-1],
        homes=jnp.int8(size - 1) - state.homes[::-1],
        present=state.present[::-1],
    )


def _other_seats(state: State) -> State:
    """Red sits where blue sat."""
    names = ("pos", "direction", "inventory", "beam")
    return state._replace(**{name: getattr(state, name)[::-1] for name in names})


def _turn_draws(size: int, draws: Draws) -> Draws:
    pos, direction = draws.spawn
    spawn = Spawn(jnp.int8(size - 1) - pos, (direction + 2) & jnp.int8(3))
    return draws._replace(spawn=spawn)


def _swap_draws(draws: Draws) -> Draws:
    return Draws(~draws.red_wins, Spawn(*(x[::-1] for x in draws.spawn)))
