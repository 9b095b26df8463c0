"""A kitchen of its own in every game: the same rules, whether a kitchen is constants or data."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.kitchens_oracle import SIZE, check_all, check_engine, check_reference, check_static
from zsc import Label, UserError, make_pool, mlp_policy
from zsc.agents.views import at_home
from zsc.envs.overcooked import (
    ManyKitchens,
    Overcooked,
    RandomKitchens,
    generator,
    is_solvable,
    parse_layout,
    random_layouts,
    stack_terrains,
)
from zsc.envs.overcooked.drawings import named_layout
from zsc.envs.overcooked.observation import CHANNELS
from zsc.envs.registry import rebuild
from zsc.evaluation import crossplay

NAMES = ("cramped_room", "coordination_ring", "forced_coordination")
KEY = jax.random.key(0)


def test_many_kitchens_are_the_static_engine_in_each():
    assert check_all(check_engine, count=2, steps=40, seed=0, games=96) == 7_680


def test_many_kitchens_are_the_static_rules_in_each():
    assert check_all(check_static, count=8, steps=40, seed=1, games=48) == 15_360


def test_many_kitchens_are_the_reference_engine_in_each():
    assert check_reference(count=48, steps=20, seed=2) == 960


def test_contract():
    zsc.check_environment(ManyKitchens(NAMES, (5, 6), horizon=20), games=2, steps=22)


def test_padded_pots_are_no_pots():
    """One pot that is full is all of them: an onion is useless then, whatever else is padded."""
    room = named_layout("cramped_room")
    env = ManyKitchens(("cramped_room", "mirror_ring"), (5, 7), horizon=50)
    terrain = room.terrain((5, 7), pots=3)
    assert terrain.pots.tolist() == [2, -1, -1]
    assert terrain.num_pots == 1
    state = env.enter(terrain)
    full = state.game._replace(
        pot_n=jnp.array([3, 0, 0], jnp.int8),
        pot_tick=jnp.array([0, -1, -1], jnp.int8),
        cell=jnp.array([1 * 7 + 1, 2 * 7 + 3]),  # beside the onions
        direction=jnp.array([3, 0]),
    )
    names = env.spec.event_names
    for pots, useful in ((state.game._replace(cell=full.cell, direction=full.direction), True),
                         (full, False)):  # fmt: skip
        after, shown = env.step(KEY, state._replace(game=pots), jnp.array([5, 4]))
        assert int(after.game.held[0]) == 1
        assert bool(shown.info["events"][0, names.index("useful_onion_pickup")]) is useful


def test_the_key_decides_the_kitchen_and_each_is_drawn():
    env = ManyKitchens(NAMES, (5, 5), horizon=10)
    keys = jax.random.split(KEY, 100)
    state, _ = jax.jit(jax.vmap(env.reset))(keys)
    again, _ = jax.jit(jax.vmap(env.reset))(keys[::-1])
    np.testing.assert_array_equal(state.terrain.kinds, again.terrain.kinds[::-1])
    wanted = {named_layout(name).terrain((5, 5)).kinds.tobytes() for name in NAMES}
    assert {row.tobytes() for row in np.asarray(state.terrain.kinds)} == wanted


@pytest.mark.parametrize("layout", ["cramped_room", "mirror_ring"])
def test_padded_grid_is_the_grid_in_its_corner_and_counters_around(layout):
    grid = Overcooked(layout, encoding="grid", horizon=45)
    padded = Overcooked(layout, encoding="padded:8x9", horizon=45)
    state, _ = grid.reset(KEY)
    for time in (0, 30):
        state = state._replace(time=jnp.int32(time), counter=state.counter.at[2].set(3))
        small, large = np.asarray(grid.observe(state)), np.asarray(padded.observe(state))
        height, width = small.shape[1:3]
        assert large.shape == (2, 8, 9, 26) == (2, *padded.spec.obs_shape)
        np.testing.assert_array_equal(large[:, :height, :width], small)
        around = {CHANNELS.index("counter")} | ({CHANNELS.index("urgency")} if time else set())
        for outside in (large[:, height:], large[:, :, width:]):
            lit = outside.reshape(-1, 26)
            assert (lit == [channel in around for channel in range(26)]).all()


def test_padded_kitchen_keeps_the_contract_and_its_symmetries():
    env = Overcooked("mirror_ring", encoding="padded:6x8", horizon=20)
    assert len(env.symmetry()) == 2
    zsc.check_environment(env, games=2, steps=22)


def test_show_is_what_a_reset_shows():
    for env in (Overcooked(horizon=9), ManyKitchens(NAMES, (5, 5), 9)):
        state, shown = env.reset(KEY)
        again = env.show(state)
        assert jax.tree.structure(again) == jax.tree.structure(shown)
        assert all(map(np.array_equal, jax.tree.leaves(again), jax.tree.leaves(shown)))
        moved, seen = env.step(KEY, state, jnp.array([0, 5]))
        np.testing.assert_array_equal(env.show(moved).obs, seen.obs)
        assert not env.show(moved).info["events"].any()


def test_pictures_show_the_kitchen_of_each_game():
    env = ManyKitchens(NAMES, (5, 6), 9)
    rooms = [env.enter(named_layout(name).terrain((5, 6), 2)) for name in NAMES[:2]]
    one, two = (env.render(room) for room in rooms)
    assert one.shape == (5 * 48, 6 * 48, 3)
    assert (one != two).any()


# agents -------------------------------------------------------------------------------------------

MANY = ManyKitchens(NAMES, (6, 6), horizon=12)
PADDED = zsc.make("overcooked/cramped_room", horizon=12, encoding="padded:6x6")
COMPACT = zsc.make("overcooked/cramped_room", horizon=12)


def untrained(env, seed):
    """Far from uniform, so that what they see decides what they do."""
    policy, rng = mlp_policy(env.spec, widths=(8,)), np.random.default_rng(seed)
    like = jax.eval_shape(policy.init, KEY)
    params = jax.tree.map(lambda x: rng.normal(0, 1, (2, *x.shape)).astype(x.dtype), like)
    return make_pool(env.spec, policy, params, [Label("random", member=i) for i in range(2)])


def test_agents_of_many_kitchens_meet_others_in_a_fixed_one(tmp_path):
    pools = {"many": untrained(MANY, 0), "compact": untrained(COMPACT, 1)}
    assert MANY.spec.obs_id == PADDED.spec.obs_id == "padded:6x6"
    seen = crossplay(COMPACT, pools, episodes=2, seed=3).events
    assert len(np.unique(seen.reshape(4, -1), axis=0)) == 4  # they do differ
    alone = crossplay(PADDED, {"many": pools["many"]}, episodes=2, seed=3).events
    np.testing.assert_array_equal(alone, seen[:2, :2])
    moved = at_home(pools["many"], COMPACT)
    again = zsc.load_pool(moved.save(tmp_path / "pool"))
    assert again.policy == moved.policy
    assert at_home(again, COMPACT) is again


def test_agents_that_read_the_state_do_not_play_in_another_kitchen():
    """Views and scripts: the numbers of a padded grid would agree, the states do not."""
    moved = at_home(untrained(COMPACT, 1), PADDED)
    other = zsc.make("overcooked/coordination_ring", horizon=12, encoding="padded:6x6")
    for env in (other, MANY):
        with pytest.raises(UserError, match="reads its states"):
            crossplay(env, {"moved": moved}, episodes=1)


def test_a_kitchen_that_is_too_large_for_what_agents_know_refuses_them():
    large = zsc.make("overcooked/counter_circuit", horizon=12)
    with pytest.raises(UserError, match="was made for"):
        crossplay(large, {"many": untrained(MANY, 0)}, episodes=1)


def test_compact_agents_do_not_play_in_many_kitchens():
    with pytest.raises(UserError, match="was made for"):
        crossplay(MANY, {"compact": untrained(COMPACT, 1)}, episodes=1)


# kitchens by chance -------------------------------------------------------------------------------


def test_random_kitchens_differ_can_be_read_and_make_soup():
    layouts = random_layouts(0, 200, SIZE)
    assert len({layout.text() for layout in layouts}) == 200
    assert all(is_solvable(parse_layout(layout.text())) for layout in layouts)
    assert {len(layout.pots) for layout in layouts} == {1, 2, 3}
    divided = [lay.starts[1] not in lay.component(lay.starts[0]) for lay in layouts]
    assert 10 < sum(divided) < 100
    assert layouts == random_layouts(0, 200, SIZE) != random_layouts(1, 200, SIZE)


UNSOLVABLE = {
    "a cook who cannot move": "XPXXXX\nO 1X2X\nX  XXX\nXDSXXX",
    "nothing can be handed over": "XPXXXXXX\nO  XX  S\nX1 XX2 X\nXXXXXXDX",
}


@pytest.mark.parametrize("fault", UNSOLVABLE)
def test_kitchens_without_soup_are_not_solvable(fault):
    assert not is_solvable(parse_layout(UNSOLVABLE[fault]))


@pytest.mark.parametrize("name", NAMES)
def test_classic_kitchens_are_solvable(name):
    assert is_solvable(named_layout(name))


def test_a_shared_pot_hands_over_without_a_shared_counter():
    assert is_solvable(parse_layout("XXXXXXXX\nO  P   S\nO1 P 2 D\nXXXXXXXX"))


@dataclass(frozen=True)
class Always:
    """A generator of one's own."""

    name: str

    def __call__(self, key):
        return jax.tree.map(jnp.asarray, named_layout(self.name).terrain((5, 5)))


