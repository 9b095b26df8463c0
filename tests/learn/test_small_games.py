"""Learners on games with known answers: a central critic, mixed values."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.compiles import compiles
from tests.small_games import PPO
from zsc import (
    CentralCritic,
    Inputs,
    MatchSpec,
    Method,
    QConfig,
    fit,
    init_state,
    iql,
    make_update,
    mlp_policy,
    ppo,
    qmix,
    vdn,
)
from zsc.envs.small import HiddenCoin, TwoStepMatrix
from zsc.learn.critic import judge
from zsc.play.match import draw_match
from zsc.play.rollout import begin, rollout
from zsc.train.sinks import Memory

LONG = pytest.mark.long
LEVER = zsc.make("lever")


def train(env, policy, method, *, updates=60, members=4, learner=PPO, seed=0, partners=()):
    """The population and its log; the second half compiles nothing."""
    given = {"members": members, "seed": seed, "updates": updates, "partners": partners}
    state = init_state(env, policy, method, learner, **given)
    update, log = make_update(env, policy, method, learner), Memory()
    state = fit(update, state, updates=updates // 2, chunk=10, sinks=[log])
    with compiles() as count:
        state = fit(update, state, updates=updates, chunk=10, sinks=[log])
    assert count() == 0, "a method compiles once"
    return state, log


def draw(spec, key, partners=(), partner=None, *, envs=64):
    return draw_match(
        key, spec, envs=envs, num_agents=2, symmetries=1, partners=partners, partner=partner
    )


def pulls(policy, params, env=LEVER):
    """[M, N] the probabilities of the first action."""
    _, shown = env.reset(jax.random.key(0))
    seen = Inputs(shown.obs[0], shown.mask[0], jnp.array(True), jnp.int32(0))
    answer = jax.vmap(lambda p: policy.apply(p, policy.carry(), seen)[1].logits)(params)
    return np.asarray(jax.nn.softmax(answer))


# MAPPO (Yu et al. 2022): a critic of the world, in the learner's state


COIN = HiddenCoin()


def explained(learner, state, policy):
    """The share of the variance of returns that the learner's value explains."""
    spec = MatchSpec()
    match = draw(spec, jax.random.key(5), envs=256)
    params, kept = jax.tree.map(lambda x: x[0], (state.params, state.learner))
    games = begin(COIN, spec, policy, match, jax.random.key(6))
    _, played = rollout(
        COIN, spec, policy, params, match, games, jax.random.key(7), 1, world=COIN.world
    )
    value = played.value[0, :, 0, 0]
    if learner is not None:
        memory = (jnp.zeros((256, learner.hidden)),)
        value = judge(learner, COIN, kept.critic._replace(memory=memory), (played,))[0].value
        value = value[0, :, 0]
    reward = played.reward[0, :, 0]
    return 1 - float(jnp.var(reward - value) / jnp.var(reward))


@pytest.mark.parametrize("hidden", [pytest.param(0, marks=LONG), 8])
def test_a_central_critic_knows_the_hidden_coin_and_the_policy_is_the_same(hidden):
    policy = mlp_policy(COIN.spec, widths=(16,))
    calm = replace(PPO, learning_rate=0.01, epochs=8)
    critic = CentralCritic(widths=(16,), hidden=hidden)
    alone, _ = train(COIN, policy, Method("ippo"), members=1, updates=100, learner=calm)
    central, _ = train(
        COIN, policy, Method("mappo"), members=1, updates=100, learner=ppo(calm, critic)
    )
    assert explained(None, alone, policy) < 0.05
    assert explained(critic, central, policy) > 0.99
    for state in (alone, central):
        assert pulls(policy, state.params, COIN)[0, 1] > 0.9
    assert jax.tree.structure(central.params) == jax.tree.structure(alone.params)


# IQL, VDN, QMIX: the two-step matrix game


@pytest.mark.parametrize(
    ("make", "earned"),
    [pytest.param(iql, 7, marks=LONG), pytest.param(vdn, 7, marks=LONG), (qmix, 8)],
)
def test_only_a_monotone_mixing_finds_the_eight(make, earned):
    game = TwoStepMatrix()
    policy = mlp_policy(game.spec, widths=(32,))
    # the paper's setting: exploration stays uniform, so that all of the game is seen
    config = QConfig(envs=32, capacity=512, batch=128, steps=16, gamma=1.0, epsilon=1.0, follow=0.1)
    state, _ = train(game, policy, Method("self_play"), learner=make(config), updates=150)
    greedy = jax.vmap(lambda p: _greedy_return(game, policy, p))(state.params)
    assert np.median(greedy) == earned


def _greedy_return(game, policy, params):
    state, shown = game.reset(jax.random.key(0))
    total = 0.0
    for _ in range(game.rounds):
        seen = [Inputs(shown.obs[a], shown.mask[a], jnp.array(False), jnp.int32(a)) for a in (0, 1)]
        action = jnp.stack([policy.apply(params, (), x)[1].logits.argmax() for x in seen])
        state, shown = game.step(jax.random.key(0), state, action)
        total += shown.reward[0]
    return total


def test_value_decomposition_learns_under_other_play_too():
    game = zsc.make("lever/iterated")
    policy = mlp_policy(game.spec, widths=(32,))
    other_play = Method("other_play/vdn", specs=(MatchSpec(relabel=True),))
    config = QConfig(follow=0.1, learning_rate=3e-3)
    _, log = train(game, policy, other_play, learner=vdn(config), members=2, updates=80)
    assert log["return"][-5:].mean() > log["return"][:5].mean() + 0.5


# three seats: each of the other two has a partner of its own


def test_partners_of_several_roles_play_by_their_own_parameters():
    env = zsc.make("hanabi", players=3, colours=2, ranks=1, copies=(2,), hand_size=1,
                   info_tokens=2, life_tokens=1)  # fmt: skip
    constant = zsc.constant_policy(num_actions=env.spec.num_actions)
    spec = MatchSpec("two", partner=constant, several=True, blocks=2)
    learner = mlp_policy(env.spec, widths=(8,))
    partners = jnp.array([[0, 1], [2, 3]], jnp.int32)  # [K, role]
    match = draw_match(jax.random.key(0), spec, envs=4, num_agents=3, symmetries=1,
                       partners=partners)  # fmt: skip
    games = begin(env, spec, learner, match, jax.random.key(1))
    params = learner.init(jax.random.key(2))
    end, _ = rollout(env, spec, learner, params, match, games, jax.random.key(3), 1)
    mask = np.asarray(games.timestep.mask)
    for game in range(4):
        for role in (1, 2):
            seat = int(match.seats[game, role])
            wanted = int(partners[game // 2, role - 1])
            if mask[game, seat, wanted]:
                assert int(end.acted[game, seat]) == wanted
