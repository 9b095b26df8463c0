"""Agents of another encoding: in a foreign environment they play exactly as at home."""

from dataclasses import replace

import jax
import numpy as np
import pytest

import zsc
from zsc import Label, UserError, gru_policy, make_pool, mlp_policy
from zsc.agents.views import at_home
from zsc.evaluation import crossplay

COMPACT = zsc.make("overcooked/cramped_room", horizon=12)
GRID = zsc.make("overcooked/cramped_room", horizon=12, encoding="grid")
SIZES = {"colours": 2, "ranks": 2, "copies": (2, 1), "hand_size": 2, "info_tokens": 2}
CANONICAL = zsc.make("hanabi", **SIZES)
BELIEF = zsc.make("hanabi", **SIZES, encoding="belief")


def untrained(env, policy, count, seed):
    """Far from uniform, so that what they see decides what they do."""
    rng = np.random.default_rng(seed)
    like = jax.eval_shape(policy.init, jax.random.key(0))
    params = jax.tree.map(lambda x: rng.normal(0, 1, (count, *x.shape)).astype(x.dtype), like)
    return make_pool(env.spec, policy, params, [Label("random", member=i) for i in range(count)])


def small(env, count, seed):
    return untrained(env, mlp_policy(env.spec, widths=(8,)), count, seed)


ENTRIES = {"grid": small(GRID, 2, 0), "compact": small(COMPACT, 2, 1)}


def figures(env, entries):
    """[row, col, seat, ...] returns and lengths of every episode, means of every event."""
    found = crossplay(env, entries, episodes=3, seed=4)
    games = found.values.reshape(*found.values.shape[:3], -1)
    return np.concatenate([games, found.events], axis=-1)


@pytest.fixture(scope="module")
def played():
    """The same four agents in an environment of either encoding."""
    return {env: figures(env, ENTRIES) for env in (COMPACT, GRID)}


def test_agents_earn_the_same_whatever_the_environment_shows(played):
    """In every cell, seat, episode and event: also where both kinds meet."""
    np.testing.assert_array_equal(played[COMPACT], played[GRID])
    apart = played[COMPACT].reshape(4, -1)
    assert len(np.unique(apart, axis=0)) == 4  # they do differ


def test_agents_among_their_own_kind_play_as_in_their_own_environment(played):
    """There nobody is wrapped."""
    for env, name, block in ((GRID, "grid", slice(0, 2)), (COMPACT, "compact", slice(2, 4))):
        alone = figures(env, {name: ENTRIES[name]})
        foreign = played[COMPACT if env is GRID else GRID]
        np.testing.assert_array_equal(foreign[block, block], alone)


def test_greedy_agents_are_greedy_in_a_foreign_environment():
    one = crossplay(COMPACT, {"grid": ENTRIES["grid"]}, episodes=1, seed=0, greedy=True)
    two = crossplay(COMPACT, {"grid": ENTRIES["grid"]}, episodes=1, seed=9, greedy=True)
    np.testing.assert_array_equal(one.events, two.events)
    assert one.events.any()


def test_stored_agent_with_its_own_view_plays_the_same(tmp_path, played):
    moved = at_home(ENTRIES["grid"], COMPACT)
    again = zsc.load_pool(moved.save(tmp_path / "pool"))
    assert again.policy == moved.policy
    assert "state" in again.policy.reads
    assert again.labels == ENTRIES["grid"].labels
    found = figures(COMPACT, {"g": again, "c": ENTRIES["compact"]})
    np.testing.assert_array_equal(found, played[COMPACT])


@pytest.mark.long
def test_agents_with_a_memory_see_their_own_encoding_in_a_game_of_turns():
    policy = gru_policy(BELIEF.spec, widths=(8,), hidden=8)
    pool = untrained(BELIEF, policy, 2, seed=2)
    moved = at_home(pool, CANONICAL)
    assert moved.policy.recurrent
    home, away = (
        zsc.record(env, (agents.take([0]), agents.take([1])), episodes=16, seed=1)
        for env, agents in ((BELIEF, pool), (CANONICAL, moved))
    )
    np.testing.assert_array_equal(home.action, away.action)
    np.testing.assert_array_equal(home.reward, away.reward)
    assert len(np.unique(home.action[home.playing][:, 0])) > 3
    assert home.obs.dtype != away.obs.dtype


def test_pools_at_home_are_left_as_they_are():
    bots = zsc.overcooked_bots(COMPACT)
    for env, pool in ((GRID, ENTRIES["grid"]), (COMPACT, ENTRIES["compact"]), (COMPACT, bots)):
        assert at_home(pool, env) is pool
    lever = zsc.make("lever")
    constant = small(lever, 1, 0)
    assert at_home(constant, lever) is constant
    longer = zsc.make("overcooked/cramped_room", horizon=400)
    assert at_home(ENTRIES["compact"], longer) is ENTRIES["compact"]


def test_moving_changes_neither_agents_nor_labels():
    moved = at_home(ENTRIES["grid"], COMPACT)
    assert moved.ids == ENTRIES["grid"].ids
    assert moved.labels == ENTRIES["grid"].labels
    assert moved.params is ENTRIES["grid"].params
    assert moved.home == ENTRIES["compact"].home
    assert at_home(moved, COMPACT) is moved


RING = zsc.make("overcooked/coordination_ring", horizon=12, encoding="grid")


@pytest.mark.parametrize(
    ("pool", "env"),
    [
        (small(RING, 1, 0), COMPACT),
        (small(zsc.make("lever"), 1, 0), COMPACT),
        (small(GRID, 1, 0), zsc.make("lever")),
        (small(GRID, 1, 0), CANONICAL),
        (small(zsc.make("hanabi", **SIZES | {"colours": 3}), 1, 0), BELIEF),
    ],
    ids=["kitchen", "game", "lever", "hanabi", "size"],
)
def test_agents_of_another_game_are_still_refused(pool, env):
    assert at_home(pool, env) is pool
    with pytest.raises(UserError, match="was made for"):
        crossplay(env, {"foreign": pool}, episodes=1)


def test_agents_of_another_version_are_still_refused():
    pool = ENTRIES["grid"]
    old = pool.replace(home=replace(pool.home, version=0))
    with pytest.raises(UserError, match="was made for"):
        crossplay(COMPACT, {"old": old}, episodes=1)


def test_moved_agents_can_be_greedy_and_see_the_game_that_is_played():
    longer = zsc.make("overcooked/cramped_room", horizon=50)
    own = ENTRIES["grid"]
    moved = at_home(own, COMPACT)
    for env, greedy in ((COMPACT, True), (longer, False)):
        one, two = (crossplay(env, {"x": x}, episodes=2, greedy=greedy) for x in (moved, own))
        np.testing.assert_array_equal(one.values, two.values)
        np.testing.assert_array_equal(one.events, two.events)
    sampled = crossplay(COMPACT, {"x": moved}, episodes=2)
    assert not np.array_equal(sampled.events, crossplay(COMPACT, {"x": moved}, episodes=2,
                                                        greedy=True).events)  # fmt: skip
