"""The 2019 rules of Overcooked (Carroll et al., arXiv 1910.05789), step by step.

A step is: interacts, player 0 before player 1 on the live state; then both moves with one joint
collision check; then the clock and the pots. Positions and directions are those from before the
step. Everything is comparisons on small integers: no gather, no scatter, so that a batch of games
is straight vector code. The one exception is what kind a cell is, where each game has a kitchen of
its own.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked.layouts import COUNTER, DISHES, FLOOR, ONIONS, SERVING, Terrain
from zsc.envs.overcooked.state import (
    COOK_TIME,
    DISH,
    EAST,
    IDLE,
    INTERACT,
    NORTH,
    NOTHING,
    ONION,
    POT_SIZE,
    SOUP,
    SOUTH,
    WEST,
    State,
)
from zsc.types import Array

DELIVERY_REWARD = 20.0
PLACEMENT_REWARD, DISH_REWARD, SOUP_REWARD = 3.0, 3.0, 5.0  # shaping, to whoever did it

#: Per agent and step. The first thirteen carry the reference engine's names and meaning. With one
#: recipe no potting is useless: a pot takes an onion only while it still needs one.
EVENT_NAMES = (
    "onion_pickup",
    "useful_onion_pickup",
    "onion_drop",
    "useful_onion_drop",
    "potting_onion",
    "dish_pickup",
    "useful_dish_pickup",
    "dish_drop",
    "useful_dish_drop",
    "soup_pickup",
    "soup_delivery",
    "soup_drop",
    "useful_interact",  # an interact that changed something
    "useless_interact",  # an interact that changed nothing
    "collision",  # kept in place by the other agent
    "blocked",  # walked against something that is not floor
    "stay",
)


class Step(NamedTuple):
    """What a step earned and did."""

    sparse: Array  # [A] float32, 20 for each delivery, to whoever delivered
    shaped: Array  # [A] float32, see the shaping constants
    events: Array  # [A, len(EVENT_NAMES)] bool


class _Pots(NamedTuple):
    """Pot counts as they stood when the step began; usefulness is judged by these."""

    full: Array  # cooking, ready, or holding three onions
    non_empty: Array  # as the dish rule counts them


def lookup(table: np.ndarray | Array, index: Array) -> Array:
    """table[index] as int32, for a table of small non-negative integers.

    A constant table is cut into bit planes of 32-bit words, which a vector unit shifts for many
    games at once; a gather would fetch them one by one, as it does where each game has its own.
    """
    if not isinstance(table, np.ndarray):
        return table.at[index].get(mode="clip").astype(jnp.int32)
    place = index.astype(jnp.uint32)
    result = jnp.zeros_like(place)
    for bit in range(max(int(table.max()).bit_length(), 1)):
        ones = np.flatnonzero((table >> bit) & 1)
        word = jnp.uint32(0)
        for number in range((len(table) + 31) // 32):
            inside = ones[(ones >= 32 * number) & (ones < 32 * number + 32)] - 32 * number
            value = np.uint32(sum(1 << int(i) for i in inside))
            word = value if number == 0 else jnp.where(place >= 32 * number, value, word)
        result |= ((word >> (place & 31)) & 1) << bit
    return result.astype(jnp.int32)


def offset(width: int, direction: Array) -> Array:
    """How far the neighbouring cell in a direction is; 0 for STAY and INTERACT."""
    along = (direction == EAST).astype(jnp.int32) - (direction == WEST).astype(jnp.int32)
    down = (direction == SOUTH).astype(jnp.int32) - (direction == NORTH).astype(jnp.int32)
    return along + width * down


def step(terrain: Terrain, width: int, state: State, action: Array) -> tuple[State, Step]:
    """One step of both agents, action [A], in a kitchen of so many columns.

    The time limit is not known here.
    """
    pots = _count_pots(state)
    faced = state.cell + offset(width, state.direction)
    kind = lookup(terrain.kinds, faced)
    live, outcomes = state, []
    for agent in (0, 1):
        acts = action[agent] == INTERACT
        live, outcome = _interact(terrain, live, pots, agent, acts, faced[agent], kind[agent])
        outcomes.append(outcome)
    live, moves = _move(terrain, width, live, action)
    live = _cook(live)
    return live, _collect(action, outcomes, moves)


def _count_pots(state: State) -> _Pots:
    cooking = state.pot_tick >= 0
    part = (state.pot_n > 0) & (state.pot_n < POT_SIZE)
    full = cooking | (state.pot_n >= POT_SIZE)
    return _Pots(full.sum(), (cooking | part).sum())


class _Outcome(NamedTuple):
    """What one agent's interact did, each [] bool."""

    took_onion: Array
    took_dish: Array
    took_soup: Array  # from a counter or a pot
    dropped: Array  # what it held before, on a counter
    held: Array  # [] int32, before the interact
    potted: Array
    scooped: Array  # soup from a pot
    delivered: Array
    onion_useful: Array  # taking an onion now is useful
    onion_drop_useful: Array
    dish_useful: Array
    dish_drop_useful: Array
    dish_rewarded: Array


