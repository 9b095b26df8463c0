"""The scripted foragers: each has its taste, and tastes that agree clear the field."""

from __future__ import annotations

from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import UserError
from zsc.agents.bots import scripted_partners
from zsc.agents.bots.lbf import BOTS, foraging_bot, foraging_bots
from zsc.agents.policy import Inputs
from zsc.envs.lbf import Foraging, State
from zsc.envs.lbf.state import EAST, LOAD, NOOP, NORTH, SOUTH, WEST
from zsc.evaluation import CrossPlay, crossplay
from zsc.evaluation.games.lbf import foraging_table

ENV = zsc.make("lbf/7x7-2p-3f", horizon=60)
EVERYONE = ("random", "closest", "follower", "north_first", "south_first", "waits")


@cache
def games() -> CrossPlay:
    return crossplay(ENV, {"bots": foraging_bots(ENV, EVERYONE)}, episodes=12)


def mean(one: str, other: str) -> float:
    return float(games().matrix()[EVERYONE.index(one), EVERYONE.index(other)])


def wishes(name: str, me: tuple[int, int], mate: tuple[int, int], foods: list[tuple[int, ...]]):
    """The actions that a forager of level 1 may take beside a teammate of level 1."""
    where = np.array(foods)
    state = State(
        pos=jnp.array([me, mate], jnp.int8),
        level=jnp.ones(2, jnp.int8),
        loading=jnp.zeros(2, bool),
        food_pos=jnp.asarray(where[:, :2], jnp.int8),
        food_level=jnp.asarray(where[:, 2], jnp.int8),
        food_eaten=jnp.zeros(len(foods), bool),
        time=jnp.int32(0),
    )
    env = Foraging(size=7, view=7, foods=len(foods))
    params = type(BOTS[name])(*(jnp.float32(x) for x in BOTS[name]))
    seen = env.show(state)
    given = Inputs(seen.obs[0], seen.mask[0], jnp.bool_(True), jnp.int32(0), state)
    _, out = foraging_bot(size=7, original=False).apply(params, (), given)
    return set(np.flatnonzero(np.asarray(out.logits) > -10).tolist())


def test_every_taste_picks_its_food() -> None:
    foods = [(1, 1, 2), (1, 5, 1), (5, 3, 3)]
    assert wishes("closest", (2, 2), (6, 6), foods) == {NORTH, WEST}
    assert wishes("follower", (3, 3), (6, 3), foods) == {SOUTH}  # beside (5, 3) to the north
    assert wishes("lowest_level", (1, 2), (6, 6), foods) == {EAST}
    assert wishes("highest_level", (2, 3), (6, 6), foods) == {SOUTH}
    assert wishes("north_first", (5, 1), (6, 6), foods) == {NORTH}
    assert wishes("south_first", (2, 3), (6, 6), foods) == {SOUTH}
    assert wishes("east_first", (1, 2), (6, 6), foods) == {EAST}
    assert wishes("west_first", (1, 3), (6, 6), foods) == {WEST}
    assert wishes("random", (0, 0), (6, 6), foods) == {NOOP, SOUTH, EAST}


def test_who_is_beside_its_food_loads_and_one_waits_for_help() -> None:
    foods = [(3, 3, 2), (1, 5, 9)]
    assert wishes("closest", (3, 2), (6, 6), foods) == {LOAD}
    assert wishes("waits", (3, 2), (6, 6), foods) == {NOOP}
    assert wishes("waits", (3, 2), (3, 4), foods) == {LOAD}


def test_ways_lead_around_food_and_teammates() -> None:
    foods = [(3, 3, 2), (3, 5, 9)]
    assert wishes("highest_level", (3, 2), (6, 6), foods) == {NORTH, SOUTH}
    assert wishes("closest", (3, 1), (3, 2), foods) == {NORTH, SOUTH}


def test_orders_are_conventions_and_a_follower_gets_along_with_all() -> None:
    assert mean("north_first", "north_first") > 0.8
    assert mean("south_first", "south_first") > 0.8
    assert mean("north_first", "south_first") < 0.4
    assert min(mean("follower", other) for other in EVERYONE[1:]) > 0.6
    assert mean("random", "random") < 0.3


def test_the_table_tells_who_loads_in_vain() -> None:
    table = foraging_table(games())
    in_vain = table["in vain"]
    assert in_vain["bots/waits"] < 0.2 * in_vain["bots/closest"]
    assert table["eaten"].idxmax() == "bots/follower"
    assert (table["alone"].dropna() == 0).all()  # every food needs both
    lever = zsc.make("lever")
    policy = zsc.constant_policy(num_actions=10)
    pool = zsc.make_pool(lever.spec, policy, jnp.zeros(1, int), [zsc.Label("c")])
    played = crossplay(lever, {"c": pool}, episodes=1)
    with pytest.raises(UserError, match="is not foraging"):
        foraging_table(played)


def test_foragers_come_with_their_game() -> None:
    assert [label.method for label in scripted_partners(ENV).labels] == list(BOTS)
    assert len(set(scripted_partners(ENV).ids)) == len(BOTS)
    with pytest.raises(UserError, match=r"scripted forager 'followers'.*'follower'"):
        foraging_bots(ENV, ("followers",))
