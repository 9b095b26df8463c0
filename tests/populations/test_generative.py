"""GAMMA: partners that a model of a population makes up play as its members do."""

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
from zsc import PPOConfig, UserError, cnn_policy, constant_policy, gru_policy
from zsc.envs.lever import Lever
from zsc.play.episode import episode
from zsc.populations import GenerativePartners
from zsc.populations.generative import MeetGenerated
from zsc.populations.hooks.groups import Draw
from zsc.populations.hooks.players import watch
from zsc.train.method import PerMember
from zsc.train.sinks import Memory

LEVERS, ROUNDS = 4, 6
ENV = Lever(rounds=ROUNDS, payoffs=(1.0,) * LEVERS)
NETWORK = partial(gru_policy, widths=(32,), hidden=32)
LEARNER = PPOConfig(
    envs=64, segments=1, epochs=4, minibatches=2, learning_rate=0.01, entropy=0.01, shaping_steps=0
)
RECIPE = GenerativePartners(
    members=1, partners=LEVERS, recorded=64, latent=2, model_steps=400, rate=1e-2, kl=0.5,
    decoder=NETWORK, samples=100, blocks=16, learner=LEARNER, steps=64 * ROUNDS * 60,
    response_network=NETWORK,
)  # fmt: skip
TINY = GenerativePartners(
    members=2, partners=2, recorded=8, latent=2, model_steps=20, batch=8, samples=3, blocks=4,
    decoder=partial(gru_policy, widths=(8,), hidden=8), snapshots=2,
    learner=PPOConfig(envs=8, segments=1, epochs=1, minibatches=1, shaping_steps=0),
    partner_learner=PPOConfig(envs=8, segments=1, epochs=1, minibatches=1, shaping_steps=0),
    steps=8 * ROUNDS * 20, partner_steps=8 * ROUNDS * 20,
)  # fmt: skip


@pytest.fixture(scope="module")
def levers():
    """Four agents, each of which presses a lever of its own."""
    labels = [zsc.Label("lever", member=i) for i in range(LEVERS)]
    policy = constant_policy(num_actions=LEVERS)
    return zsc.make_pool(ENV.spec, policy, jnp.arange(LEVERS, dtype=jnp.int32), labels)


@pytest.fixture(scope="module")
def samples(levers):
    """Agents that the prior makes up, of a model that learned from the four."""
    return RECIPE.generate(RECIPE.running(ENV, 0), levers)


def pressed(pool, seed):
    """[P, T] what each agent does in a game with its copy."""

    @jax.jit
    def play(params, key):
        return episode(ENV, (pool.policy,) * 2, (params, params), jnp.arange(2), key)[3][:, 0]

    return np.asarray(
        jax.vmap(play)(pool.params, jax.random.split(jax.random.key(seed), len(pool)))
    )


def test_samples_of_the_prior_press_every_lever_and_each_of_them_only_one(samples):
    games = [pressed(samples, seed) for seed in range(2)]
    usual = [np.array([np.bincount(row).argmax() for row in game]) for game in games]
    for game, lever in zip(games, usual, strict=True):
        counts = np.bincount(lever, minlength=LEVERS)
        assert ((counts >= 15) & (counts <= 35)).all(), counts
        own = (game == lever[:, None]).mean(1)
        assert own.mean() > 0.97
        assert (own >= 0.9).mean() > 0.9
    # z says which lever it is: it is the same in another game
    assert (usual[0] == usual[1]).mean() > 0.85


def test_samples_are_ordinary_agents(samples, levers, tmp_path):
    loaded = zsc.load_pool(samples.save(tmp_path / "pool"))
    assert bits(loaded.params) == bits(samples.params)
    assert {x.method for x in samples.labels} == {"generative/partner"}
    assert {x.parents for x in samples.labels} == {levers.ids}
    assert len(set(samples.ids)) == 100
    assert zsc.record(ENV, (samples[0], samples[1])).action.shape == (1, ROUNDS, 2)


def test_the_response_learns_with_generated_partners(samples):
    """Whoever does as the partner did earns all but the first round, and that in a quarter."""
    run, told = RECIPE.running(ENV, 0), Memory()
    pool = RECIPE.train_responses(replace(run, log=replace(run.log, more=(told,))), samples)
    assert told["return"][:3].mean() < 2.5
    assert told["return"][-10:].mean() > 4.0
    assert [x.method for x in pool.labels] == ["generative"]
    assert pool.labels[0].parents == samples.ids


