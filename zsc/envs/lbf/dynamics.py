"""The rules of level-based foraging (Albrecht & Ramamoorthy 2013, arXiv 1506.01170), step by step.

Two engines differ in small things. In jumanji's (the default) nobody may enter a cell that anyone
holds at the start of the step; in the original, `lbforaging`, agents may follow and change places,
and whoever enters the cell of one that was kept back stands on the same cell with it. In both, a
cell that two want is refused to both, and food is a wall until it is eaten.

Everything is comparisons on small integers: no gather, no scatter.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.envs.lbf.state import EAST, LOAD, NOOP, NORTH, SOUTH, WEST, State
from zsc.types import Array

#: Per agent and step.
EVENT_NAMES = (
    "load",  # helped to eat a food
    "load_alone",  # ate one without help
    "load_together",  # ate one with others
    "failed_load",  # loaded beside a food whose level those who loaded do not have
    "useless_load",  # loaded where there is no food
    "collision",  # kept in place by another agent
    "blocked",  # walked against the border or a food
    "noop",
)


class Step(NamedTuple):
    """What a step brought."""

    shares: Array  # [A] float32
    events: Array  # [A, len(EVENT_NAMES)] bool


def moves(action: Array) -> Array:
    """[..., 2] int8: the way that actions [...] go."""
    row = (action == SOUTH).astype(jnp.int8) - (action == NORTH).astype(jnp.int8)
    column = (action == EAST).astype(jnp.int8) - (action == WEST).astype(jnp.int8)
    return jnp.stack([row, column], axis=-1)


def open_cells(size: int, state: State, cells: Array) -> Array:
    """[...] bool: on the grid, and no food that is not eaten, for cells [..., 2]."""
    inside = ((cells >= 0) & (cells < size)).all(-1)
    food = _same(cells[..., None, :], state.food_pos) & ~state.food_eaten
    return inside & ~food.any(-1)


def beside(state: State) -> Array:
    """[A, F] bool: the agent stands north, south, west or east of that food, which is not eaten."""
    apart = jnp.abs(state.pos[:, None] - state.food_pos).sum(-1, dtype=jnp.int8)
    return (apart == 1) & ~state.food_eaten


def legal_actions(size: int, original: bool, state: State) -> Array:
    """[A, N] bool: waiting, moves that nothing refuses at once, loading beside a food."""
    every = moves(jnp.arange(LOAD))
    cells = state.pos[:, None] + every  # [A, N - 1, 2]
    free = open_cells(size, state, cells)
    if not original:
        free &= ~_held_by_others(state, cells)
    free |= jnp.arange(LOAD) == NOOP
    return jnp.concatenate([free, beside(state).any(-1, keepdims=True)], axis=-1)


def step(
    size: int,
    original: bool,
    state: State,
    action: Array,
    *,
    normalize: bool = True,
    penalty: float = 0.0,
    everyone: bool = False,
) -> tuple[State, Step]:
    """One step of all agents, action [A]: everyone moves, then who loads may eat.

    normalize: divide what is earned by all food there was, so that a cleared game pays 1 in all.
    penalty: what each who loaded in vain pays; everyone: all agents pay it for each such food, over
    what earnings are divided by, as jumanji has it.
    """
    wanted = state.pos + moves(action)
    moving = (action != NOOP) & (action != LOAD)
    free = open_cells(size, state, wanted)
    stands = _held_by_others(state, wanted[:, None])[:, 0]
    if original:
        stands = jnp.zeros_like(stands)
    target = jnp.where((free & ~stands)[:, None], wanted, state.pos)
    clash = (_same(target[:, None], target) & _others(len(action))).any(-1)
    moved = state._replace(pos=jnp.where(clash[:, None], state.pos, target))

    near = beside(moved)
    load = action == LOAD
    helps = near & load[:, None]  # [A, F]
    levels = jnp.where(helps, state.level[:, None], jnp.int8(0))
    total = levels.sum(0, dtype=jnp.int8)
    eaten = (total > 0) & (total >= state.food_level)
    failed = (total > 0) & ~eaten
    shares = _shares(state, levels, total, eaten, normalize)
    if penalty:
        paid = _for_all(state, total, failed, normalize) if everyone else helps & failed
        shares = shares - jnp.float32(penalty) * paid.sum(-1)
    # the original takes what is not legal for waiting
    loading = load & near.any(-1) if original else load
    moved = moved._replace(loading=loading, food_eaten=state.food_eaten | eaten)
    alone = helps.sum(0) == 1  # [F]
    events = {
        "load": (helps & eaten).any(-1),
        "load_alone": (helps & eaten & alone).any(-1),
        "load_together": (helps & eaten & ~alone).any(-1),
        "failed_load": (helps & failed).any(-1),
        "useless_load": load & ~near.any(-1),
        "collision": moving & free & (stands | clash),
        "blocked": moving & ~free,
        "noop": action == NOOP,
    }
    happened = jnp.stack([events[name] for name in EVENT_NAMES], axis=-1)
    return moved, Step(shares, happened)


def _shares(state: State, levels: Array, total: Array, eaten: Array, normalize: bool) -> Array:
    """[A] what each earned: its level times the food's; of what it and its helpers lift if
    normalized, and of all food that there was."""
    earned = (levels.astype(jnp.int32) * state.food_level * eaten).astype(jnp.float32)
    if normalize:
        earned = earned / _normalizer(state, total)
    return earned.sum(-1)


def _for_all(state: State, total: Array, failed: Array, normalize: bool) -> Array:
    """[1, F] how much of the penalty all agents pay for each food, as jumanji has it."""
    share = failed.astype(jnp.float32)
    return (share / _normalizer(state, total) if normalize else share)[None]


def _normalizer(state: State, total: Array) -> Array:
    """[F] float32, at least 1."""
    every = state.food_level.sum(dtype=jnp.int32)
    return jnp.maximum(total.astype(jnp.int32) * every, 1).astype(jnp.float32)


def _held_by_others(state: State, cells: Array) -> Array:
    """[A, C] bool: another agent stands there, for cells [A, C, 2] of each agent."""
    others = _others(len(state.pos))[:, None]
    return (_same(cells[:, :, None], state.pos) & others).any(-1)


def _others(agents: int) -> np.ndarray:
    return ~np.eye(agents, dtype=bool)


def _same(one: Array, two: Array) -> Array:
    """[...] bool: equal cells."""
    return (one == two).all(-1)
