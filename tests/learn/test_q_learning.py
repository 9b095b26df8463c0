"""Targets of value learners by hand, their exploration, and the networks that mix values."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import zsc
from tests.by_hand import LEVER, table_policy, task_of, trajectory
from zsc import Inputs, MatchSpec, QConfig, UserError, iql, qmix, vdn
from zsc.envs.small import TwoStepMatrix
from zsc.learn.base import Clock
from zsc.learn.q_learning import (
    Added,
    Experience,
    Mixing,
    QHypers,
    Qmix,
    QState,
    _experience,
    _Rules,
    epsilon_greedy,
    td_error,
    value_learner,
)
from zsc.nets import Monotone
from zsc.play.match import draw_match
from zsc.play.rollout import begin, rollout

CONFIG = QConfig(envs=2, capacity=4, batch=8, steps=3, gamma=0.5, follow=0.25)
#: action values of three states, online and of the target network
ONLINE = jnp.array([[1.0, 2.0], [5.0, 3.0], [0.0, 9.0]])
TARGET = jnp.array([[0.0, 0.0], [4.0, 10.0], [7.0, 1.0]])


def values(table):
    return {"logits": table, "value": jnp.zeros((3, 1))}


def a_game(**fields):
    """One agent: state 0, action 1, paid 2; state 1, action 0, paid 3; then state 2."""
    action = np.reshape(fields.pop("action", [1, 0]), (2, 1, 1))
    reward = np.reshape([2.0, 3.0], (2, 1, 1))
    state = np.reshape([0, 1], (2, 1, 1))
    return trajectory(state, action, reward=reward, last_state=[[2]], **fields)


def error_of(game, shaping=0.0, mixing=None, mixer=(), mixer_target=()):
    task = task_of(table_policy(3, 2))
    state = QState(values(TARGET), mixer, mixer_target, (), (), ())
    experience = _experience(game, jnp.float32(shaping))
    rules = _Rules(CONFIG, mixing)
    return float(td_error(rules, task, values(ONLINE), mixer, state, experience))


def test_target_is_the_target_networks_value_of_what_the_online_network_would_do():
    """State 1: it would take action 0, worth 4 (not 10); state 2: action 1, worth 1 (not 7)."""
    first, second = 2 + 0.5 * 4 - 2, 3 + 0.5 * 1 - 5
    assert error_of(a_game()) == pytest.approx((first**2 + second**2) / 2, rel=1e-5)


def test_the_end_of_a_game_cuts_its_target_and_a_time_limit_does_not():
    first = 2 + 0.5 * 4 - 2
    end = np.array([[False], [True]])
    assert error_of(a_game(terminated=end)) == pytest.approx((first**2 + 2**2) / 2, rel=1e-5)
    assert error_of(a_game(truncated=end)) == error_of(a_game())
    early = np.array([[True], [False]])
    second = 3 + 0.5 * 1 - 5
    assert error_of(a_game(terminated=early)) == pytest.approx((0 + second**2) / 2, rel=1e-5)


def test_games_that_are_over_teach_nothing_and_illegal_actions_are_worth_nothing():
    over = np.reshape([True, False], (2, 1, 1))
    assert error_of(a_game(playing=over)) == pytest.approx((2 + 0.5 * 4 - 2) ** 2, rel=1e-5)
    assert error_of(a_game(playing=np.zeros((2, 1, 1), bool))) == 0.0
    mask = np.ones((2, 1, 1, 2), bool)
    mask[1, 0, 0, 0] = False  # in state 1, and after the end, action 1 is all there is
    game = a_game(mask=mask, action=[1, 1])
    first, second = 2 + 0.5 * 10 - 2, 3 + 0.5 * 1 - 3
    assert error_of(game) == pytest.approx((first**2 + second**2) / 2, rel=1e-5)


def test_what_is_left_of_the_shaped_reward_is_learned_from():
    game = a_game(shaped=np.reshape([4.0, 8.0], (2, 1, 1)))
    first, second = 2 + 0.5 * 4 - 2 + 1, 3 + 0.5 * 1 - 5 + 2
    assert error_of(game, 0.25) == pytest.approx((first**2 + second**2) / 2, rel=1e-5)


def two_agents(**fields):
    """Both do the same in states 0 and 1 and are paid 2 and 3 together."""
    both = lambda x: np.reshape(np.repeat(x, 2), (2, 1, 2))
    world = np.reshape([0.0, 10.0, 20.0], (3, 1, 1))
    return trajectory(both([0, 1]), both([1, 0]), reward=both([2.0, 3.0]), last_state=[[2, 2]],
                      world=world, **fields)  # fmt: skip


def test_vdn_learns_the_sum_once_and_iql_each_its_own():
    first, second = 2 + 0.5 * 8 - 4, 3 + 0.5 * 2 - 10
    wanted = (first**2 + second**2) / 2
    assert error_of(two_agents(), mixing=Added()) == pytest.approx(wanted, rel=1e-5)
    assert error_of(two_agents()) == pytest.approx(error_of(a_game()), rel=1e-5)
    end = np.array([[False], [True]])
    ended = error_of(two_agents(terminated=end), mixing=Added())
    assert ended == pytest.approx((first**2 + 7**2) / 2, rel=1e-5)
    over = np.reshape([[True, True], [False, False]], (2, 1, 2))
    assert error_of(two_agents(playing=over), mixing=Added()) == pytest.approx(first**2)


def scaled_sum(env):
    """A mixing whose value is its parameter times the sum, plus what it sees of the world."""
    apply = lambda params, values, world: params * values.sum() + world[0]
    return Mixing(lambda key: jnp.float32(1), apply, env.world)


def test_a_mixing_sees_the_world_before_and_its_target_the_world_after():
    given = {"mixing": scaled_sum, "mixer": jnp.float32(2), "mixer_target": jnp.float32(3)}
    first = 2 + 0.5 * (3 * 8 + 10) - (2 * 4 + 0)
    second = 3 + 0.5 * (3 * 2 + 20) - (2 * 10 + 10)
    assert error_of(two_agents(), **given) == pytest.approx((first**2 + second**2) / 2, rel=1e-5)


def test_only_the_online_networks_are_changed_by_the_error():
    task = task_of(table_policy(3, 2))
    games = _experience(two_agents(), jnp.float32(0))

    def error(online, mixer, target, mixer_target):
        state = QState(values(target), mixer, mixer_target, (), (), ())
        return td_error(_Rules(CONFIG, scaled_sum), task, values(online), mixer, state, games)

    one = jnp.float32(1)
    slopes = jax.grad(error, argnums=(0, 1, 2, 3))(ONLINE, one, TARGET, one)
    assert [bool(np.asarray(x).any()) for x in slopes] == [True, True, False, False]
    assert not np.asarray(slopes[0])[2].any()  # what follows is no part of it
    assert not np.asarray(slopes[0])[0, 0].any()


# a segment


def played(env=LEVER, learner=None, key=0):
    policy, spec = zsc.mlp_policy(env.spec, widths=(8,)), MatchSpec()
    match = draw_match(jax.random.key(key), spec, envs=2, num_agents=2, symmetries=1)
    games = begin(env, spec, policy, match, jax.random.key(1))
    params = policy.init(jax.random.key(2))
    world = learner.world(env)
    _, found = rollout(env, spec, policy, params, match, games, jax.random.key(3),
                       env.spec.horizon, world=world)  # fmt: skip
    return policy, params, found


@pytest.mark.parametrize("make", [iql, vdn, qmix])
def test_a_segment_goes_into_the_buffer_and_targets_follow(make):
    env, learner = TwoStepMatrix(), make(CONFIG)
    policy, params, games = played(env, learner)
    task, key = task_of(policy, env=env), jax.random.key(0)
    state = learner.init(task, key, params)
    rate = QHypers(jnp.float32(0), jnp.float32(0.01), jnp.float32(0.3))
    learn = jax.jit(lambda params, state: learner.learn(task, key, params, state, (games,), rate))
    after, kept, told = learn(params, state)
    assert int(kept.buffer.seen) == 2
    np.testing.assert_array_equal(kept.buffer.games.action[:2, :, 0], games.action[..., 0].T)
    assert not np.asarray(kept.buffer.games.action[2:]).any()
    near = lambda new, old: optax.incremental_update(new, old, 0.25)
    for wanted, found in ((near(after, params), kept.target),
                          (near(kept.mixer, state.mixer), kept.mixer_target)):  # fmt: skip
        for a, b in zip(jax.tree.leaves(wanted), jax.tree.leaves(found), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert int(kept.optimizer[1].count) == 3
    assert float(told["epsilon"]) == pytest.approx(0.3)
    assert float(told["loss"]) > 0
    moved = [bool((a != b).any()) for a, b in zip(jax.tree.leaves(params),
             jax.tree.leaves(after), strict=True)]  # fmt: skip
    assert any(moved)
    if make is qmix:
        assert any(bool((a != b).any()) for a, b in zip(jax.tree.leaves(state.mixer),
                   jax.tree.leaves(kept.mixer), strict=True))  # fmt: skip
    lower = learn(after, kept)[1]
    assert int(lower.buffer.seen) == 4
    np.testing.assert_array_equal(lower.buffer.games.action[2:, :, 0], games.action[..., 0].T)


def test_experience_is_by_game_with_what_was_seen_last():
    states = np.arange(6).reshape(3, 2, 1) % 3  # [T, E, R]
    game = trajectory(states, states % 2, reward=1.0 * states, last_state=[[1], [2]],
                      world=np.arange(8).reshape(4, 2))  # fmt: skip
    found = _experience(game, jnp.float32(0))
    assert isinstance(found, Experience)
    np.testing.assert_array_equal(found.inputs.obs[..., 0, 0],
                                  [[*states[:, 0, 0], 1], [*states[:, 1, 0], 2]])  # fmt: skip
    np.testing.assert_array_equal(found.reward[1, :, 0], states[:, 1, 0])
    np.testing.assert_array_equal(found.world, [[0, 2, 4, 6], [1, 3, 5, 7]])


@pytest.mark.parametrize(("make", "world"), [(iql, False), (vdn, False), (qmix, True)])
def test_what_each_learner_wants_to_see(make, world):
    learner = make(CONFIG)
    assert (learner.world(LEVER) is not None) == world
    assert learner.name == make.__name__
    assert learner == make(CONFIG) != make(replace(CONFIG, gamma=0.1))
    assert (learner.envs, learner.segments) == (2, 1)
    assert learner.plays(table_policy(3, 2)).name == "greedy"
    assert learner.behave(table_policy(3, 2)).name == "epsilon_greedy"
    now = QHypers(jnp.float32(0), jnp.float32(0), jnp.float32(0.3))
    assert learner.acting("params", now) == ("params", now.epsilon)


def test_exploration_is_any_legal_action_or_the_best():
    policy = epsilon_greedy(table_policy(1, 4))
    params = {"logits": jnp.array([[1.0, 9.0, 3.0, 2.0]]), "value": jnp.zeros((1, 1))}
    mask = jnp.array([True, False, True, True])
    seen = Inputs(jnp.zeros(1), mask, jnp.array(True), jnp.int32(0))
    _, out = policy.apply((params, jnp.float32(0.3)), (), seen)
    chances = jax.nn.softmax(jnp.where(mask, out.logits, -jnp.inf))
    np.testing.assert_allclose(chances, [0.1, 0.0, 0.8, 0.1], atol=1e-6)


def test_epsilon_falls_and_stays_and_the_shaped_reward_fades():
    config = replace(CONFIG, exploring=0.5, epsilon=0.05, shaping_steps=100, learning_rate=0.7)
    at = lambda steps, progress, config=config: [
        float(x) for x in iql(config).schedule(Clock(jnp.float32(steps), jnp.float32(progress)))
    ]
    np.testing.assert_allclose(at(0, 0), [1.0, 0.7, 1.0], rtol=1e-6)
    np.testing.assert_allclose(at(25, 0.25), [0.75, 0.7, 0.5], rtol=1e-6)
    np.testing.assert_allclose(at(100, 0.5), [0.0, 0.7, 0.05], rtol=1e-6)
    np.testing.assert_allclose(at(900, 1), [0.0, 0.7, 0.05], rtol=1e-6)
    never = replace(config, shaping_steps=0)
    assert at(0, 0, never)[0] == 0.0
    assert at(0, 0, replace(config, shaping_steps=1))[0] == 1.0


def test_the_team_is_worth_more_where_an_agent_is_and_the_world_matters():
    """QMIX's mixing is monotone in each agent's value, whatever its weights are."""
    network, rng = Monotone(8, (1.0,) * 5), np.random.default_rng(0)
    slopes = []
    for seed in range(20):
        params = network.init(jax.random.key(seed), jnp.zeros(3), jnp.zeros(5))
        params = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype), params)
        world, values = jnp.asarray(rng.normal(size=5)), jnp.asarray(rng.normal(size=3))
        mix = lambda values, world, params=params: network.apply(params, values, world)
        slopes.append(jax.grad(mix)(values, world))
        assert mix(values, world) != mix(values, world + 1)
    assert np.min(slopes) >= 0
    assert (np.max(slopes, axis=0) > 0.1).all()
    mixing = Qmix(4)(LEVER)
    assert mixing.world is not None
    assert mixing.apply(mixing.init(jax.random.key(0)), jnp.zeros(2), jnp.zeros(42)).shape == ()


def test_in_a_game_of_turns_one_value_is_mixed():
    env = zsc.make("hanabi/very-small-2p")
    mixing = Qmix(4)(env)
    params = mixing.init(jax.random.key(0))
    world = env.world(env.reset(jax.random.key(0))[0])
    assert mixing.apply(params, jnp.zeros(1), world).shape == ()


def test_what_cannot_be_learned_from_values_is_refused():
    policy = table_policy(3, 2)
    two = task_of(policy, MatchSpec(), MatchSpec("second"))
    with pytest.raises(UserError, match="2 kinds of games"):
        iql(CONFIG).init(two, jax.random.key(0), policy.init(jax.random.key(0)))
    with pytest.raises(UserError, match="a loss of its own"):
        iql(CONFIG).learn(task_of(policy), jax.random.key(0), (), (), (), (), lambda *_: 0.0)
    for settings in ({"envs": 0}, {"segments": 0}, {"batch": 0}, {"steps": 0},
                     {"envs": 8, "capacity": 4}, {"envs": 3, "capacity": 8}):  # fmt: skip
        with pytest.raises(UserError):
            QConfig(**settings)
    assert QConfig(envs=1, segments=1, batch=1, steps=1, capacity=1)
    assert value_learner(CONFIG, None, "mine").name == "mine"