def test_every_block_meets_a_partner_of_its_own_and_another_one_in_the_next_episode():
    spec = zsc.MatchSpec("generated", partner=constant_policy(num_actions=4), blocks=3)
    meet = MeetGenerated(Draw(spec, 6, 2), 5)
    decoders = PerMember({"w": jnp.array([[1.0], [2.0]])})
    keys = jax.random.split(jax.random.key(0), (2, 2))  # [updates, M]
    one, other = (meet((), keys[i], (), decoders)[0].partners for i in range(2))
    assert one[0]["w"][..., 0].tolist() == [[1.0] * 3, [2.0] * 3]
    assert one[1].shape == (2, 3, 5)
    both = np.concatenate([one[1].reshape(6, 5), other[1].reshape(6, 5)])
    assert len(np.unique(both, axis=0)) == 12


def test_players_are_watched_as_they_were(levers):
    seen = watch(ENV, levers.policy, levers.params, 8, ("actions",), jax.random.key(0))
    assert seen.action.shape == (16, ROUNDS)
    assert seen.action[::2, 0].tolist() == [0, 1, 2, 3] * 2  # in seat 0 each is as often
    np.testing.assert_array_equal(seen.action, np.repeat(seen.action[:, :1], ROUNDS, 1))
    assert seen.inputs.first.tolist() == [[True] + [False] * (ROUNDS - 1)] * 16
    assert seen.inputs.agent[:, 0].tolist() == [0, 1] * 8
    # what is shown is the last pulls, one's own first, and so are the actions that are told
    acted = np.asarray(seen.inputs.acted)
    assert (acted[:, 0] == -1).all()
    np.testing.assert_array_equal(acted[:, 1, 0], seen.action[:, 0])
    np.testing.assert_array_equal(acted[::2, 1, 1], seen.action[1::2, 0])
    own = np.asarray(seen.inputs.obs)[:, 1:, 1 : 1 + LEVERS].argmax(-1)
    np.testing.assert_array_equal(own, seen.action[:, :-1])


@pytest.mark.long
@pytest.mark.parametrize("when", [15, 35])  # in the first stage of 20 updates, in the second one
def test_stopped_and_gone_on_with_it_is_the_same(tmp_path, monkeypatch, when):
    monkeypatch.setattr("zsc.populations.stage.SAVE_SECONDS", 0)
    whole = TINY.train(ENV, seed=1)
    with pytest.raises(EnoughError):
        TINY.train(ENV, seed=1, out=tmp_path / "run", sinks=[StopAt(when)])
    assert (tmp_path / "run/partners").exists() == (when > 20)
    again = TINY.train(ENV, seed=1, out=tmp_path / "run", resume=True)
    assert bits(again.params) == bits(whole.params)
    assert again.ids == whole.ids
    partners, members = (zsc.load_pool(tmp_path / "run" / x) for x in ("partners", "members"))
    assert (len(partners), len(members)) == (2 * 3, 2 * 2 * 3)
    assert [x.parents for x in again.labels] == [partners.ids[:3], partners.ids[3:]]


@pytest.mark.long
def test_a_run_is_the_same_beside_others():
    alone = replace(TINY, members=1, responses=False).train(ENV, seed=1)
    beside = replace(TINY, responses=False).train(ENV, seed=1)
    for a, b in zip(jax.tree.leaves(alone.params), jax.tree.leaves(beside[:3].params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.long
def test_another_seed_compiles_nothing():
    TINY.train(ENV, seed=2)
    with compiles() as count:
        TINY.train(ENV, seed=3)
    assert count() == 0


def test_settings_that_make_no_model_are_refused():
    with pytest.raises(UserError, match=r"kl_start is 2\.0 and kl 1\.0"):
        GenerativePartners(kl_start=2.0)
    with pytest.raises(UserError, match="latent is 0"):
        GenerativePartners(latent=0)
    with pytest.raises(UserError, match="wants a grid"):
        GenerativePartners(decoder=cnn_policy).check(zsc.make("overcooked/cramped_room"))
