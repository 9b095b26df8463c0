"""The rules of OvercookedV2 (Gessler et al. 2025, arXiv 2503.17821), step by step.

A step is: moves of all, with collisions resolved; then interacts in the order of the agents on the
live state; then the clocks of pots and buttons. Everything is comparisons on small integers: no
gather, no scatter, so that a batch of games is straight vector code.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked.dynamics import lookup, offset
from zsc.envs.overcooked_v2.layouts import (
    BUTTON,
    EMPTY,
    GOAL,
    PILE,
    PLATES,
    POT,
    RECIPE_SIZE,
    WALL,
    Layout,
)
from zsc.envs.overcooked_v2.state import (
    COOK_TIME,
    COOKED,
    INTERACT,
    NOTHING,
    PLATE,
    SHOWN_TIME,
    STAY,
    WAYS,
    State,
    ingredient,
)
from zsc.types import Array

DELIVERY_REWARD, BUTTON_COST = 20.0, 5.0
# shaping, to whoever did it
PLACEMENT_REWARD, START_REWARD, DISH_REWARD, PLATE_REWARD = 3.0, 5.0, 5.0, 3.0

#: Per agent and step.
EVENT_NAMES = (
    "ingredient_pickup",  # from a pile
    "plate_pickup",  # from the pile
    "useful_plate_pickup",  # from the pile, when pots need it
    "counter_pickup",
    "counter_drop",
    "placement",  # an ingredient into a pot
    "useful_placement",  # one that the recipe still needs there
    "cooking_start",  # by an interact
    "dish_pickup",  # from a pot
    "useful_dish_pickup",  # what the recipe asks for
    "delivery",  # of what the recipe asks for
    "wrong_delivery",
    "button_press",
    "useless_interact",  # an interact that changed nothing
    "collision",  # kept in place by another agent
    "blocked",  # walked against something that is not floor
    "stay",
)


class Rules(NamedTuple):
    """What can be chosen about the rules."""

    negative_rewards: bool  # a wrong dish costs what a right one pays
    start_cooking_interaction: bool  # a pot cooks when told to, else as soon as it is full


class Step(NamedTuple):
    """What a step earned and did."""

    sparse: Array  # [A] float32, deliveries and buttons, to whoever did it
    shaped: Array  # [A] float32, see the shaping constants
    events: Array  # [A, len(EVENT_NAMES)] bool


class _Outcome(NamedTuple):
    """What one agent's interact did, each [] bool."""

    took_ingredient: Array
    took_plate: Array
    plate_useful: Array
    took: Array
    laid: Array
    potted: Array
    potted_useful: Array
    started: Array
    started_useful: Array
    dished: Array
    dished_useful: Array
    delivered: Array
    failed: Array
    pressed: Array
    woke: Array  # a full pot that stood idle began to cook


def step(layout: Layout, rules: Rules, state: State, action: Array) -> tuple[State, Step]:
    """One step of all agents, action [A]; a new recipe and the time limit are not known here."""
    live, collided, blocked = _move(layout, state, action)
    plates_held = (live.held == PLATE).sum()
    faced = live.cell + offset(layout.width, live.direction)
    kind = lookup(layout.kinds, faced)
    outcomes = []
    for agent in range(len(layout.starts)):
        acts = action[agent] == INTERACT
        live, outcome = _interact(
            layout,
            rules,
            live,
            plates_held,
            agent,
            jnp.where(acts, kind[agent], EMPTY),
            faced[agent],
        )
        outcomes.append(outcome)
    did = _Outcome(*(jnp.stack(each) for each in zip(*outcomes, strict=True)))
    live = _tick(live)._replace(delivered=did.delivered.any(), time=state.time + 1)
    return live, _collect(rules, action, did, collided, blocked)


def _move(layout: Layout, state: State, action: Array) -> tuple[State, Array, Array]:
    """The state after all moves, who was kept in place by others, and who by the kitchen, [A]."""
    agents = len(layout.starts)
    way = lookup(WAYS + 1, action) - 1
    walks = way >= 0
    target = state.cell + offset(layout.width, jnp.where(walks, way, STAY))
    free = lookup((layout.kinds == EMPTY).astype(np.int32), target) == 1
    wanted = jnp.where(walks & free, target, state.cell)
    others = ~np.eye(agents, dtype=bool)
    cell = wanted
    # whoever shares a cell goes back, which may be in the way of the next
    for _ in range(agents if agents > 2 else 1):
        shares = ((cell[:, None] == cell) & others).any(1)
        cell = jnp.where(shares, state.cell, cell)
    goes_to = cell[:, None] == state.cell  # [A, A]
    swaps = (goes_to & goes_to.T & others).any(1)
    cell = jnp.where(swaps, state.cell, cell)
    direction = jnp.where(walks, way, state.direction)
    moved = state._replace(cell=cell, direction=direction)
    return moved, cell != wanted, walks & ~free


