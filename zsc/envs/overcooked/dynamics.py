"""The rules of Overcooked (Carroll et al., arXiv 1910.05789), step by step, of 2019 and of 2020.

A step is: interacts, player 0 first, each on the live state; then all moves with one joint
collision check; then the clock and the pots. Positions and directions are those from before the
step. Everything is comparisons on small integers: no gather, no scatter, so that a batch of games
is straight vector code. The one exception is what kind a cell is, where each game has a kitchen of
its own.

What differs between 2019 and 2020 is decided while the program is built, by `Rules`. What the
reference engine calls useful is worked out there for two players only: with more of them nothing
is, and no dish is rewarded.
"""

from __future__ import annotations

from functools import reduce
from itertools import combinations
from operator import or_
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked.events import Moves, NewOutcome, Outcome, Useful, event_names, tell
from zsc.envs.overcooked.layouts import (
    COUNTER,
    DISHES,
    FLOOR,
    ONIONS,
    SERVING,
    TOMATOES,
    Terrain,
)
from zsc.envs.overcooked.rules import (
    DELIVERY_REWARD,
    ITEM_OF_CONTENT,
    RECIPES,
    RULES_2019,
    SOUP_ITEMS,
    Rules,
)
from zsc.envs.overcooked.state import (
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
    TOMATO,
    WEST,
    State,
)
from zsc.types import Array


class Step(NamedTuple):
    """What a step earned and did."""

    sparse: Array  # [A] float32, what was paid for deliveries, to whoever delivered
    shaped: Array  # [A] float32, see `Rules`
    events: Array  # [A, events] bool, see `event_names`


class _Pots(NamedTuple):
    """Pot counts as they stood when the step began; usefulness is judged by these."""

    full: Array  # cooking, ready, or holding three ingredients
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


def step(
    terrain: Terrain, width: int, state: State, action: Array, rules: Rules = RULES_2019
) -> tuple[State, Step]:
    """One step of all agents, action [A], in a kitchen of so many columns.

    The time limit is not known here.
    """
    pots = _count_pots(state)
    faced = state.cell + offset(width, state.direction)
    kind = lookup(terrain.kinds, faced)
    live, outcomes = state, []
    for agent in range(state.cell.shape[0]):
        acts = action[agent] == INTERACT
        look = _Look(terrain, rules, agent, acts, faced[agent], kind[agent])
        live, outcome = _interact(look, live, pots)
        outcomes.append(outcome)
    live, moves = _move(terrain, width, live, action)
    live = _cook(rules, live)
    return live, _collect(rules, action, outcomes, moves)


def pot_amount(state: State) -> Array:
    """[K] how many ingredients are in each pot."""
    return state.pot_n if state.pot_t is None else state.pot_n + state.pot_t


def pot_content(state: State) -> Array:
    """[K] what is in each pot, see `rules`."""
    return state.pot_n if state.pot_t is None else state.pot_n + (POT_SIZE + 1) * state.pot_t


def cook_time(rules: Rules, state: State) -> Array | int:
    """[K] or one number: the steps that what is in a pot cooks."""
    times = {rules.times[content] for content in RECIPES}
    if len(times) == 1:
        return times.pop()
    return lookup(np.array(rules.times), pot_content(state)).astype(jnp.int8)


def _count_pots(state: State) -> _Pots:
    cooking, amount = state.pot_tick >= 0, pot_amount(state)
    part = (amount > 0) & (amount < POT_SIZE)
    full = cooking | (amount >= POT_SIZE)
    return _Pots(full.sum(), (cooking | part).sum())


class _Look(NamedTuple):
    """Who may interact with what."""

    terrain: Terrain
    rules: Rules
    agent: int
    acts: Array  # [] bool, it does
    faced: Array  # [] the cell in front of it
    kind: Array  # [] what kind of cell that is