def _interact(
    terrain: Terrain, state: State, pots: _Pots, agent: int, acts: Array, faced: Array, kind: Array
) -> tuple[State, _Outcome]:
    held = state.held[agent]
    other_held = state.held[1 - agent]

    here = (terrain.places.astype(np.int32) == faced) & acts  # [C]
    item = jnp.where(here, state.counter, 0).sum().astype(jnp.int32)
    at_counter = acts & (kind == COUNTER)
    dropped = at_counter & (held != NOTHING) & (item == NOTHING)
    taken = at_counter & (held == NOTHING) & (item != NOTHING)

    dispensed_onion = acts & (kind == ONIONS) & (held == NOTHING)
    dispensed_dish = acts & (kind == DISHES) & (held == NOTHING)

    pot = (terrain.pots.astype(np.int32) == faced) & acts  # [K]
    room = pot & (state.pot_n < POT_SIZE) & (state.pot_tick < 0)
    ready = pot & (state.pot_tick >= COOK_TIME)
    fills, empties = room & (held == ONION), ready & (held == DISH)
    potted, scooped = fills.any(), empties.any()
    delivered = acts & (kind == SERVING) & (held == SOUP)

    no_dish_lies = ~(state.counter == DISH).any()
    dishes_held = (state.held == DISH).sum()
    dish_useful = no_dish_lies & (dishes_held < pots.non_empty)
    all_full = pots.full == terrain.num_pots
    outcome = _Outcome(
        took_onion=dispensed_onion | (taken & (item == ONION)),
        took_dish=dispensed_dish | (taken & (item == DISH)),
        took_soup=scooped | (taken & (item == SOUP)),
        dropped=dropped,
        held=held,
        potted=potted,
        scooped=scooped,
        delivered=delivered,
        onion_useful=~(all_full & (other_held != DISH)),
        onion_drop_useful=all_full & (other_held != DISH),
        dish_useful=dish_useful,
        dish_drop_useful=(pots.full == 0) & (other_held != ONION),
        dish_rewarded=dispensed_dish & dish_useful,
    )

    now = jnp.where(dropped | potted | delivered, NOTHING, held)
    now = jnp.where(taken, item, now)
    now = jnp.where(dispensed_onion, ONION, now)
    now = jnp.where(dispensed_dish, DISH, now)
    now = jnp.where(scooped, SOUP, now)
    laid = jnp.where(taken, NOTHING, held).astype(jnp.int8)
    state = state._replace(
        held=jnp.where(jnp.arange(2) == agent, now, state.held),
        counter=jnp.where(here & (dropped | taken), laid, state.counter),
        pot_n=jnp.where(empties, 0, state.pot_n + fills).astype(jnp.int8),
        pot_tick=jnp.where(empties, IDLE, state.pot_tick).astype(jnp.int8),
    )
    return state, outcome


class _Moves(NamedTuple):
    """Why agents did not move, each [A] bool."""

    collided: Array
    blocked: Array


def _move(terrain: Terrain, width: int, state: State, action: Array) -> tuple[State, _Moves]:
    walks = action < 4
    target = state.cell + offset(width, action)
    free = lookup((terrain.kinds == FLOOR).astype(np.int32), target) == 1
    wanted = jnp.where(walks & free, target, state.cell)
    same = wanted[0] == wanted[1]
    swap = (wanted[0] == state.cell[1]) & (wanted[1] == state.cell[0])
    clash = same | swap
    moved = state._replace(
        cell=jnp.where(clash, state.cell, wanted),
        direction=jnp.where(walks, action.astype(jnp.int32), state.direction),
    )
    return moved, _Moves(clash & (wanted != state.cell), walks & ~free)


def _cook(state: State) -> State:
    full = state.pot_n >= POT_SIZE
    tick = jnp.where(full & (state.pot_tick < 0), 0, state.pot_tick)
    cooks = (tick >= 0) & (tick < COOK_TIME)
    return state._replace(pot_tick=(tick + cooks).astype(jnp.int8), time=state.time + 1)


def _collect(action: Array, outcomes: list[_Outcome], moves: _Moves) -> Step:
    both = _Outcome(*(jnp.stack(pair) for pair in zip(*outcomes, strict=True)))
    drop = [both.dropped & (both.held == item) for item in (ONION, DISH, SOUP)]
    useful = (
        both.took_onion | both.took_dish | both.took_soup | both.dropped
    ) | (both.potted | both.delivered)  # fmt: skip
    events = (
        both.took_onion,
        both.took_onion & both.onion_useful,
        drop[0],
        drop[0] & both.onion_drop_useful,
        both.potted,
        both.took_dish,
        both.took_dish & both.dish_useful,
        drop[1],
        drop[1] & both.dish_drop_useful,
        both.took_soup,
        both.delivered,
        drop[2],
        useful,
        (action == INTERACT) & ~useful,
        moves.collided,
        moves.blocked,
        action == INTERACT - 1,
    )
    shaped = (
        PLACEMENT_REWARD * both.potted
        + SOUP_REWARD * both.scooped
        + DISH_REWARD * both.dish_rewarded
    )
    return Step(
        sparse=DELIVERY_REWARD * both.delivered.astype(jnp.float32),
        shaped=shaped.astype(jnp.float32),
        events=jnp.stack(events, axis=-1),
    )
