"""What a player of STORM sees: a window of 5x5 cells ahead, and what both hold.

The window is turned to the own view: own cell at [2, 0], five cells ahead along the second axis,
two to each side. Ten numbers a cell: self, other, red coin, blue coin, wall, beam, and where the
other is, which way it looks from here (as I do, to my left, towards me, to my right). Colours of
coins are the same for both. Six numbers more: own red and blue coins, whether I have any, whether
the other has, and its red and blue coins, which are shown while both stand still.

"vector" is all of it in one row [256], window first. "grid" has the six numbers in every cell
[5, 5, 16], for networks of convolutions.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.storm.state import State, ahead, beam_cells, same, to_the_right
from zsc.types import Array

ENCODINGS = ("vector", "grid")
WIDTH, CHANNELS, HELD = 5, 10, 6
RED = 2  # the channel of red coins; that of blue ones follows
_SELF, _OTHER, _WALL, _BEAM, _ANGLE = 0, 1, 4, 5, 6
_NOTHING = -1


def vector(size: int, state: State) -> Array:
    """[2, 256] int8."""
    window = _windows(size, state).reshape(2, -1)
    return jnp.concatenate([window, held(state)], axis=-1)


def grid(size: int, state: State) -> Array:
    """[2, 5, 5, 16] int8."""
    window = _windows(size, state).reshape(2, WIDTH, WIDTH, CHANNELS)
    everywhere = jnp.broadcast_to(held(state)[:, None, None], (2, WIDTH, WIDTH, HELD))
    return jnp.concatenate([window, everywhere], axis=-1)


def held(state: State) -> Array:
    """[2, 6] int8: own coins, who has any, and the other's coins if they are shown."""
    own, some = state.inventory, (state.inventory > 0).any(-1).astype(jnp.int8)
    theirs = jnp.where(state.freeze >= 0, own[::-1], jnp.int8(0))
    flags = jnp.stack([some, some[::-1]], axis=1)
    return jnp.concatenate([own, flags, theirs], axis=1)


def held_scale(coins: int) -> tuple[int, ...]:
    """[6] magnitudes of `held`, for so many coins of each colour."""
    return (coins, coins, 1, 1, coins, coins)


def _windows(size: int, state: State) -> Array:
    """[2, 25, 10] int8: each cell gets the number of what lies there, then all become one-hots."""
    # written first: XLA would work the number out anew for each of the ten channels
    code = jax.lax.optimization_barrier(_codes(size, state))[..., None]
    channel = np.arange(CHANNELS, dtype=np.int8)
    there = (code == channel) | ((code >= _ANGLE) & (channel == _OTHER))
    return there.astype(jnp.int8)


def _codes(size: int, state: State) -> Array:
    """[2, 25] int8: the channel of what lies in each cell, of the other its angle's; -1 if empty.

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
    cells = jnp.concatenate([cell for cell, _ in things], axis=1)  # [2, X, 2]
    there = jnp.concatenate(
        [jnp.broadcast_to(seen, cell.shape[:2]) for cell, seen in things], axis=1
    )
    apart = cells - state.pos[:, None]
    far = (apart * forward[:, None]).sum(-1, dtype=jnp.int8)
    side = (apart * right[:, None]).sum(-1, dtype=jnp.int8) + jnp.int8(WIDTH // 2)
    inside = (far >= 0) & (far < WIDTH) & (side >= 0) & (side < WIDTH) & there
    place = jnp.where(inside, side * jnp.int8(WIDTH) + far, jnp.int8(_NOTHING))
    code = _walls(size, state.pos, forward, right)
    window = np.arange(WIDTH**2, dtype=np.int8)
    for thing in range(place.shape[1]):
        here = place[:, thing, None] == window
        code = jnp.where(here, shown[:, thing, None], code)
    own = (window == WIDTH * (WIDTH // 2)) & ~covered[:, None]
    return jnp.where(own, jnp.int8(_SELF), code)


def _walls(size: int, pos: Array, forward: Array, right: Array) -> Array:
    """[2, 25] int8: the wall's channel off the field, -1 on it."""
    room = lambda way: jnp.where(way.sum(-1) > 0, size - 1, 0) - (way * pos).sum(-1)
    side, far = np.divmod(np.arange(WIDTH**2), WIDTH)
    side = side - WIDTH // 2
    to_right = room(right)[:, None]
    off = (far > room(forward)[:, None]) | (side > to_right) | (-side > size - 1 - to_right)
    return jnp.where(off, jnp.int8(_WALL), jnp.int8(_NOTHING))
