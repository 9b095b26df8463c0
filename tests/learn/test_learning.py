"""The learner on games with known answers."""

import jax
import numpy as np
import pytest

from tests.probes import Probe
from zsc import MatchSpec, PPOConfig, check_environment, gru_policy, make_update, mlp_policy
from zsc.play.match import draw_match
from zsc.play.rollout import begin, rollout
from zsc.train import fit, init_state
from zsc.train.method import Method
from zsc.train.sinks import Memory

PPO = PPOConfig(envs=32, segments=1, epochs=4, minibatches=1, learning_rate=5e-3, entropy=0.01)


def trained(env, policy, updates=80, ppo=PPO):
    method = Method("self_play")
    state = init_state(env, policy, method, ppo, members=2, seed=0, updates=updates)
    log = Memory()
    state = fit(
        make_update(env, policy, method, ppo), state, updates=updates, chunk=40, sinks=[log]
    )
    return state, log


def values(env, policy, state):
    """[T, E, A] what the first member expects along its games."""
    spec = MatchSpec()
    match = draw_match(jax.random.key(0), spec, envs=4, num_agents=2, symmetries=1)
    params = jax.tree.map(lambda x: x[0], state.params)
    games = begin(env, spec, policy, match, jax.random.key(1))
    _, played = rollout(
        env, spec, policy, params, match, games, jax.random.key(2), env.spec.horizon
    )
    return np.asarray(played.value[..., 0])


def test_probes_keep_the_contract():
    check_environment(Probe("memory", horizon=3), steps=6, games=4)


def test_value_of_a_constant_reward_is_one():
    env = Probe("constant")
    policy = mlp_policy(env.spec, widths=(16,))
    state, _ = trained(env, policy)
    np.testing.assert_allclose(values(env, policy, state), 1.0, atol=0.1)


def test_a_late_reward_is_discounted():
    env = Probe("late", horizon=2)
    policy = mlp_policy(env.spec, widths=(16,))
    ppo = PPOConfig(envs=32, segments=1, epochs=4, minibatches=1, gamma=0.5)
    state, _ = trained(env, policy, ppo=ppo)
    first, last = values(env, policy, state).mean((1, 2))
    assert first == pytest.approx(0.5, abs=0.1)
    assert last == pytest.approx(1.0, abs=0.1)


def test_a_time_limit_is_not_the_end_of_the_game():
    """1 per step for ever at gamma .5 is worth 2; if the limit were the end, the last step 1."""
    ppo = PPOConfig(envs=32, segments=1, epochs=4, minibatches=1, gamma=0.5)
    worth = {}
    for limit in (False, True):
        env = Probe("constant", horizon=3, limit=limit)
        policy = mlp_policy(env.spec, widths=(16,))
        state, _ = trained(env, policy, updates=160, ppo=ppo)
        worth[limit] = values(env, policy, state).mean((1, 2))[-1]
    assert worth[False] == pytest.approx(1.0, abs=0.15)
    assert worth[True] == pytest.approx(2.0, abs=0.25)


def test_credit_reaches_back_in_time():
    env = Probe("credit", horizon=4)
    _, log = trained(env, mlp_policy(env.spec, widths=(16,)))
    assert (log["return"][-5:].mean(0) > 0.9).all()


def test_agents_learn_to_act_like_their_partner():
    env = Probe("partner", horizon=2)
    _, log = trained(env, mlp_policy(env.spec, widths=(16,)))
    assert (log["return"][-5:].mean(0) > 1.8).all()


def test_only_an_agent_with_memory_names_the_cue():
    env = Probe("memory", horizon=3)
    _, blind = trained(env, mlp_policy(env.spec, widths=(16,)), updates=120)
    _, recalls = trained(env, gru_policy(env.spec, widths=(16,), hidden=16), updates=120)
    assert (recalls["return"][-5:].mean(0) > 0.9).all()
    assert (blind["return"][-5:].mean(0) < 0.7).all()
