"""Matrices stay inside their budget: what the compiler would need, not what luck allows; members
are trained in batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import Method, PPOConfig, gru_policy, init_state, mlp_policy
from zsc.machine import runtime
from zsc.machine.members import map_members, members_at_once
from zsc.play.crossplay import _tile
from zsc.play.tiles import plan, plan_tiles
from zsc.train.update import bytes_each, make_update, training

MIB = 2**20


def shapes(policy, count):
    one = jax.eval_shape(policy.init, jax.random.key(0))
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct((count, *x.shape), x.dtype), one)


def needed(env, policy, size, episodes, budget):
    """Bytes that the program of one tile of a size x size matrix allocates; nothing is played."""
    height, width, depth = plan(env, (policy, policy), (size, size), 1, episodes, budget)
    lowered = _tile.lower(
        env,
        policy,
        policy,
        (0,),
        shapes(policy, height),
        shapes(policy, width),
        jax.eval_shape(lambda: jax.random.key(0)),
        jax.ShapeDtypeStruct((depth,), jnp.int32),
    )
    return lowered.compile().memory_analysis().temp_size_in_bytes * 2  # each of two devices


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "make_policy"),
    [("overcooked/counter_circuit", mlp_policy), ("hanabi/mini-2p", gru_policy)],
)
def test_a_matrix_of_256_policies_is_played_within_its_budget(name, make_policy):
    env = zsc.make(name)
    policy = make_policy(env.spec)
    for budget in (256 * MIB, 64 * MIB):
        assert needed(env, policy, 256, 10, budget) <= budget


def test_very_many_episodes_are_played_within_the_budget():
    env = zsc.make("overcooked/cramped_room")
    assert needed(env, mlp_policy(env.spec), 2, 100_000, 64 * MIB) <= 64 * MIB


def test_every_game_is_played_once_whatever_the_budget():
    for size, episodes, games in ((256, 10, 4000), (7, 3, 1), (13, 500, 90), (64, 1, 10**9)):
        height, width, depth = plan_tiles(size, size, 1, episodes, games, 1)
        assert height * width * depth <= max(games, 1)
        tiles = [
            -(-total // part) for total, part in ((size, height), (size, width), (episodes, depth))
        ]
        assert np.prod(tiles) * height * width * depth >= size * size * episodes
        # nothing is gained by smaller parts: one game more per tile would not fit, or not be needed
        assert np.prod(tiles) <= 4 * np.ceil(size * size * episodes / games)


def test_on_an_accelerator_members_are_trained_in_batches_that_fit(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(runtime, "memory", 100)
    assert [members_at_once(8, each) for each in (0, 12, 13, 30, 51, 1000)] == [8, 8, 7, 3, 1, 1]
    member = lambda x, y: (x * y, {"sum": x + y.sum()})
    x, y = np.arange(8.0), np.arange(16.0).reshape(8, 2)
    want = jax.vmap(member)(x, y)
    for each in (0, 30, 1000):
        got = map_members(member, each=each)(x, y)
        jax.tree.map(np.testing.assert_array_equal, got, want)


def test_a_population_trained_in_batches_is_the_same(monkeypatch):
    env = zsc.make("overcooked/cramped_room", horizon=20)
    policy, method = mlp_policy(env.spec, widths=(8,)), Method("self_play")
    ppo = PPOConfig(envs=4, segments=2, epochs=1, minibatches=1)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    each, found, batches = bytes_each(training(env, policy, method, ppo)), [], []
    count = lambda members, each: batches.append(members_at_once(members, each)) or batches[-1]
    monkeypatch.setattr(zsc.machine.members, "members_at_once", count)
    for room in (100 * each, 2 * each):  # all at once; two at a time on each device
        monkeypatch.setattr(runtime, "memory", room)
        state = init_state(env, policy, method, ppo, members=8, seed=0, updates=2)
        batches.clear()
        after, _ = jax.jit(make_update.__wrapped__(env, policy, method, ppo))(state)
        found.append((jax.device_get(after.params), min(batches)))
    assert [batch for _, batch in found] == [8 // len(jax.devices()), 2]
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    jax.tree.map(close, found[0][0], found[1][0])
