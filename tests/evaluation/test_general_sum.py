"""Games that pay each agent by itself: means over the seats, a table of meetings."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.general_sum import EachForItself
from zsc import Label, UserError, constant_policy, make_pool
from zsc.agents.policy import Inputs, Out, Policy
from zsc.evaluation import crossplay
from zsc.evaluation.games.storm import meeting_table


def pullers(env, levers):
    labels = [Label("constant", member=i) for i in range(len(levers))]
    policy = constant_policy(num_actions=env.spec.num_actions)
    return make_pool(env.spec, policy, jnp.array(levers, jnp.int32), labels)


def test_a_summary_is_the_mean_over_the_seats() -> None:
    """Seat 0 earns 1 where both agree, seat 1 loses a half: that is a quarter each."""
    env = EachForItself()
    played = crossplay(env, {"all": pullers(env, [3, 4])}, episodes=1)
    assert np.diag(played.matrix(seat=0)).tolist() == [1, 1]
    assert np.diag(played.matrix(seat=1)).tolist() == [-0.5, -0.5]
    assert played.summary().loc["all", "SP"] == 0.25


def test_the_table_of_meetings_counts_colours_and_pay() -> None:
    """From its start each walks over a coin of one colour, or of the other, and then interacts."""
    env = zsc.make("storm/battle_of_the_sexes-5x5", horizon=4, freeze=1)

    def act(params, carry, inputs: Inputs) -> tuple[tuple[()], Out]:
        time = inputs.state.time
        plan = jnp.array([2, 3, 4, 4])[time]
        return carry, Out(jnp.where(jnp.arange(5) == plan, 0.0, -1e9), jnp.zeros(1))

    policy = Policy("planned", (), lambda key: jnp.zeros(()), tuple, act, reads=("state",))
    pool = make_pool(env.spec, policy, jnp.zeros(2), [Label("a"), Label("b")])
    played = crossplay(env, {"planned": pool}, episodes=64)
    table = meeting_table(played)
    met = played.events[..., played.event_names.index("interaction")].mean((1, 2))
    np.testing.assert_allclose(table["interactions"], met)
    paid = played.games("return").mean((1, 3))
    np.testing.assert_allclose(table[["return in seat 0", "return in seat 1"]], paid)
    assert (table["missed"] >= 0).all()
    assert (table["missed"] <= 1).all()
    lever = zsc.make("lever")
    with pytest.raises(UserError, match="is not STORM"):
        meeting_table(crossplay(lever, {"c": pullers(lever, [0])}, episodes=1))
