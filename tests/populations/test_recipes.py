"""The other recipes: the best of several tries, relabelled and greedy agents, presets."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.by_hand import LEVER, pullers
from zsc import Out, Policy, PPOConfig, UserError, gru_policy, init_state, keys, mlp_policy
from zsc.agents.policy import certain
from zsc.evaluation import crossplay
from zsc.populations import BestResponse, HighEntropy, OtherPlay, SelfPlay, other_play, self_play
from zsc.populations import best_response as responses
from zsc.populations.presets import (
    co_play_preset,
    high_entropy_preset,
    preset,
    response_preset,
)
from zsc.train.method import Method
from zsc.train.sinks import Memory

FAST = PPOConfig(envs=16, segments=1, epochs=4, minibatches=1, learning_rate=0.05, entropy=0.0,
                 shaping_steps=0)  # fmt: skip


def test_of_several_tries_the_one_that_earns_most_with_its_partner_is_kept():
    recipe = BestResponse(pullers(3, 9, 5), tries=3)
    tried = pullers(0, 3, 9, 9, 3, 5, 0, 1, 5)
    kept = recipe._best(recipe.running(LEVER, 0), tried)
    assert np.asarray(kept.params).tolist() == [3, 9, 5]
    assert [x.member for x in kept.labels] == [1, 3, 8]
    alone = replace(recipe, tries=1)
    assert alone._best(alone.running(LEVER, 0), tried) is tried


def by_seat(*levers):
    """Agents that pull one lever in seat 0 and another in seat 1."""

    def apply(params, carry, inputs):
        return carry, Out(certain(params[inputs.agent], 10), jnp.zeros(1))

    policy = Policy("by_seat", (), lambda key: jnp.zeros(2, jnp.int32), lambda: (), apply)
    labels = [zsc.Label("by_seat", member=i) for i in range(len(levers))]
    return zsc.make_pool(LEVER.spec, policy, jnp.asarray(levers, jnp.int32), labels)


def test_tries_are_judged_in_both_seats():
    """The first try earns .9 from seat 0 only, the second 1 from seat 1 only; then reversed."""
    partners = by_seat((3, 9), (9, 3))
    recipe = BestResponse(partners, tries=2)
    tried = by_seat((9, 0), (0, 3), (0, 9), (3, 0))
    kept = recipe._best(recipe.running(LEVER, 0), tried)
    assert [x.member for x in kept.labels] == [1, 3]


def test_responses_begin_from_seeds_of_their_own():
    still = replace(FAST, learning_rate=0.0)
    pool = BestResponse(pullers(3, 6), steps=16, learner=still).train(LEVER, seed=2)
    begun = init_state(LEVER, pool.policy, Method("x"), still, members=2,
                       seed=2 + keys.RESPONSE_SEEDS, updates=1)  # fmt: skip
    for a, b in zip(jax.tree.leaves(pool.params), jax.tree.leaves(begun.params), strict=True):
        np.testing.assert_array_equal(a, b)


def test_each_partner_gets_as_many_tries_of_its_own():
    recipe, heard = BestResponse(pullers(3, 9), tries=2), {}

    def train(run, partners, table, method, how):
        heard.update(places=table.places.tolist(), method=method, how=how)
        return pullers(3, 0, 9, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(responses, "train_responses", train)
        pool = recipe.build(recipe.running(LEVER, 0))
    assert heard["places"] == [[0], [0], [1], [1]]
    assert (heard["method"], heard["how"]) == ("best_response", responses.Meetings(blocks=1))
    assert np.asarray(pool.params).tolist() == [3, 9]


def test_a_best_response_answers_its_own_partner():
    partners = pullers(3, 6)
    pool = BestResponse(partners, steps=16 * 60, learner=FAST).train(LEVER, seed=0)
    earned = crossplay(LEVER, {"r": pool, "p": partners}, episodes=32).matrix()
    np.testing.assert_allclose(earned[:2, 2:], np.eye(2), atol=0.2)
    assert [x.parents for x in pool.labels] == [(i,) for i in partners.ids]
    assert {x.method for x in pool.labels} == {"best_response"}


def test_best_responses_to_nobody_or_in_no_tries_are_refused():
    with pytest.raises(UserError, match="tries is 0"):
        BestResponse(pullers(1), tries=0)
    with pytest.raises(UserError, match="no partners to respond to"):
        BestResponse(pullers(1).take([]))
    with pytest.raises(UserError):
        BestResponse(pullers(1)).train(zsc.make("overcooked/cramped_room"))


def test_in_other_play_nothing_is_earned_by_names_that_both_know():
    """Self-play settles on a lever that pays 1; relabelled it pays in one of nine games."""
    earned = {}
    for recipe in (SelfPlay, OtherPlay):
        log = Memory()
        pool = recipe(members=2, steps=16 * 80, learner=FAST).train(LEVER, seed=0, sinks=[log])
        earned[recipe] = log["return"][-20:].mean(0)
    assert earned[SelfPlay].min() > 0.89
    assert earned[OtherPlay].max() < 0.91
    assert [x.method for x in pool.labels] == ["other_play"] * 2
    assert [spec.relabel for spec in other_play.METHOD.specs] == [True]


def test_self_play_is_plain():
    assert Method("self_play") == self_play.METHOD
    pool = SelfPlay(members=3, steps=16 * 3, learner=FAST).train(LEVER, seed=4)
    assert [(x.method, x.seed, x.member, x.step, x.checkpoint) for x in pool.labels] == [
        ("self_play", 4, m, 48, "final") for m in range(3)
    ]
    other = SelfPlay(members=3, steps=16 * 3, learner=FAST).train(LEVER, seed=5)
    assert set(pool.ids).isdisjoint(other.ids)


def test_high_entropy_agents_act_greedily_by_a_memory():
    pool = HighEntropy(members=1, steps=16 * 2, learner=FAST).train(LEVER, seed=0)
    assert pool.policy == zsc.greedy(gru_policy(LEVER.spec))
    assert pool.labels[0].method == "high_entropy"
    plain = HighEntropy(network=mlp_policy)
    assert plain.agents(LEVER.spec) == mlp_policy(LEVER.spec)


def test_skill_is_what_an_agent_earns_with_itself():
    recipe = SelfPlay(members=2, steps=16 * 60, learner=FAST)
    pool = recipe.train(LEVER, seed=0)
    same = crossplay(LEVER, {"sp": pool}, episodes=64).matrix()
    np.testing.assert_allclose([x.skill for x in pool.labels], np.diag(same), atol=0.2)


# presets


@pytest.mark.parametrize("name", ["lever", "overcooked/cramped_room", "overcooked/counter_circuit",
                                  "hanabi/mini-2p", "hanabi/full-3p"])  # fmt: skip
def test_presets_of_responses_are_those_of_self_play_with_more_games_and_steps(name):
    spec = zsc.make(name).spec
    usual, one, many = preset(spec), response_preset(spec), co_play_preset(spec)
    assert one.learner == replace(usual.learner, envs=max(16, usual.learner.envs))
    assert (one.steps, many.steps) == (3 * usual.steps, 6 * usual.steps)
    assert many.learner.envs == {8: 48, 32: 48, 64: 72, 128: 144}[usual.learner.envs]
    assert replace(many.learner, envs=usual.learner.envs) == usual.learner
    assert one.network == many.network == usual.network


def test_presets_give_way_to_what_was_asked_for():
    usual = preset(LEVER.spec)
    assert usual.but(None, None, None) == usual
    asked = usual.but(FAST, 5.0, gru_policy)
    assert asked == (FAST, 5.0, gru_policy)
    assert usual.but(None, 0, None).steps == 0


def test_a_strong_bonus_and_a_short_trace_make_high_entropy():
    kitchen = zsc.make("overcooked/cramped_room").spec
    usual, plan = preset(kitchen), high_entropy_preset(kitchen)
    assert plan.learner == replace(usual.learner, entropy=0.05, lam=0.9)
    circuit = zsc.make("overcooked/counter_circuit").spec
    assert high_entropy_preset(circuit).learner.entropy == 0.2
    assert (plan.network, plan.steps) == (gru_policy, usual.steps)
    hanabi = zsc.make("hanabi/mini-2p").spec
    assert high_entropy_preset(hanabi).network == preset(hanabi).network
    assert high_entropy_preset(hanabi).learner.lam == 0.9


def test_a_stage_is_what_a_run_says():
    recipe = SelfPlay(members=2, steps=160.0, learner=FAST)
    stage = recipe.running(LEVER, 7).stage(Method("x"), members=3, offset=10, name="n", title="t")
    assert (stage.seed, stage.members, stage.steps, stage.name, stage.title) == (
        17,
        3,
        160,
        "n",
        "t",
    )
    assert stage.policy == mlp_policy(LEVER.spec)
    other = gru_policy(LEVER.spec)
    assert recipe.running(LEVER, 7).stage(Method("x"), members=3, policy=other).policy == other
    with pytest.raises(UserError, match="members is 0"):
        SelfPlay(members=0)


def test_a_team_becomes_a_pool_of_its_first_policy():
    env_policy = mlp_policy(LEVER.spec, widths=(4,))
    team = zsc.Team((env_policy, env_policy))
    method = Method("pair", (zsc.MatchSpec(cast=(0, 1)),))
    recipe = SelfPlay(members=2, steps=16 * 2, learner=FAST)
    run = recipe.running(LEVER, 0)
    stage = run.stage(method, members=2, policy=team)
    state = stage.train(run.log)
    labels = [zsc.Label("pair", member=m) for m in range(2)]
    pool = stage.pool(state._replace(alive=np.array([True, False])), labels)
    for a, b in zip(jax.tree.leaves(pool.params), jax.tree.leaves(state.params[0]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [x.checkpoint for x in pool.labels] == ["final", "stopped"]
    assert stage.steps_done(state) == 32
