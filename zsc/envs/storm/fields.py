"""What a game of STORM is played on and for: fields with their coins and starts, pay-offs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from zsc.errors import UserError

Payoffs = tuple[tuple[tuple[float, float], tuple[float, float]], ...]

#: What red and blue are paid, [red's coin][blue's coin], 0 a red coin. Prisoner's dilemma is the
#: reference's (a red coin cooperates), matching pennies Pax's; the others are those of the Melting
#: Pot substrates "in the matrix" (Leibo et al. 2021, arXiv 2107.06857).
PAYOFFS: dict[str, Payoffs] = {
    "prisoners_dilemma": (((3.0, 0.0), (5.0, 1.0)), ((3.0, 5.0), (0.0, 1.0))),
    "stag_hunt": (((4.0, 0.0), (2.0, 2.0)), ((4.0, 2.0), (0.0, 2.0))),
    "chicken": (((3.0, 2.0), (5.0, 0.0)), ((3.0, 5.0), (2.0, 0.0))),
    "battle_of_the_sexes": (((3.0, 0.0), (0.0, 2.0)), ((2.0, 0.0), (0.0, 3.0))),
    "coordination": (((1.0, 0.0), (0.0, 1.0)), ((1.0, 0.0), (0.0, 1.0))),
    "matching_pennies": (((1.0, -1.0), (-1.0, 1.0)), ((-1.0, 1.0), (1.0, -1.0))),
}


@dataclass(frozen=True, eq=False)
class Field:
    """A square of cells. Starts are pairs that face each other through the middle."""

    size: int
    homes: np.ndarray  # [2, C, 2] int8 (a, b) cells of red coins, of blue coins
    spawns: np.ndarray  # [S, 2, 2] int8 cells of red and blue
    horizon: int  # steps of an episode unless told otherwise

    def spawns_off_coins(self) -> np.ndarray:
        """[S', 2, 2] the starts in which nobody stands on a coin."""
        cells, coins = self.spawns.reshape(-1, 2), self.homes.reshape(-1, 2)
        taken = (cells[:, None] == coins).all(-1).any(1).reshape(-1, 2).any(1)
        return self.spawns[~taken]


# in the reference's order, which its random draws go by
_COINS_8 = ((1, 1), (1, 2), (2, 1), (1, 6), (2, 6), (1, 5), (6, 2), (5, 1), (6, 1), (6, 6), (6, 5),
            (5, 6))  # fmt: skip
_SPAWNS_8 = ((0, 0), (1, 0), (2, 0), (0, 1), (2, 1), (7, 0), (6, 0), (5, 0), (7, 1), (0, 7), (1, 7),
             (2, 7), (0, 6), (7, 7), (6, 7), (5, 7), (7, 6), (5, 6))  # fmt: skip
_COINS_5 = ((1, 1), (1, 3), (3, 1), (3, 3))


@cache
def field(size: int) -> Field:
    """The field of that size: the reference's 8x8, or the 5x5 of Rational Policy Gradient
    (arXiv 2511.09535). Raises UserError for another."""
    if size == 8:
        return Field(8, _homes(_COINS_8), _pairs(8, _SPAWNS_8), 152)
    if size == 5:
        middle = (2, 2)
        cells = [divmod(cell, 5) for cell in range(25)]
        starts = tuple(cell for cell in cells if cell not in (*_COINS_5, middle))
        return Field(5, _homes(_COINS_5), _pairs(5, starts), 20)
    raise UserError(f"size is {size}: give 8 or 5")


def _homes(cells: tuple[tuple[int, int], ...]) -> np.ndarray:
    coins = np.array(cells, np.int8)
    return np.stack([coins[1::2], coins[::2]])


def _pairs(size: int, starts: tuple[tuple[int, int], ...]) -> np.ndarray:
    red = np.array(starts, np.int8)
    return np.stack([red, size - 1 - red], axis=1)
