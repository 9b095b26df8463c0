"""What no rule of a battle notices: names of units of one type, and up against down.

Units of one type and team begin alike, so any exchange of their names is a symmetry. Random
battles pair ally and enemy of one number (they are of one type and may begin as mirror images), so
there both teams change names together. Enemies begin on the right: left and right are no symmetry.

Whoever sees others lists them in the order of their numbers without itself, so a change of names
moves other entries for each seat. Two things no table of entries says: the number of the unit that
was attacked last stands in an observation as a value; and the own height is told from the corner,
but is 0 of a dead unit, so that a mirror image shifts it only for the living.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from math import factorial, prod
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.envs.smax.observation import OTHER, OWN, actions_of, order_of, size, target_of
from zsc.envs.smax.state import DOWN, MOVES, UP, Draws, Memory, State
from zsc.envs.smax.units import Scenario
from zsc.envs.symmetry import Symmetry
from zsc.types import Array

#: A group of more elements is sampled: so many of them, the identity first.
MOST, SAMPLE = 128, 64


class _Elements(NamedTuple):
    """What G elements do to units and their actions."""

    unit: np.ndarray  # [G, U] the new number of each unit
    mirror: np.ndarray  # [G] bool, up becomes down
    ally: np.ndarray  # [G, N] the new name of an ally's action
    enemy: np.ndarray  # [G, N] and of an enemy's


@cache
def battle_symmetry(scenario: Scenario, scripted: bool) -> Symmetry:
    """The group, or a sample of it if it has more than `MOST` elements (`closed` is False).

    scripted: only allies are agents.
    """
    allies, enemies = scenario.sizes
    agents = allies if scripted else scenario.units
    count = MOVES + (enemies if scripted else max(allies, enemies))
    unit, mirror, closed = _elements(scenario)
    names = [_action_names(scenario, unit, mirror, of, count) for of in (0, allies)]
    elements = _Elements(unit, mirror, *names)
    index = np.stack([_entries(scenario, unit, seat) for seat in range(agents)], axis=1)
    sign = np.ones(size(scenario), np.int32)
    slots = np.arange(scenario.units - 1) * len(OTHER)
    for entry in ("y", "moved y"):
        sign[slots + OTHER.index(entry)] = -1
    return Symmetry(
        obs_index=index,
        action_index=np.stack([names[int(seat >= allies)] for seat in range(agents)], axis=1),
        seat_index=unit[:, :agents],
        move_state=lambda g, state: _move_state(scenario, elements, g, state),
        obs_sign=np.where(mirror[:, None], sign, 1),
        closed=closed,
        obs_rest=lambda g, obs, seat: _move_values(scenario, elements, g, obs, seat),
        move_draws=lambda g, draws: _move_draws(scenario, elements, g, draws),
    )


def _elements(scenario: Scenario) -> tuple[np.ndarray, np.ndarray, bool]:
    """(new numbers [G, U], mirrored [G], whether that is the whole group)."""
    blocks = _blocks(scenario)
    if 2 * prod(factorial(len(block[0])) for block in blocks) <= MOST:
        orders = [list(permutations(range(len(block[0])))) for block in blocks]
        renamed = [_renamed(scenario, blocks, chosen) for chosen in product(*orders)]
        return np.stack(renamed * 2), np.repeat([False, True], len(renamed)), True
    rng = np.random.default_rng(0)
    found: dict[tuple[Any, ...], tuple[np.ndarray, bool]] = {}
    while len(found) < SAMPLE:
        chosen = [tuple(map(int, rng.permutation(len(block[0])))) for block in blocks]
        if len(found) < 2:  # the identity, and the mirror image alone
            chosen = [tuple(range(len(block[0]))) for block in blocks]
        new = _renamed(scenario, blocks, chosen)
        mirrored = len(found) == 1 or (len(found) > 1 and bool(rng.integers(2)))
        found[(*new.tolist(), mirrored)] = new, mirrored
    units, mirrors = zip(*found.values(), strict=True)
    return np.stack(units), np.array(mirrors), False


def _blocks(scenario: Scenario) -> list[list[list[int]]]:
    """Sets of units that may change names; those of one block do so together."""
    allies = scenario.sizes[0]
    if scenario.random:
        return [[list(range(allies)), list(range(allies, scenario.units))]]
    blocks = []
    for team in (range(allies), range(allies, scenario.units)):
        kinds = sorted({int(scenario.types[unit]) for unit in team})
        blocks += [[[unit for unit in team if scenario.types[unit] == kind]] for kind in kinds]
    return blocks


def _renamed(scenario: Scenario, blocks: list[list[list[int]]], chosen: Any) -> np.ndarray:
    new = np.arange(scenario.units)
    for block, order in zip(blocks, chosen, strict=True):
        for units in block:
            new[units] = np.array(units)[list(order)]
    return new


def _action_names(
    scenario: Scenario, unit: np.ndarray, mirror: np.ndarray, of: int, count: int
) -> np.ndarray:
    """[G, N] the new names of the actions of a unit's team; those it does not have keep theirs."""
    index = np.tile(np.arange(count, dtype=np.int32), (len(unit), 1))
    index[mirror, UP], index[mirror, DOWN] = DOWN, UP
    attacks = range(actions_of(scenario)[int(of > 0)] - MOVES)
    number = {target_of(scenario, of, attack): attack for attack in attacks}
    for attack in attacks:
        new = unit[:, target_of(scenario, of, attack)]
        index[:, MOVES + attack] = MOVES + np.array([number[int(target)] for target in new])
    return index


