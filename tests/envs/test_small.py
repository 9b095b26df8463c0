"""Small games: the contract, and the answers that their docstrings know."""

import jax
import jax.numpy as jnp
import jaxmarl
import numpy as np
import pytest

import zsc
from zsc.envs.small import CatAndDog, SwitchRiddle
from zsc.envs.small.switch_riddle import NOTHING, SWITCH, TELL

NAMES = ("two_step_matrix", "two_step_lever", "hidden_coin", "cat_and_dog", "switch_riddle")


@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str) -> None:
    zsc.check_environment(zsc.make(name), games=4)


def played(env, key, chosen):
    """What the team earns if everybody does chosen(time), which only the one in the room may."""
    state, shown = env.reset(key)
    total = 0.0
    for time in range(env.spec.horizon):
        key = jax.random.fold_in(key, time)
        action = jnp.where(shown.mask[:, chosen(time)], chosen(time), NOTHING)
        state, shown = env.step(key, state, action)
        total += shown.reward[0]
    return total, state, shown


def test_who_tells_blindly_at_the_last_step_of_the_riddle_earns_what_chance_gives() -> None:
    env = SwitchRiddle()
    last = env.spec.horizon - 1
    assert last == 5
    play = jax.jit(jax.vmap(lambda key: played(env, key, lambda t: TELL if t == last else 0)[0]))
    earned = np.asarray(play(jax.random.split(jax.random.key(0), 4096)))
    assert set(earned.tolist()) == {-1.0, 1.0}
    all_three = 1 - 3 * (2 / 3) ** 6 + 3 * (1 / 3) ** 6
    assert abs(earned.mean() - (2 * all_three - 1)) < 0.06  # four standard errors


def test_the_bulb_is_seen_in_the_room_only_and_time_that_runs_out_pays_nothing() -> None:
    env = SwitchRiddle(players=4)
    total, state, shown = played(env, jax.random.key(1), lambda t: SWITCH if t == 0 else NOTHING)
    assert total == 0
    assert bool(shown.truncated)
    assert not bool(shown.terminated)
    assert bool(state.bulb)
    np.testing.assert_array_equal(shown.obs[:, 1], shown.obs[:, 0])
    assert int(shown.obs[:, 0].sum()) == 1


@pytest.mark.parametrize("players", [3, 5])
def test_the_riddle_is_that_of_the_reference_engine(players: int) -> None:
    """256 games from the same keys and random actions, who is not in the room included."""
    env, theirs = SwitchRiddle(players), jaxmarl.make("switch_riddle", num_agents=players)

    def both(key):
        (state, shown), (seen, there) = env.reset(key), theirs.reset(key)
        over, differs = jnp.array(False), jnp.array(0)
        for time in range(env.spec.horizon):
            key = jax.random.fold_in(key, time)
            action = jax.random.choice(key, 3, (players,), p=jnp.array([0.5, 0.35, 0.15]))
            differs += ~over & (shown.obs != jnp.stack(list(seen.values()))).any()
            state, shown = env.step(key, state, action)
            acts = dict(zip(theirs.agents, action, strict=True))
            seen, there, paid, done, _ = theirs.step_env(key, there, acts)
            differs += ~over & (shown.reward != jnp.stack(list(paid.values()))).any()
            differs += ~over & (shown.done != done["__all__"])
            differs += ~over & (state.been != there.has_been).any()
            over |= shown.done
        return differs, over

    differs, over = jax.jit(jax.vmap(both))(jax.random.split(jax.random.key(0), 256))
    assert int(differs.sum()) == 0
    assert bool(over.all())


@pytest.mark.parametrize("pet", [0, 1])
def test_the_door_and_a_right_guess_pay_five_and_a_light_says_nothing_by_itself(pet: int) -> None:
    env = CatAndDog()
    wait = env.spec.idle_action

    def team(first: int, second: int) -> tuple[float, np.ndarray]:
        state = env.restore({"hidden": pet, "move": -1, "time": 0})
        key = jax.random.key(0)
        state, one = env.step(key, state, jnp.array([first, wait]))
        seen = np.asarray(one.obs[1, -2:])
        state, two = env.step(key, state, jnp.array([wait, second]))
        return float(one.reward[0] + two.reward[0]), seen

    assert team(3, pet)[0] == 5
    assert team(3, pet)[1][pet] == 1
    for light in (0, 1):
        paid, seen = team(light, 1 - pet)
        assert paid == -10
        assert not seen.any()
    assert team(0, 2)[0] == 0.5
    assert team(2, pet)[0] == 1


def test_settings_that_mean_nothing_are_refused() -> None:
    for name, setting in (
        ("switch_riddle", {"players": 2}),
        ("cat_and_dog", {"bail": 3.0}),
        ("two_step_matrix", {"rounds": 3}),
        ("two_step_lever", {"actions": 1}),
    ):
        with pytest.raises(zsc.UserError):
            zsc.make(name, **setting)
