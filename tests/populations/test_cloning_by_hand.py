"""What behaviour cloning learns from, by hand: stretches, seats, games held out, likelihoods."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.by_hand import pullers
from zsc import UserError, gru_policy, mlp_policy
from zsc.populations import BehaviourCloning
from zsc.populations.behaviour_cloning import _acted_before, _cut, _fit, _judge, _memories

ITERATED = zsc.make("lever/iterated")


def games(count=4):
    """In game g seat 0 pulls lever g, seat 1 lever 9, six times."""
    each = [zsc.record(ITERATED, (pullers(g), pullers(9)), episodes=1) for g in range(count)]
    return jax.tree.map(lambda *x: np.concatenate(x), *each)


def test_stretches_are_of_one_player_and_in_order():
    number = np.arange(2 * 5 * 2).reshape(2, 5, 2)  # [E, T, A]
    assert _cut(number, 2).tolist() == [
        [0, 2], [1, 3], [4, 6], [5, 7], [8, 8], [9, 9],
        [10, 12], [11, 13], [14, 16], [15, 17], [18, 18], [19, 19],
    ]  # fmt: skip
    assert _cut(number, 1).shape == (20, 1)
    assert _cut(number[..., None].repeat(3, -1), 5).shape == (4, 5, 3)


def test_players_know_what_was_done_before():
    action = np.array([[[1, 2], [3, 4], [5, 6]]])
    before = _acted_before(action)
    assert before.shape == (1, 3, 2, 2)
    assert before[0, :, 0].tolist() == before[0, :, 1].tolist() == [[-1, -1], [1, 2], [3, 4]]


def samples(policy=None, record=None, **settings: Any):
    recipe = BehaviourCloning(record or games(), **settings)
    return recipe._samples(ITERATED.spec, policy or mlp_policy(ITERATED.spec))


def test_each_sample_is_a_step_of_a_named_seat_of_a_game():
    learn, test = samples()
    assert learn.action.shape == (4 * 6 * 2, 1)
    assert len(test.game) == 0
    for game in range(4):
        own = learn.game == game
        assert own.sum() == 12
        seat, action = learn.inputs.agent[own, 0], learn.action[own, 0]
        assert (action[seat == 0] == game).all()
        assert (action[seat == 1] == 9).all()
    assert learn.counts.all()
    assert learn.inputs.first.all()
    only, _ = samples(seats=(1,))
    assert (only.action == 9).all()
    assert (only.inputs.agent == 1).all()
    assert len(only.game) == 24


def test_games_at_the_end_are_held_out():
    learn, test = samples(held_out=0.5)
    assert sorted(set(learn.game.tolist())) == [0, 1]
    assert sorted(set(test.game.tolist())) == [2, 3]


def test_recurrent_agents_learn_all_steps_in_stretches_and_games_begin_once():
    learn, _ = samples(gru_policy(ITERATED.spec), stretch=4)
    assert learn.action.shape == (16, 4)
    assert learn.counts.sum() == 4 * 6 * 2  # the last two of each second stretch repeat a step
    assert learn.counts[2:4].tolist() == [[True, True, False, False]] * 2
    begins = [[True, False, False, False]] * 2 + [[False] * 4] * 2
    assert learn.inputs.first.tolist() == begins * 4
    whole, _ = samples(gru_policy(ITERATED.spec), stretch=64)
    assert whole.action.shape == (8, 6)


def test_a_stretch_begins_with_the_memory_of_the_game_so_far():
    """In stretches of 4 all steps are as likely as in the whole game of 6."""
    policy = gru_policy(ITERATED.spec, widths=(8,), hidden=8)
    params = policy.init(jax.random.key(1))
    whole, parts = (samples(policy, stretch=n)[0] for n in (6, 4))
    wanted = np.asarray(_judge(policy, params, whole)[0])  # [game * seat, 6]
    memory = _memories(policy, params, parts, parts=2, players=2)
    found = np.asarray(_judge(policy, params, parts, memory)[0])
    both = found.reshape(4, 2, 2, 4).swapaxes(1, 2).reshape(8, 8)[:, :6]
    np.testing.assert_allclose(both, wanted, rtol=1e-5)
    anew = np.asarray(_judge(policy, params, parts)[0]).reshape(4, 2, 2, 4)
    assert not np.allclose(anew[:, 1, :, :2], found.reshape(4, 2, 2, 4)[:, 1, :, :2])


def test_whole_people_are_held_out_and_agents_are_not_imitated():
    """Ann plays games 0 and 3, so 3 is not held out though it is the last."""
    whose = (("ann", ""), ("bob", ""), ("", "cid"), ("ann", ""))
    learn, test = samples(whose=whose, held_out=0.25)
    assert test.counts.sum() == 6
    assert test.action[test.counts].tolist() == [9] * 6  # cid, in seat 1
    assert learn.counts.sum() == 3 * 6
    seats = learn.inputs.agent[learn.counts[:, 0], 0]
    assert seats.tolist() == [0] * 18
    resampled = np.asarray(learn.game)[np.asarray(learn.counts)[:, 0]]
    assert sorted(np.bincount(resampled).tolist()) == [6, 12]  # bob, ann: whole people are drawn
    with pytest.raises(UserError, match="nobody can"):
        samples(whose=(("ann", "bob"), ("bob", ""), ("bob", "cid"), ("cid", "")), held_out=0.25)
    with pytest.raises(UserError, match="whose names 3"):
        samples(whose=whose[:3])


def test_forced_moves_and_steps_after_the_end_count_for_nothing():
    record = games(2)
    playing, mask = record.playing.copy(), record.mask.copy()
    playing[0, 3:] = False
    mask[1, :, 0] = np.arange(10) == 1
    learn, _ = samples(record=record._replace(playing=playing, mask=mask))
    of = lambda game, seat: learn.counts[(learn.game == game) & (learn.inputs.agent[:, 0] == seat)]
    assert [int(of(*x).sum()) for x in ((0, 0), (0, 1), (1, 0), (1, 1))] == [3, 3, 0, 6]


def test_likelihood_and_the_most_likely_action():
    learn, _ = samples(seats=(0,))
    bot = pullers(0).policy
    policy = replace(zsc.mixture(bot, 0.5), reads=())
    likelihood, right = _judge(policy, jnp.int32(2), learn)
    wanted = np.where(np.asarray(learn.action) == 2, 0.55, 0.05)
    np.testing.assert_allclose(likelihood, np.log(wanted), rtol=1e-4)
    np.testing.assert_array_equal(right, np.asarray(learn.action) == 2)


@pytest.fixture(scope="module")
def fitted():
    """Members that learned from resamples of their own of games 0 to 5; all six were held out."""
    recipe = BehaviourCloning(games(8), seats=(0,), epochs=60, batch=12, held_out=0.25,
                              learning_rate=3e-2)  # fmt: skip
    policy = mlp_policy(ITERATED.spec, widths=(8,))
    learn, _ = recipe._samples(ITERATED.spec, policy)
    fit = jax.jit(lambda params, key: _fit(policy, recipe, 6, learn, learn, params, key))
    members = jax.random.split(jax.random.key(0), 4)
    return policy, learn, members, [fit(policy.init(key), key) for key in members]


def test_members_learn_the_games_that_they_drew_and_no_others(fitted):
    """After its own first pull a player is seen to go on with the same lever."""
    policy, learn, members, found = fitted
    later = np.asarray(learn.inputs.obs[:, 0, 1:11].sum(-1) > 0)
    resamples = []
    for key, (params, told) in zip(members, found, strict=True):
        drawn = np.asarray(jax.random.randint(jax.random.fold_in(key, 1), (6,), 0, 6))
        likelihood, hits = _judge(policy, params, learn)
        chance = np.exp(np.asarray(likelihood))[later, 0]
        game = np.asarray(learn.game)[later]
        inside = np.isin(game, drawn)
        assert chance[inside].mean() > 0.8
        assert chance[~inside].mean() < 0.4
        resamples.append(frozenset(drawn.tolist()))
        assert told["loss"].shape == told["held_out_accuracy"].shape == (60,)
        assert told["loss"][-1] < told["loss"][0] / 2
        assert 0.8 < told["accuracy"][-1] <= 1
        found_out = float(told["held_out_accuracy"][-1])
        likely = float(told["held_out_log_likelihood"][-1])
        assert likely == pytest.approx(float(likelihood.mean()), abs=1e-5)
        assert found_out == pytest.approx(float(hits.mean()), abs=1e-6)
    assert len(set(resamples)) > 1