def _interact(look: _Look, state: State, pots: _Pots) -> tuple[State, Outcome]:
    terrain, rules, agent, acts, faced, kind = look
    held = state.held[agent]

    here = (terrain.places.astype(np.int32) == faced) & acts  # [C]
    item = jnp.where(here, state.counter, 0).sum().astype(jnp.int32)
    at_counter = acts & (kind == COUNTER)
    dropped = at_counter & (held != NOTHING) & (item == NOTHING)
    taken = at_counter & (held == NOTHING) & (item != NOTHING)

    dispensed_onion = acts & (kind == ONIONS) & (held == NOTHING)
    dispensed_dish = acts & (kind == DISHES) & (held == NOTHING)

    pot = (terrain.pots.astype(np.int32) == faced) & acts  # [K]
    room = pot & (pot_amount(state) < POT_SIZE) & (state.pot_tick < 0)
    ready = pot & (state.pot_tick >= cook_time(rules, state))
    fills, empties = room & (held == ONION), ready & (held == DISH)
    potted, scooped = fills.any(), empties.any()
    delivered = acts & (kind == SERVING) & is_soup(rules, held)

    useful = _usefulness(look, state, pots)
    outcome = Outcome(
        took_onion=dispensed_onion | (taken & (item == ONION)),
        took_dish=dispensed_dish | (taken & (item == DISH)),
        took_soup=scooped | (taken & is_soup(rules, item)),
        dropped=dropped,
        held=held,
        potted=potted,
        scooped=scooped,
        delivered=delivered,
        useful=useful,
        dish_rewarded=dispensed_dish & useful.dish,
    )
    now = jnp.where(dropped | potted | delivered, NOTHING, held)
    now = jnp.where(taken, item, now)
    now = jnp.where(dispensed_onion, ONION, now)
    now = jnp.where(dispensed_dish, DISH, now)
    now = jnp.where(scooped, _soup_in(rules, state, empties), now)
    laid = jnp.where(taken, NOTHING, held).astype(jnp.int8)
    after = state._replace(
        held=jnp.where(jnp.arange(state.held.shape[0]) == agent, now, state.held),
        counter=jnp.where(here & (dropped | taken), laid, state.counter),
        pot_n=jnp.where(empties, 0, state.pot_n + fills).astype(jnp.int8),
        pot_tick=jnp.where(empties, IDLE, state.pot_tick).astype(jnp.int8),
    )
    if not rules.new:
        return after, outcome
    after, new = _interact_2020(look, state, after, potted, pot, room, empties)
    return after, outcome._replace(new=new._replace(took_tomato=taken & (item == TOMATO)))


def _interact_2020(
    look: _Look, state: State, after: State, onion: Array, pot: Array, room: Array, empties: Array
) -> tuple[State, NewOutcome]:
    """What an interact does beside by the rules of 2020: tomatoes, and pots started by hand.

    None of it meets what `after` already did to the same hands or pot. onion: one was put in.
    """
    assert state.pot_t is not None
    held = state.held[look.agent]
    dispensed = look.acts & (look.kind == TOMATOES) & (held == NOTHING)
    fills = room & (held == TOMATO)
    potted = fills.any()
    starts = room_to_start(state, pot) & (held == NOTHING)
    content = jnp.where(pot, pot_content(state), 0).sum()
    onion_does, tomato_does = (lookup(table, content) for table in look.rules.pottings)
    potting = jnp.where(onion, onion_does, jnp.where(potted, tomato_does, 0))
    own = jnp.arange(state.held.shape[0]) == look.agent
    now = jnp.where(dispensed, TOMATO, jnp.where(potted, NOTHING, after.held))
    after = after._replace(
        held=jnp.where(own, now, after.held),
        pot_t=jnp.where(empties, 0, state.pot_t + fills).astype(jnp.int8),
        pot_tick=jnp.where(starts, 0, after.pot_tick).astype(jnp.int8),
    )
    no = jnp.zeros((), bool)
    return after, NewOutcome(no, dispensed, potted, starts.any(), potting)