def _interact(
    layout: Layout,
    rules: Rules,
    state: State,
    plates_held: Array,
    agent: int,
    kind: Array,
    faced: Array,
) -> tuple[State, _Outcome]:
    """One agent acts on the cell that it faces; kind is EMPTY where it does not act."""
    held = state.held[agent]
    empty = held == NOTHING
    raw = (held > COOKED) & ((held & PLATE) == 0)
    tile = _look(layout, state, kind, faced)
    lies, inside, idle = tile.lies, tile.inside, tile.idle

    from_pile = (kind >= PLATES) & empty
    took = (kind == WALL) & (lies != NOTHING) & empty
    laid = (kind == WALL) & (lies == NOTHING) & ~empty
    dished = (kind == POT) & ((inside & COOKED) != 0) & (held == PLATE)
    potted = idle & raw & (_pieces(inside) != RECIPE_SIZE)
    goal = (kind == GOAL) & ((held & COOKED) != 0)
    pressed = (kind == BUTTON) & empty
    started = idle & (inside != NOTHING) & empty & rules.start_cooking_interaction
    after = jnp.where(potted, inside + held, inside)
    full = idle & (_pieces(after) == RECIPE_SIZE) & (not rules.start_cooking_interaction)

    asked = state.recipe | PLATE | COOKED
    same = held | (held << 1)  # the two bits that count this ingredient
    no_plate_lies = ~(state.counter == PLATE).any()
    waiting = (state.pot != NOTHING).sum()
    outcome = _Outcome(
        took_ingredient=from_pile & (kind >= PILE),
        took_plate=from_pile & (kind == PLATES),
        plate_useful=from_pile & (kind == PLATES) & no_plate_lies & (plates_held < waiting),
        took=took,
        laid=laid,
        potted=potted,
        potted_useful=potted & ((inside & same) < (state.recipe & same)),
        started=started,
        started_useful=started & (inside == state.recipe),
        dished=dished,
        dished_useful=dished & (inside + held == asked),
        delivered=goal & (held == asked),
        failed=goal & (held != asked),
        pressed=pressed,
        woke=full & ~potted,
    )
    pile = jnp.where(kind == PLATES, PLATE, ingredient(jnp.maximum(kind - PILE, 0)))
    now = jnp.where(laid | potted | goal, NOTHING, held)
    now = jnp.where(from_pile, pile, jnp.where(took, lies, jnp.where(dished, inside + held, now)))
    state = state._replace(
        held=jnp.where(np.arange(len(layout.starts)) == agent, now, state.held),
        counter=jnp.where(
            tile.counter & (took | laid), jnp.where(took, NOTHING, held), state.counter
        ),
        pot=jnp.where(tile.pot, jnp.where(dished, NOTHING, after), state.pot),
        pot_left=jnp.where(tile.pot & (started | full), COOK_TIME, state.pot_left),
        button_left=jnp.where(tile.button & pressed, SHOWN_TIME, state.button_left),
    )
    return state, outcome


class _Tile(NamedTuple):
    """The cell that an agent acts on."""

    counter: Array  # [C] bool, which counter it is
    pot: Array  # [K] bool
    button: Array  # [L] bool
    lies: Array  # [] bits on the counter
    inside: Array  # [] bits in the pot
    idle: Array  # [] bool, a pot that neither cooks nor is cooked


def _look(layout: Layout, state: State, kind: Array, faced: Array) -> _Tile:
    counter = (layout.counters == faced) & (kind == WALL)
    pot = (layout.cells(POT) == faced) & (kind == POT)
    inside = jnp.where(pot, state.pot, 0).sum()
    cooks = (pot & (state.pot_left > 0)).any()
    return _Tile(
        counter=counter,
        pot=pot,
        button=layout.buttons == faced,
        lies=jnp.where(counter, state.counter, 0).sum(),
        inside=inside,
        idle=(kind == POT) & ~cooks & ((inside & COOKED) == 0),
    )


def _pieces(bits: Array) -> Array:
    """How many ingredients there are in all."""
    ones, twos = 0x15555554, 0x2AAAAAA8
    count = jax.lax.population_count
    return count(bits & ones) + 2 * count(bits & twos)


def _tick(state: State) -> State:
    cooks = state.pot_left > 0
    left = state.pot_left - cooks
    done = cooks & (left == 0)
    return state._replace(
        pot=jnp.where(done, state.pot | COOKED, state.pot),
        pot_left=left,
        button_left=jnp.maximum(state.button_left - 1, 0),
    )


def _collect(rules: Rules, action: Array, did: _Outcome, collided: Array, blocked: Array) -> Step:
    took = did.took_ingredient | did.took_plate | did.took | did.dished
    gave = did.laid | did.potted | did.delivered | did.failed
    changed = took | gave | did.started | did.pressed | did.woke
    events = (
        did.took_ingredient,
        did.took_plate,
        did.plate_useful,
        did.took,
        did.laid,
        did.potted,
        did.potted_useful,
        did.started,
        did.dished,
        did.dished_useful,
        did.delivered,
        did.failed,
        did.pressed,
        (action == INTERACT) & ~changed,
        collided,
        blocked,
        action == STAY,
    )
    shaped = (
        PLACEMENT_REWARD * did.potted_useful
        + START_REWARD * did.started_useful
        + DISH_REWARD * did.dished_useful
        + PLATE_REWARD * did.plate_useful
    )
    sparse = DELIVERY_REWARD * did.delivered - BUTTON_COST * did.pressed
    if rules.negative_rewards:
        sparse = sparse - DELIVERY_REWARD * did.failed
    return Step(
        sparse=sparse.astype(jnp.float32),
        shaped=shaped.astype(jnp.float32),
        events=jnp.stack(events, axis=-1),
    )
