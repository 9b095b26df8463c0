"""What is played in a batch: who acts where, by whose parameters, and what is kept of it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.general_sum import EachForItself
from zsc import MatchSpec, constant_policy, gru_policy, mixture, mlp_policy
from zsc.agents.policy import Out, Policy, certain
from zsc.envs.small import TwoStepLever
from zsc.play.match import draw_match
from zsc.play.rollout import begin, begin_anew, put_turn, replay, rollout, take_turn, visit

LEVER = zsc.make("lever")
PULL = constant_policy(num_actions=10)


def play(env, spec, params, *, envs=12, partners=(), length=None, policy=PULL, world=None):
    match = draw_match(jax.random.key(3), spec, envs=envs, num_agents=env.spec.num_agents,
                       symmetries=len(env.symmetry()), partners=partners)  # fmt: skip
    games = begin(env, spec, policy, match, jax.random.key(1))
    run = jax.jit(lambda: rollout(env, spec, policy, params, match, games, jax.random.key(2),
                                  length or env.spec.horizon, world=world))  # fmt: skip
    return match, *jax.device_get(run())


def test_each_block_plays_its_own_partner_and_everyone_sits_where_the_match_says():
    levers = jnp.array([9, 1, 2, 9])
    spec = MatchSpec("partner", partner=PULL, blocks=4)
    match, end, played = play(LEVER, spec, jnp.int32(9), partners=levers)
    seats = np.asarray(match.seats)
    assert set(seats[:, 0]) == {0, 1}
    games = np.arange(12)
    assert (end.acted[games, seats[:, 0]] == 9).all()
    assert end.acted[games, seats[:, 1]].tolist() == np.repeat(levers, 3).tolist()
    paid = np.repeat([0.9, 0, 0, 0.9], 3)
    np.testing.assert_allclose(end.returns, paid, rtol=1e-6)
    np.testing.assert_allclose(played.reward[0, :, 0], paid, rtol=1e-6)
    np.testing.assert_array_equal(played.inputs.agent[0, :, 0], seats[:, 0])
    assert played.action.shape == (1, 12, 1)


def test_several_partners_of_a_game_play_by_their_own_parameters():
    """Three seats, six games in two blocks; whoever waits has no choice."""
    env = zsc.make("hanabi", players=3, colours=2, ranks=1, copies=(2,), hand_size=1,
                   info_tokens=2, life_tokens=1)  # fmt: skip
    count = env.spec.num_actions
    bot, policy = constant_policy(num_actions=count), mlp_policy(env.spec, widths=(4,))
    spec = MatchSpec("two", partner=bot, several=True, blocks=2)
    partners, params = jnp.array([[0, 1], [2, 3]], jnp.int32), policy.init(jax.random.key(0))
    asked = 0
    for seed in range(4):
        match = draw_match(jax.random.key(seed), spec, envs=6, num_agents=3, symmetries=1,
                           partners=partners)  # fmt: skip
        games = begin(env, spec, policy, match, jax.random.key(1))
        end, _ = rollout(env, spec, policy, params, match, games, jax.random.key(2), 1)
        mask = np.asarray(games.timestep.mask)
        for game in range(6):
            for role in (1, 2):
                seat, wanted = int(match.seats[game, role]), int(partners[game // 3, role - 1])
                if mask[game, seat, wanted]:
                    assert int(end.acted[game, seat]) == wanted
                    asked += 1
    assert asked > 6


def test_a_role_is_paid_and_reported_what_its_seat_earns():
    """Seat 0 earns 1 where both agree, seat 1 loses a half."""
    env = EachForItself()
    spec = MatchSpec("partner", partner=PULL, blocks=1)
    match, end, played = play(env, spec, jnp.int32(3), partners=jnp.array([3]))
    wanted = np.where(np.asarray(match.seats)[:, 0] == 0, 1.0, -0.5)
    np.testing.assert_allclose(played.reward[0, :, 0], wanted)
    np.testing.assert_allclose(end.returns, wanted)
    _, _, both = play(env, MatchSpec(), jnp.int32(3))
    np.testing.assert_allclose(both.reward[0], np.tile([1.0, -0.5], (12, 1)))


def test_through_relabellings_equal_levers_are_any_and_the_odd_one_stays():
    spec = MatchSpec(relabel=True)
    _, end, played = play(LEVER, spec, jnp.int32(2), envs=4000)
    assert (played.action == 2).all()
    for seat in (0, 1):
        share = np.bincount(end.acted[:, seat], minlength=10) / 4000
        np.testing.assert_allclose(share, [1 / 9] * 9 + [0], atol=0.02)
    agree = (end.acted[:, 0] == end.acted[:, 1]).mean()
    assert agree == pytest.approx(1 / 9, abs=0.02)
    assert end.returns.mean() == pytest.approx(agree)
    assert (play(LEVER, spec, jnp.int32(9))[1].acted == 9).all()


def test_through_a_relabelling_an_agent_sees_what_it_did_by_the_name_it_chose():
    env = zsc.make("lever/iterated")
    _, _, played = play(env, MatchSpec(relabel=True), jnp.int32(2), length=2)
    own, other = played.inputs.obs[1, ..., 1:11], played.inputs.obs[1, ..., 11:]
    assert (own.argmax(-1) == 2).all()
    assert (other.sum(-1) == 1).all()
    assert (other.argmax(-1) != 2).any()


def test_what_is_done_has_the_probability_that_is_kept():
    """A mixture: half of the time any of ten levers, else lever 4."""
    policy = mixture(PULL, 0.5)
    _, _, played = play(LEVER, MatchSpec(), jnp.int32(4), envs=2000, policy=policy)
    chance = np.where(played.action == 4, 0.55, 0.05)
    np.testing.assert_allclose(played.log_prob, np.log(chance), rtol=1e-4)
    assert (played.action == 4).mean() == pytest.approx(0.55, abs=0.03)
    both = ((played.action[0, :, 0] == 4) & (played.action[0, :, 1] == 4)).mean()
    assert both == pytest.approx(0.55**2, abs=0.03)  # each draws for itself


def test_nothing_is_played_or_earned_after_the_end():
    env = TwoStepLever()
    _, end, played = play(env, MatchSpec(), jnp.int32(1), length=4,
                          policy=constant_policy(num_actions=3))  # fmt: skip
    assert played.playing[:, 0, 0].tolist() == [True, True, False, False]
    assert played.terminated[:, 0].tolist() == [False, True, True, True]
    np.testing.assert_allclose(played.reward[:, 0, 0], [0.5, 0.5, 0, 0])
    assert (end.length == 2).all()
    assert (end.returns == 1).all()
    assert end.over.all()
    assert end.counted.all()
    assert played.inputs.first[:, 0, 0].tolist() == [True, False, False, False]


def test_a_critic_sees_the_world_before_each_step_and_after_the_last():
    env = TwoStepLever()
    see = lambda state: state.time[None]
    _, _, played = play(env, MatchSpec(), jnp.int32(1), world=see,
                        policy=constant_policy(num_actions=3))  # fmt: skip
    assert played.world[:, 0, 0].tolist() == [0, 1, 2]
    assert played.last.obs.shape == (12, 2, env.spec.obs_shape[0])


def test_a_first_game_counts_and_the_next_in_its_place_does_not():
    env, policy = TwoStepLever(), constant_policy(num_actions=3)
    spec = MatchSpec()
    match, end, _ = play(env, spec, jnp.int32(1), length=2, policy=policy)
    end = end._replace(over=jnp.arange(12) < 6)
    anew = begin_anew(env, spec, policy, match, end, jax.random.key(9))
    assert anew.state.time.tolist() == [0] * 6 + [2] * 6
    assert anew.first.tolist() == [True] * 6 + [False] * 6
    assert (anew.acted[:6] == -1).all()
    assert (anew.acted[6:] == 1).all()
    assert not anew.over.any()
    run = jax.jit(lambda games: rollout(env, spec, policy, jnp.int32(1), match, games,
                                        jax.random.key(2), 2))  # fmt: skip
    later, played = run(anew)
    assert (later.returns == 1).all()
    assert (later.length == 2).all()
    np.testing.assert_allclose(played.reward[:, :6].sum(0), 1.0)


def test_games_begin_in_the_states_that_are_given():
    env, policy = TwoStepLever(), constant_policy(num_actions=3)
    state, _ = jax.vmap(env.reset)(jax.random.split(jax.random.key(0), 4))
    late = state._replace(time=jnp.ones(4, jnp.int32))
    match = draw_match(jax.random.key(3), MatchSpec(), envs=4, num_agents=2, symmetries=1)
    games = begin(env, MatchSpec(), policy, match, jax.random.key(1), late)
    np.testing.assert_array_equal(games.timestep.obs, jax.vmap(env.show)(late).obs)
    assert games.state.time.tolist() == [1] * 4
    assert games.first.all()
    assert not games.over.any()


@pytest.mark.parametrize("make", [mlp_policy, gru_policy])
def test_replayed_by_its_own_parameters_nothing_differs(make):
    env = TwoStepLever()
    policy = make(env.spec, widths=(4,))
    params = policy.init(jax.random.key(5))
    params = jax.tree.map(lambda x: 3 * x + 0.1, params)
    _, _, played = play(env, MatchSpec(), params, policy=policy)
    out = jax.jit(lambda: replay(policy, params, played))()
    np.testing.assert_allclose(out.value, played.value, rtol=1e-4, atol=1e-5)
    said = jax.nn.log_softmax(out.logits)
    chosen = np.take_along_axis(np.asarray(said), played.action[..., None], -1)[..., 0]
    np.testing.assert_allclose(chosen, played.log_prob, rtol=1e-4, atol=1e-5)


def by_seat_policy():
    """Does what its parameters say of its seat."""
    apply = lambda params, carry, inputs: (
        carry, Out(certain(params[inputs.agent], 3), jnp.zeros(1)))  # fmt: skip
    return Policy("seat", (), lambda key: jnp.zeros(2, jnp.int32), lambda: (), apply)


def test_states_on_the_way_are_reached_by_all_together():
    """Two agents; each seat acts by either, at every step anew; games stop at any time."""
    env, policy = TwoStepLever(rounds=4), by_seat_policy()
    params = jnp.array([[0, 1], [2, 2]])
    visited = jax.jit(lambda: visit(env, policy, params, jax.random.key(0), envs=2000))()
    time = np.asarray(visited.time)
    np.testing.assert_allclose(np.bincount(time, minlength=5) / 2000, [0.25] * 4 + [0], atol=0.04)
    done = np.asarray(visited.done)
    assert (done[time == 2][:, 2:] == -1).all()
    late = done[time == 3][:, :3]  # [games, rounds, seat]
    for seat, own in ((0, 0), (1, 1)):
        share = np.bincount(late[..., seat].reshape(-1), minlength=3) / late[..., seat].size
        np.testing.assert_allclose(share[[own, 2]], 0.5, atol=0.05)
    assert abs(np.corrcoef(late[:, 0, 0], late[:, 1, 0])[0, 1]) < 0.15
    assert abs(np.corrcoef(late[:, 0, 0], late[:, 0, 1])[0, 1]) < 0.15


def test_whose_turn_it_is_is_taken_and_put_back():
    rows = {"x": jnp.arange(12).reshape(3, 2, 2)}
    turn = jnp.array([[1], [0], [1]])
    taken = take_turn(rows, turn)
    assert taken["x"][:, 0].tolist() == [[2, 3], [4, 5], [10, 11]]
    back = put_turn(rows, turn, {"x": -taken["x"]})
    assert back["x"].tolist() == [[[0, 1], [-2, -3]], [[-4, -5], [6, 7]], [[8, 9], [-10, -11]]]
    assert take_turn(rows, None) is rows
    assert put_turn(rows, None, "new") == "new"
