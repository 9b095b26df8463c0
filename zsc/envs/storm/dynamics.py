"""The rules of STORM's game for two, as jaxmarl 0.2.0 has them (`storm_2p`), without its draws.

Two agents walk, turn and collect red and blue coins. Whoever interacts sends a beam; if it hits the
other and both hold coins, both are paid by the matrix for the mixture of colours that each holds,
stand still for some steps, and start anew with all coins back.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.envs.storm.state import (
    FORWARD,
    INTERACT,
    LEFT,
    NOT_FROZEN,
    RIGHT,
    STAY,
    State,
    ahead,
    beam_cells,
    same,
)
from zsc.types import Array

#: Per agent and step.
EVENT_NAMES = (
    "red_coin",  # collected one
    "blue_coin",
    "beam",  # interacted, whether or not it hit
    "hit",  # its beam met the other
    "interaction",  # both were paid
    "played_red",  # in an interaction, and most of what it held was red
    "played_blue",
    "collision",  # kept in place by the other
)


class Spawn(NamedTuple):
    """Where both start."""

    pos: Array  # [2, 2] int8
    direction: Array  # [2] int8


class Draws(NamedTuple):
    """All that is random in a step."""

    red_wins: Array  # [] bool, red gets the cell that both walk into
    spawn: Spawn  # where both start anew if their time is over


class Step(NamedTuple):
    """What a step brought."""

    reward: Array  # [2] float32
    events: Array  # [2, len(EVENT_NAMES)] bool


def fresh(spawn: Spawn, homes: Array) -> State:
    """A state with all coins at home and empty hands."""
    return State(
        pos=spawn.pos,
        direction=spawn.direction,
        inventory=jnp.zeros((2, 2), jnp.int8),
        homes=homes,
        present=jnp.ones(homes.shape[:2], bool),
        beam=jnp.zeros((2, 4), bool),
        freeze=jnp.int8(NOT_FROZEN),
        time=jnp.int32(0),
    )


def step(
    size: int, payoffs: np.ndarray, frozen_steps: int, state: State, action: Array, draws: Draws
) -> tuple[State, Step]:
    """One step of both agents, action [2]; the time stays."""
    action = jnp.where(state.freeze > 0, STAY, action)
    pos, collision = _walk(size, state, action, draws.red_wins)
    turned = (action == LEFT).astype(jnp.int8) - (action == RIGHT).astype(jnp.int8)
    direction = (state.direction + turned) & jnp.int8(3)
    found = same(pos[:, None, None], state.homes) & state.present  # [2, 2, C]
    left = ~(_on(state.homes, state.pos) | _on(state.homes, pos))
    inventory = state.inventory + found.any(-1)
    present = state.present & left
    zaps = action == INTERACT
    cells = beam_cells(size, pos, direction)
    hit = zaps & same(cells, pos[::-1, None]).any(-1)
    met = hit.any() & (inventory > 0).any(-1).all()
    after = State(
        pos=pos,
        direction=direction,
        inventory=inventory,
        homes=state.homes,
        present=present,
        beam=_lit(cells, zaps, pos, state.homes, present),
        freeze=jnp.where(met, frozen_steps, state.freeze - (state.freeze > 0)).astype(jnp.int8),
        time=state.time,
    )
    events = {
        "red_coin": found[:, 0].any(-1),
        "blue_coin": found[:, 1].any(-1),
        "beam": zaps,
        "hit": hit,
        "interaction": jnp.broadcast_to(met, 2),
        "played_red": met & (inventory[:, 0] > inventory[:, 1]),
        "played_blue": met & (inventory[:, 1] > inventory[:, 0]),
        "collision": collision,
    }
    happened = jnp.stack([events[name] for name in EVENT_NAMES], axis=-1)
    paid = jnp.where(met, _paid(payoffs, inventory), 0.0)
    return _start_anew(after, draws.spawn), Step(paid, happened)


def _walk(size: int, state: State, action: Array, red_wins: Array) -> tuple[Array, Array]:
    """[2, 2] where both are after their moves, and [2] who was kept in place.

    Of one cell for two, who did not move keeps it; if both did, the draw decides.
    """
    forward = (action == FORWARD)[:, None]
    wanted = jnp.where(
        forward, jnp.clip(state.pos + ahead(state.direction), 0, size - 1), state.pos
    )
    moved = (wanted != state.pos).any(-1)
    wins = jnp.stack([red_wins, ~red_wins])
    kept = same(wanted[0], wanted[1]) & moved & ~(moved[::-1] & wins)
    return jnp.where(kept[:, None], state.pos, wanted), kept


def _on(cells: Array, agents: Array) -> Array:
    """[...] bool: an agent stands there, for cells [..., 2] and agents [2, 2]."""
    return same(cells, agents[0]) | same(cells, agents[1])


def _lit(cells: Array, zaps: Array, pos: Array, homes: Array, present: Array) -> Array:
    """[2, 4] bool: the beam cells that show a beam: empty ones, whosever beam it is."""
    coins = (same(cells[:, :, None], homes.reshape(-1, 2)) & present.reshape(-1)).any(-1)
    lit = same(cells[:, :, None, None], cells) & zaps[:, None]
    return lit.any((-1, -2)) & ~coins & ~_on(cells, pos)


def _paid(payoffs: np.ndarray, inventory: Array) -> Array:
    """[2] what both are paid for what they hold: red's shares of colours are the row's."""
    held = inventory.astype(jnp.float32)
    red, blue = held / jnp.maximum(held.sum(-1, keepdims=True), 1.0)
    matrix = payoffs.astype(np.float32)
    return ((red[:, None] * matrix).sum(1) * blue).sum(-1)


def _start_anew(state: State, spawn: Spawn) -> State:
    """The state, or a new start where the last frozen step is over; agents crush coins there."""
    over = state.freeze == 0
    new = fresh(spawn, state.homes)
    new = new._replace(present=~_on(state.homes, spawn.pos), time=state.time)
    pick = lambda old, new: old if old is new else jnp.where(over, new, old)
    return State(*(pick(old, then) for old, then in zip(state, new, strict=True)))
