"""The rules of 2020, and three and four cooks, against the reference engine in small.

`python -m tests.oracle --dynamics 2020` has the long run.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import zsc
from tests.oracle.candidates import Candidate, reference_files
from tests.oracle.compare import compare_kitchen, compare_records
from tests.oracle.episodes import play_kitchen
from tests.oracle.record import INTERACT, STAY, DifferenceError
from tests.oracle.reference import from_snapshot
from zsc import UserError, check_environment
from zsc.envs.overcooked import BRIGADES, ORDERED, Overcooked, read_layout
from zsc.envs.overcooked.observation import CHANNELS, channels, compact_names
from zsc.envs.overcooked.rules import CONTENT_OF_ITEM, SOUP_ITEMS, ingredients
from zsc.records.overcooked_tables import games_of, reproduced

HORIZON = 60
FILES = {path.stem: path for path in reference_files()}

#: Few cells, so that much happens: a pot that all four reach, all ingredients, three orders.
CROWDED = {
    "grid": "XXOTXX\nX1  2X\nX P  S\nX3  4X\nXXDXXX",
    "start_all_orders": [{"ingredients": x} for x in (["onion"], ["tomato", "onion"])],
    "start_bonus_orders": [{"ingredients": ["tomato", "onion"]}],
    "recipe_values": [7, 20],
    "recipe_times": [2, 5],
    "rew_shaping_params": {
        "PLACEMENT_IN_POT_REW": 2,
        "DISH_PICKUP_REWARD": 1,
        "SOUP_PICKUP_REWARD": 4,
    },
}
TRIO = CROWDED | {"grid": CROWDED["grid"].replace("4", " ")}
PAIR = CROWDED | {"grid": TRIO["grid"].replace("3", " ")}

CANDIDATES = {
    "pair": Candidate("pair", Overcooked(repr(PAIR), HORIZON, "grid", dynamics="2020"), PAIR),
    "four": Candidate("four", Overcooked(repr(CROWDED), HORIZON, "grid", dynamics="2020"), CROWDED),
    "three, 2019": Candidate("three", Overcooked("trio_ring", HORIZON, "grid"), None),
}

#: What has to have happened for the comparison to mean anything.
WANTED = (
    "cooking_start",
    "tomato_dispensed",
    "tomato_pickup",
    "useful_tomato_drop",
    "catastrophic_onion_potting",
    "useless_tomato_potting",
    "optimal_onion_potting",
    "viable_tomato_potting",
    "sold paid: soup of (1, 0)",
    "sold paid: soup of (1, 1)",
    "sold unpaid: soup",
    "sold unpaid: soup of (0, 3)",
    "race: pot, nothing, then nothing",
    "race: pot, tomato, then nothing",
    "race: pot, dish, then nothing",
    "race: pot, dish, then dish",
    "all kept back",
    "two follow",
    "soup_drop",
    "absorbed step",
)


@cache
def coverage_of(name: str) -> Counter[str]:
    found = CANDIDATES[name]
    return compare_kitchen(found.env, found.engine(), 1_000, seed=3)


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_number_of_every_step_equals_the_reference(name: str) -> None:
    assert coverage_of(name)["steps"] >= 1_000


def test_the_comparison_saw_everything_that_matters() -> None:
    counts = sum((coverage_of(name) for name in CANDIDATES), Counter[str]())
    assert [event for event in WANTED if counts[event] == 0] == []


@pytest.mark.parametrize("part", ["pot_t", "pot_n", "held", "obs", "sparse", "events"])
def test_the_comparison_notices_one_wrong_number(part: str) -> None:
    found = CANDIDATES["pair"]
    record = next(play_kitchen(found.env, found.engine(), 1, seed=0))
    wrong = {name: values.copy() for name, values in record.states.items()}
    if part in wrong:
        wrong[part][30] += 1
        record = record._replace(states=wrong)
    else:
        values = getattr(record, part).copy()
        values[30] = ~values[30] if values.dtype == bool else values[30] + 1
        record = record._replace(**{part: values})
    with pytest.raises(DifferenceError, match=part):
        compare_records(found.env, [record])


def test_all_files_of_the_reference_for_two_and_more_have_their_own_rules() -> None:
    cooks = Counter[int]()
    for path in FILES.values():
        try:
            env = Overcooked(read_layout(path, "2020"), dynamics="2020")
        except UserError as error:
            cooks["0 starts for player 2" in str(error)] += 1  # 1: a kitchen of one
        else:
            cooks[env.spec.num_agents] += 1
    assert cooks == {1: 3, 2: 45, 4: 1}


def price(env: Overcooked, onions: int, tomatoes: int) -> tuple[float, int]:
    content = onions + 4 * tomatoes
    return env.rules.values[content], env.rules.times[content]


@pytest.mark.parametrize(
    ("name", "soup", "paid", "time"),
    [
        ("cramped_room", (3, 0), 20, 20),
        ("cramped_room", (2, 0), 0, 20),
        ("cramped_room_o_3orders", (2, 0), 9, 20),
        ("asymmetric_advantages_tomato", (2, 1), 2 * (21 * 2 + 13), 15 * 2 + 7),
        ("asymmetric_advantages_tomato", (3, 0), 63, 45),
        ("bonus_order_test", (1, 1), 30, 10),
        ("bonus_order_test", (1, 0), 0, 20),  # not ordered: it cooks as any soup
        ("long_cook_time", (1, 0), 10, 100),
        ("tutorial_3", (1, 2), np.inf, 29),
        ("tutorial_2", (0, 1), 13, 7),
    ],
)
def test_a_soup_pays_and_cooks_as_its_file_says(
    name: str, soup: tuple[int, int], paid: float, time: int
) -> None:
    env = Overcooked(read_layout(FILES[name], "2020"), dynamics="2020")
    assert price(env, *soup) == (paid, time)


def test_a_file_may_begin_with_something_in_a_pot() -> None:
    env = Overcooked(read_layout(FILES["tutorial_1"], "2020"), dynamics="2020")
    state, _ = env.reset(jax.random.key(0))
    assert state.pot_n.tolist() == [0, 2]
    assert state.direction.tolist() == [3, 0]
    assert len(env.symmetry()) == 1


OTHER_RULES = {
    '"cook_time": 5, "onion_time": 3, "tomato_time": 4': "both cook_time and tomato_time",
    '"onion_value": 3': "one of onion_value and tomato_value",
    '"delivery_reward": -1': "not negative",
    '"cook_time": 200': "up to 127",
    '"recipe_times": [3]': "1 recipe_times for 0 start_all_orders",
    '"start_all_orders": [{"ingredients": ["leek"]}]': "'leek'",
    '"start_all_orders": [{"ingredients": ["onion"] * 4}]': "not made of plain values",
    '"start_all_orders": [{"ingredients": []}]': "made of 0 things",
    '"start_all_orders": [{"ingredients": ["onion"]}, {"ingredients": ["onion"]}]': "twice",
    '"start_all_orders": [{"ingredients": ["onion"]}], "start_bonus_orders": '
    '[{"ingredients": ["tomato"]}]': "no order for",
    '"old_dynamics": True': "old_dynamics True",
    '"num_items_for_soup": 2': "num_items_for_soup 2",
    '"start_state": {}': "without players",
    '"start_state": {"players": [{}, {}], "objects": []}': "cannot be understood",
    '"start_state": {"players": [], "objects": []}': "start_state: there are 0 cooks",
    '"start_all_orders": 3': "give a list",
    '"recipe_times": "20"': "give a list",
}


@pytest.mark.parametrize("rule", OTHER_RULES)
def test_rules_that_cannot_be_played_are_refused_in_a_line(rule: str) -> None:
    text = f'{{"grid": """XXPXX\nO  2T\nX1  X\nXDXSX""", {rule}}}'
    with pytest.raises(UserError, match=OTHER_RULES[rule]) as said:
        Overcooked(text, dynamics="2020")
    assert "\n" not in str(said.value)


def test_a_kitchen_with_orders_is_none_of_2019() -> None:
    with pytest.raises(UserError, match="set dynamics to '2020'"):
        Overcooked("soup_coordination")
    with pytest.raises(UserError, match="did you mean '2020'"):
        Overcooked("soup_coordination", dynamics="202")
    assert zsc.make("overcooked/soup_coordination", dynamics="2020").spec.num_agents == 2
    with pytest.raises(UserError, match="setting of overcooked/soup_coordination"):
        zsc.make("overcooked/soup_coordination", dynamics="2019")


def test_games_of_other_rules_have_other_names() -> None:
    old, new = Overcooked("cramped_room"), Overcooked("cramped_room", dynamics="2020")
    assert new.spec.id == "overcooked/cramped_room:2020"
    assert new.spec.obs_id != old.spec.obs_id
    prices = [repr(PAIR | {"recipe_values": [7, worth]}) for worth in (20, 30)]
    dear, cheap = (Overcooked(text, dynamics="2020").spec for text in prices)
    assert dear.id != cheap.id
    padded = Overcooked("cramped_room", encoding="padded:6x6", dynamics="2020")
    assert padded.spec.obs_id == "padded:6x6:2020"
    assert padded.encoded(padded.spec.obs_id) == padded
    assert new.encoded(new.spec.obs_id) == new


ELEMENTS = {
    "soup_coordination": ({}, 2),
    "multiplayer_schelling": ({}, 2),
    "marshmallow_experiment": ({"random_starts": True, "encoding": "grid"}, 2),
    "trio_ring": ({"random_starts": True}, 6),
    "quartet_tomato": ({"random_starts": True, "encoding": "padded:7x8"}, 24),
    "counter_circuit_tomato": ({"random_starts": True}, 2),
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_a_kitchen_has_as_many_symmetries(name: str) -> None:
    settings, elements = ELEMENTS[name]
    group = zsc.make(f"overcooked/{name}", horizon=30, **settings).symmetry()
    assert len(group) == elements
    # with more than two cooks a change of seats is another change of order for each of them
    assert group.per_seat == (name in ("multiplayer_schelling", "trio_ring", "quartet_tomato"))


MIRROR = PAIR | {"grid": "XTPTX\nO1 2O\nX   X\nXDSDX"}
MIRROR_OF_THREE = PAIR | {"grid": "XTPTX\nO123O\nX   X\nXDSDX"}


@pytest.mark.parametrize(
    ("told", "encoding", "elements"),
    [
        (MIRROR, "grid", 2),
        pytest.param(MIRROR_OF_THREE, "compact", 12, marks=pytest.mark.long),
    ],
)
def test_contract_of_a_kitchen(told: dict[str, Any], encoding: str, elements: int) -> None:
    env = Overcooked(repr(told), 20, encoding, random_starts=elements > 2, dynamics="2020")
    assert len(env.symmetry()) == elements
    check_environment(env, games=8)


@pytest.mark.parametrize("name", [*BRIGADES, *ORDERED])
def test_every_shipped_kitchen_has_its_cooks_and_names(name: str) -> None:
    env = zsc.make(f"overcooked/{name}")
    assert env.spec.num_agents == len(env.kitchen.starts)
    assert len(compact_names(env.kitchen, env.rules)) == env.spec.obs_shape[0]
    assert len(set(compact_names(env.kitchen, env.rules))) == env.spec.obs_shape[0]


def test_channels_of_more_cooks_are_those_of_two_with_more_cooks() -> None:
    assert channels(2) == CHANNELS
    assert [len(channels(cooks)) for cooks in (2, 3, 4)] == [26, 31, 36]
    assert channels(4)[20:] == CHANNELS[10:]


def test_an_observer_sees_itself_first_and_the_others_by_their_seats() -> None:
    env = Overcooked("multiplayer_schelling", encoding="grid")
    state, shown = env.reset(jax.random.key(0))
    for seat in range(4):
        order = [seat, *(other for other in range(4) if other != seat)]
        where = np.asarray(shown.obs[seat, ..., :4]).reshape(-1, 4).argmax(0)
        assert where.tolist() == [int(state.cell[other]) for other in order]


def test_compact_is_as_lossless_as_the_grid_and_no_less() -> None:
    """Two states look alike in the compact vector if and only if they do in all channels."""
    found = CANDIDATES["four"]
    compact = found.env.encoded("compact")
    records = list(play_kitchen(found.env, found.engine(), 600, seed=1))
    states = {n: np.concatenate([r.states[n] for r in records]) for n in records[0].states}
    grid = np.concatenate([r.obs[:, 2] for r in records])
    seen = jax.jit(jax.vmap(lambda s: compact.observe(compact.restore(s))))(states)[:, 2]
    lies = np.asarray(compact.kitchen.counters[compact.kitchen.num_reachable_counters :])
    reachable = ~states["counter"].reshape(len(grid), -1)[:, lies].any(1)
    alike = [
        np.unique(x[reachable].reshape(reachable.sum(), -1), axis=0, return_inverse=True)[1]
        for x in (np.asarray(seen), grid)
    ]
    pairs = set(zip(*(x.reshape(-1).tolist() for x in alike), strict=True))
    assert len(pairs) == alike[0].max() + 1 == alike[1].max() + 1
    assert len(pairs) > 300


def test_soups_are_numbered_by_what_is_in_them() -> None:
    inside = [ingredients(int(CONTENT_OF_ITEM[item])) for item in SOUP_ITEMS]
    assert inside[0] == (3, 0)
    assert sorted(inside) == sorted((o, t) for o in range(4) for t in range(4) if 0 < o + t < 4)


def test_a_pot_waits_for_empty_hands_and_a_soup_of_one_is_a_soup() -> None:
    """By hand: one onion, put on, five steps, a dish, the window."""
    told = PAIR | {"recipe_times": [5, 5]}
    env = Overcooked(repr(told), dynamics="2020")
    start = {
        "pos": np.array([[2, 1], [4, 1]]),
        "dir": np.array([1, 0]),
        "held": np.array([1, 0]),
        "counter": np.zeros((5, 6), int),
        **{"pot_n": np.array([0]), "pot_t": np.array([0]), "pot_tick": np.array([-1])},
        "time": np.array(0),
    }
    step, state, ticks = jax.jit(env.step), env.restore(start), []
    for action in [INTERACT, STAY, STAY, INTERACT, STAY, STAY, STAY, STAY, STAY]:
        state, shown = step(jax.random.key(0), state, jnp.array([action, STAY]))
        ticks.append(int(state.pot_tick[0]))
    assert ticks == [-1, -1, -1, 1, 2, 3, 4, 5, 5]
    state = state._replace(held=jnp.array([2, 0]))
    state, shown = step(jax.random.key(0), state, jnp.array([INTERACT, STAY]))
    assert int(state.held[0]) == SOUP_ITEMS[1]
    assert shown.info["shaped"].tolist() == [4.0, 0.0]
    state = state._replace(cell=jnp.array([16, 8]), direction=jnp.array([2, 0]))
    state, shown = step(jax.random.key(0), state, jnp.array([INTERACT, STAY]))
    assert shown.reward.tolist() == [7.0, 7.0]


def test_three_in_a_row_move_on_together_and_one_clash_stops_everybody() -> None:
    env = Overcooked("XXPXXX\nO 123S\nX    X\nXXDXXX")
    state, _ = env.reset(jax.random.key(0))
    west, key = jnp.array([3, 3, 3]), jax.random.key(0)
    moved, _ = env.step(key, state, west)
    assert moved.cell.tolist() == [7, 8, 9]
    # 1 walks into 2, who stands; 3 would have gone south
    clash, shown = env.step(key, state, jnp.array([2, STAY, 1]))
    assert clash.cell.tolist() == state.cell.tolist() == [8, 9, 10]
    assert clash.direction.tolist() == [2, 0, 1]
    collided = shown.info["events"][:, env.spec.event_names.index("collision")]
    assert collided.tolist() == [True, False, True]


def test_bots_refuse_what_they_do_not_know() -> None:
    for env in (Overcooked("trio_ring"), Overcooked("cramped_room", dynamics="2020")):
        with pytest.raises(UserError, match="kitchens of two by the rules of 2019"):
            zsc.overcooked_bots(env)


def test_kitchens_of_more_than_two_are_none_of_many() -> None:
    with pytest.raises(UserError, match="for 3 cooks"):
        zsc.make("overcooked/kitchens", kitchens=("trio_ring",))


def test_games_of_the_2020_tables_are_read_back() -> None:
    found = Candidate(
        "room",
        Overcooked("cramped_room_tomato", HORIZON, "grid", dynamics="2020"),
        ORDERED["cramped_room_tomato"],
    )
    engine, moves = found.engine(), ([0, -1], [0, 1], [1, 0], [-1, 0], [0, 0], "interact")
    record = next(
        r for r in play_kitchen(found.env, engine, 500, 0) if r.label.startswith("reset, scripted")
    )
    rows = [
        {
            "state": repr(
                from_snapshot(
                    found.env.kitchen, {n: x[t] for n, x in record.states.items()}, engine
                ).to_dict()
            ),
            "joint_action": repr([moves[a] for a in record.actions[t]]),
            "layout": repr(list(found.env.kitchen.rows)),
            "layout_name": "cramped",
            "trial_id": 1,
            "cur_gameloop": t,
        }
        for t in range(len(record.actions))
    ]
    games = games_of(pd.DataFrame(rows), found.env)
    assert reproduced(found.env, games) == 1.0
    team = np.repeat(record.sparse.sum(1)[:, None], 2, axis=1)
    np.testing.assert_array_equal(games.reward[0], team)
    np.testing.assert_array_equal(games.states.pot_t[0], record.states["pot_t"])
    other = Overcooked(repr(dict(PAIR) | {"grid": found.env.kitchen.text()}), dynamics="2020")
    with pytest.raises(UserError, match="what is ordered is"):
        games_of(pd.DataFrame(rows), other)


def test_tomatoes_and_four_cooks_are_drawn() -> None:
    env = zsc.make("overcooked/quartet_tomato")
    state, _ = env.reset(jax.random.key(0))
    plain = env.render(state)
    soups = state._replace(held=jnp.array([0, 4, 11, 12]), pot_t=jnp.array([2, 1], jnp.int8))
    assert (env.render(soups) != plain).any()
    assert plain.shape == (6 * 48, 7 * 48, 3)
