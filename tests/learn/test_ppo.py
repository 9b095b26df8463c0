"""PPO's loss, batches and schedules, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.by_hand import table_policy, task_of, trajectory
from zsc import MatchSpec, PPOConfig, UserError, ppo
from zsc.learn.base import Clock
from zsc.learn.ppo import (
    Batch,
    Schedule,
    _batches,
    _deal,
    _epochs,
    _loss,
    make_optimizer,
    ppo_loss,
    schedule,
)

CONFIG = PPOConfig(envs=1, segments=1, minibatches=1, clip=0.2, value_weight=0.5)
NOW = Schedule(jnp.float32(0), jnp.float32(0.1), jnp.float32(0))

# ratio of new to old probability, advantage -> the surrogate, and whether the ratio still counts
CASES = (
    (1.5, 2.0, 2.4, False),  # more likely and good: no more than 1.2 is paid
    (1.5, -2.0, -3.0, True),  # more likely and bad: all of it is held against it
    (0.5, 2.0, 1.0, True),  # less likely and good
    (0.5, -2.0, -1.6, False),  # less likely and bad: no more than .8 is paid
    (1.1, 3.0, 3.3, True),
    (0.9, -3.0, -2.7, True),
)


def one_sample(ratio, advantage, **fields):
    """A step in state 0, whose two actions are equally likely now, as a batch."""
    old = trajectory([[[0]]], [[[0]]], log_prob=np.log([[[0.5 / ratio]]]), **fields)
    return Batch(old, jnp.full((1, 1, 1), advantage), jnp.zeros((1, 1, 1)))


@pytest.mark.parametrize(("ratio", "advantage", "surrogate", "counts"), CASES)
def test_surrogate_of_both_signs_within_and_beyond_the_clip(ratio, advantage, surrogate, counts):
    policy = table_policy(1, 2)
    params = {"logits": jnp.zeros((1, 2)), "value": jnp.zeros((1, 1))}
    batch = one_sample(ratio, advantage)
    loss = lambda params: ppo_loss(CONFIG, task_of(policy), 0, params, batch, NOW)[0]
    assert float(loss(params)) == pytest.approx(-surrogate, rel=1e-5)
    # d ratio / d logit of the action = ratio / 2
    wanted = -advantage * ratio / 2 if counts else 0.0
    slope = jax.grad(loss)(params)["logits"][0]
    np.testing.assert_allclose(slope, [wanted, -wanted], rtol=1e-5, atol=1e-7)


def five_samples():
    """States 0 and 1; the third sample is a forced move, the fourth and fifth after the end."""
    mask = np.ones((5, 1, 1, 2), bool)
    mask[2, 0, 0, 1] = False
    logits = jnp.log(jnp.array([[0.25, 0.75], [0.5, 0.5]]))
    params = {"logits": logits, "value": jnp.array([[1.0, 7.0], [2.0, 9.0]])}
    old = trajectory(
        np.reshape([0, 1, 1, 0, 1], (5, 1, 1)),
        np.reshape([0, 1, 0, 1, 1], (5, 1, 1)),
        log_prob=np.log(np.reshape([0.25, 0.25, 1.0, 0.1, 0.1], (5, 1, 1))),
        mask=mask,
        playing=np.reshape([True, True, True, False, False], (5, 1, 1)),
        valid=np.reshape([True, True, False, False, False], (5, 1, 1)),
    )
    advantage = jnp.reshape(jnp.array([3.0, -1.0, 100.0, 100.0, 100.0]), (5, 1, 1))
    target = jnp.reshape(jnp.array([3.0, 2.0, 6.0, 50.0, 50.0]), (5, 1, 1))
    return params, Batch(old, advantage, target)


def test_loss_by_hand():
    """Surrogate and entropy over the two samples with a choice, values over the three that live."""
    params, batch = five_samples()
    task, now = task_of(table_policy(2, 2, 2)), NOW._replace(entropy=jnp.float32(0.1))
    loss, told = ppo_loss(CONFIG, task, 0, params, batch, now)
    surrogate = (3.0 + -2.0) / 2  # ratios 1 and 2, the second with a bad advantage
    entropy = (-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)) + np.log(2)) / 2
    value = 0.5 * 0.5 * (2.0**2 + 0.0**2 + 4.0**2) / 3
    assert float(loss) == pytest.approx(-surrogate - 0.1 * entropy + value, rel=1e-5)
    assert float(told["loss"]) == float(loss)
    assert float(told["entropy"]) == pytest.approx(entropy, rel=1e-5)
    assert float(told["value_error"]) == pytest.approx(2.0, rel=1e-5)
    assert float(told["kl"]) == pytest.approx((0 + 1 - np.log(2)) / 2, rel=1e-4)
    assert float(told["ratio_error"]) == pytest.approx(1.0, rel=1e-5)


def test_each_kind_of_game_has_its_value_head():
    params, batch = five_samples()
    other = task_of(table_policy(2, 2, 2), MatchSpec(), MatchSpec("second", value=1))
    found = ppo_loss(CONFIG, other, 1, params, batch, NOW)[1]["value_error"]
    assert float(found) == pytest.approx((4.0**2 + 7.0**2) / 2, rel=1e-5)


def test_loss_of_a_member_is_the_mean_over_its_kinds_of_games_and_the_methods_own():
    params, batch = five_samples()
    other = batch._replace(advantage=-batch.advantage)
    task = task_of(table_policy(2, 2, 2), MatchSpec(), MatchSpec("second", value=1))
    one, two = (ppo_loss(CONFIG, task, i, params, x, NOW) for i, x in enumerate((batch, other)))
    extra = lambda params, played: params["value"].sum() * len(played)
    total, told = _loss(CONFIG, task, extra, params, (batch, other), NOW)
    assert float(told["extra_loss"]) == 38.0
    assert float(total) == pytest.approx(float(one[0] + two[0]) / 2 + 38.0, rel=1e-5)
    kl = float(one[1]["kl"] + two[1]["kl"]) / 2
    assert float(told["kl"]) == pytest.approx(kl, rel=1e-5)


def test_where_nobody_has_a_choice_the_policy_learns_nothing():
    params, batch = five_samples()
    forced = batch.trajectory._replace(valid=jnp.zeros((5, 1, 1), bool))
    loss = lambda params: ppo_loss(
        CONFIG, task_of(table_policy(2, 2, 2)), 0, params, batch._replace(trajectory=forced), NOW
    )[0]
    value, slope = jax.value_and_grad(loss)(params)
    assert np.isfinite(value)
    assert not np.asarray(slope["logits"]).any()
    assert np.asarray(slope["value"]).any()


# batches


def batch_of(config, played, shaping, value):
    """What is learned from one kind of games, by this head."""
    now = NOW._replace(shaping=jnp.float32(shaping))
    task = task_of(table_policy(2, 2, 2), MatchSpec(value=value))
    return _batches(config, task, (played,), now, (None,))[0]


def test_advantages_are_normalised_over_the_samples_with_a_choice():
    """gamma 0: an advantage is the reward less the value. Targets stay as they are."""
    config = replace(CONFIG, gamma=0.0)
    reward = np.reshape([1.0, 5.0, 90.0, 0.0], (4, 1, 1))
    shaped = np.reshape([2.0, 2.0, 0.0, 0.0], (4, 1, 1))
    value = np.stack([np.full((4, 1, 1), 0.5), np.full((4, 1, 1), 7.0)], -1)
    valid = np.reshape([True, True, False, False], (4, 1, 1))
    states = np.zeros((4, 1, 1), int)
    played = trajectory(states, states, reward=reward, shaped=shaped, value=value, valid=valid,
                        last_value=np.zeros((1, 1, 2)))  # fmt: skip
    batch = batch_of(config, played, 0.5, value=0)
    np.testing.assert_allclose(batch.target[:, 0, 0], [2.0, 6.0, 90.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(batch.advantage[:, 0, 0], [-1.0, 1.0, 0.0, 0.0], rtol=1e-5)
    assert batch.memory == ()
    again = batch_of(config, played, 0.5, value=1)
    np.testing.assert_allclose(again.target, batch.target, rtol=1e-6)  # advantage and value


def test_equal_advantages_are_none():
    states = np.zeros((4, 1, 1), int)
    played = trajectory(states, states, reward=np.ones((4, 1, 1)))
    batch = batch_of(replace(CONFIG, gamma=0.0), played, 0, value=0)
    assert np.abs(batch.advantage).max() < 1e-3


def test_a_batch_bootstraps_from_its_own_head_and_the_end_of_the_game():
    config = replace(CONFIG, gamma=0.5, lam=0.0)
    states = np.zeros((2, 2, 1), int)
    value = np.broadcast_to([1.0, 3.0], (2, 2, 1, 2))
    ended = np.array([[False, False], [True, False]])
    cut = np.array([[False, False], [False, True]])
    last = np.broadcast_to([10.0, 20.0], (2, 1, 2))
    played = trajectory(states, states, value=value, last_value=last, terminated=ended,
                        truncated=cut)  # fmt: skip
    target = batch_of(config, played, 0, value=1).target[..., 0]
    np.testing.assert_allclose(target, [[1.5, 1.5], [0.0, 10.0]], rtol=1e-6)


# epochs


def numbered(envs):
    """A batch whose games carry their number."""
    number = jnp.broadcast_to(jnp.arange(envs)[:, None], (3, envs, 1))
    played = trajectory(number, number, last_state=number[0], last_value=number[0][..., None])
    return Batch(played, number.astype(float), number + 0.5, number[0])


def test_a_minibatch_is_cut_from_all_fields_alike():
    batch = numbered(6)
    part = _deal(batch, key=jax.random.key(0), part=jnp.int32(1), parts=3)
    games = part.advantage[0, :, 0]
    assert part.advantage.shape == (3, 2, 1)
    assert len(set(games.tolist())) == 2
    rows = jnp.broadcast_to(games[None, :, None], (3, 2, 1))
    np.testing.assert_array_equal(part.target, rows + 0.5)
    np.testing.assert_array_equal(part.trajectory.action, rows)
    np.testing.assert_array_equal(part.trajectory.inputs.obs[..., 0], rows)
    np.testing.assert_array_equal(part.trajectory.last.obs[..., 0], rows[0])
    np.testing.assert_array_equal(part.trajectory.last_value[..., 0], rows[0])
    np.testing.assert_array_equal(part.memory, rows[0])
    assert part.trajectory.terminated.shape == (3, 2)


def test_every_game_is_learned_from_once_an_epoch_in_an_order_of_its_own():
    config = replace(CONFIG, envs=6, epochs=4, minibatches=3)

    def step(params, state, batch):
        count, seen = state
        (one,) = batch
        seen = seen.at[count].set(one.advantage[0, :, 0])
        first = 10.0 + count
        return params + 1, (count + 1, seen), {"ratio_error": first, "loss": first}

    begun = (jnp.int32(0), jnp.full((12, 2), -1.0))
    params, (count, seen), told = _epochs(
        config, step, jnp.int32(0), begun, (numbered(6),), jax.random.key(1), lambda take: take
    )
    assert (int(params), int(count)) == (12, 12)
    assert told == {"loss": 15.5, "first_ratio_error": 10.0}
    epochs = np.asarray(seen).reshape(4, 6)
    assert (np.sort(epochs, axis=1) == np.arange(6)).all()
    assert len({tuple(row) for row in epochs.tolist()}) == 4


# schedules


def at(config, steps, progress):
    return [float(x) for x in schedule(config, Clock(jnp.float32(steps), jnp.float32(progress)))]


def test_schedules_at_their_ends_and_in_the_middle():
    config = PPOConfig(learning_rate=0.4, final_learning_rate=0.1, entropy=0.2, final_entropy=0.6,
                       shaping_steps=1000)  # fmt: skip
    np.testing.assert_allclose(at(config, 0, 0), [1.0, 0.4, 0.2], rtol=1e-6)
    np.testing.assert_allclose(at(config, 250, 0.5), [0.75, 0.25, 0.4], rtol=1e-6)
    np.testing.assert_allclose(at(config, 1000, 1), [0.0, 0.1, 0.6], rtol=1e-6, atol=1e-9)
    assert at(config, 5000, 1)[0] == 0.0


def test_shaping_over_no_steps_is_none_and_entropy_without_an_end_stays():
    config = PPOConfig(entropy=0.3, shaping_steps=0)
    for progress in (0.0, 0.5, 1.0):
        shaping, rate, entropy = at(config, 100, progress)
        assert (shaping, entropy) == (0.0, pytest.approx(0.3))
        assert rate == pytest.approx(5e-3 * (1 - progress))
    assert at(PPOConfig(shaping_steps=1), 0, 0)[0] == 1.0


def test_gradients_are_clipped_as_a_whole():
    direction = lambda grads: (
        make_optimizer(CONFIG).update(grads, make_optimizer(CONFIG).init(grads))[1][1].mu
    )
    mu = direction({"a": jnp.array([30.0]), "b": jnp.array([40.0])})
    np.testing.assert_allclose([mu["a"][0], mu["b"][0]], [0.1 * 0.3, 0.1 * 0.4], rtol=1e-5)
    mu = direction({"a": jnp.array([0.03]), "b": jnp.array([0.04])})
    np.testing.assert_allclose([mu["a"][0], mu["b"][0]], [0.003, 0.004], rtol=1e-5)


# a whole segment


def test_actions_that_paid_become_likelier_and_values_come_closer():
    """Of two actions one paid; three epochs of two minibatches."""
    policy = table_policy(1, 2)
    config = PPOConfig(envs=4, segments=1, epochs=3, minibatches=2, learning_rate=0.05)
    learner, task = ppo(config), task_of(policy)
    params = {"logits": jnp.zeros((1, 2)), "value": jnp.zeros((1, 1))}
    action = np.reshape([0, 1, 0, 1], (1, 4, 1))
    played = trajectory(np.zeros((1, 4, 1)), action, reward=1.0 + action,
                        log_prob=np.full((1, 4, 1), np.log(0.5)),
                        terminated=np.ones((1, 4), bool))  # fmt: skip
    key, now = jax.random.key(0), NOW._replace(rate=jnp.float32(0.05))
    state = learner.init(task, key, params)
    after, kept, told = learner.learn(task, key, params, state, (played,), now, None)
    # Adam moves each by about its rate in each of six steps
    np.testing.assert_allclose(after["logits"], [[-0.3, 0.3]], atol=0.06)
    np.testing.assert_allclose(after["value"], [[0.3]], atol=0.06)
    assert kept.critic == ()
    assert int(kept.optimizer[1].count) == 6
    assert float(told["first_ratio_error"]) < 1e-6
    assert told.keys() == {"loss", "entropy", "value_error", "kl", "first_ratio_error"}


def test_members_with_a_joint_loss_of_nothing_learn_as_they_do_alone():
    policy = table_policy(1, 2)
    config = PPOConfig(envs=4, segments=1, epochs=2, minibatches=2)
    learner, task, key = ppo(config), task_of(policy), jax.random.key(0)
    params = jax.vmap(policy.init)(jax.random.split(key, 2))
    action = np.reshape([0, 1, 0, 1], (1, 4, 1))
    one = trajectory(np.zeros((1, 4, 1)), action, reward=1.0 * action,
                     log_prob=np.full((1, 4, 1), np.log(0.5)))  # fmt: skip
    played = jax.tree.map(lambda x: jnp.stack([x, x]), one)
    now = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), NOW._replace(rate=jnp.float32(0.01)))
    keys = jnp.stack([key, key])
    state = jax.vmap(partial(learner.init, task))(keys, params)
    alone, _, told = jax.vmap(partial(learner.learn, task))(keys, params, state, (played,), now)
    joint = lambda params, played: 0.0 * params["logits"].sum() + 3.0
    together, _, said = learner.learn_jointly(task, keys, params, state, (played,), now, joint)
    for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(together), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(said["joint_loss"], [3.0, 3.0])
    np.testing.assert_allclose(said["loss"], told["loss"], rtol=1e-5)
    pull = lambda params, played: 1e3 * params["logits"].sum()
    lower, _, _ = learner.learn_jointly(task, keys, params, state, (played,), now, pull)
    assert (np.asarray(lower["logits"]) < np.asarray(params["logits"])).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"envs": 0}, "envs is 0"),
        ({"segments": 0}, "segments is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"minibatches": 0}, "minibatches is 0"),
        ({"envs": 5, "minibatches": 2}, "multiple of minibatches"),
        ({"learning_rate": -1e-3}, "learning_rate is"),
        ({"shaping_steps": float("inf")}, "shaping_steps is inf"),
        ({"clip": float("nan")}, "clip is nan"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, words):
    with pytest.raises(UserError, match=words):
        PPOConfig(**settings)


def test_the_least_settings_are_taken():
    assert PPOConfig(envs=1, segments=1, epochs=1, minibatches=1, entropy=0, shaping_steps=0)