def room_to_start(state: State, pot: Array) -> Array:
    """[K] which of some pots have something in them and do not cook."""
    return pot & (pot_amount(state) > 0) & (state.pot_tick < 0)


def is_soup(rules: Rules, item: Array) -> Array:
    """[...] bool: what is held or lies is a soup."""
    return (item == SOUP) | (item > TOMATO) if rules.new else item == SOUP


def _soup_in(rules: Rules, state: State, pot: Array) -> Array | int:
    """[] the item that comes out of the one pot of a mask [K]."""
    if not rules.new:
        return SOUP
    return lookup(ITEM_OF_CONTENT, jnp.where(pot, pot_content(state), 0).sum())


def _usefulness(look: _Look, state: State, pots: _Pots) -> Useful:
    """What the reference engine calls useful; with more than two players it calls nothing so."""
    if state.held.shape[0] != 2:
        return Useful(*(jnp.zeros((), bool),) * len(Useful._fields))
    other_held = state.held[1 - look.agent]
    no_dish_lies = ~(state.counter == DISH).any()
    dishes_held = (state.held == DISH).sum()
    all_full = pots.full == look.terrain.num_pots
    return Useful(
        fetch=~(all_full & (other_held != DISH)),
        drop=all_full & (other_held != DISH),
        dish=no_dish_lies & (dishes_held < pots.non_empty),
        dish_drop=(pots.full == 0) & (other_held != ONION),
    )


def _move(terrain: Terrain, width: int, state: State, action: Array) -> tuple[State, Moves]:
    """Everybody goes back if any two end on one cell or change places."""
    walks = action < 4
    target = state.cell + offset(width, action)
    free = lookup((terrain.kinds == FLOOR).astype(np.int32), target) == 1
    wanted = jnp.where(walks & free, target, state.cell)
    clashes = []
    for one, other in combinations(range(state.cell.shape[0]), 2):
        same = wanted[one] == wanted[other]
        swap = (wanted[one] == state.cell[other]) & (wanted[other] == state.cell[one])
        clashes.append(same | swap)
    clash = reduce(or_, clashes)
    moved = state._replace(
        cell=jnp.where(clash, state.cell, wanted),
        direction=jnp.where(walks, action.astype(jnp.int32), state.direction),
    )
    return moved, Moves(clash & (wanted != state.cell), walks & ~free)


def _cook(rules: Rules, state: State) -> State:
    tick, time = state.pot_tick, cook_time(rules, state)
    if not rules.new:
        full = state.pot_n >= POT_SIZE
        tick = jnp.where(full & (state.pot_tick < 0), 0, state.pot_tick)
    cooks = (tick >= 0) & (tick < time)
    return state._replace(pot_tick=(tick + cooks).astype(jnp.int8), time=state.time + 1)


def _collect(rules: Rules, action: Array, outcomes: list[Outcome], moves: Moves) -> Step:
    done: Outcome = jax.tree.map(lambda *each: jnp.stack(each), *outcomes)
    told = tell(action, done, moves)
    potted = done.potted if done.new is None else done.potted | done.new.potted_tomato
    shaped = rules.placement * potted + rules.scoop * done.scooped + rules.dish * done.dish_rewarded
    return Step(
        sparse=_paid(rules, done),
        shaped=shaped.astype(jnp.float32),
        events=jnp.stack([told[name] for name in event_names(rules.new)], axis=-1),
    )


def _paid(rules: Rules, done: Outcome) -> Array:
    """[A] float32, for what each delivered."""
    if not rules.new:
        return DELIVERY_REWARD * done.delivered.astype(jnp.float32)
    paid = jnp.zeros(done.held.shape, jnp.float32)
    for item, content in zip(SOUP_ITEMS, RECIPES, strict=True):
        if rules.values[content]:
            paid = jnp.where(done.held == item, rules.values[content], paid)
    return jnp.where(done.delivered, paid, 0.0)
