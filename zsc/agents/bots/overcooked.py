"""Scripted cooks for Overcooked: random, idle, onion carrier, plate server, greedy cook, hog.

All six are one policy with different parameters, so a roster of them is one kind: what a cook is
willing to do, whether it makes way for its partner, and how often it acts at random. Every step a
cook picks a goal (a set of tiles worth interacting with), takes the nearest one and walks the
shortest way there, along tables that are worked out once per layout.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.agents.bots.ways import FAR, floor_index, head_for, ways_of
from zsc.agents.policy import Inputs, Out, Policy, no_carry, register
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.overcooked import Layout, Overcooked, parse_layout
from zsc.envs.overcooked.layouts import COUNTER, DISHES, ONIONS, SERVING
from zsc.envs.overcooked.state import DISH, INTERACT, NOTHING, ONION, POT_SIZE, SOUP, STAY, State
from zsc.errors import UserError, unknown
from zsc.types import Array, Carry, Key


class BotParams(NamedTuple):
    """What a cook is like; each [] float32."""

    onions: Array  # 1: carries onions to pots
    plates: Array  # 1: fetches dishes, takes soups, serves
    yields: Array  # 1: plans around its partner and leaves it the work that it is already doing
    chance: Array  # probability of a uniformly random action


BOTS: dict[str, tuple[float, float, float, float]] = {
    "random": (0, 0, 0, 1.0),
    "idle": (0, 0, 0, 0.0),
    "onion_carrier": (1, 0, 1, 0.05),
    "plate_server": (0, 1, 1, 0.05),
    "greedy_cook": (1, 1, 1, 0.05),
    "hog": (1, 1, 0, 0.0),
}


def overcooked_bots(env: Overcooked, names: tuple[str, ...] = tuple(BOTS)) -> Pool:
    """A pool of scripted cooks for a kitchen.

    random acts uniformly, idle stays; onion_carrier only fills pots; plate_server only serves;
    greedy_cook does both and avoids its partner; hog does both as if it were alone and never
    gives way. Where a pot or the window is out of a cook's reach it passes things over a counter.
    Raises UserError for another number of cooks than two, or for the rules of 2020.
    """
    if env.spec.num_agents != 2 or env.rules.new:
        raise UserError(
            f"scripted cooks know kitchens of two by the rules of 2019, {env.spec.id} has "
            f"{env.spec.num_agents} by those of {env.dynamics}: train partners for it"
        )
    for name in names:
        if name not in BOTS:
            raise unknown("scripted cook", name, BOTS)
    policy = overcooked_bot(layout=env.kitchen.text())
    rows = np.array([BOTS[name] for name in names], np.float32)
    params = BotParams(*(jnp.asarray(column) for column in rows.T))
    return make_pool(env.spec, policy, params, [Label(method=name) for name in names])


@register("overcooked_bot")
def overcooked_bot(*, layout: str) -> Policy:
    """The scripted cook of one kitchen. Reads the game state."""
    kitchen = parse_layout(layout)

    def init(key: Key) -> BotParams:
        del key
        return BotParams(*(jnp.float32(x) for x in BOTS["greedy_cook"]))

    def apply(params: BotParams, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        probs = _choose(kitchen, params, inputs.state, inputs.agent)
        mixed = params.chance / 6 + (1 - params.chance) * probs
        return carry, Out(jnp.log(jnp.maximum(mixed, 1e-30)), jnp.zeros(1))

    config = (("layout", layout),)
    return Policy("overcooked_bot", config, init, no_carry, apply, reads=("state",))


class _Sight(NamedTuple):
    """What a cook takes in: masks over the cells of the grid, and a few facts."""

    held: Array
    partner_held: Array
    items: Array  # [C] objects lying on counters
    room: Array  # [C] pots that take an onion
    cooking: Array  # [C] pots that cook or are ready
    missing: Array  # [] onions still needed in all pots
    reach: Array  # [C] tiles that this cook can get to
    pass_on: Array  # [C] empty counters that only together with the partner lead on


def _look(layout: Layout, state: State, agent: Array) -> _Sight:
    cells = np.arange(len(layout.kinds))
    counters = layout.counters[:, None] == cells  # [counters, C]
    pots = layout.pots[:, None] == cells
    items = (counters * state.counter[:, None]).sum(0)
    idle = state.pot_tick < 0
    room = (pots & (idle & (state.pot_n < POT_SIZE))[:, None]).any(0)
    cooking = (pots & (~idle | (state.pot_n >= POT_SIZE))[:, None]).any(0)
    free = jnp.asarray(ways_of(layout).free)
    here = floor_index(layout, state.cell[agent])
    there = floor_index(layout, state.cell[1 - agent])
    reach = free[here] < FAR
    empty = (layout.kinds == COUNTER) & (items == NOTHING)
    return _Sight(
        held=state.held[agent],
        partner_held=state.held[1 - agent],
        items=items,
        room=room,
        cooking=cooking,
        missing=jnp.where(idle, POT_SIZE - state.pot_n, 0).sum(),
        reach=reach,
        pass_on=empty & reach & (free[there] < FAR),
    )


def _goal(layout: Layout, params: BotParams, sight: _Sight) -> Array:
    """[C] bool: the tiles that the cook now wants to interact with."""
    does_onions, does_plates = params.onions > 0, params.plates > 0
    yields = params.yields > 0
    kinds = jnp.asarray(layout.kinds)
    pot = sight.room | sight.cooking
    near_pot = (pot & sight.reach).any()
    near_window = ((kinds == SERVING) & sight.reach).any()
    spare = (kinds == COUNTER) & (sight.items == NOTHING) & sight.reach

    def lies(item: int) -> Array:
        return (sight.items == item) & sight.reach

    # an item on the far side's counter is already on its way to the pot
    passed = lambda item: jnp.where(near_pot, 0, lies(item).sum())
    partner_brings = lambda item: (sight.partner_held == item) & yields
    onions_needed = sight.missing - passed(ONION) - partner_brings(ONION) > 0
    dishes_needed = sight.cooking.sum() - passed(DISH) - partner_brings(DISH) > 0

    get_onion = ((kinds == ONIONS) & sight.reach) | (lies(ONION) & near_pot)
    get_dish = ((kinds == DISHES) & sight.reach) | (lies(DISH) & near_pot)
    get_soup = lies(SOUP) & near_window
    want_dish = does_plates & dishes_needed & get_dish.any()
    want_onion = does_onions & onions_needed & get_onion.any()
    empty_handed = jnp.where(want_onion, get_onion, False)
    empty_handed = jnp.where(want_dish, get_dish, empty_handed)
    empty_handed = jnp.where(does_plates & get_soup.any(), get_soup, empty_handed)

    fill = jnp.where((sight.room & sight.reach).any(), sight.room & sight.reach, spare)
    with_onion = jnp.where(near_pot, fill, sight.pass_on)
    with_onion = jnp.where(does_onions, with_onion, spare)
    scoop = jnp.where((sight.cooking & sight.reach).any(), sight.cooking, pot) & sight.reach
    with_dish = jnp.where(near_pot, scoop, sight.pass_on)
    with_dish = jnp.where(does_plates, with_dish, spare)
    with_soup = jnp.where(near_window, (kinds == SERVING) & sight.reach, sight.pass_on)

    goal = jnp.where(sight.held == NOTHING, empty_handed, with_soup)
    goal = jnp.where(sight.held == ONION, with_onion, goal)
    return jnp.where(sight.held == DISH, with_dish, goal)


def _choose(layout: Layout, params: BotParams, state: State, agent: Array) -> Array:
    """[N] probabilities of the actions that lead to the goal."""
    works, yields = (params.onions > 0) | (params.plates > 0), params.yields > 0
    goal = _goal(layout, params, _look(layout, state, agent))
    way = head_for(layout, goal, state.cell[agent], state.cell[1 - agent], yields)
    at_tile = jnp.where(state.direction[agent] == way.facing, INTERACT, way.facing)
    walk = jnp.concatenate([way.nearer, jnp.zeros(2, bool)])
    act = jnp.where(way.beside, jnp.arange(6) == at_tile, walk)
    # the partner stands in the only way, or there is nothing to do: step aside for it
    aside = jnp.concatenate([way.aside, jnp.ones(1, bool), jnp.zeros(1, bool)])
    act = jnp.where(yields & ~way.open & ~way.beside, aside, act)
    idle = jnp.where(yields & works, aside, jnp.arange(6) == STAY)
    act = jnp.where(goal.any(), act, idle)
    return act / act.sum()
