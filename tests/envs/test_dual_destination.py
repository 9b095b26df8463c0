"""Dual Destination by hand: who is paid, who stays, and what is held out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import UserError, check_environment
from zsc.envs.dual_destination import DualDestination, DualState, _held_out

MANY, ONE = zsc.make("dual_destination"), zsc.make("dual_destination/fixed")
UP, DOWN, LEFT, RIGHT, STAY = range(5)
KEY = jax.random.key(0)


def at(first, second, *, green=((2, 0), (2, 4)), time=0):
    """A state with these agents."""
    cells = lambda *places: jnp.asarray(places, jnp.int32)
    return DualState(cells(first, second), cells(*green), cells((2, 1), (2, 3)), jnp.int32(time))


def after(state, *actions):
    """Where the agents are, and what the team is paid."""
    state, shown = MANY.step(KEY, state, jnp.asarray(actions))
    assert shown.reward[0] == shown.reward[1]
    return state.agents.tolist(), float(shown.reward[0])


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("name", ["dual_destination", "dual_destination/fixed"])
def test_contract(name, size):
    check_environment(zsc.make(name, size=size, horizon=12), steps=8, games=4)


def test_the_names_are_those_of_the_two_games():
    assert (MANY.spec.id, ONE.spec.id) == ("dual_destination", "dual_destination/fixed")
    assert MANY.spec.obs_id == ONE.spec.obs_id
    assert MANY.spec.horizon == 100
    assert MANY.spec.action_names == ("up", "down", "left", "right", "stay")
    assert {MANY.spec.id, ONE.spec.id} <= set(zsc.list_envs())


def test_agents_walk_and_stay_at_walls():
    assert after(at((1, 1), (3, 3)), UP, DOWN) == ([[0, 1], [4, 3]], -1)
    assert after(at((1, 1), (3, 3)), LEFT, RIGHT) == ([[1, 0], [3, 4]], -1)
    assert after(at((0, 0), (4, 4)), UP, DOWN) == ([[0, 0], [4, 4]], -1)
    assert after(at((0, 0), (4, 4)), LEFT, RIGHT) == ([[0, 0], [4, 4]], -1)
    assert after(at((1, 1), (3, 3)), STAY, STAY) == ([[1, 1], [3, 3]], -1)


def test_whoever_wants_the_same_cell_stays_and_places_may_be_changed():
    assert after(at((1, 1), (1, 3)), RIGHT, LEFT) == ([[1, 1], [1, 3]], -1)
    assert after(at((1, 1), (1, 2)), RIGHT, STAY) == ([[1, 1], [1, 2]], -1)
    assert after(at((0, 0), (0, 1)), UP, LEFT) == ([[0, 0], [0, 1]], -1)  # the wall keeps the first
    assert after(at((1, 1), (1, 2)), RIGHT, LEFT) == ([[1, 2], [1, 1]], -1)
    assert after(at((1, 1), (1, 2)), RIGHT, RIGHT) == ([[1, 2], [1, 3]], -1)


def test_only_both_green_goals_together_pay():
    assert after(at((2, 1), (2, 3)), LEFT, RIGHT) == ([[2, 0], [2, 4]], 3)
    assert after(at((2, 3), (2, 1)), RIGHT, LEFT) == ([[2, 4], [2, 0]], 3)
    assert after(at((2, 0), (2, 4)), STAY, STAY)[1] == 3
    assert after(at((2, 0), (2, 3)), STAY, STAY)[1] == -1
    assert after(at((2, 0), (2, 1)), STAY, LEFT) == ([[2, 0], [2, 1]], -1)  # one goal for one
    assert after(at((2, 1), (2, 3)), STAY, STAY)[1] == -1  # pink


def test_agents_see_themselves_the_other_and_the_goals():
    shown = ONE.reset(KEY)[1]
    cells = [[np.argwhere(obs[..., c]).tolist() for c in range(4)] for obs in np.asarray(shown.obs)]
    goals = [[[2, 0], [2, 4]], [[2, 1], [2, 3]]]
    assert cells == [[[[0, 2]], [[4, 2]], *goals], [[[4, 2]], [[0, 2]], *goals]]


def test_the_shortest_way_in_the_fixed_task_earns_the_most_there_is():
    state, shown = ONE.reset(KEY)
    total, step = 0.0, jax.jit(ONE.step)
    for time in range(100):
        assert not shown.done
        way = [(DOWN, RIGHT), (DOWN, RIGHT), (LEFT, UP), (LEFT, UP)]
        state, shown = step(KEY, state, jnp.asarray(way[time] if time < 4 else (STAY, STAY)))
        total += float(shown.reward[0])
    assert total == ONE.spec.max_return == 288
    assert bool(shown.truncated)
    assert not bool(shown.terminated)
    assert float(step(KEY, state, jnp.array([STAY, STAY]))[1].reward[0]) == 0


def cells_of(state):
    """[E, 6] cells of agents, green and pink goals."""
    task = np.concatenate([np.asarray(x) for x in state[:3]], axis=1)
    return task @ [5, 1]


def test_procedural_resets_differ_and_lie_on_six_cells():
    cells = cells_of(jax.vmap(MANY.reset)(jax.random.split(KEY, 500))[0])
    assert (np.diff(np.sort(cells, axis=1), axis=1) > 0).all()
    assert len(np.unique(cells, axis=0)) == 500
    assert [len(np.unique(column)) for column in cells.T] == [25] * 6
    fixed = cells_of(jax.vmap(ONE.reset)(jax.random.split(KEY, 5))[0])
    assert (fixed == fixed[0]).all()


def test_the_fixed_task_and_its_images_are_held_out():
    """On 3x3 it would be drawn some times in so many resets, were it not held out."""
    small = DualDestination(size=3)
    held_out = lambda state: _held_out(jnp.concatenate(state[:3]), 3)
    drawn = jax.vmap(small.reset)(jax.random.split(KEY, 20_000))[0]
    assert not np.asarray(jax.vmap(held_out)(drawn)).any()
    free = jax.vmap(lambda key: jax.random.permutation(key, 9)[:6])(jax.random.split(KEY, 20_000))
    tasks = jnp.stack([free // 3, free % 3], axis=-1)
    assert np.asarray(jax.vmap(lambda task: _held_out(task, 3))(tasks)).sum() > 20
    group, start = small.symmetry(), DualDestination(size=3, fixed=True).reset(KEY)[0]
    assert all(bool(held_out(group.move_state(g, start))) for g in range(len(group)))


def test_the_group_of_the_fixed_task_leaves_its_start_as_it_is():
    group, (start, shown) = ONE.symmetry(), ONE.reset(KEY)
    assert (len(MANY.symmetry()), len(group)) == (8, 4)
    for g in range(4):
        moved = MANY.show(group.move_state(g, start))
        np.testing.assert_array_equal(moved.obs, shown.obs)
    assert group.seat_index.tolist().count([1, 0]) == 2


def test_pictures_show_all_there_is():
    picture = ONE.render(ONE.reset(KEY)[0])
    assert picture.shape == (81, 81, 3)
    colours = {tuple(colour) for colour in picture.reshape(-1, 3).tolist()}
    assert {(92, 172, 92), (240, 160, 190), (214, 94, 40), (40, 110, 190)} <= colours


def test_sizes_that_have_no_middle_are_refused():
    for settings in ({"size": 4}, {"size": 1}, {"horizon": 0}):
        with pytest.raises(UserError, match=r"size is|horizon is"):
            DualDestination(**settings)
