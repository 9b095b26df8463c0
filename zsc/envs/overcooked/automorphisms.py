"""The symmetries of a kitchen: flips and turns of the plan that put every tile on its like.

A mirror image maps cells, walking directions and, where it brings the starts onto one another, the
seats too. Observations are egocentric: with two cooks a change of seats moves no entry of them,
with more it changes the order in which an observer sees the others, for each another way. With
random starts in one shared room the bare changes of seats are symmetries as well.

One caveat: player 0 interacts first, so a change of seats commutes with the rules except when two
interact in the same step and race for the same thing.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked import observation
from zsc.envs.overcooked.layouts import Layout
from zsc.envs.overcooked.rules import Rules
from zsc.envs.overcooked.state import State
from zsc.envs.symmetry import Symmetry
from zsc.types import Array


class _Map(NamedTuple):
    """One automorphism: old cell, direction or seat to new one."""

    cell: np.ndarray  # [cells]
    direction: np.ndarray  # [4]
    seat: tuple[int, ...]  # [A]


@cache
def layout_symmetry(
    layout: Layout,
    rules: Rules,
    encoding: str,
    random_starts: bool,
    frame: tuple[int, int],
    whole: bool = True,
) -> Symmetry:
    """The group of a kitchen, acting on the given encoding; what a grid is padded with stays.

    whole: False for the identity alone, where games begin in a state that is not moved along.
    """
    maps = _automorphisms(layout, random_starts)[: None if whole else 1]
    index = _compact_index if encoding == "compact" else _grid_index
    obs_index = np.stack([
        [index(layout, rules, m, _slots(m, seat), frame) for seat in range(len(layout.starts))]
        for m in maps
    ])  # fmt: skip
    if (obs_index == obs_index[:, :1]).all():  # the same for all seats
        obs_index = obs_index[:, 0]
    still = np.array([4, 5])  # stay and interact
    return Symmetry(
        obs_index=obs_index,
        action_index=np.stack([np.concatenate([m.direction, still]) for m in maps]),
        seat_index=np.array([m.seat for m in maps]),
        move_state=_state_mover(layout, maps),
    )


def _slots(m: _Map, seat: int) -> np.ndarray:
    """[A] who is seen in each place after the relabelling: the place that was its own before.

    seat: the observer's, before.
    """
    order = observation.seat_order(len(m.seat))
    was = np.argsort(m.seat)[order[m.seat[seat]]]  # the old seats of those now seen, in order
    return np.argsort(order[seat])[was]


def _automorphisms(layout: Layout, random_starts: bool) -> list[_Map]:
    found = []
    for cell, direction in layout.turns():
        if (layout.kinds[cell] == layout.kinds).all():
            found += [_Map(cell, direction, s) for s in _seat_changes(layout, cell, random_starts)]
    stays = tuple(range(len(layout.starts)))
    return sorted(found, key=lambda m: (m.seat != stays, (m.cell != np.arange(len(m.cell))).any()))


def _seat_changes(layout: Layout, cell: np.ndarray, random_starts: bool) -> list[tuple[int, ...]]:
    """Which changes of seats keep where each starts, given where the cells go."""
    here: list[Any] = list(layout.rooms) if random_starts else [{int(s)} for s in layout.starts]
    goes = [{int(cell[place]) for place in room} for room in here]
    return [
        seats
        for seats in permutations(range(len(here)))
        if all(goes[old] == here[new] for old, new in enumerate(seats))
    ]


def _grid_index(
    layout: Layout, rules: Rules, m: _Map, slots: np.ndarray, frame: tuple[int, int]
) -> np.ndarray:
    del rules
    cooks = len(slots)
    plan = np.arange(frame[0] * frame[1]).reshape(frame)
    inside = plan[: layout.height, : layout.width].reshape(-1)
    old_cell = plan.reshape(-1).copy()
    old_cell[inside] = inside[np.argsort(m.cell)]
    old_channel = np.arange(len(observation.channels(cooks)))
    old_channel[:cooks] = slots
    ways = cooks + 4 * slots[:, None] + np.argsort(m.direction)
    old_channel[cooks : 5 * cooks] = ways.reshape(-1)
    return (old_cell[:, None] * len(old_channel) + old_channel).reshape(-1)


def _compact_index(
    layout: Layout, rules: Rules, m: _Map, slots: np.ndarray, frame: tuple[int, int]
) -> np.ndarray:
    """By name: where the entry that speaks of the old place now stands."""
    del frame
    backward = np.argsort(m.cell)
    things, flags = (6, 8) if rules.new else (3, 5)  # of what is held or lies, and of a pot

    def back(cells: np.ndarray) -> np.ndarray:
        """[n] the place in the list that new place i had before."""
        order = {int(c): i for i, c in enumerate(cells)}
        return np.array([order[int(backward[c])] for c in cells], np.int64)

    floor, pots = len(layout.floor), len(layout.pots)
    counters = layout.num_reachable_counters
    ways = np.argsort(m.direction)
    agent = np.concatenate([back(layout.floor), floor + ways, floor + 4 + np.arange(things)])
    agents = (len(agent) * slots[:, None] + agent).reshape(-1)
    base = len(agents)
    lying = base + (things * back(layout.counters[:counters])[:, None] + np.arange(things))
    base += things * counters
    pot = back(layout.pots)
    told = base + (flags * pot[:, None] + np.arange(flags)).reshape(-1)
    left = base + flags * pots + pot
    urgent = np.array([base + (flags + 1) * pots])
    return np.concatenate([agents, lying.reshape(-1), told, left, urgent])


def _state_mover(layout: Layout, maps: list[_Map]):  # type: ignore[no-untyped-def]
    cell = np.stack([m.cell for m in maps])
    direction = np.stack([m.direction for m in maps])
    seat = np.array([np.argsort(m.seat) for m in maps])  # who sat where each now sits

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
            pot_t=None if state.pot_t is None else state.pot_t[jnp.asarray(pot)[g]],
        )

    return move
