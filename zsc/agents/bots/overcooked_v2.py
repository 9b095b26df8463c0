"""Scripted cooks for OvercookedV2: who reads the recipe, who tells it, who waits to be told.

All are one policy with different parameters, so a roster of them is one kind. Every step a cook
picks a goal (a set of tiles worth interacting with), takes the nearest one and walks the shortest
way there. It knows a recipe only from an indicator in its own view, and remembers it until a dish
is delivered; everything else it reads from the whole state.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.agents.bots.ways import FAR, floor_index, head_for, ways_of
from zsc.agents.policy import Inputs, Out, Policy, register
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.overcooked_v2 import Layout, OvercookedV2, parse_layout
from zsc.envs.overcooked_v2.layouts import (
    BUTTON,
    GOAL,
    INDICATOR,
    PILE,
    PLATES,
    POT,
    RECIPE_SIZE,
    WALL,
)
from zsc.envs.overcooked_v2.state import (
    COOKED,
    INTERACT,
    NOTHING,
    PLATE,
    STAY,
    WAYS,
    State,
    bits_of,
    count_of,
    ingredient,
)
from zsc.errors import unknown
from zsc.types import Array, Key

UNKNOWN = -1  # the recipe of a cook that has seen none


class BotParams(NamedTuple):
    """What a cook is like; each [] float32."""

    cooks: Array  # 1: brings ingredients to pots
    serves: Array  # 1: fetches plates, takes dishes, delivers
    reads: Array  # 1: cooks what it knows to be asked for, 0: always the kitchen's first recipe
    presses: Array  # 1: presses a button once for each dish
    waits: Array  # 1: cooks nothing before it knows the recipe, 0: the first one until then
    yields: Array  # 1: plans around the others and leaves them the work they are already doing
    chance: Array  # probability of a uniformly random action


BOTS: dict[str, tuple[float, ...]] = {
    "random": (0, 0, 0, 0, 0, 0, 1.0),
    "idle": (0, 0, 0, 0, 0, 0, 0.0),
    "carrier": (1, 0, 1, 0, 0, 1, 0.05),
    "server": (0, 1, 1, 0, 0, 1, 0.05),
    "reader": (1, 1, 1, 0, 0, 1, 0.05),
    "teller": (1, 1, 1, 1, 0, 1, 0.05),
    "listener": (1, 1, 1, 0, 1, 1, 0.05),
    "guesser": (1, 1, 0, 0, 0, 1, 0.05),
    "hog": (1, 1, 1, 0, 0, 0, 0.0),
}


class Memory(NamedTuple):
    """What a cook remembers, each []."""

    recipe: Array  # int32 bits, UNKNOWN before it saw one
    told: Array  # bool, it has pressed a button for this dish


def overcooked_v2_bots(env: OvercookedV2, names: tuple[str, ...] = tuple(BOTS)) -> Pool:
    """A pool of scripted cooks for a kitchen.

    random acts uniformly, idle stays; carrier only fills pots, server only serves; reader does both
    by the recipe that it sees; teller presses the button for its partner as well; listener cooks
    nothing until it has seen a recipe; guesser cooks the kitchen's first recipe whatever is asked
    for; hog never gives way. What is out of a cook's reach it passes over a counter.
    """
    for name in names:
        if name not in BOTS:
            raise unknown("scripted cook", name, BOTS)
    policy = overcooked_v2_bot(
        layout=env.kitchen.text(), recipes=env.kitchen.recipes, view=env.view
    )
    rows = np.array([BOTS[name] for name in names], np.float32)
    params = BotParams(*(jnp.asarray(column) for column in rows.T))
    return make_pool(env.spec, policy, params, [Label(method=name) for name in names])


@register("overcooked_v2_bot")
def overcooked_v2_bot(
    *, layout: str, recipes: tuple[tuple[int, ...], ...], view: int | None
) -> Policy:
    """The scripted cook of one kitchen. Reads the game state."""
    recipes = tuple(tuple(recipe) for recipe in recipes)
    kitchen = parse_layout(layout, recipes)

    def init(key: Key) -> BotParams:
        del key
        return BotParams(*(jnp.float32(x) for x in BOTS["reader"]))

    def carry() -> Memory:
        return Memory(jnp.int32(UNKNOWN), jnp.bool_(False))

    def apply(params: BotParams, memory: Memory, inputs: Inputs) -> tuple[Memory, Out]:
        state, agent = inputs.state, inputs.agent
        memory = _remember(kitchen, view, memory, state, agent)
        sight = _look(kitchen, params, memory, state, agent)
        probs = _choose(kitchen, params, state, agent, _goal(kitchen, params, sight))
        pressing = sight.press.any() & (sight.held == NOTHING)
        memory = memory._replace(told=memory.told | (pressing & _at(kitchen, state, agent, BUTTON)))
        mixed = params.chance / 6 + (1 - params.chance) * probs
        return memory, Out(jnp.log(jnp.maximum(mixed, 1e-30)), jnp.zeros(1))

    config = (("layout", layout), ("recipes", recipes), ("view", view))
    return Policy("overcooked_v2_bot", config, init, carry, apply, reads=("state",))


def _remember(
    kitchen: Layout, view: int | None, memory: Memory, state: State, agent: Array
) -> Memory:
    """The recipe if it is in view now, else what was known, forgotten when a dish was delivered."""
    y, x = jnp.divmod(state.cell[agent], kitchen.width)

    def sees(cells: np.ndarray) -> Array:
        row, column = np.divmod(cells, kitchen.width)
        away = jnp.maximum(abs(y - row), abs(x - column))
        return away <= (len(kitchen.kinds) if view is None else view)

    shown = sees(kitchen.cells(INDICATOR)).any()
    shown |= (sees(kitchen.buttons) & (state.button_left > 0)).any()
    known = jnp.where(state.delivered, UNKNOWN, memory.recipe)
    if len(kitchen.recipes) == 1:
        shown = jnp.bool_(True)
    return Memory(jnp.where(shown, state.recipe, known), memory.told & ~state.delivered)


def _at(kitchen: Layout, state: State, agent: Array, kind: int) -> Array:
    """Whether an agent stands beside a tile of a kind and faces it."""
    facing = jnp.asarray(ways_of(kitchen).facing)[floor_index(kitchen, state.cell[agent])]
    tiles = jnp.asarray(kitchen.kinds) == kind
    return (tiles & (facing == state.direction[agent])).any()


class _Sight(NamedTuple):
    """What a cook takes in: masks over the cells of the grid, and a few facts."""

    held: Array
    items: Array  # [C] bits of what lies on counters
    room: Array  # [C] pots that take an ingredient
    ready: Array  # [C] pots that are cooked
    cooking: Array  # [C] pots that cook or are cooked
    start: Array  # [C] full pots that wait to be told to cook
    needed: Array  # [ingredients] pieces that the pot still takes for the recipe
    missing: Array  # [ingredients] those of them that nobody brings yet
    plates: Array  # [] plates that are still to be brought
    reach: Array  # [C] tiles that this cook can get to
    pass_on: Array  # [C] empty counters that only together with another cook lead on
    press: Array  # [C] buttons that it wants to press


def _look(kitchen: Layout, params: BotParams, memory: Memory, state: State, agent: Array) -> _Sight:
    cells, kinds = np.arange(len(kitchen.kinds)), jnp.asarray(kitchen.kinds)
    n, seats = kitchen.num_ingredients, np.arange(len(kitchen.starts))
    items = ((kitchen.counters[:, None] == cells) * state.counter[:, None]).sum(0)
    at_pot = kitchen.cells(POT)[:, None] == cells  # [K, C]
    pieces = jnp.stack([count_of(state.pot, i) for i in range(n)]).sum(0)
    idle = (state.pot_left == 0) & ((state.pot & COOKED) == 0)
    room = idle & (pieces < RECIPE_SIZE)
    recipe = _wanted(kitchen, params, memory)
    free = jnp.asarray(ways_of(kitchen).free)
    reach = free[floor_index(kitchen, state.cell[agent])] < FAR
    others = seats != agent
    there = jnp.stack([free[floor_index(kitchen, state.cell[j])] < FAR for j in seats])
    near_pot = (at_pot.any(0) & reach).any()
    lies = lambda bits: jnp.where(near_pot, 0, ((items == bits) & reach).sum())
    carried = lambda bits: ((state.held == bits) & others).sum() * (params.yields > 0)
    # one dish at a time: the pot that is furthest, so that two half-made soups are not both begun
    first = jnp.argmax(jnp.where(room, pieces, -1))
    inside = jnp.where(room.any(), state.pot[first], 0)
    works = room.any() & (recipe != UNKNOWN)
    left = [jnp.where(works, count_of(recipe, i) - count_of(inside, i), 0) for i in range(n)]
    brought = [lies(ingredient(i)) + carried(ingredient(i)) for i in range(n)]
    needed = jnp.stack(left)
    missing = needed - jnp.stack(brought)
    busy = ~idle
    spoilt = works & (needed <= 0).all() & (pieces[first] > 0)
    press = (kinds == BUTTON) & reach & (params.presses > 0) & ~memory.told & room.any()
    mask = lambda pots: (at_pot & pots[:, None]).any(0)
    full = idle & (pieces == RECIPE_SIZE)
    return _Sight(
        held=state.held[agent],
        items=items,
        room=mask(room & (jnp.arange(len(room)) == first)),
        ready=mask((state.pot & COOKED) != 0),
        cooking=mask(busy),
        start=mask(full | (room & spoilt)),
        needed=needed,
        missing=missing,
        plates=busy.sum() - lies(PLATE) - carried(PLATE),
        reach=reach,
        pass_on=(kinds == WALL) & (items == NOTHING) & reach & (there & others[:, None]).any(0),
        press=press,
    )


def _wanted(kitchen: Layout, params: BotParams, memory: Memory) -> Array:
    """[] bits of the recipe that the cook works for, UNKNOWN if it waits."""
    first = bits_of(kitchen.recipes[0])
    unknown_yet = jnp.where(params.waits > 0, UNKNOWN, first)
    read = jnp.where(memory.recipe == UNKNOWN, unknown_yet, memory.recipe)
    return jnp.where(params.reads > 0, read, first)


def _goal(kitchen: Layout, params: BotParams, sight: _Sight) -> Array:
    """[C] bool: the tiles that the cook now wants to interact with."""
    kinds, n = jnp.asarray(kitchen.kinds), kitchen.num_ingredients
    cooks, serves = params.cooks > 0, params.serves > 0
    near_pot = ((kinds == POT) & sight.reach).any()
    near_goal = ((kinds == GOAL) & sight.reach).any()
    spare = (kinds == WALL) & (sight.items == NOTHING) & sight.reach

    raw = jnp.zeros_like(sight.reach)
    for i in range(n):
        here = (kinds == PILE + i) | ((sight.items == ingredient(i)) & near_pot)
        raw |= here & (sight.missing[i] > 0)
    raw &= sight.reach & cooks
    plate = ((kinds == PLATES) | ((sight.items == PLATE) & near_pot)) & sight.reach
    plate &= serves & (sight.plates > 0)
    dish = ((sight.items & COOKED) != 0) & sight.reach & near_goal & serves
    start = sight.start & sight.reach & cooks

    empty_handed = raw
    for better in (start, plate, dish, sight.press):
        empty_handed = jnp.where(better.any(), better, empty_handed)

    held_kind = jnp.stack([sight.held == ingredient(i) for i in range(n)])
    useful = (held_kind & (sight.needed > 0)).any() & cooks
    fill = jnp.where((sight.room & sight.reach).any(), sight.room & sight.reach, spare)
    with_raw = jnp.where(useful, jnp.where(near_pot, fill, sight.pass_on), spare)
    pots = jnp.where((sight.ready & sight.reach).any(), sight.ready, sight.cooking) & sight.reach
    with_plate = jnp.where(pots.any(), pots, jnp.where(near_pot, spare, sight.pass_on))
    with_plate = jnp.where(serves, with_plate, spare)
    with_dish = jnp.where(near_goal, (kinds == GOAL) & sight.reach, sight.pass_on)

    goal = jnp.where(sight.held == NOTHING, empty_handed, with_raw)
    goal = jnp.where(sight.held == PLATE, with_plate, goal)
    return jnp.where((sight.held & COOKED) != 0, with_dish, goal)


def _choose(kitchen: Layout, params: BotParams, state: State, agent: Array, goal: Array) -> Array:
    """[N] probabilities of the actions that lead to the goal."""
    others = jnp.arange(len(kitchen.starts)) != agent
    y, x = jnp.divmod(state.cell, kitchen.width)
    away = jnp.where(others, abs(y - y[agent]) + abs(x - x[agent]), FAR)
    nearest = state.cell[jnp.argmin(away)] if len(kitchen.starts) > 1 else state.cell[0]
    way = head_for(kitchen, goal, state.cell[agent], nearest, params.yields > 0)
    action_of = np.argsort(WAYS[:4])  # direction -> action

    def moves(ways: Array) -> Array:
        """[N] the actions of directions [4]."""
        return jnp.concatenate([ways[WAYS[:4]], jnp.zeros(2, bool)])

    turn = jnp.asarray(action_of)[jnp.maximum(way.facing, 0)]
    at_tile = jnp.where(state.direction[agent] == way.facing, INTERACT, turn)
    act = jnp.where(way.beside, jnp.arange(6) == at_tile, moves(way.nearer))
    stay = jnp.arange(6) == STAY
    aside = moves(way.aside) | stay
    gives_way = (params.yields > 0) & ~way.open & ~way.beside
    act = jnp.where(gives_way, aside, act)
    act = jnp.where(goal.any(), act, jnp.where(params.yields > 0, aside, stay))
    return act / act.sum()
