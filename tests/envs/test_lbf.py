"""Foraging by hand, beside both reference engines in small, its starts and its names."""

from __future__ import annotations

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.lbf_oracle.compare import compare_jumanji, compare_original, compare_starts
from tests.lbf_oracle.settings import JUMANJI, ORIGINAL
from tests.replays import DifferenceError, Games, compare
from zsc import UserError, check_environment
from zsc.agents.bots.lbf import foraging_bots
from zsc.envs.lbf import Foraging, State
from zsc.envs.lbf.dynamics import moves
from zsc.envs.lbf.state import EAST, LOAD, NOOP, NORTH, SOUTH, WEST
from zsc.evaluation import crossplay
from zsc.evaluation.teams import teams
from zsc.play.film import earned
from zsc.play.teams import team_reward
from zsc.populations import SelfPlay

KEY = jax.random.key(0)
PAIR = zsc.make("lbf/8x8-2p-2f")

# the reference engines warn on their own account
theirs_warn = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


def at(*agents, foods=((3, 3, 3), (5, 5, 2)), levels=None, eaten=(), time=0):
    """A state of agents in these cells, level 1 and up, and foods (row, column, level)."""
    foods, size = np.array(foods), len(agents)
    return State(
        pos=jnp.array(agents, jnp.int8),
        level=jnp.array(levels or range(1, size + 1), jnp.int8),
        loading=jnp.zeros(size, bool),
        food_pos=jnp.array(foods[:, :2], jnp.int8),
        food_level=jnp.array(foods[:, 2], jnp.int8),
        food_eaten=jnp.isin(jnp.arange(len(foods)), jnp.array(eaten or [-1])),
        time=jnp.int32(time),
    )


def after(state, *actions, **settings):
    """What a step of a game with these settings leads to."""
    env = Foraging(players=len(actions), foods=len(state.food_level), **settings)
    return env.step(KEY, state, jnp.array(actions))


def happened(env, shown):
    """The names of what each agent did."""
    events = np.asarray(shown.info["events"])
    return [{n for n, there in zip(env.spec.event_names, row, strict=True) if there}
            for row in events]  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"players": 3, "foods": 3, "view": 2, "penalty": 0.1, "cooperate": False},
        pytest.param(
            {"size": 7, "encoding": "centred", "view": 7, "solo": 1, "pay": "team"},
            marks=pytest.mark.long,
        ),
    ],
    ids=str,
)
def test_contract(settings):
    check_environment(Foraging(horizon=40, **settings), steps=20, games=8)


@pytest.mark.parametrize(
    ("settings", "elements"),
    [
        ({}, 2 * 2),  # the diagonal, two foods
        ({"encoding": "grid"}, 8),
        ({"encoding": "centred"}, 8 * 2),
        ({"encoding": "centred", "players": 3, "foods": 3}, 8 * 6 * 6),
        ({"encoding": "centred", "players": 4, "foods": 5, "size": 10, "view": 10}, 8 * 5 * 4),
        ({"rules": "original"}, 1),
        ({"rules": "original", "encoding": "centred"}, 8 * 2),
    ],
    ids=str,
)
def test_elements_of_the_group(settings, elements):
    assert len(Foraging(**settings).symmetry()) == elements


def test_a_group_can_be_asked_for_first_while_a_program_is_traced():
    env = Foraging(size=9, view=4, encoding="centred")
    sizes = jax.jit(lambda: jnp.int32(len(env.symmetry())))
    assert int(sizes()) == 16
    assert np.array_equal(moves(jnp.arange(6)), [[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1], [0, 0]])


def test_a_quarter_turn_turns_states_windows_and_moves():
    env = Foraging(size=8, encoding="grid")
    group = env.symmetry()
    (turn,) = [g for g in range(8) if group.action_index[g].tolist() == [0, 3, 4, 2, 1, 5]]
    moved = group.move_state(turn, at((0, 1), (7, 2)))
    assert moved.pos.tolist() == [[6, 0], [5, 7]]  # (row, column) -> (7 - column, row)
    seen = env.observe(at((0, 1), (7, 2)))[0]
    assert seen.shape == (17, 17, 3)
    assert np.array_equal(group.obs(turn, seen), np.rot90(seen))