def _entries(scenario: Scenario, unit: np.ndarray, seat: int) -> np.ndarray:
    """[G, D] the old place of each entry that a seat sees."""
    width, others = len(OTHER), scenario.units - 1
    index = np.tile(np.arange(size(scenario), dtype=np.int32), (len(unit), 1))
    place = {other: slot for slot, other in enumerate(order_of(scenario, seat))}
    for g, new in enumerate(unit):
        old = np.argsort(new)
        slots = [place[int(old[other])] for other in order_of(scenario, int(new[seat]))]
        index[g, : others * width] = (np.array(slots)[:, None] * width + np.arange(width)).ravel()
    return index


def _move_values(
    scenario: Scenario, elements: _Elements, g: Array, obs: Array, seat: Array | None
) -> Array:
    """An observation [D] in its new order with the values that are names, and the own height."""
    allies, others = scenario.sizes[0], scenario.units - 1
    seats = np.array([[u < allies for u in order_of(scenario, s)] for s in range(scenario.units)])
    ally = jnp.asarray(seats)[0 if seat is None else seat]
    where = np.arange(others) * len(OTHER) + OTHER.index("attacked")
    new = [
        _renumbered(table, last - 1, g, obs[where])
        for table, last in zip((elements.ally, elements.enemy), actions_of(scenario), strict=True)
    ]
    own = len(OTHER) * others
    height, alive = own + OWN.index("y"), obs[own] > 0
    mirrored = jnp.asarray(elements.mirror)[g] & alive
    obs = obs.at[height].set(jnp.where(mirrored, 1.0 - obs[height], obs[height]))
    return obs.at[where].set(jnp.where(ally, *new))


def _renumbered(table: np.ndarray, last: int, g: Array, share: Array) -> Array:
    """Attacks told in units of the last action, by their new numbers; 0 stays 0."""
    number = jnp.round(share * last).astype(jnp.int32)
    new = jnp.asarray(table)[g, number]
    return jnp.where(number < MOVES, share, new.astype(jnp.float32) / np.float32(last))


def _move_state(scenario: Scenario, elements: _Elements, g: Array, state: State) -> State:
    allies = scenario.sizes[0]
    flip = jnp.where(jnp.asarray(elements.mirror)[g], jnp.array([1.0, -1.0]), jnp.ones(2))
    new = jnp.asarray(elements.unit)[g]
    old = jnp.argsort(new)
    names = jnp.stack([jnp.asarray(elements.ally)[g], jnp.asarray(elements.enemy)[g]])
    action = names[(np.arange(scenario.units) >= allies).astype(int), state.action]
    memory = state.memory
    if isinstance(memory, Memory):
        ally = jnp.clip(allies - 1 - memory.target, 0, allies - 1)
        target = jnp.where(memory.target < 0, memory.target, allies - 1 - new[ally])
        theirs = old[allies:] - allies
        memory = Memory(memory.goal[theirs] * flip, target[theirs])
    return State(
        position=state.position[old] * flip,
        health=state.health[old],
        types=state.types[old],
        cooldown=state.cooldown[old],
        action=action[old],
        time=state.time,
        memory=memory,
    )


def _move_draws(scenario: Scenario, elements: _Elements, g: Array, draws: Any) -> Any:
    allies = scenario.sizes[0]
    old = jnp.argsort(jnp.asarray(elements.unit)[g])
    if not isinstance(draws, Draws):
        return draws[:, old]
    picks = draws.picks[old[allies:] - allies][:, old[:allies]]
    return Draws(draws.noise[:, old], picks)
