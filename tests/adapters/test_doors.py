"""The same game and the same agents through every door."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import jumanji
import numpy as np
import pytest

import zsc
from zsc.adapters import to_aec, to_gymnasium, to_jaxmarl, to_pettingzoo
from zsc.agents.bots import scripted_partners
from zsc.errors import UserError
from zsc.evaluation import crossplay

HORIZON = 60


@pytest.fixture(scope="module")
def kitchen():
    return zsc.make("overcooked/cramped_room", horizon=HORIZON)


@pytest.fixture(scope="module")
def actions(kitchen):
    """[T, A] what two hogs do: they never choose by chance, and take turns in the way."""
    hogs = scripted_partners(kitchen).take([5])
    record = zsc.record(kitchen, (hogs, scripted_partners(kitchen).take([1])), seed=3)
    return np.asarray(record.action)[0]


def paid(kitchen, actions):
    """What our own step pays for these actions."""
    state, shown = kitchen.reset(jax.random.key(0))
    total = np.zeros(2)
    step = jax.jit(kitchen.step)
    for action in actions:
        state, shown = step(jax.random.key(0), state, jnp.asarray(action))
        total += np.asarray(shown.reward)
    return total


def test_the_same_actions_pay_the_same_through_every_door(kitchen, actions):
    ours = paid(kitchen, actions)
    assert ours[0] > 0
    theirs = to_jaxmarl(kitchen)
    _, state = theirs.reset(jax.random.key(0))
    step = jax.jit(theirs.step_env)
    total = np.zeros(2)
    for action in actions:
        acts = dict(zip(theirs.agents, jnp.asarray(action), strict=True))
        _, state, reward, done, _ = step(jax.random.key(0), state, acts)
        total += [float(reward[name]) for name in theirs.agents]
    assert total.tolist() == ours.tolist()
    assert bool(done["__all__"])

    zoo = to_pettingzoo(kitchen)
    zoo.reset(seed=0)
    total = np.zeros(2)
    for action in actions:
        _, reward, _, cut, _ = zoo.step(dict(zip(zoo.possible_agents, action, strict=True)))
        total += list(reward.values())
    assert total.tolist() == ours.tolist()
    assert all(cut.values())
    assert zoo.agents == []

    turns = to_aec(kitchen)
    turns.reset(seed=0)
    total = dict.fromkeys(turns.possible_agents, 0.0)
    for action in actions:
        for chosen in action:
            turns.step(int(chosen))
        for name in total:
            total[name] += turns.rewards[name]
    assert list(total.values()) == ours.tolist()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pettingzoo.*")
@pytest.mark.filterwarnings("ignore::UserWarning")  # what gymnasium advises
def test_the_forms_are_what_their_own_checks_want(kitchen):
    from gymnasium.utils.env_checker import check_env
    from pettingzoo.test import parallel_api_test

    parallel_api_test(to_pettingzoo(kitchen), num_cycles=HORIZON + 5)
    check_env(to_gymnasium(kitchen, scripted_partners(kitchen)), skip_render_check=True)


def test_a_step_of_jaxmarls_form_deals_a_new_game_at_the_end(kitchen, actions):
    theirs = to_jaxmarl(kitchen)
    _, state = theirs.reset(jax.random.key(0))
    step = jax.jit(theirs.step)
    for action in actions:
        acts = dict(zip(theirs.agents, jnp.asarray(action), strict=True))
        _, state, _, done, _ = step(jax.random.key(0), state, acts)
    assert bool(done["__all__"])
    assert int(state.time) == 0
    assert theirs.action_space("agent_0").n == 6


def test_one_seat_with_strangers_earns_what_cross_play_says(kitchen):
    """A hog that is played by hand earns with an idle partner what the matrix has for the pair."""
    bots = scripted_partners(kitchen)
    hog, idle = bots.take([5]), bots.take([1])
    expected = crossplay(kitchen, {"hog": hog, "idle": idle}, episodes=1).matrix(seat=0)[0, 1]
    game = to_gymnasium(kitchen, idle, seat=0)
    from zsc.adapters.host import Player

    game.reset(seed=1)
    player = Player(hog.policy, jax.tree.map(lambda x: x[0], hog.params), 0)
    total, over = 0.0, False
    while not over:
        acted = game._acted
        _, reward, _, over, info = game.step(player.act(game._host, acted))
        total += reward
        assert info["partners"] == (0,)
    assert total == expected


def test_strangers_and_seats_are_drawn_for_each_episode(kitchen):
    game = to_gymnasium(kitchen, scripted_partners(kitchen))
    met = {(game.reset(seed=s)[1]["seat"], game.reset(seed=s)[1]["partners"]) for s in range(60)}
    assert {seat for seat, _ in met} == {0, 1}
    assert {who for _, (who,) in met} == set(range(6))
    assert game.reset(seed=7)[1] | {"action_mask": 0} == game.reset(seed=7)[1] | {"action_mask": 0}


def test_a_game_of_jaxmarl_is_a_game_here():
    env = zsc.make("jaxmarl", env="switch_riddle", horizon=6)
    zsc.check_environment(env, steps=8, games=4)
    again = zsc.envs.registry.rebuild(env.spec.id, {"env": "switch_riddle", "horizon": 6})
    assert again == env


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"env": "switch_ridle"}, "did you mean 'switch_riddle'"),
        ({"env": "MPE_simple_speaker_listener_v4"}, "agents differ in how many entries are seen"),
        ({"env": "switch_riddle", "horizon": 0}, "horizon is 0"),
    ],
)
def test_games_that_cannot_be_adapted_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        zsc.make("jaxmarl", **settings)


def test_a_game_of_jumanji_is_a_game_here_and_pays_what_it_pays_there():
    env = zsc.make("jumanji", env="LevelBasedForaging-v0", horizon=30)
    theirs = jumanji.make("LevelBasedForaging-v0")
    state, shown = env.reset(jax.random.key(3))
    there, first = theirs.reset(jax.random.key(3))
    step, move = jax.jit(env.step), jax.jit(theirs.step)
    np.testing.assert_array_equal(shown.obs, first.observation.agents_view.reshape(2, -1))
    for turn in range(30):
        key = jax.random.key(turn)
        action = jax.random.categorical(key, jnp.where(shown.mask, 0.0, -jnp.inf))
        state, shown = step(key, state, action)
        there, after = move(there, action)
        np.testing.assert_array_equal(shown.reward, after.reward)
        np.testing.assert_array_equal(shown.obs, after.observation.agents_view.reshape(2, -1))
        assert not shown.terminated or after.last()
        if shown.done:
            break
    assert shown.done


@pytest.mark.long
def test_a_game_of_jumanji_keeps_the_contract():
    zsc.check_environment(zsc.make("jumanji", env="RobotWarehouse-v0", horizon=20), games=4)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("LevelBasedForagin-v0", "did you mean 'LevelBasedForaging-v0'"),
        ("Snake-v1", "Snake-v1: its observation has no view for each agent"),
    ],
)
def test_games_of_jumanji_for_one_are_refused(name, message):
    with pytest.raises(UserError, match=message):
        zsc.make("jumanji", env=name)


def test_mistakes_of_whoever_steps_are_named(kitchen):
    zoo = to_pettingzoo(kitchen)
    with pytest.raises(UserError, match="call reset"):
        zoo.step({"agent_0": 0, "agent_1": 0})
    zoo.reset(seed=0)
    with pytest.raises(UserError, match="agent_1 does 9: actions are 0 to 5"):
        zoo.step({"agent_0": 0, "agent_1": 9})
    with pytest.raises(UserError, match="seat is 2"):
        to_gymnasium(kitchen, scripted_partners(kitchen), seat=2)
    other = zsc.make("overcooked/coordination_ring")
    with pytest.raises(UserError, match="cramped_room"):
        to_gymnasium(kitchen, scripted_partners(other))
