"""Shortest ways in a kitchen, worked out once, and how a scripted cook walks along them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np

from zsc.types import Array

FAR = 10_000  # a distance that no walk has


class Plan(Protocol):
    """What is asked of a layout; equal layouts are equal and hash alike."""

    @property
    def floor(self) -> np.ndarray:
        """[F] floor cells."""

    @property
    def kinds(self) -> np.ndarray:
        """[C] what each cell is."""

    def neighbours(self, cell: int) -> dict[int, int]:
        """Direction to neighbouring cell."""

    def __hash__(self) -> int: ...


class Ways(NamedTuple):
    """F floor cells, C cells of the grid, four directions."""

    walk: np.ndarray  # [F, F, C] int16: with floor p taken, from floor f until beside cell c
    free: np.ndarray  # [F, C] int16: the same with nobody there
    step: np.ndarray  # [F, 4] floor index of the neighbour in a direction, -1 where there is none
    facing: np.ndarray  # [F, C] direction from floor f to the neighbouring cell c, -1 if apart


@cache
def ways_of(layout: Plan) -> Ways:
    """The tables of a kitchen."""
    floor = [int(cell) for cell in layout.floor]
    index = {cell: i for i, cell in enumerate(floor)}
    step = np.full((len(floor), 4), -1, np.int32)
    facing = np.full((len(floor), len(layout.kinds)), -1, np.int32)
    for i, cell in enumerate(floor):
        for direction, other in layout.neighbours(cell).items():
            facing[i, other] = direction
            step[i, direction] = index.get(other, -1)
    free = _distances(step, facing, blocked=-1)
    walk = np.stack([_distances(step, facing, blocked=p) for p in range(len(floor))])
    return Ways(walk, free, step, facing)


def _distances(step: np.ndarray, facing: np.ndarray, blocked: int) -> np.ndarray:
    """[F, C] steps from each floor cell to one beside each cell, never over the blocked one."""
    count = len(step)
    between = np.full((count, count), FAR, np.int64)
    np.fill_diagonal(between, 0)
    for i in range(count):
        for j in step[i]:
            if j >= 0 and j != blocked and i != blocked:
                between[i, j] = 1
    for via in range(count):
        between = np.minimum(between, between[:, via, None] + between[None, via])
    usable = (facing >= 0) & (np.arange(count) != blocked)[:, None]
    beside = np.where(usable[None], between[:, :, None], FAR).min(1)
    return np.minimum(beside, FAR).astype(np.int16)


def floor_index(layout: Plan, cell: Array) -> Array:
    """[] which floor cell this is."""
    return jnp.argmax(jnp.asarray(layout.floor) == cell)


class Heading(NamedTuple):
    """What a cook should do next for a goal, by direction."""

    beside: Array  # [] bool: it stands beside the nearest tile of its goal
    facing: Array  # [] the direction of that tile
    nearer: Array  # [4] bool: steps that lead there the shortest way
    aside: Array  # [4] bool: steps onto floor that nobody has
    open: Array  # [] bool: there is a way around the other one


def head_for(layout: Plan, goal: Array, cell: Array, other: Array, around: Array) -> Heading:
    """The way of a cook at a cell to the nearest tile of goal [C].

    other: the cell of whoever may be in the way; around: [] bool, plan around it if that is
    possible.
    """
    ways = ways_of(layout)
    here, there = floor_index(layout, cell), floor_index(layout, other)
    blocked = jnp.asarray(ways.walk)[there]  # [F, C]
    is_open = jnp.where(goal, blocked[here], FAR).min() < FAR
    table = jnp.where(around & is_open, blocked, jnp.asarray(ways.free))
    target = jnp.argmin(jnp.where(goal, table[here], FAR))
    onward = jnp.asarray(ways.step)[here]  # [4]
    left = jnp.where(onward >= 0, table[onward, target], FAR)
    return Heading(
        beside=table[here, target] == 0,
        facing=jnp.asarray(ways.facing)[here, target],
        nearer=(left == left.min()) & (onward >= 0),
        aside=(onward >= 0) & (onward != there),
        open=is_open,
    )