def test_generators_equal_in_value_share_a_program():
    one, two = (ManyKitchens(Always("cramped_room"), (5, 5), 9) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    state, _ = one.reset(KEY)
    assert state.game.cell.tolist() == [11, 8]
    with pytest.raises(UserError, match="cannot be made again"):
        rebuild(one.spec.id, asdict(one))


@pytest.mark.parametrize("kitchens", [NAMES, RandomKitchens(seed=3, count=5, size=(5, 6))])
def test_environment_is_made_again_from_what_a_manifest_tells(kitchens):
    env = zsc.make("overcooked/kitchens", kitchens=kitchens, size=(5, 6), horizon=9)
    told = asdict(env) | {"size": [5, 6]}
    if isinstance(kitchens, tuple):
        told["kitchens"] = list(kitchens)
    assert rebuild("overcooked/kitchens", told) == env
    assert "overcooked/kitchens" in zsc.list_envs()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kitchens": ("counter_circuit",), "size": (5, 7)}, r"5 rows of 8 cells.*frame of 5x7"),
        ({"kitchens": ("cramped_rom",)}, "did you mean 'cramped_room'"),
        ({"kitchens": "cramped_room"}, "give a tuple"),
        ({"kitchens": ()}, "give a tuple"),
        ({"size": (9,)}, "rows and columns"),
        ({"size": (9, 8)}, "81 cells"),
        ({"horizon": 0}, "at least 1 step"),
        ({"kitchns": ()}, "did you mean 'kitchens'"),
    ],
)
def test_bad_settings_get_one_line(settings, words):
    with pytest.raises(UserError, match=words) as caught:
        zsc.make("overcooked/kitchens", **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["padded:4x9", "padded:9", "padded:0x9", "padded"])
def test_bad_padded_encodings_get_one_line(encoding):
    with pytest.raises(UserError) as caught:
        zsc.make("overcooked/coordination_ring", encoding=encoding)
    assert "\n" not in str(caught.value)


def test_sizes_that_hold_too_few_kitchens_are_refused(monkeypatch):
    with pytest.raises(UserError, match="at least 3 rows and 5 columns"):
        random_layouts(0, 5, (3, 4))
    monkeypatch.setattr(generator, "_try_layout", lambda rng, size: None)
    with pytest.raises(UserError, match=r"only 0: take a larger size"):
        random_layouts(99, 5, (3, 5))


def test_stacked_terrains_are_in_the_order_of_the_kitchens():
    layouts = random_layouts(0, 8, SIZE)
    stacked = stack_terrains(layouts[::-1], SIZE)
    pots = stacked.pots.shape[1]
    for row, layout in enumerate(layouts[::-1]):
        one = jax.tree.map(lambda leaf, r=row: leaf[r], stacked)
        assert all(map(np.array_equal, one[:3], layout.terrain(SIZE, pots)[:3]))
