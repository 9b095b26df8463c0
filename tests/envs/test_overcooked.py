"""Overcooked beyond the oracle: encodings, symmetries, pictures, random starts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import check_environment
from zsc.envs.overcooked import observation

TURNABLE = """
XDPSX
S   D
P1O2P
D   S
XSPDX"""


def visited(env, games=64, steps=150, seed=0):
    """Snapshots, compact and grid observations of many different states."""
    grid = zsc.make(env.spec.id, horizon=env.horizon, encoding="grid")

    def step(carry, key):
        state = carry
        action = jax.random.choice(key, 6, (games, 2), p=jnp.array([2, 2, 2, 2, 0, 4]) / 12)
        state, _ = jax.vmap(lambda s, a: env.step(key, s, a))(state, action)
        return state, (state, jax.vmap(env.observe)(state), jax.vmap(grid.observe)(state))

    start, _ = jax.vmap(env.reset)(jax.random.split(jax.random.key(seed), games))
    keys = jax.random.split(jax.random.key(seed + 1), steps)
    _, out = jax.jit(lambda s: jax.lax.scan(step, s, keys))(start)
    return jax.tree.map(lambda x: np.asarray(x).reshape(games * steps, *x.shape[2:]), out)


def test_compact_is_as_lossless_as_the_grid():
    """Two states look alike in the compact vector if and only if they do in all 26 channels."""
    env = zsc.make("overcooked/cramped_room", horizon=150)
    _, compact, grid = visited(env)
    rows = compact[:, 0].reshape(len(compact), -1)
    maps = grid[:, 0].reshape(len(grid), -1)
    by_compact = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
    by_grid = np.unique(maps, axis=0, return_inverse=True)[1].reshape(-1)
    pairs = set(zip(by_compact.tolist(), by_grid.tolist(), strict=True))
    assert len(pairs) == by_compact.max() + 1 == by_grid.max() + 1
    assert len(pairs) > 500


def test_every_compact_entry_is_named_and_can_change():
    env = zsc.make("overcooked/cramped_room", horizon=150)
    names = observation.compact_names(env.kitchen)
    assert len(names) == env.spec.obs_shape[0] == len(set(names))
    _, compact, _ = visited(env, games=256)
    seen = compact.reshape(-1, len(names))
    constant = [n for n, still in zip(names, (seen == seen[0]).all(0), strict=True) if still]
    late = ("soup", "ready", "ticks", "cooks", "urgent", "3 onions", "dish on")
    assert [n for n in constant if not any(word in n for word in late)] == []


@pytest.mark.parametrize(
    ("settings", "elements"),
    [
        ({"layout": TURNABLE, "random_starts": True, "encoding": "grid"}, 8),
        pytest.param({"layout": "mirror_ring"}, 2, marks=pytest.mark.long),
        pytest.param({"layout": "mirror_ring", "random_starts": True}, 4, marks=pytest.mark.long),
        ({"layout": "coordination_ring"}, 1),
    ],
)
def test_contract_and_group_of_a_kitchen(settings, elements):
    env = zsc.make("overcooked", horizon=40, **settings)
    assert len(env.symmetry()) == elements
    check_environment(env, games=8)


def test_a_quarter_turn_is_no_involution():
    group = zsc.make("overcooked", layout=TURNABLE, random_starts=True).symmetry()
    table = group.compose
    fourfold = [g for g in range(8) if table[g, g] != 0]
    assert fourfold
    for g in fourfold:
        assert table[table[g, g], table[g, g]] == 0
        assert (group.action_index[g] != np.argsort(group.action_index[g])).any()


def test_shaped_events_fire_and_pay():
    """The greedy path by hand in the cramped room: fetch, fill, fetch, scoop, serve."""
    env = zsc.make("overcooked/cramped_room")
    state, shown = env.reset(jax.random.key(0))
    names = env.spec.event_names
    plan = [
        "W",
        "I",
        "N",
        "E",
        "N",
        "I",
        "S",
        "W",
        "I",
        "E",
        "N",
        "I",
        "W",
        "I",
        "E",
        "N",
        "I",
    ]  # agent 1 brings three onions
    letters = {"N": 0, "S": 1, "E": 2, "W": 3, ".": 4, "I": 5}
    shaped, events = 0.0, np.zeros(len(names))
    step = jax.jit(env.step)
    for letter in plan + ["."] * 25:
        state, shown = step(jax.random.key(0), state, jnp.array([letters[letter], 4]))
        shaped += float(shown.info["shaped"][0])
        events += np.asarray(shown.info["events"][0])
    count = dict(zip(names, events, strict=True))
    assert count["potting_onion"] >= 1
    assert shaped == 3 * count["potting_onion"] + 5 * count["soup_pickup"]
    assert shown.reward.sum() == 0


def test_pictures_show_the_state():
    env = zsc.make("overcooked/cramped_room")
    state, _ = env.reset(jax.random.key(0))
    picture = env.render(state)
    assert picture.shape == (4 * 48, 5 * 48, 3)
    assert picture.dtype == np.uint8
    moved, _ = env.step(jax.random.key(0), state, jnp.array([2, 4]))
    assert (env.render(moved) != picture).any()


def test_grid_channel_names_match_the_grid():
    assert len(observation.CHANNELS) == len(observation.GRID_MAX) == 26
