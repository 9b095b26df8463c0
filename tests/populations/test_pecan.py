"""PECAN: mixtures of a group, and who of the groups it is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.compiles import compiles
from tests.disk import bits
from tests.interrupted import EnoughError, StopAt
from zsc import (
    Inputs,
    PPOConfig,
    UserError,
    constant_policy,
    gru_policy,
    mlp_policy,
)
from zsc.agents.levels import blend, recognising_policy
from zsc.agents.policy import check_rebuilds
from zsc.envs.lever import Lever
from zsc.play.episode import episode
from zsc.populations import PECAN
from zsc.populations.hooks.partners import DrawPartners, table_of
from zsc.populations.pecan import MeetMixtures
from zsc.train.sinks import Memory

ENV = Lever(rounds=5, payoffs=(1.0,) * 6)
NETWORK = partial(mlp_policy, widths=(32,))
RECIPE = PECAN(
    members=1, partners=2, blocks=8, window=4, response_network=NETWORK, steps=48 * 5 * 60,
    learner=PPOConfig(
        envs=48, segments=1, epochs=4, minibatches=2, learning_rate=0.01, entropy=0.01,
        value_weight=0.1, shaping_steps=0,
    ),
)  # fmt: skip
FEW = PPOConfig(envs=8, segments=1, epochs=1, minibatches=1, shaping_steps=0)
TINY = PECAN(
    members=2, partners=2, blocks=4, window=2, snapshots=2, learner=FEW, partner_learner=FEW,
    steps=8 * 5 * 20, partner_steps=8 * 5 * 20,
)  # fmt: skip


def seen_by(env, seat=0):
    _, shown = env.reset(jax.random.key(0))
    acted = jnp.full(2, -1, jnp.int32)
    return Inputs(shown.obs[seat], shown.mask[seat], jnp.array(True), jnp.int32(seat), acted=acted)


def test_a_blend_mixes_probabilities_and_remembers_for_each():
    constant = blend(constant_policy(num_actions=6), 3)
    params = jnp.array([0, 4, 4], jnp.int32), jnp.array([0.5, 0.3, 0.2])
    _, out = constant.apply(params, constant.carry(), seen_by(ENV))
    probs = jax.nn.softmax(out.logits)
    np.testing.assert_allclose(probs, [0.5, 0, 0, 0, 0.5, 0], atol=1e-6)
    gru = gru_policy(ENV.spec, widths=(4,), hidden=4)
    both = blend(gru, 2)
    own, _ = both.init(jax.random.key(0))
    carry, _ = both.apply((own, jnp.array([1.0, 0.0])), both.carry(), seen_by(ENV))
    for i in range(2):
        mine = jax.tree.map(lambda x, i=i: x[i], own)
        alone, out = gru.apply(mine, gru.carry(), seen_by(ENV))
        np.testing.assert_allclose(carry[i], alone, rtol=1e-5)
    for policy in (constant, both, recognising_policy(ENV.spec, 3, window=4)):
        check_rebuilds(policy)


def test_single_partners_become_rarer_and_mixtures_lie_on_the_simplex():
    spec = zsc.MatchSpec("mixture", partner=blend(constant_policy(num_actions=6), 3), blocks=400)
    draw = DrawPartners((spec,), 400, 2, False, 3.0, 0.0, heads=True)
    meet = MeetMixtures(draw, 3, 0.3)
    table = table_of(np.array([[0, 1]] * 3), seats=2)
    table = table._replace(progress=jnp.array([0.0, 0.35, 0.9]))
    groups = jnp.array([[0, 1, 2], [3, 4, 5]], jnp.int32)
    (match,) = meet(table, jax.random.split(jax.random.key(0), 3), (), groups)
    own, weights = match.partners
    np.testing.assert_allclose(weights.sum(-1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(own, np.asarray(groups)[np.asarray(match.partner)])
    np.testing.assert_array_equal(match.head // 2, match.partner)
    np.testing.assert_array_equal(match.seats[:, :, 0], match.head % 2)
    single = np.asarray(weights.max(-1) > 0.9999).mean(1)
    np.testing.assert_allclose(single, [1.0, 0.65, 0.3], atol=0.08)
    mixed = np.asarray(weights[2])[np.asarray(weights[2].max(-1)) < 0.9999]
    np.testing.assert_allclose(mixed.mean(0), 1 / 3, atol=0.05)
    np.testing.assert_allclose(mixed.var(0), 1 / 18, atol=0.02)  # of the uniform distribution


@pytest.mark.long
def test_the_agent_recognises_the_level_and_does_what_it_does():
    """Levels press levers of their own: 0 and 1, 2 and 3, 4 and 5."""
    labels = [zsc.Label("lever", member=i // 3, checkpoint=RECIPE.ages[i % 3]) for i in range(6)]
    policy = constant_policy(num_actions=6)
    partners = zsc.make_pool(ENV.spec, policy, jnp.array([0, 2, 4, 1, 3, 5], jnp.int32), labels)
    run, told = RECIPE.running(ENV, 0), Memory()
    pool = RECIPE.train_responses(replace(run, log=replace(run.log, more=(told,))), partners)
    assert told["return"][:3].mean() < 1.5
    assert told["return"][-10:].mean() > 2.2
    assert pool.labels[0].parents == partners.ids
    mine = jax.tree.map(lambda x: x[0], pool.params)
    for lever in range(6):
        given = (mine, jnp.int32(lever))
        play = partial(episode, ENV, (pool.policy, policy), given, jnp.arange(2))
        _, obs, mask, action, *_ = play(jax.random.key(lever))
        carry, said = pool.policy.carry(), []
        for time in range(5):
            before = action[time - 1] if time else jnp.full(2, -1, jnp.int32)
            seen = Inputs(obs[time, 0], mask[time, 0], jnp.array(time == 0), jnp.int32(0),
                          acted=before)  # fmt: skip
            carry, out = pool.policy.apply(mine, carry, seen)
            said.append(jax.nn.softmax(out.extra))
        assert said[0].max() < 0.8
        assert said[-1][lever // 2] > 0.9


@pytest.mark.long
@pytest.mark.parametrize("when", [15, 35])  # in the first stage of 20 updates, in the second one
def test_stopped_and_gone_on_with_it_is_the_same(tmp_path, monkeypatch, when):
    monkeypatch.setattr("zsc.populations.stage.SAVE_SECONDS", 0)
    whole = TINY.train(ENV, seed=1)
    with pytest.raises(EnoughError):
        TINY.train(ENV, seed=1, out=tmp_path / "run", sinks=[StopAt(when)])
    again = TINY.train(ENV, seed=1, out=tmp_path / "run", resume=True)
    assert bits(again.params) == bits(whole.params)
    assert again.ids == whole.ids


@pytest.mark.long
def test_another_seed_compiles_nothing():
    TINY.train(ENV, seed=2)
    with compiles() as count:
        TINY.train(ENV, seed=3)
    assert count() == 0


def test_settings_that_are_no_shares_are_refused():
    with pytest.raises(UserError, match=r"single is 1\.5"):
        PECAN(single=1.5)
    with pytest.raises(UserError, match="window is 0"):
        PECAN(window=0)
    assert PECAN.published().partners == 5
    assert PECAN.uniform().priority == 0.0
