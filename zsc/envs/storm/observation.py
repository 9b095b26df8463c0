"""What a player of STORM sees: a window of 5x5 cells ahead, and what both hold.

The window is turned to the own view: own cell at [2, 0], five cells ahead along the second axis,
two to each side. Ten numbers a cell: self, other, red coin, blue coin, wall, beam, and where the
other is, which way it looks from here (as I do, to my left, towards me, to my right). Colours of
coins are the same for both. Six numbers more: own red and blue coins, whether I have any, whether
the other has, and its red and blue coins, which are shown while both stand still.

"vector" is all of it in one row [260]: the window's 25 cells of ten numbers, the six, and four that
are always 0. So it is 26 rows of ten, all worked out alike: putting 250 and 6 numbers together took
longer than all the rules. "grid" has the six numbers in every cell [5, 5, 16], for networks of
convolutions.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from zsc.envs.storm.state import State, ahead, beam_cells, same, to_the_right
from zsc.types import Array

ENCODINGS = ("vector", "grid")
WIDTH, CHANNELS, HELD = 5, 10, 6
CELLS = WIDTH**2
RED = 2  # the channel of red coins; that of blue ones follows
_SELF, _OTHER, _WALL, _BEAM, _ANGLE = 0, 1, 4, 5, 6
_NOTHING = -1


def vector(size: int, state: State) -> Array:
    """[2, 260] int8."""
    code, numbers = _codes(size, state, CELLS + 1), held(state)
    last = np.arange(CELLS + 1)[:, None] == CELLS
    row = jnp.pad(numbers, ((0, 0), (0, CHANNELS - HELD)))[:, None]
    return jnp.where(last, row, _one_hots(code, CHANNELS)).reshape(2, -1)


def grid(size: int, state: State) -> Array:
    """[2, 5, 5, 16] int8."""
    code, numbers = _codes(size, state, CELLS), held(state)
    row = jnp.pad(numbers, ((0, 0), (CHANNELS, 0)))[:, None]
    cells = jnp.where(np.arange(CHANNELS + HELD) < CHANNELS, _one_hots(code, CHANNELS + HELD), row)
    return cells.reshape(2, WIDTH, WIDTH, -1)


def held(state: State) -> Array:
    """[2, 6] int8: own coins, who has any, and the other's coins if they are shown."""
    own, some = state.inventory, (state.inventory > 0).any(-1).astype(jnp.int8)
    theirs = jnp.where(state.freeze >= 0, own[::-1], jnp.int8(0))
    flags = jnp.stack([some, some[::-1]], axis=1)
    return jnp.concatenate([own, flags, theirs], axis=1)


def held_scale(coins: int) -> tuple[int, ...]:
    """[6] magnitudes of `held`, for so many coins of each colour."""
    return (coins, coins, 1, 1, coins, coins)


def _one_hots(code: Array, channels: int) -> Array:
    """[2, X, channels] int8 of codes [2, X]; the other's angle is the other, too."""
    channel = np.arange(channels, dtype=np.int8)
    at = code[..., None]
    return ((at == channel) | ((at >= _ANGLE) & (channel == _OTHER))).astype(jnp.int8)


def _codes(size: int, state: State, cells: int) -> Array:
    """[2, cells] int8: the channel of what lies in each cell, the other's angle's; -1 if empty.

    What is beyond the window's 25 cells means nothing.

    Coins cover agents, as the reference's do at the start.
    """
    forward = ahead(state.direction)
    right = to_the_right(forward)
    coins, lit = state.homes.reshape(-1, 2), beam_cells(size, state.pos, state.direction)
    covered = (same(state.pos[:, None], coins) & state.present.reshape(-1)).any(-1)
    angle = (state.direction[::-1] - state.direction) & jnp.int8(3)
    things = [
        (jnp.broadcast_to(coins, (2, *coins.shape)), state.present.reshape(-1)),
        (jnp.broadcast_to(lit.reshape(-1, 2), (2, 8, 2)), state.beam.reshape(-1)),
        (state.pos[::-1, None], ~covered[::-1, None]),
    ]
    per_colour = state.homes.shape[1]
    values = [np.repeat([RED, RED + 1], per_colour), np.full(8, _BEAM)]
    shown = jnp.concatenate(
        [jnp.broadcast_to(np.concatenate(values).astype(np.int8), (2, 2 * per_colour + 8)),
         (_ANGLE + angle)[:, None]], axis=1)  # fmt: skip
    where = jnp.concatenate([cell for cell, _ in things], axis=1)  # [2, X, 2]
    there = jnp.concatenate(
        [jnp.broadcast_to(seen, cell.shape[:2]) for cell, seen in things], axis=1
    )
    apart = where - state.pos[:, None]
    far = (apart * forward[:, None]).sum(-1, dtype=jnp.int8)
    side = (apart * right[:, None]).sum(-1, dtype=jnp.int8) + jnp.int8(WIDTH // 2)
    inside = (far >= 0) & (far < WIDTH) & (side >= 0) & (side < WIDTH) & there
    place = jnp.where(inside, side * jnp.int8(WIDTH) + far, jnp.int8(_NOTHING))
    window = np.arange(cells, dtype=np.int8)
    # a maximum over an axis, since nothing else stops XLA from working it out for each channel
    here = place[:, None] == window[:, None]
    code = jnp.where(here, shown[:, None], jnp.int8(_NOTHING)).max(-1)
    own = jnp.where(window == WIDTH * (WIDTH // 2), jnp.int8(_SELF), jnp.int8(_NOTHING))
    return jnp.maximum(jnp.maximum(code, own), _walls(size, state.pos, forward, right, cells))


def _walls(size: int, pos: Array, forward: Array, right: Array, cells: int) -> Array:
    """[2, cells] int8: the wall's channel off the field, -1 on it."""
    side, far = (x.astype(np.int8)[:, None] for x in np.divmod(np.arange(cells), WIDTH))
    there = pos[:, None] + far * forward[:, None] + (side - WIDTH // 2) * right[:, None]
    off = ((there < 0) | (there >= size)).any(-1)
    return jnp.where(off, jnp.int8(_WALL), jnp.int8(_NOTHING))