def test_agents_walk_where_nothing_stands_and_nobody_follows():
    two = at((1, 1), (6, 6))
    ways = {NORTH: (0, 1), SOUTH: (2, 1), WEST: (1, 0), EAST: (1, 2), NOOP: (1, 1), LOAD: (1, 1)}
    for action, cell in ways.items():
        assert after(two, action, NOOP)[0].pos.tolist() == [list(cell), [6, 6]]
    stays = lambda state, *actions: (after(state, *actions)[0].pos == state.pos).all()
    assert stays(at((0, 0), (7, 7)), NORTH, SOUTH)
    assert stays(at((0, 0), (7, 7)), WEST, EAST)
    assert stays(at((2, 3), (3, 4)), SOUTH, WEST)  # into food
    assert stays(at((1, 1), (1, 3)), EAST, WEST)  # the same cell
    assert stays(at((1, 1), (1, 2)), EAST, WEST)  # places are not changed
    assert after(at((1, 1), (1, 2)), EAST, EAST)[0].pos.tolist() == [[1, 1], [1, 3]]  # nor followed
    assert not stays(at((2, 3), (3, 6), eaten=[0]), SOUTH, WEST)  # where food was


def test_in_the_original_agents_follow_change_places_and_may_share_a_cell():
    original = {"rules": "original"}
    assert after(at((1, 1), (1, 2)), EAST, EAST, **original)[0].pos.tolist() == [[1, 2], [1, 3]]
    assert after(at((1, 1), (1, 2)), EAST, WEST, **original)[0].pos.tolist() == [[1, 2], [1, 1]]
    crowd = at((1, 1), (1, 3), (2, 1))  # two want (1, 2), the third follows one of them
    moved, _ = after(crowd, EAST, WEST, NORTH, **original)
    assert moved.pos.tolist() == [[1, 1], [1, 3], [1, 1]]


def test_food_is_eaten_by_levels_enough_and_paid_by_level():
    state = at((2, 3), (3, 4), levels=[1, 2])
    moved, shown = after(state, LOAD, LOAD)
    assert moved.food_eaten.tolist() == [True, False]
    np.testing.assert_allclose(shown.reward, np.array([1, 2]) * 3 / (3 * 5))
    assert happened(PAIR, shown) == [{"load", "load_together"}] * 2
    moved, shown = after(state, LOAD, NOOP)
    assert not moved.food_eaten.any()
    assert shown.reward.tolist() == [0, 0]
    assert happened(PAIR, shown) == [{"failed_load"}, {"noop"}]
    moved, shown = after(at((4, 5), (0, 0), levels=[2, 1]), LOAD, LOAD)  # alone
    np.testing.assert_allclose(shown.reward, [2 / 5, 0])
    assert happened(PAIR, shown) == [{"load", "load_alone"}, {"useless_load"}]


def test_one_load_may_help_at_two_foods():
    foods = [(3, 3, 1), (4, 4, 1)]
    moved, shown = after(at((3, 4), (0, 0), foods=foods), LOAD, NOOP)
    assert moved.food_eaten.all()
    assert bool(shown.terminated)
    np.testing.assert_allclose(shown.reward, [1, 0])


def test_without_normalizing_levels_are_multiplied():
    shown = after(at((2, 3), (3, 4)), LOAD, LOAD, normalize=False)[1]
    assert shown.reward.tolist() == [3, 6]


def test_who_loads_in_vain_pays_the_penalty_and_nobody_else():
    state = at((2, 3), (3, 4), (7, 7), levels=[1, 1, 1])
    assert after(state, LOAD, NOOP, NOOP, penalty=0.5)[1].reward.tolist() == [-0.5, 0, 0]
    assert after(state, LOAD, LOAD, LOAD, penalty=0.5)[1].reward.tolist() == [-0.5, -0.5, 0]
    everyone = after(state, LOAD, NOOP, NOOP, penalty=0.5, blame="everyone")[1]
    np.testing.assert_allclose(everyone.reward, np.full(3, -0.5 / (1 * 5)))


def test_masks_are_what_is_not_refused_at_once():
    legal = lambda state, **settings: np.asarray(
        Foraging(players=2, **settings).show(state).mask
    ).astype(int).tolist()  # fmt: skip
    assert legal(at((0, 0), (0, 1))) == [[1, 0, 1, 0, 0, 0], [1, 0, 1, 0, 1, 0]]
    assert legal(at((0, 0), (0, 1)), rules="original")[0] == [1, 0, 1, 0, 1, 0]
    assert legal(at((2, 3), (7, 7)))[0] == [1, 1, 0, 1, 1, 1]
    assert legal(at((2, 3), (7, 7), eaten=[0]))[0] == [1, 1, 1, 1, 1, 0]
    assert legal(at((0, 0), (0, 1), time=100)) == [[1] * 6] * 2


def test_games_end_when_all_is_eaten_or_time_is_up():
    state = at((2, 3), (3, 4), eaten=[1], time=99)
    _, shown = after(state, LOAD, LOAD)
    assert (bool(shown.terminated), bool(shown.truncated)) == (True, False)
    _, shown = after(state, NOOP, NOOP)
    assert (bool(shown.terminated), bool(shown.truncated)) == (False, True)


