"""STORM by hand, beside the reference engine in small, its starts, its symmetries and its names."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.storm_oracle.compare import SETTINGS, compare_starts, compare_steps
from zsc import UserError, check_environment, constant_policy, make_pool
from zsc.envs.storm import PAYOFFS, State, Storm
from zsc.envs.storm.dynamics import Draws, Spawn
from zsc.envs.storm.state import FORWARD, INTERACT, LEFT, RIGHT, STAY
from zsc.evaluation import crossplay
from zsc.evaluation.teams import teams
from zsc.populations import SelfPlay

KEY = jax.random.key(0)
DILEMMA = zsc.make("storm/prisoners_dilemma")
NAMES = DILEMMA.spec.event_names


def at(red, blue, *, inventory=((0, 0), (0, 0)), freeze=-1, time=0, env=DILEMMA):
    """A state of agents (a, b, direction), with all coins at home that nobody stands on."""
    agents = np.array([red, blue], np.int8)
    homes = env.field.homes
    taken = (homes[:, :, None] == agents[:, :2]).all(-1).any(-1)
    return State(
        pos=jnp.asarray(agents[:, :2]),
        direction=jnp.asarray(agents[:, 2]),
        inventory=jnp.array(inventory, jnp.int8),
        homes=jnp.asarray(homes),
        present=jnp.asarray(~taken),
        beam=jnp.zeros((2, 4), bool),
        freeze=jnp.int8(freeze),
        time=jnp.int32(time),
    )


@cache
def stepping(env):
    return jax.jit(env.advance)


def after(state, red, blue, *, env=DILEMMA, red_wins=True):
    """What a step leads to; new starts are in two corners."""
    spawn = Spawn(jnp.array([[0, 0], [7, 7]], jnp.int8), jnp.array([3, 1], jnp.int8))
    return stepping(env)(state, jnp.array([red, blue]), Draws(jnp.bool_(red_wins), spawn))


def places(state):
    return np.concatenate([state.pos, state.direction[:, None]], axis=1).tolist()


def test_contract():
    check_environment(zsc.make("storm/coordination", horizon=25), steps=25, games=8)


def test_agents_turn_walk_and_stay_at_walls():
    state = at((3, 3, 0), (0, 0, 3))
    assert places(after(state, LEFT, FORWARD)[0]) == [[3, 3, 1], [0, 0, 3]]
    assert places(after(state, RIGHT, LEFT)[0]) == [[3, 3, 3], [0, 0, 0]]
    for direction, cell in enumerate([(3, 4), (4, 3), (3, 2), (2, 3)]):
        moved, _ = after(at((3, 3, direction), (0, 0, 0)), FORWARD, STAY)
        assert moved.pos[0].tolist() == list(cell)


def test_of_one_cell_for_two_who_stays_keeps_it_or_the_draw_decides():
    state = at((3, 3, 0), (3, 5, 2))
    assert places(after(state, FORWARD, FORWARD)[0]) == [[3, 4, 0], [3, 5, 2]]
    moved, shown = after(state, FORWARD, FORWARD, red_wins=False)
    assert places(moved) == [[3, 3, 0], [3, 4, 2]]
    assert np.asarray(shown.info["events"])[:, NAMES.index("collision")].tolist() == [True, False]
    near = at((3, 3, 0), (3, 4, 2))
    assert places(after(near, FORWARD, STAY, red_wins=True)[0]) == [[3, 3, 0], [3, 4, 2]]
    assert places(after(near, FORWARD, FORWARD)[0]) == [[3, 4, 0], [3, 3, 2]]  # they change places


def test_coins_are_collected_once():
    red, blue = DILEMMA.field.homes[:, 0].tolist()
    assert (red, blue) == ([1, 2], [1, 1])
    state = at((1, 3, 2), (7, 7, 0))
    state, shown = after(state, FORWARD, STAY)
    assert state.inventory.tolist() == [[1, 0], [0, 0]]
    assert bool(shown.info["events"][0, NAMES.index("red_coin")])
    state, _ = after(state, FORWARD, STAY)
    assert state.inventory.tolist() == [[1, 1], [0, 0]]
    state, _ = after(after(after(state, LEFT, STAY)[0], LEFT, STAY)[0], FORWARD, STAY)
    assert state.inventory.tolist() == [[1, 1], [0, 0]]
    assert int(state.present.sum()) == 10


@pytest.mark.parametrize(
    ("other", "hit"),
    [((3, 4), True), ((3, 5), True), ((4, 4), True), ((2, 4), True), ((3, 6), False),
     ((4, 3), False), ((4, 5), False), ((3, 2), False)],
)  # fmt: skip
def test_the_beam_reaches_two_ahead_and_both_sides_of_the_first(other, hit):
    state = at((3, 3, 0), (*other, 0), inventory=((1, 0), (0, 1)))
    moved, shown = after(state, INTERACT, STAY)
    assert shown.reward.tolist() == ([0, 5] if hit else [0, 0])
    assert int(moved.freeze) == (5 if hit else -1)


def test_mixtures_are_paid_and_nobody_who_holds_nothing():
    state = at((3, 3, 0), (3, 4, 0), inventory=((1, 3), (2, 0)))
    assert after(state, INTERACT, STAY)[1].reward.tolist() == [0.25 * 3 + 0.75 * 5, 0.25 * 3]
    nothing = at((3, 3, 0), (3, 4, 2), inventory=((1, 3), (0, 0)))
    assert after(nothing, INTERACT, INTERACT)[1].reward.tolist() == [0, 0]


def test_after_an_interaction_both_stand_still_and_start_anew():
    state = at((3, 3, 0), (3, 4, 0), inventory=((1, 0), (1, 0)))
    state, shown = after(state, INTERACT, STAY)
    assert shown.reward.tolist() == [3, 3]
    assert shown.obs[0, 254:256].tolist() == [1, 0]  # the other's coins are shown
    for left in (4, 3, 2, 1):
        state, shown = after(state, FORWARD, INTERACT)
        assert places(state) == [[3, 3, 0], [3, 4, 0]]
        assert (int(state.freeze), shown.reward.tolist()) == (left, [0, 0])
    state, _ = after(state, FORWARD, FORWARD)
    assert places(state) == [[0, 0, 3], [7, 7, 1]]
    assert int(state.freeze) == -1
    assert int(state.inventory.sum()) == 0
    assert bool(state.present.all())


def test_windows_are_turned_to_the_own_view():
    """A wall behind, coins ahead: from two sides that half a turn exchanges they look alike but for
    colours."""
    seen = np.asarray(DILEMMA.show(at((0, 1, 1), (7, 6, 3))).obs)[:, :250].reshape(2, 5, 5, 10)
    assert seen[0, 2, 0].tolist() == [1] + [0] * 9  # itself
    swapped = seen[1][..., [0, 1, 3, 2, 4, 5, 6, 7, 8, 9]]
    assert np.array_equal(seen[0], swapped)
    assert seen[..., 4].any()
    facing = np.asarray(DILEMMA.show(at((3, 3, 0), (3, 5, 2))).obs)[:, :250].reshape(2, 5, 5, 10)
    assert facing[0, 2, 2].tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]  # ahead, looks at me
    left = np.asarray(DILEMMA.show(at((3, 3, 0), (2, 4, 1))).obs)[0, :250].reshape(5, 5, 10)
    assert left[1, 1].tolist() == [0, 1, 0, 0, 0, 0, 0, 1, 0, 0]


def test_both_encodings_show_the_same():
    state = at((3, 3, 0), (3, 5, 2), inventory=((1, 2), (0, 1)), freeze=3)
    vector = np.asarray(DILEMMA.show(state).obs)
    grid = np.asarray(zsc.make("storm/prisoners_dilemma", encoding="grid").show(state).obs)
    assert np.array_equal(grid[..., :10].reshape(2, -1), vector[:, :250])
    assert (grid[..., 10:] == vector[:, None, None, 250:256]).all()
    assert not vector[:, 256:].any()


@pytest.mark.parametrize(
    ("name", "elements"),
    [("prisoners_dilemma", 2), ("stag_hunt", 2), ("chicken", 2), ("battle_of_the_sexes", 2),
     ("coordination", 4), ("matching_pennies", 2)],
)  # fmt: skip
def test_colours_and_seats_change_places_where_pay_offs_allow_it(name, elements):
    group = zsc.make(f"storm/{name}").symmetry()
    colours = (group.obs_index != np.arange(260)).any(1)
    seats = (group.seat_index != np.arange(2)).any(1)
    wanted = {
        "coordination": {(0, 0), (1, 0), (0, 1), (1, 1)},
        "matching_pennies": {(0, 0), (1, 0)},
        "battle_of_the_sexes": {(0, 0), (1, 1)},
    }.get(name, {(0, 0), (0, 1)})
    assert {(int(c), int(s)) for c, s in zip(colours, seats, strict=True)} == wanted
    assert len(group) == elements
    assert len(zsc.make(f"storm/{name}", reference=True).symmetry()) == 1


def test_starts_lie_off_coins_in_all_directions():
    for env in (DILEMMA, zsc.make("storm/coordination-5x5")):
        state = jax.jit(jax.vmap(lambda key, env=env: env.reset(key)[0]))(
            jax.random.split(KEY, 2000)
        )
        pos, homes = np.asarray(state.pos), env.field.homes.reshape(-1, 2)
        assert not (pos[:, :, None] == homes).all(-1).any()
        assert np.bincount(np.asarray(state.direction).reshape(-1)).min() > 850
        assert (pos[:, 0] + pos[:, 1] == env.size - 1).all()
        pairs = np.unique(pos[:, 0] @ [env.size, 1], return_counts=True)[1]
        assert len(pairs) == {8: 16, 5: 20}[env.size]
        assert pairs.min() > 60


def test_the_last_step_is_a_step_like_any_other_but_in_the_reference():
    state = at((3, 3, 0), (3, 4, 0), inventory=((1, 0), (1, 0)), time=151)
    moved, shown = DILEMMA.step(KEY, state, jnp.array([INTERACT, STAY]))
    assert shown.reward.tolist() == [3, 3]
    assert bool(shown.truncated)
    assert places(moved) == places(state)
    again, shown = DILEMMA.step(KEY, moved, jnp.array([FORWARD, FORWARD]))
    assert shown.reward.tolist() == [0, 0]
    assert places(again) == places(state)
    theirs = zsc.make("storm/prisoners_dilemma", reference=True)
    moved, shown = theirs.step(KEY, state, jnp.array([INTERACT, STAY]))
    assert shown.reward.tolist() == [0, 0]
    assert int(moved.freeze) == -1


@pytest.mark.parametrize("name", ["battle of the sexes, freeze 2, 60 steps"])
def test_the_reference_agrees(name):
    found = compare_steps(SETTINGS[name], 500)
    wanted = ("interactions", "new starts", "beams shown", "kept in place", "agents under coins")
    assert min(found[what] for what in wanted) > 2
    assert compare_starts(SETTINGS[name], 50) == 50


def test_each_seat_has_its_own_matrix_and_no_team_a_return():
    env = zsc.make("storm/battle_of_the_sexes-5x5")
    assert not env.spec.team_reward
    assert not env.spec.shares
    pool = make_pool(env.spec, constant_policy(num_actions=5), jnp.arange(2), [zsc.Label("c")] * 2)
    played = crossplay(env, {"constant": pool}, episodes=2)
    assert played.matrix(seat=1).shape == (2, 2)
    with pytest.raises(UserError, match="pays each agent by itself"):
        teams(env, {"constant": pool}, episodes=2)


def test_snapshots_are_in_the_codes_of_the_reference():
    state, _ = after(at((3, 3, 0), (3, 5, 2)), INTERACT, STAY)
    told = DILEMMA.snapshot(state)
    grid = np.asarray(told["grid"])
    assert told["red_pos"].tolist() == [3, 3, 0]
    assert (grid[3, 3], grid[3, 5], grid[1, 2], grid[1, 1]) == (1, 2, 3, 4)
    assert np.argwhere(grid == 6).tolist() == [[2, 4], [3, 4], [4, 4]]
    back = DILEMMA.restore(told)
    assert all(np.array_equal(x, y) for x, y in zip(back, state, strict=True))


def test_names_tell_games_apart_and_are_found_again():
    names = [name for name in zsc.list_envs() if name.startswith("storm/")]
    assert len(names) == 2 * len(PAYOFFS)
    assert [zsc.make(name).spec.id for name in names] == names
    assert zsc.make("storm") == DILEMMA
    assert (DILEMMA.horizon, zsc.make("storm/chicken-5x5").horizon) == (152, 20)
    own = zsc.make("storm", payoffs=[[[1, 2], [3, 4]], [[5, 6], [7, 8]]])
    assert own.spec.id == "storm/own"
    assert own.payoffs == (((1.0, 2.0), (3.0, 4.0)), ((5.0, 6.0), (7.0, 8.0)))


def test_pictures_show_agents_coins_and_beams():
    state = at((3, 3, 0), (3, 5, 2))
    first = DILEMMA.render(state)
    assert first.shape == (8 * 36 + 27, 8 * 36 + 1, 3)
    assert (DILEMMA.render(after(state, INTERACT, STAY)[0]) != first).any()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"size": 6}, "size is 6: give 8 or 5"),
        ({"payoffs": ((1, 2), (3, 4))}, "payoffs are red's and blue's matrix"),
        ({"payoffs": "chicken"}, "payoffs are"),
        ({"freeze": 0}, "freeze is 0"),
        ({"horizon": -1}, "horizon is -1"),
        ({"encoding": "image"}, "unknown encoding"),
    ],
    ids=str,
)
def test_settings_that_are_no_game_are_refused(settings, told):
    with pytest.raises(UserError, match=told):
        Storm(**settings)


@pytest.mark.long
def test_self_play_meets_with_coins_of_one_colour():
    """By the preset, in two minutes on two cores; a mixture of both colours pays half."""
    env = zsc.make("storm/coordination")
    played = crossplay(env, {"sp": SelfPlay(members=1).train(env, seed=0)}, episodes=64)
    assert played.matrix()[0, 0] > 5
