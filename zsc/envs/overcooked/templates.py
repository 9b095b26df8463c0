"""Kitchens with the walls of the five classic ones and everything else moved, drawn in the program.

The procedure of cross-environment cooperation (Jha et al. 2025, arXiv 2504.12714): one of five wall
patterns, an object of each kind on walls beside the floor, perhaps a second of each, two starts,
one to a side where the pattern has two, then a turn and perhaps a flip of the frame. What differs:
second objects stand beside the floor too, and a kitchen in which no soup can be made, or one that
is held out, is drawn anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked.drawings import named_layout
from zsc.envs.overcooked.generator import random_layouts
from zsc.envs.overcooked.layouts import (
    CLASSIC,
    COUNTER,
    DISHES,
    FLOOR,
    ONIONS,
    POT,
    SERVING,
    Terrain,
)
from zsc.envs.overcooked.solvable import solvable
from zsc.errors import UserError
from zsc.types import Array, Key

_OBJECTS = (DISHES, ONIONS, POT, SERVING)


@dataclass(frozen=True)
class TemplateKitchens:
    """A generator: kitchens as those of cross-environment cooperation, without end.

    size: rows and columns of the frame.
    seconds: how likely a second object of each kind is.
    tries: kitchens drawn for each game, of which the first good one is taken; if none is good, a
        fixed one.

    Every kitchen can be solved, every object can be reached, and none is a classic kitchen, turned
    or flipped or as it is.
    """

    size: tuple[int, int] = (9, 9)
    seconds: float = 0.5
    tries: int = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", tuple(self.size))
        least = max(max(named_layout(n).height, named_layout(n).width) for n in CLASSIC)
        if self.size[0] != self.size[1] or self.size[0] < least:
            raise UserError(
                f"size is {self.size}: kitchens are turned, give a square of at least {least}"
            )
        if not 0 <= self.seconds <= 1:
            raise UserError(f"seconds is {self.seconds}: give a probability")
        if self.tries < 1:
            raise UserError(f"tries is {self.tries}: give at least 1")

    def __call__(self, key: Key) -> Terrain:
        """The terrain of one of them."""
        patterns = _patterns(self.size)
        draw = lambda k: _draw(patterns, self.seconds, k)
        kinds, starts = jax.vmap(draw)(jax.random.split(key, self.tries))
        good = jax.vmap(lambda k, s: self._good(k, s))(kinds, starts)
        first = jnp.argmax(good)
        spare = _spare(self.size)
        chosen = jnp.where(good.any(), kinds[first], jnp.asarray(spare.kinds, kinds.dtype))
        return Terrain(
            kinds=chosen,
            pots=jnp.nonzero(chosen == POT, size=len(spare.pots), fill_value=-1)[0].astype(
                jnp.int32
            ),
            starts=jnp.where(good.any(), starts[first], jnp.asarray(spare.starts, starts.dtype)),
        )

    def _good(self, kinds: Array, starts: Array) -> Array:
        classic = (jnp.asarray(_held_out(self.size)) == kinds).all(1).any()
        return solvable(kinds.reshape(self.size), starts) & ~classic


class _Patterns(NamedTuple):
    """The wall patterns in the corner of a frame."""

    wall: np.ndarray  # [5, cells] bool, walls that touch floor
    floor: np.ndarray  # [5, cells] bool
    side: np.ndarray  # [5, 2, cells] bool, where each of two cooks may start
    turned: np.ndarray  # [8, cells] the cell that comes to each place


@cache
def _patterns(size: tuple[int, int]) -> _Patterns:
    walls, floors, sides = [], [], []
    for name in CLASSIC:
        layout = named_layout(name)
        floor = np.zeros(size, bool)
        floor[: layout.height, : layout.width] = (layout.kinds == FLOOR).reshape(
            layout.height, layout.width
        )
        rooms = []
        for start in layout.starts:
            room = np.zeros(size, bool)
            for cell in layout.component(start):
                room[divmod(cell, layout.width)] = True
            rooms.append(room.reshape(-1))
        walls.append((_beside(floor) & ~floor).reshape(-1))
        floors.append(floor.reshape(-1))
        sides.append(np.stack(rooms))
    plan = np.arange(size[0] * size[1]).reshape(size)
    turns = [np.rot90(p, k).reshape(-1) for p in (plan, plan[:, ::-1]) for k in range(4)]
    return _Patterns(np.stack(walls), np.stack(floors), np.stack(sides), np.stack(turns))


def _beside(free: np.ndarray) -> np.ndarray:
    padded = np.pad(free, 1)
    return padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]


def _draw(patterns: _Patterns, seconds: float, key: Key) -> tuple[Array, Array]:
    """Kinds [cells] and starts [2] of one kitchen, good or not."""
    which_key, place_key, second_key, start_key, seat_key, turn_key = jax.random.split(key, 6)
    which = jax.random.randint(which_key, (), 0, len(patterns.floor))
    wall, floor = jnp.asarray(patterns.wall)[which], jnp.asarray(patterns.floor)[which]
    chance = jax.random.uniform(place_key, wall.shape)
    rank = jnp.argsort(jnp.argsort(jnp.where(wall, chance, 2.0)))
    has = jax.random.bernoulli(second_key, seconds, (len(_OBJECTS),))
    kinds = jnp.where(floor, FLOOR, COUNTER)
    for number, kind in enumerate(_OBJECTS):
        second = (rank == number + len(_OBJECTS)) & has[number] & wall
        kinds = jnp.where((rank == number) | second, kind, kinds)
    chance = jax.random.uniform(start_key, wall.shape, minval=0.1)
    sides = jnp.asarray(patterns.side)[which]
    one = jnp.argmax(chance * sides[0])
    other = jnp.argmax(chance * sides[1] * (jnp.arange(len(wall)) != one))
    starts = jnp.stack([one, other])
    starts = jnp.where(jax.random.bernoulli(seat_key), starts[::-1], starts)
    turned = jnp.asarray(patterns.turned)[jax.random.randint(turn_key, (), 0, 8)]
    return kinds[turned].astype(jnp.int8), jnp.argsort(turned)[starts].astype(jnp.int32)


@cache
def _held_out(size: tuple[int, int]) -> np.ndarray:
    """[40, cells] the classic kitchens in the frame, turned and flipped."""
    plans = [np.asarray(named_layout(name).terrain(size).kinds) for name in CLASSIC]
    return np.stack([plan[turned] for plan in plans for turned in _patterns(size).turned])


@cache
def _spare(size: tuple[int, int]) -> Terrain:
    """The kitchen for the case that no draw was good."""
    for layout in random_layouts(0, 16, size):
        if len(layout.pots) <= 2:
            return layout.terrain(size, 2)
    raise AssertionError("one of sixteen kitchens has at most two pots")