def test_what_is_eaten_or_out_of_view_is_not_seen():
    state = at((0, 1), (4, 4), foods=[(3, 3, 3), (1, 2, 2)], eaten=[])
    near = Foraging(view=2).show(state).obs.tolist()
    assert near[0] == [-1, -1, 0, 1, 2, 2, 0, 1, 1, -1, -1, 0]
    assert near[1] == [1, 1, 3, -1, -1, 0, 2, 2, 2, -1, -1, 0]
    middle = Foraging(encoding="centred").show(at((0, 1), (4, 4), eaten=[0])).obs.tolist()
    assert middle[0] == [0, 0, 0, 3, 3, 2, -7, -5, 1, 1, 1, 2]


def test_windows_show_levels_and_free_cells():
    seen = np.asarray(Foraging(view=2, encoding="grid").show(at((2, 3), (0, 0))).obs[0])
    assert seen.shape == (5, 5, 3)
    assert seen[2, 2].tolist() == [1, 0, 0]
    assert seen[3, 2].tolist() == [0, 3, 0]
    assert seen[2, 3].tolist() == [0, 0, 1]
    assert (
        np.asarray(Foraging(view=2, encoding="grid").show(at((0, 0), (7, 7))).obs[0])[:2].max() == 0
    )


def drawn(env, count=4000):
    state = jax.jit(jax.vmap(env.reset))(jax.random.split(KEY, count))[0]
    return jax.tree.map(np.asarray, state)


def test_starts_are_uniform_over_free_cells_and_slots_mean_nothing():
    state = drawn(PAIR)
    cells = state.pos @ [8, 1], state.food_pos @ [8, 1]
    where = np.bincount(cells[0].reshape(-1), minlength=64)
    assert (where > 0).all()
    inner = where.reshape(8, 8)[1:-1, 1:-1].mean()
    # food lies on inner cells only: agents stand there a little less
    assert inner / np.r_[where.reshape(8, 8)[[0, -1]].reshape(-1)].mean() == pytest.approx(
        34 / 36, abs=0.06
    )
    assert set(cells[1].reshape(-1)) == set(np.arange(64).reshape(8, 8)[1:-1, 1:-1].reshape(-1))
    assert (np.abs(state.food_pos[:, 0] - state.food_pos[:, 1]).sum(-1) > 1).all()
    assert (cells[0][:, 0] != cells[0][:, 1]).all()
    assert not (cells[0][:, :, None] == cells[1][:, None]).any()
    assert np.array_equal(state.food_level, np.broadcast_to(state.level.sum(1)[:, None], (4000, 2)))
    assert state.level.mean() == pytest.approx(1.5, abs=0.03)
    rows = np.concatenate([state.food_pos[..., 0], state.food_pos[..., 1]], axis=1)
    same = (state.pos[:, :, None, 0] == rows[:, None]).any((1, 2)).mean()
    assert same > 0.3  # what jumanji's starts never have
    assert not (lambda s: (s.pos[:, :, None, 0] == np.concatenate(
        [s.food_pos[..., 0], s.food_pos[..., 1]], 1)[:, None]).any())(
        drawn(Foraging(start="jumanji"), 500))  # fmt: skip


def test_foods_of_the_original_lie_apart_or_find_no_room():
    state = drawn(Foraging(rules="original", size=5, view=5, foods=2, players=4), 500)
    apart = np.abs(state.food_pos[:, 0].astype(int) - state.food_pos[:, 1])
    there = ~state.food_eaten.any(1)
    assert 0 < there.mean() < 1
    assert (apart[there].max(1) > 1).all()
    assert ((apart[there].min(1) > 0) | (apart[there].max(1) > 2)).all()
    assert ((state.food_level == 0) == state.food_eaten).all()


def test_some_foods_can_be_eaten_alone_if_asked_for():
    state = drawn(zsc.make("lbf/12x12-2p-6f-2solo"), 300)
    levels = np.sort(state.food_level, axis=1)
    assert np.array_equal(levels[:, :2], np.sort(state.level, axis=1))
    assert (levels[:, 2:] == state.level.sum(1)[:, None]).all()
    assert len(np.unique(state.food_level.argmin(1))) == 6


@pytest.mark.long
def test_a_cleared_game_is_worth_one_to_the_team_however_it_is_paid():
    bots = foraging_bots(PAIR, ("closest", "follower"))
    found = {}
    for pay in ("shares", "team"):
        env = zsc.make("lbf/8x8-2p-2f", pay=pay)
        assert team_reward(env)
        played = crossplay(env, {"bots": bots}, episodes=8)
        found[pay] = played.values
        assert played.matrix()[0, 1] == pytest.approx(1.0)
        team = teams(env, {"bots": bots}, episodes=2)
        assert team.returns.max() == pytest.approx(1.0)
        record = zsc.record(env, (bots.take([0]), bots.take([1])), episodes=1)
        assert earned(env, record)[-1] == pytest.approx(1.0)
        total = record.reward.sum((0, 1))
        assert total.sum() == pytest.approx(1.0 if pay == "shares" else 2.0)
    np.testing.assert_allclose(found["shares"], found["team"], atol=1e-6)


