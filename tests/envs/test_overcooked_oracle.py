"""Our Overcooked against the reference engine, in small; `tests.oracle` has the long run."""

from __future__ import annotations

from collections import Counter
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracle.compare import compare_layout, compare_records
from tests.oracle.episodes import play_all
from tests.oracle.kitchens import generate_layouts
from tests.oracle.record import FIELDS, DifferenceError
from zsc.envs.overcooked import CLASSIC, Layout, Overcooked, parse_layout

HORIZON = 100
STEPS = 1000  # in each kitchen

LAYOUTS: dict[str, Layout] = {name: parse_layout(text, name) for name, text in CLASSIC.items()}
LAYOUTS["generated_divided"] = generate_layouts(seed=0, count=1)[0]

#: What has to have happened for the comparison to mean anything.
WANTED = (
    "soup_delivery",
    "soup_pickup",
    "scoop on first tick",
    "dish one tick early",
    "soup from counter",
    "useful_onion_pickup",
    "useful_dish_pickup",
    "dish reward refused",
    "onion_drop",
    "useful_onion_drop",
    "dish_drop",
    "useful_dish_drop",
    "soup_drop",
    "collision",
    "walk: swap",
    "walk: same target",
    "walk: into standing",
    "walk: following",
    "walk: leader blocked",
    "same cell",
    "race: counter, both take",
    "race: counter, both drop",
    "race: counter, hand over",
    "race: counter, take, then drop",
    "race: pot, last place",
    "race: pot, one soup",
    "dish beside idle full pot",
    "dish lies out of reach",
    "pots changed before dish",
    "reached horizon",
    "absorbed step",
)


@cache
def coverage_of(name: str) -> Counter[str]:
    """Compare in one kitchen, once in a test run."""
    return compare_layout(LAYOUTS[name], STEPS, HORIZON, seed=list(LAYOUTS).index(name))


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_number_of_every_step_equals_the_reference(name: str) -> None:
    assert coverage_of(name)["steps"] >= STEPS


def test_the_comparison_saw_everything_that_matters() -> None:
    counts = sum((coverage_of(name) for name in LAYOUTS), Counter[str]())
    assert [event for event in WANTED if counts[event] == 0] == []
    assert [name for name in CLASSIC if not coverage_of(name)["soup_delivery"]] == []


@pytest.mark.parametrize("part", ["obs", "sparse", "shaped", "events", *FIELDS])
def test_the_comparison_notices_one_wrong_number(part: str) -> None:
    layout = LAYOUTS["cramped_room"]
    record = next(play_all(layout, 1, HORIZON, seed=0))
    wrong = {name: values.copy() for name, values in record.states.items()}
    if part in wrong:
        wrong[part][50] += 1
        record = record._replace(states=wrong)
    else:
        values = getattr(record, part).copy()
        values[50] = ~values[50] if values.dtype == bool else values[50] + 1
        record = record._replace(**{part: values})
    env = Overcooked(layout="cramped_room", horizon=HORIZON, encoding="grid")
    with pytest.raises(DifferenceError, match=part):
        compare_records(env, [record])


def test_the_time_limit_truncates_and_the_terminal_state_absorbs() -> None:
    env = Overcooked(layout="cramped_room", horizon=4)
    step, key = jax.jit(env.step), jax.random.key(0)
    state, seen = env.reset(key)
    west, interact = jnp.array([3, 2]), jnp.array([5, 5])
    for number, action in enumerate([west, west, west, west]):
        assert not seen.done, number
        state, seen = step(key, state, action)
    assert seen.truncated
    assert not seen.terminated
    before, shown = state, seen.obs
    state, seen = step(key, state, interact)  # agent 1 faces the onions: it would take one
    assert jax.tree.all(jax.tree.map(np.array_equal, before, state))
    np.testing.assert_array_equal(shown, seen.obs)
    assert seen.truncated
    assert not seen.reward.any()
    assert not any(value.any() for value in seen.info.values())
