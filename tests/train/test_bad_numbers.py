"""A member whose numbers go bad stops alone: named, with its last good parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import Method, PPOConfig, fit, init_state, make_update, mlp_policy
from zsc.train.sinks import Memory

ENV = zsc.make("overcooked/cramped_room", horizon=20)
PPO = PPOConfig(envs=4, segments=2, epochs=1, minibatches=1)
POLICY = mlp_policy(ENV.spec, widths=(8,))
UPDATES = 6


def poison(member, when):
    """A method whose reward is no number for one member from an update on."""

    def init(key, params, pool):
        return jnp.int32(0), pool

    def after(update, params, told, pool):
        return update + 1, pool

    def reward(own, policy, trajectories):
        sick = (own.index == member) & (own.mstate >= when)
        add = lambda x: x._replace(reward=x.reward + jnp.where(sick, jnp.nan, 0.0))
        return tuple(map(add, trajectories))

    return Method("poisoned", init=init, after=after, reward=reward)


def train(method, updates=UPDATES):
    state = init_state(ENV, POLICY, method, PPO, members=3, seed=0, updates=UPDATES)
    memory = Memory()
    update = make_update(ENV, POLICY, method, PPO)
    return fit(update, state, updates=updates, chunk=2, sinks=[memory]), memory


@pytest.fixture(scope="module")
def runs():
    healthy = train(poison(1, 10**6))
    with pytest.warns(
        UserWarning, match=r"member 1 is stopped at update 4: its loss is nan"
    ) as told:
        sick = train(poison(1, 3))
    return healthy, sick, [str(x.message) for x in told]


def of(tree, member):
    return [np.asarray(x[member]) for x in jax.tree.leaves(tree)]


def test_it_is_named_once_and_marked(runs):
    (_, _), (state, memory), told = runs
    assert len(told) == 1
    assert "the others go on" in told[0]
    assert np.asarray(state.alive).tolist() == [True, False, True]
    np.testing.assert_array_equal(memory["alive"][:, 1], [1, 1, 1, 0, 0, 0])


def test_the_others_are_what_they_would_have_been(runs):
    (healthy, before), (sick, after), _ = runs
    for member in (0, 2):
        for x, y in zip(of(healthy.params, member), of(sick.params, member), strict=True):
            np.testing.assert_array_equal(x, y)
        np.testing.assert_array_equal(before["return"][:, member], after["return"][:, member])


def test_it_keeps_its_last_good_parameters(runs):
    _, (sick, _), _ = runs
    state = init_state(ENV, POLICY, poison(1, 10**6), PPO, members=3, seed=0, updates=UPDATES)
    update = make_update(ENV, POLICY, poison(1, 10**6), PPO)
    three = fit(update, state, updates=3, chunk=2)
    for x, y in zip(of(three.params, 1), of(sick.params, 1), strict=True):
        np.testing.assert_array_equal(x, y)
        assert np.isfinite(x).all()
