"""OvercookedV2: as the reference engine, as the paper, and clear about bad kitchens."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.overcooked_v2_oracle import OPTIONS, compare
from zsc.envs.contract import check_commutes, check_group
from zsc.envs.overcooked_v2 import LAYOUTS, OvercookedV2, parse_layout
from zsc.envs.overcooked_v2.state import bits_of
from zsc.errors import UserError

PAPER = {"view": 2, "negative_rewards": True, "sample_recipe_on_delivery": True}
RIGHT, DOWN, LEFT, UP, STAY, INTERACT = range(6)

#: A corridor for two: with a view of one cell, most of its floor looks the same.
CORRIDOR = "WWWWWWWWWWW|B A     A P|0         X|WWWWWWWWWWW"
#: Three cooks, a button, recipes of two kinds.
CROWD = "WWPWPWW|0A A A1|L     R|WBWXWBW"


def one_step(env, state, action, recipe=0):
    return jax.jit(env.advance)(state, jnp.array(action), jnp.int32(recipe))


def injected(env, **changed):
    """The first state with other plain arrays."""
    state = env.reset(jax.random.key(0))[0]
    return env.restore({**env.snapshot(state), **changed})


def test_a_kitchen_of_the_paper_plays_as_in_the_reference_engine():
    env = OvercookedV2("grounded_coord_simple", encoding="grid", horizon=50, **OPTIONS[3])
    wrong, events, steps = compare(env, segments=4, seed=3)
    assert not wrong
    assert steps == 4 * 25 * 64
    assert events["delivery"] > 0
    assert events["wrong_delivery"] > 0
    assert events["button_press"] > 0


@pytest.mark.long
@pytest.mark.parametrize("layout", [*LAYOUTS, CROWD])
def test_every_kitchen_keeps_the_contract(layout):
    for options in ({"encoding": "grid"}, {"view": 2, "random_starts": True}):
        zsc.check_environment(OvercookedV2(layout, **options), steps=30, games=4)


@pytest.mark.long
def test_a_kitchen_with_all_options_keeps_the_contract():
    env = OvercookedV2(
        "cramped_room_v2", indicate_successful_delivery=True, random_positions=True, **PAPER
    )
    zsc.check_environment(env, steps=40, games=8)


def played(env, games, steps, seed=0):
    """[steps * games] states of random play."""

    def forward(states, key):
        action = jax.random.randint(key, (games, env.spec.num_agents), 0, 6)
        keys = jax.random.split(key, games)
        return jax.vmap(env.step)(keys, states, action)[0], states

    states = jax.vmap(lambda k: env.reset(k)[0])(jax.random.split(jax.random.key(seed), games))
    keys = jax.random.split(jax.random.key(seed + 1), steps)
    kept = jax.jit(lambda s: jax.lax.scan(forward, s, keys)[1])(states)
    return jax.tree.map(lambda x: x.reshape(steps * games, *x.shape[2:]), kept)


@pytest.mark.parametrize(
    ("layout", "recipes"), [("grounded_coord_simple", None), (CORRIDOR, ((0, 0, 0),))]
)
def test_the_compact_vector_tells_what_the_window_shows_and_nothing_else(layout, recipes):
    compact = OvercookedV2(layout, recipes, view=1, random_positions=True)
    grid = OvercookedV2(layout, recipes, view=1, random_positions=True, encoding="grid")
    states = played(compact, games=64, steps=100)
    short, window = (
        np.asarray(jax.jit(jax.vmap(env.observe))(states)).reshape(64 * 100 * 2, -1)
        for env in (compact, grid)
    )
    pairs = {(a.tobytes(), b.tobytes()) for a, b in zip(short, window, strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert len(pairs) > 100


def test_only_seven_kitchens_have_a_symmetry_that_flips_two_ingredients():
    groups = {name: OvercookedV2(name).symmetry() for name in LAYOUTS}
    flips = {name for name, group in groups.items() if len(group) == 2}
    assert flips == {
        *("grounded_coord_simple", "grounded_coord_ring", "test_time_simple", "demo_cook_simple"),
        *("fun_symmetries", "fun_symmetries1", "fun_symmetries_plates"),
    }
    assert all(len(group) == 1 for name, group in groups.items() if name not in flips)
    down_up = groups["demo_cook_simple"].action_index[1].tolist()
    assert down_up == [RIGHT, UP, LEFT, DOWN, STAY, INTERACT]


def test_relabelled_channels_are_no_symmetry_of_the_map():
    env = OvercookedV2("demo_cook_simple", encoding="grid", relabel="channels")
    group = env.symmetry()
    check_group(group)
    assert len(group) == 2
    assert (group.action_index == np.arange(6)).all()
    states = jax.tree.map(lambda x: x[None], played(env, games=32, steps=40))
    shown = jax.vmap(jax.vmap(env.show))(states)
    with pytest.raises(AssertionError, match="commutes"):
        check_commutes(env, states, shown)


def test_a_button_shows_the_recipe_in_nine_observations_and_costs_five():
    env = OvercookedV2("grounded_coord_simple", encoding="grid")
    state = injected(env, pos=[[2, 2], [5, 2]], dir=[2, 3])
    recipe = [
        i for i, entry in enumerate(channels_of(env)) if entry[0] == "recipe" and entry[3] == 0
    ]
    state = state._replace(recipe=jnp.int32(bits_of((0, 0, 0))))
    shown_for = 0
    for time in range(12):
        state, shown = one_step(env, state, [INTERACT if time == 0 else STAY, STAY])
        assert shown.reward.tolist() == ([-5.0, -5.0] if time == 0 else [0.0, 0.0])
        shown_for += int(shown.obs[1, 2, 3, recipe[0]] == 3)
    assert shown_for == 9


def channels_of(env):
    from zsc.envs.overcooked_v2.observation import channels

    return channels(env.kitchen, delivery=env.indicate_successful_delivery)


@pytest.mark.parametrize(("negative", "paid"), [(False, 0.0), (True, -20.0)])
def test_a_wrong_dish_costs_only_where_that_is_asked_for(negative, paid):
    env = OvercookedV2("cramped_room_v2", negative_rewards=negative)
    wrong, right = (bits_of(r) | 3 for r in ((0, 0, 1), (0, 1, 1)))
    state = injected(env, pos=[[3, 2], [1, 2]], dir=[1, 0], recipe=bits_of((0, 1, 1)))
    for dish, reward in ((wrong, paid), (right, 20.0)):
        state = state._replace(held=jnp.array([dish, 0]))
        state, shown = one_step(env, state, [INTERACT, STAY])
        assert shown.reward.tolist() == [reward, reward]
        assert bool(state.delivered) == (dish == right)


def test_recipes_are_drawn_anew_only_after_a_right_dish():
    env = OvercookedV2("cramped_room_v2", sample_recipe_on_delivery=True)
    asked = bits_of((0, 0, 0))
    state = injected(env, pos=[[3, 2], [1, 2]], dir=[1, 0], recipe=asked, inventory=[asked | 3, 0])
    step = jax.jit(jax.vmap(env.step, (0, None, None)))
    keys = jax.random.split(jax.random.key(1), 400)
    after, _ = step(keys, state, jnp.array([INTERACT, STAY]))
    counts = np.unique(np.asarray(after.recipe), return_counts=True)
    assert set(counts[0]) == {bits_of(r) for r in env.kitchen.recipes}
    assert counts[1].min() > 60  # of 400 in four recipes
    after, _ = step(keys, state, jnp.array([STAY, STAY]))
    assert (np.asarray(after.recipe) == asked).all()


def test_random_starts_have_the_chances_of_the_reference():
    env = OvercookedV2("two_rooms_both", random_starts=True)
    state = jax.jit(jax.vmap(lambda k: env.reset(k)[0]))(jax.random.split(jax.random.key(0), 4000))
    held, pot = np.asarray(state.held).ravel(), np.asarray(state.pot).ravel()
    left = np.asarray(state.pot_left).ravel()
    close = lambda share, wanted: abs(share.mean() - wanted) < 0.03
    assert close(held == 0, 0.5)
    assert close(held == 1, 0.1)
    assert close((held > 0) & (held & 3 == 0), 0.25)
    assert close(held & 2 > 0, 0.15)
    assert close(pot == 0, 0.4)
    assert close(left > 0, 0.15)
    assert close(pot & 2 > 0, 0.1)
    assert set(left[left > 0]) == set(range(1, 21))
    rooms = env.kitchen.rooms
    for agent, room in enumerate(rooms):
        assert set(np.asarray(state.cell)[:, agent].tolist()) == room


def test_agents_never_start_on_one_cell():
    env = OvercookedV2(CROWD, random_positions=True)
    state = jax.vmap(lambda k: env.reset(k)[0])(jax.random.split(jax.random.key(0), 500))
    cells = np.sort(np.asarray(state.cell), axis=1)
    assert (cells[:, 1:] != cells[:, :-1]).all()
    assert len(np.unique(np.asarray(state.direction))) == 4


@pytest.mark.parametrize(
    ("drawing", "recipes", "message"),
    [
        ("", None, "empty"),
        ("WWW|WAW|WWWW", None, "row 3 'WWWW' has 4 cells, row 1 has 3"),
        ("WPXW|B\tAW|W0WW", None, "a tab"),
        ("WPXW|B AS|W0WW", None, "called goal here"),
        ("WPXW|B  A|W0WW", None, "border has floor or a start"),
        ("WPXW|B  W|W0WW", ((0, 0, 0),), "no agent"),
        ("WPXW|BAaW|W0WW", ((0, 0, 0),), "mixes A with a, b"),
        ("WPXW|BAAW|W0WW", None, "no recipe indicator"),
        ("WPXW|BAAW|W0WW", ((0, 0),), "has 2 ingredients"),
        ("WPXW|BAAW|W0WW", ((0, 0, 3),), "needs ingredient 3"),
        ("WWXW|BAAW|W0WW", ((0, 0, 0),), "no pot"),
        ("WPXWL|BAAWW|W0WWW", ((0, 0, 0),), "button in row 1, column 5 cannot be reached"),
        ("WPXW|BAAW|WWWW", ((0, 0, 0),), "no ingredient"),
    ],
)
def test_a_bad_kitchen_is_refused_with_one_line(drawing, recipes, message):
    with pytest.raises(UserError, match=message) as error:
        OvercookedV2(drawing, recipes)
    assert "\n" not in str(error.value)


def test_an_indicator_that_nobody_sees_is_refused():
    far = "WWPWWWWR|BA AXWWW|W0WWWWWW"
    OvercookedV2(far)
    with pytest.raises(UserError, match="row 1, column 8 is 4 cells from where"):
        OvercookedV2(far, view=3)


def test_windows_line_ends_and_indents_are_read():
    text = "\r\n".join(["  WWPWW", "  0A A0", "  W   R", "  WBWXW", ""])
    assert parse_layout(text).text() == "WWPWW\n0A A0\nW   R\nWBWXW"


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_read_again_from_its_own_text(name):
    kitchen = OvercookedV2(name).kitchen
    again = parse_layout(kitchen.text(), kitchen.recipes, name)
    assert again == kitchen
    env = zsc.make("overcooked_v2", layout=kitchen.text(), recipes=kitchen.recipes)
    assert (env.kitchen.kinds == kitchen.kinds).all()


def test_settings_that_cannot_be_are_refused():
    for options, message in (
        ({"view": 0}, "view is 0"),
        ({"encoding": "pixels"}, "unknown encoding"),
        ({"relabel": "channels"}, 'give encoding="grid"'),
        ({"layout": "grounded_cord_simple"}, "did you mean 'grounded_coord_simple'"),
        ({"recipes": ()}, "recipes is empty"),
    ):
        with pytest.raises(UserError, match=message):
            OvercookedV2(**options)
