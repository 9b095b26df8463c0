"""The critic of the whole game: its moments, its targets, its memory."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.by_hand import table_policy, task_of, trajectory
from zsc import CentralCritic, PPOConfig, ppo
from zsc.envs.small import HiddenCoin
from zsc.learn.critic import CriticState, Moments, improve, init_critic, judge
from zsc.learn.ppo import Schedule

COIN = HiddenCoin()
CRITIC = CentralCritic(widths=(8,), decay=0.5)
PLAIN = optax.identity()


def game(length=3, envs=2, roles=2, first=None, seed=0):
    """A trajectory with worlds of its own. first [T]: steps that begin a game."""
    states = np.zeros((length, envs, roles), int)
    played = trajectory(states, states)
    world = np.random.default_rng(seed).normal(size=(length + 1, envs, 6)).astype(np.float32)
    if first is not None:
        begins = jnp.broadcast_to(jnp.asarray(first[:-1])[:, None, None], states.shape)
        played = played._replace(
            inputs=played.inputs._replace(first=begins),
            last=played.last._replace(first=jnp.full((envs, roles), first[-1])),
        )
    return played._replace(world=jnp.asarray(world))


def fresh(critic=CRITIC, envs=(2,)):
    return init_critic(critic, COIN, PLAIN, jax.random.key(0), envs)


def test_moments_are_those_of_the_targets_and_none_before_the_first():
    none = Moments(jnp.float32(0), jnp.float32(0), jnp.float32(0))
    assert (float(none.centre), float(none.deviation)) == (0.0, 1.0)
    some = Moments(jnp.float32(1.0), jnp.float32(6.5), jnp.float32(0.5))
    assert float(some.centre) == 2.0
    assert float(some.deviation) == 3.0
    flat = Moments(jnp.float32(1.0), jnp.float32(2.0), jnp.float32(0.5))
    assert float(flat.deviation) == pytest.approx(0.1)


def test_moments_run_with_the_targets_of_living_games():
    state, target = fresh(), jnp.broadcast_to(jnp.array([1.0, 3.0]), (3, 2, 2))
    dead = target.at[:, 1].set(100.0)
    played = game()._replace(playing=jnp.broadcast_to(jnp.array([[[True], [False]]]), (3, 2, 2)))
    batch = [(played, state.memory[0], dead)]
    after, _ = improve(CRITIC, COIN, PLAIN, jnp.float32(0), state, batch)
    np.testing.assert_allclose(after.moments, (1.0, 2.5, 0.5), rtol=1e-6)
    again, _ = improve(CRITIC, COIN, PLAIN, jnp.float32(0), after, batch)
    np.testing.assert_allclose(again.moments, (1.5, 3.75, 0.75), rtol=1e-6)
    assert float(again.moments.centre) == pytest.approx(2.0)
    assert float(again.moments.deviation) == pytest.approx(1.0)
    plain = replace(CRITIC, normalise=False)
    after, _ = improve(plain, COIN, PLAIN, jnp.float32(0), state, batch)
    assert tuple(map(float, after.moments)) == (0.0, 0.0, 0.0)


def test_kinds_of_games_count_alike():
    state = fresh(envs=(2, 2))
    sides = [(game(), state.memory[0], jnp.full((3, 2, 2), x)) for x in (1.0, 5.0)]
    after, _ = improve(CRITIC, COIN, PLAIN, jnp.float32(0), state, sides)
    np.testing.assert_allclose(after.moments, (1.5, 6.5, 0.5), rtol=1e-6)


def test_values_are_in_units_of_return_and_so_is_the_error():
    """The mean squared error over living samples; a step of gradient descent lowers it."""
    state, played = fresh(), game()
    moments = Moments(jnp.float32(2.0), jnp.float32(13.0), jnp.float32(1.0))  # 2, 3
    told = state._replace(moments=moments)
    (bare,), (said,) = judge(CRITIC, COIN, state, (played,)), judge(CRITIC, COIN, told, (played,))
    assert said.value.shape == (4, 2, 2)
    np.testing.assert_allclose(said.value, bare.value * 3 + 2, rtol=1e-5)
    target = jnp.asarray(np.random.default_rng(1).normal(size=(3, 2, 2)), jnp.float32)
    plain = replace(CRITIC, normalise=False)
    alive = jnp.broadcast_to(jnp.array([[[True], [False]]]), (3, 2, 2))
    batch = [(played._replace(playing=alive), state.memory[0], target)]
    after, error = improve(plain, COIN, PLAIN, jnp.float32(0.01), told, batch)
    wanted = np.square(np.asarray(said.value[:-1] - target))[:, 0].mean()
    assert float(error) == pytest.approx(wanted, rel=1e-4)
    assert improve(plain, COIN, PLAIN, jnp.float32(0.01), after, batch)[1] < error


def test_seats_are_told_apart():
    (said,) = judge(CRITIC, COIN, fresh(), (game(),))
    assert (np.abs(np.asarray(said.value[..., 0] - said.value[..., 1])) > 1e-4).any()


def test_a_memory_goes_on_from_segment_to_segment_and_is_lost_with_the_game():
    critic = CentralCritic(widths=(8,), hidden=4)
    state = fresh(critic)
    assert state.memory[0].shape == (2, 4)
    whole = game(length=4, first=[True, False, False, False, False])
    cut = lambda x, part: jax.tree.map(lambda leaf: leaf[part], x)
    halves = [
        whole._replace(
            inputs=cut(whole.inputs, slice(a, a + 2)),
            world=whole.world[a : a + 3],
            last=cut(whole.inputs, 2) if a == 0 else whole.last,
        )
        for a in (0, 2)
    ]
    (all_of_it,) = judge(critic, COIN, state, (whole,))
    (one,) = judge(critic, COIN, state, (halves[0],))
    (two,) = judge(critic, COIN, state._replace(memory=(one.carry,)), (halves[1],))
    np.testing.assert_allclose(one.value[:2], all_of_it.value[:2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(two.value, all_of_it.value[2:], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(two.memory, one.carry)
    np.testing.assert_allclose(one.value[2], two.value[0], rtol=1e-5, atol=1e-6)
    # a game that begins in the middle knows nothing of the one before
    anew = game(length=4, first=[True, False, True, False, False])
    (said,) = judge(critic, COIN, state, (anew,))
    (clean,) = judge(critic, COIN, state, (anew._replace(
        inputs=cut(anew.inputs, slice(2, 4)), world=anew.world[2:]),))  # fmt: skip
    np.testing.assert_allclose(said.value[2:], clean.value, rtol=1e-5, atol=1e-6)
    assert (np.abs(np.asarray(said.value[2:] - all_of_it.value[2:])) > 1e-6).any()


def test_mappo_learns_advantages_from_the_critic_and_keeps_its_memory():
    config = PPOConfig(envs=2, segments=1, epochs=1, minibatches=1, gamma=0.5, lam=0.0)
    critic = CentralCritic(widths=(8,), hidden=4, decay=0.5)
    learner, policy, key = ppo(config, critic), table_policy(1, 2), jax.random.key(0)
    task, params = task_of(policy, env=COIN), policy.init(key)
    state = learner.init(task, key, params)
    assert isinstance(state.critic, CriticState)
    played = game(length=2)._replace(reward=jnp.ones((2, 2, 2)))
    now = Schedule(jnp.float32(0), jnp.float32(0.01), jnp.float32(0))
    _, after, told = learner.learn(task, key, params, state, (played,), now, None)
    (said,) = judge(critic, COIN, state.critic, (played,))
    target = 1.0 + 0.5 * said.value[1:]
    assert float(after.critic.moments.mean) == pytest.approx(float(target.mean()) / 2, rel=1e-4)
    np.testing.assert_allclose(after.critic.memory[0], said.carry, rtol=1e-5, atol=1e-6)
    assert float(told["value_error"]) > 0
    assert (learner.name, learner.learn_jointly) == ("mappo", None)
    assert learner.world(COIN) == COIN.world
    assert ppo(config).world(COIN) is None
    # each kind of game keeps as many memories as it has games
    assert [len(x) for x in fresh(critic, (2, 6)).memory] == [2, 6]
