"""Steps along gradients, and what a world is divided by."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import zsc
from tests.by_hand import LEVER, table_policy, task_of
from zsc import MatchSpec, Team
from zsc.envs.small import HiddenCoin
from zsc.learn.base import descend, init_optimizer, parts, step, whole, world_scale


def test_a_step_goes_against_the_gradient_at_its_rate():
    plain = optax.identity()
    params, state = {"a": jnp.array([1.0, 2.0])}, plain.init({})
    moved, _ = step(plain, jnp.float32(0.1), params, state, {"a": jnp.array([3.0, -4.0])})
    np.testing.assert_allclose(moved["a"], [0.7, 2.4], rtol=1e-6)


def test_policies_of_a_team_move_at_multiples_of_the_rate():
    plain, policy = optax.trace(0.5), table_policy(1, 2)
    params, grads = (jnp.array([1.0]), jnp.array([2.0])), (jnp.array([10.0]), jnp.array([10.0]))
    for rates, wanted in (((), [0.0, 1.0]), ((1.0, 3.0), [0.0, -1.0])):
        team = Team((policy, policy), rates)
        state = init_optimizer(plain, team, params)
        moved, after = descend(plain, team, jnp.float32(0.1), params, state, grads)
        np.testing.assert_allclose(np.concatenate(moved), wanted, atol=1e-6)
        assert len(after) == len(state) == 2
        again, _ = descend(plain, team, jnp.float32(0.1), moved, after, grads)
        first = rates[0] if rates else 1.0
        np.testing.assert_allclose(again[0], moved[0] - 1.5 * first, atol=1e-6)
    alone, state = descend(plain, policy, jnp.float32(0.1), params[0],
                           init_optimizer(plain, policy, params[0]), grads[0])  # fmt: skip
    np.testing.assert_allclose(alone, [0.0], atol=1e-6)


def test_parts_of_a_team_are_its_entries_and_one_policy_is_one():
    policy = table_policy(1, 2)
    assert parts(Team((policy, policy)), ("a", "b")) == ("a", "b")
    assert whole(Team((policy, policy)), ("a", "b")) == ("a", "b")
    assert parts(policy, ("a", "b")) == (("a", "b"),)
    assert whole(policy, (("a", "b"),)) == ("a", "b")


def test_a_world_of_all_observations_has_their_scale():
    kitchen = zsc.make("overcooked/cramped_room", horizon=5)
    scale = world_scale(kitchen)
    state, _ = kitchen.reset(jax.random.key(0))
    assert len(scale) == kitchen.world(state).size
    assert scale[: len(scale) // 2] == scale[len(scale) // 2 :] == kitchen.spec.obs_scale
    coin = HiddenCoin()
    assert world_scale(coin) == (1.0,) * 6  # five things that both see, and the coin
    assert len(world_scale(LEVER)) == 42


def test_a_task_knows_who_plays_each_kind_of_game():
    policy = table_policy(1, 2)
    task = task_of(Team((policy, policy)), MatchSpec(cast=(1, 0)),
                   MatchSpec("b", partner=policy, cast=(1,)))  # fmt: skip
    assert (task.players(0), task.players(1)) == ((1, 0), (1,))
