"""The symmetries of a kitchen: flips and turns of the plan that put every tile on its like.

A mirror image maps cells, walking directions and, where it brings each start onto the other's, the
seats too. Observations are egocentric, so that a change of seats moves no entry of them. With
random starts in one shared room the bare change of seats is a symmetry as well; it relabels
nothing that an agent sees.

One caveat of the 2019 rules: player 0 interacts first, so a change of seats commutes with the rules
except when both interact in the same step and race for the same thing.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked import observation
from zsc.envs.overcooked.layouts import Layout
from zsc.envs.overcooked.state import State
from zsc.envs.symmetry import Symmetry
from zsc.types import Array


class _Map(NamedTuple):
    """One automorphism: old cell or direction to new one, and whether the seats change."""

    cell: np.ndarray  # [cells]
    direction: np.ndarray  # [4]
    swap: bool


@cache
def layout_symmetry(
    layout: Layout, encoding: str, random_starts: bool, frame: tuple[int, int]
) -> Symmetry:
    """The group of a kitchen, acting on the given encoding; what a grid is padded with stays."""
    maps = _automorphisms(layout, random_starts)
    compact = encoding == "compact"
    obs_index = [_compact_index(layout, m) if compact else _grid_index(layout, m, frame)
                 for m in maps]  # fmt: skip
    still = np.array([4, 5])  # stay and interact
    return Symmetry(
        obs_index=np.stack(obs_index),
        action_index=np.stack([np.concatenate([m.direction, still]) for m in maps]),
        seat_index=np.array([[1, 0] if m.swap else [0, 1] for m in maps]),
        move_state=_state_mover(layout, maps),
    )


def _automorphisms(layout: Layout, random_starts: bool) -> list[_Map]:
    height, width = layout.height, layout.width
    plan = np.arange(height * width).reshape(height, width)
    step = np.array([[0, -1], [0, 1], [1, 0], [-1, 0]])  # N S E W as (x, y)
    found = []
    for turn in range(4):
        for flip in (False, True):
            moved = np.rot90(plan[:, ::-1] if flip else plan, turn)
            if moved.shape != plan.shape:
                continue
            cell = np.argsort(moved.reshape(-1))  # old cell -> new cell
            if (layout.kinds[cell] != layout.kinds).any():
                continue
            ways = step * [-1, 1] if flip else step
            for _ in range(turn):  # np.rot90 turns counterclockwise: (x, y) -> (y, -x)
                ways = np.stack([ways[:, 1], -ways[:, 0]], axis=1)
            direction = np.array([int(np.flatnonzero((step == w).all(1))[0]) for w in ways])
            found += [_Map(cell, direction, s) for s in _seat_changes(layout, cell, random_starts)]
    return sorted(found, key=lambda m: (m.swap, (m.cell != plan.reshape(-1)).any()))


def _seat_changes(layout: Layout, cell: np.ndarray, random_starts: bool) -> list[bool]:
    """Which seat changes keep the set of starts, given where the cells go."""
    if random_starts:
        pairs = {(int(a), int(b)) for a, b in layout.start_pairs}
        return [
            swap
            for swap in (False, True)
            if pairs == {(int(cell[b]), int(cell[a])) if swap else (int(cell[a]), int(cell[b]))
                         for a, b in pairs}
        ]  # fmt: skip
    goes = tuple(int(cell[start]) for start in layout.starts)
    return [goes == layout.starts[::-1]] if goes in (layout.starts, layout.starts[::-1]) else []


def _grid_index(layout: Layout, m: _Map, frame: tuple[int, int]) -> np.ndarray:
    channels = len(observation.CHANNELS)
    plan = np.arange(frame[0] * frame[1]).reshape(frame)
    inside = plan[: layout.height, : layout.width].reshape(-1)
    old_cell = plan.reshape(-1).copy()
    old_cell[inside] = inside[np.argsort(m.cell)]
    old_channel = np.arange(channels)
    for first in (2, 6):
        old_channel[first : first + 4] = first + np.argsort(m.direction)
    return (old_cell[:, None] * channels + old_channel).reshape(-1)


def _compact_index(layout: Layout, m: _Map) -> np.ndarray:
    """By name: where the entry that speaks of the old place now stands."""
    backward = np.argsort(m.cell)

    def back(cells: np.ndarray) -> np.ndarray:
        """[n] the place in the list that new place i had before."""
        order = {int(c): i for i, c in enumerate(cells)}
        return np.array([order[int(backward[c])] for c in cells], np.int64)

    floor, pots = len(layout.floor), len(layout.pots)
    counters = layout.num_reachable_counters
    ways = np.argsort(m.direction)
    agent = np.concatenate([back(layout.floor), floor + ways, floor + 4 + np.arange(3)])
    size = floor + 7
    base = 2 * size
    lying = base + (3 * back(layout.counters[:counters])[:, None] + np.arange(3)).reshape(-1)
    base += 3 * counters
    pot = back(layout.pots)
    flags = base + (5 * pot[:, None] + np.arange(5)).reshape(-1)
    left = base + 5 * pots + pot
    urgent = np.array([base + 6 * pots])
    return np.concatenate([agent, size + agent, lying, flags, left, urgent])


def _state_mover(layout: Layout, maps: list[_Map]):  # type: ignore[no-untyped-def]
    cell = np.stack([m.cell for m in maps])
    direction = np.stack([m.direction for m in maps])
    seat = np.array([[1, 0] if m.swap else [0, 1] for m in maps])

    def places(cells: np.ndarray) -> np.ndarray:
        order = {int(c): i for i, c in enumerate(cells)}
        return np.array([[order[int(np.argsort(m.cell)[c])] for c in cells] for m in maps])

    counter, pot = places(layout.counters), places(layout.pots)

    def move(g: Array, state: State) -> State:
        order = jnp.asarray(seat)[g]
        return state._replace(
            cell=jnp.asarray(cell, jnp.int32)[g][state.cell][order],
            direction=jnp.asarray(direction, jnp.int32)[g][state.direction][order],
            held=state.held[order],
            counter=state.counter[jnp.asarray(counter)[g]],
            pot_n=state.pot_n[jnp.asarray(pot)[g]],
            pot_tick=state.pot_tick[jnp.asarray(pot)[g]],
        )

    return move
