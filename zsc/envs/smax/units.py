"""What units are made of, and how teams of them are called.

Numbers as in jaxmarl 0.2.0 (Rutherford et al. 2023, arXiv 2311.10090), which took them from
StarCraft II. There is no armour, no shield and no healing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from zsc.types import Array

MARINE, MARAUDER, STALKER, ZEALOT, ZERGLING, HYDRALISK = range(6)
TYPE_NAMES = ("marine", "marauder", "stalker", "zealot", "zergling", "hydralisk")

WIDTH = 32.0  # of the map, which is a square
HALF = WIDTH / 2
WORLD_STEPS = 8  # in a step of the game
SECONDS = 1 / 16  # that a world step lasts
NOISE = (-SECONDS, 2 * SECONDS)  # what is added to a weapon's cooldown after a shot


class Stats(NamedTuple):
    """Properties of unit types [6], or of units [...]; lengths in map units."""

    health: Any
    damage: Any  # of one shot
    reach: Any  # how far it shoots
    sight: Any
    speed: Any  # in a second
    radius: Any
    delay: Any  # seconds between two shots


STATS = Stats(
    health=np.array([45, 125, 160, 150, 35, 80], np.float32),
    damage=np.array([9, 10, 13, 8, 5, 12], np.float32),
    reach=np.array([5, 6, 6, 2, 2, 5], np.float32),
    sight=np.array([9, 10, 10, 9, 8, 9], np.float32),
    speed=np.array([3.15, 2.25, 4.13, 3.15, 4.13, 3.15], np.float32),
    radius=np.array([0.375, 0.5625, 0.625, 0.5, 0.375, 0.625], np.float32),
    delay=np.array([0.61, 1.07, 1.87, 0.86, 0.5, 0.59], np.float32),
)


def stats_of(types: Array) -> Stats:
    """The properties of units of these types [...], by comparisons."""

    def one(values: np.ndarray) -> Array:
        found = jnp.full(types.shape, values[0], jnp.float32)
        for kind in range(1, len(values)):
            found = jnp.where(types == kind, values[kind], found)
        return found

    return Stats(*map(one, STATS))


@dataclass(frozen=True)
class Scenario:
    """Two teams. types: of the allies, then of the enemies; drawn anew for each game if random."""

    allies: tuple[int, ...]
    enemies: tuple[int, ...]
    random: bool = False

    @property
    def sizes(self) -> tuple[int, int]:
        """How many units the teams have."""
        return len(self.allies), len(self.enemies)

    @property
    def units(self) -> int:
        """U: the units of both teams, allies first."""
        return len(self.allies) + len(self.enemies)

    @property
    def types(self) -> np.ndarray:
        """[U] uint8; marines where they are drawn."""
        return np.array(self.allies + self.enemies, np.uint8)


def _fixed(allies: str, enemies: str | None = None) -> Scenario:
    letters = {"m": MARINE, "s": STALKER, "z": ZEALOT, "h": HYDRALISK}
    kinds = lambda text: tuple(letters[letter] for letter in text)
    return Scenario(kinds(allies), kinds(allies if enemies is None else enemies))


#: "z" is the zealot, as in the names of the StarCraft Multi-Agent Challenge.
SCENARIOS: dict[str, Scenario] = {
    "3m": _fixed("mmm"),
    "8m": _fixed("m" * 8),
    "5m_vs_6m": _fixed("m" * 5, "m" * 6),
    "10m_vs_11m": _fixed("m" * 10, "m" * 11),
    "2s3z": _fixed("sszzz"),
    "3s5z": _fixed("ssszzzzz"),
    "3s5z_vs_3s6z": _fixed("ssszzzzz", "ssszzzzzz"),
    "3s_vs_5z": _fixed("sss", "zzzzz"),
    "6h_vs_8z": _fixed("hhhhhh", "z" * 8),
    "smacv2_5_units": Scenario((MARINE,) * 5, (MARINE,) * 5, random=True),
    "smacv2_10_units": Scenario((MARINE,) * 10, (MARINE,) * 10, random=True),
}


def added(terms: list[Array]) -> Array:
    """The sum of arrays, written out: a reduction over a leading axis would not be vectorised."""
    return reduce(lambda a, b: a + b, terms)


def any_of(masks: Array, axis: int = 0) -> Array:
    """Whether any along a short axis holds, written out like `added`."""
    return _over(or_, masks, axis)


def all_of(masks: Array, axis: int = 0) -> Array:
    """Whether all along a short axis hold."""
    return ~any_of(~masks, axis)


def sum_of(values: Array, axis: int = 0) -> Array:
    """The sum along a short axis, in its order."""
    return _over(lambda a, b: a + b, values, axis)


def _over(combine: Callable[[Array, Array], Array], values: Array, axis: int) -> Array:
    size = values.shape[axis]
    return reduce(combine, [lax.index_in_dim(values, i, axis, keepdims=False) for i in range(size)])