@theirs_warn
@pytest.mark.parametrize("name", ["10x10-3p-3f, any level, sight 3, penalty"])
def test_jumanji_agrees(name):
    found = compare_jumanji(JUMANJI[name], 500)
    assert found["eaten"] > 10
    assert compare_starts(JUMANJI[name], 100) == 100


@theirs_warn
@pytest.mark.parametrize("name", ["10x10-3p-3f, any level, sight 3, penalty", "5x5-4p-1f, windows"])
def test_lbforaging_agrees(name):
    found = compare_original(ORIGINAL[name], 500)
    assert min(found["eaten"], found["changed places"], found["one cell for two"]) > 2


@pytest.mark.long
def test_the_comparison_notices_every_field():
    """A replay of our own games is equal, and is not once any one number is changed."""
    env = Foraging(horizon=6)
    state, shown = jax.vmap(env.reset)(jax.random.split(KEY, 2))
    actions = np.random.default_rng(0).integers(0, 6, (2, 6, 2))
    states, seen, paid = [env.snapshot(state)], [shown], []
    for time in range(6):
        state, shown = jax.vmap(env.step, (None, 0, 0))(KEY, state, jnp.asarray(actions[:, time]))
        states, seen, paid = [*states, env.snapshot(state)], [*seen, shown], [*paid, shown]
    stack = lambda rows, name: np.stack([np.asarray(row[name]) for row in rows], axis=1)
    games = Games(
        states={name: stack(states, name) for name in states[0]},
        actions=actions,
        shown={n: stack([x._asdict() for x in seen], n) for n in ("obs", "mask")},
        paid={
            n: stack([x._asdict() for x in paid], n) for n in ("reward", "terminated", "truncated")
        },
    )
    compare(env, games)
    for part in ("states", "shown", "paid"):
        for name, numbers in getattr(games, part).items():
            if name in ("terminated", "truncated"):
                continue  # these say where the comparison ends
            wrong = numbers.copy()
            wrong[1, 2] = ~wrong[1, 2] if wrong.dtype == bool else wrong[1, 2] + 1
            with pytest.raises(DifferenceError):
                compare(env, games._replace(**{part: getattr(games, part) | {name: wrong}}))


def test_names_tell_games_apart_and_are_found_again():
    assert zsc.make("lbf") == PAIR
    assert PAIR.spec.id == "lbf/8x8-2p-2f"
    for name in zsc.list_envs():
        if name.startswith("lbf/"):
            assert zsc.make(name).spec.id == name
    ids = Counter(Foraging(**kw).spec.id for kw in (
        {}, {"view": 2}, {"cooperate": False}, {"solo": 1}, {"rules": "original"}, {"foods": 3}
    ))  # fmt: skip
    assert max(ids.values()) == 1


def test_pictures_show_who_loads_and_what_is_left():
    state = at((2, 3), (3, 4))
    full = PAIR.render(state)
    assert full.shape == (321, 321, 3)
    assert (PAIR.render(state._replace(food_eaten=jnp.array([True, False]))) != full).any()
    assert (PAIR.render(state._replace(loading=jnp.array([True, False]))) != full).any()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"size": 4}, "size is 4"),
        ({"view": 9}, "view is 9: give 1 to 8"),
        ({"players": 0}, "players is 0"),
        ({"foods": 8}, "8 foods find no room"),
        ({"penalty": -1.0}, "penalty is -1"),
        ({"encoding": "gird"}, "did you mean 'grid'"),
        ({"rules": "lbforaging"}, "unknown rules"),
        ({"rules": "original", "start": "jumanji"}, "leave it out"),
        ({"solo": 3}, "solo is 3"),
        ({"solo": 1, "cooperate": False}, "cooperate=True"),
        ({"max_level": 0}, "max_level is 0"),
    ],
    ids=str,
)
def test_settings_that_are_no_game_are_refused(settings, told):
    with pytest.raises(UserError, match=told):
        Foraging(**settings)


@pytest.mark.long
def test_self_play_clears_the_field():
    """By the preset, in a minute and a half on two cores."""
    env = zsc.make("lbf/8x8-2p-2f", encoding="centred")
    played = crossplay(env, {"sp": SelfPlay(members=1).train(env, seed=0)}, episodes=64)
    assert played.matrix()[0, 0] > 0.95
    assert played.games("length").mean() < 25
