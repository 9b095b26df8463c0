"""Recorded episodes: who sat where, what each saw, and the same games as cross-play's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.by_hand import LEVER, pullers
from zsc import UserError
from zsc.agents.policy import Out, Policy, certain
from zsc.play.episode import episode

ITERATED = zsc.make("lever/iterated")


def copying():
    """Pulls lever 4 first, then what the one in the other seat pulled, and counts its steps."""

    def apply(params, carry, inputs):
        other = jnp.where(inputs.acted[1] < 0, 4, inputs.acted[1])
        return carry + 1, Out(certain(jnp.where(carry > 2, 8, other), 10), jnp.zeros(1))

    return Policy("copying", (), lambda key: jnp.zeros(()), lambda: jnp.int32(0), apply,
                  reads=("actions",))  # fmt: skip


def test_each_seat_is_played_by_its_own_agent_with_its_own_memory():
    agents = zsc.make_pool(ITERATED.spec, copying(), jnp.zeros((1,)), [zsc.Label("copying")])
    for pair, column in (((agents, pullers(7)), 0), ((pullers(7), agents), 1)):
        played = zsc.record(ITERATED, pair, episodes=2)
        assert (played.action[..., 1 - column] == 7).all()
        assert played.action[0, :, column].tolist() == [4, 7, 7, 8, 8, 8]
        assert played.reward[0, :, 0].tolist() == [0, 1, 1, 0, 0, 0]
        assert played.playing.all()
        assert played.length.tolist() == [6, 6]
        np.testing.assert_array_equal(played.obs[:, 1:, :, 1:11].argmax(-1), played.action[:, :-1])


def test_roles_play_in_the_seats_that_are_named():
    policies = (pullers(0).policy,) * 2
    params = (jnp.int32(2), jnp.int32(5))
    for seats, wanted in (([0, 1], [2, 5]), ([1, 0], [5, 2])):
        played = episode(LEVER, policies, params, jnp.array(seats), jax.random.key(0))
        assert played[3].tolist() == [wanted]


def test_episodes_differ_and_are_those_of_their_number():
    anyone = pullers(1)
    noisy = zsc.make_pool(LEVER.spec, zsc.mixture(anyone.policy, 1.0), anyone.params, anyone.labels)
    played = zsc.record(LEVER, (noisy, noisy), episodes=200, seed=3)
    pulls = played.action[:, 0]
    assert len(set(map(tuple, pulls.tolist()))) > 50
    assert (pulls[:, 0] == pulls[:, 1]).mean() < 0.25
    again = zsc.record(LEVER, (noisy, noisy), episodes=3, seed=3)
    np.testing.assert_array_equal(again.action, played.action[:3])
    other = zsc.record(LEVER, (noisy, noisy), episodes=200, seed=4)
    assert not np.array_equal(other.action, played.action)


def test_what_cannot_be_recorded_is_refused():
    for agents in ((pullers(1),), (pullers(1, 2), pullers(1)), (pullers(1),) * 3):
        with pytest.raises(UserError, match="2 seats"):
            zsc.record(LEVER, agents)
    with pytest.raises(UserError, match="0 episodes"):
        zsc.record(LEVER, (pullers(1), pullers(1)), episodes=0)
    assert len(zsc.record(LEVER, (pullers(1), pullers(1)), episodes=1).action) == 1
