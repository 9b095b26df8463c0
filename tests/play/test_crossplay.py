"""Cross-play: known matrices, one program per pair of kinds, and the same as a naive loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
import zsc.play.crossplay as kernels
from tests.compiles import compiles
from zsc import Label, UserError, constant_policy, gru_policy, make_pool, mlp_policy
from zsc.agents.policy import Inputs
from zsc.evaluation import crossplay
from zsc.nets import sample
from zsc.play.crossplay import _tile
from zsc.play.crossplay import crossplay as kernel
from zsc.play.tiles import plan_tiles, tile_sizes

LEVER = zsc.make("lever")
KITCHEN = zsc.make("overcooked/cramped_room", horizon=12)


def constants(levers, env=LEVER):
    policy = constant_policy(num_actions=env.spec.num_actions)
    labels = [Label(method="constant", member=i) for i in range(len(levers))]
    return make_pool(env.spec, policy, jnp.asarray(levers, jnp.int32), labels)


def random_agents(env, policy, count, seed=0):
    params = jax.lax.map(policy.init, jax.random.split(jax.random.key(seed), count))
    return make_pool(env.spec, policy, params, [Label("untrained", member=i) for i in range(count)])


def three_kinds(env=KITCHEN):
    return {
        "mlp": random_agents(env, mlp_policy(env.spec, widths=(8,)), 6),
        "gru": random_agents(env, gru_policy(env.spec, widths=(8,), hidden=8), 4, seed=1),
        "constant": constants([0, 3, 5], env),
    }


def test_constant_bots_give_their_known_matrix():
    levers = [0, 3, 9, 3]
    played = crossplay(LEVER, {"a": constants(levers[:2]), "b": constants(levers[2:])}, episodes=2)
    pays = np.where(np.equal.outer(levers, levers), 1.0, 0.0)
    pays[2, 2] = 0.9
    np.testing.assert_allclose(played.matrix(), pays, rtol=1e-6)
    np.testing.assert_allclose(played.matrix(seat=1), pays.T, rtol=1e-6)


def test_thirteen_agents_of_three_kinds_are_six_programs_and_none_the_second_time():
    _tile.clear_cache()
    entries = three_kinds()
    crossplay(KITCHEN, entries, episodes=2)
    assert _tile._cache_size() <= 6
    with compiles() as count:
        again = crossplay(KITCHEN, entries, episodes=2, seed=3)
    assert count() == 0
    assert _tile._cache_size() <= 6
    assert np.isfinite(again.values).all()


def naive(env, entries, episodes, seed):
    """Every cell by itself in a Python loop over episodes and steps: [N, N, A, episodes]."""
    agents = [(pool, i) for pool in entries.values() for i in range(len(pool))]
    root = jax.random.key(seed)
    seats = env.spec.num_agents
    values = np.zeros((len(agents), len(agents), seats, episodes))

    @jax.jit
    def step(key, state, action):
        return env.step(key, state, action)

    applies = {pool.policy: jax.jit(pool.policy.apply) for pool in entries.values()}
    for row, (one, i) in enumerate(agents):
        for col, (two, j) in enumerate(agents):
            for seat in range(seats):
                order = [(one, i) if s == seat else (two, j) for s in range(seats)]
                for episode in range(episodes):
                    key = jax.random.fold_in(root, episode)
                    values[row, col, seat, episode] = lone_game(env, order, applies, step, key)[
                        seat
                    ]
    return values


def lone_game(env, order, applies, step, key):
    # no step has this number
    state, shown = env.reset(jax.random.fold_in(key, 2**31 - 1))
    carries = [pool.policy.carry() for pool, _ in order]
    earned = np.zeros(len(order))
    for time in range(env.spec.horizon):
        now = jax.random.fold_in(key, time)
        noise = jax.random.gumbel(jax.random.fold_in(now, 1), (len(order), env.spec.num_actions))
        actions = []
        for seat, (pool, member) in enumerate(order):
            params = jax.tree.map(lambda x, m=member: x[m], pool.params)
            seen = Inputs(shown.obs[seat], shown.mask[seat], jnp.array(time == 0), jnp.int32(seat))
            carries[seat], out = applies[pool.policy](params, carries[seat], seen)
            actions.append(sample(out.logits, seen.mask, noise[seat]))
        state, shown = step(now, state, jnp.stack(actions))
        earned += np.asarray(shown.reward)
    return earned


def test_grouped_equals_a_naive_loop():
    env = zsc.make("lever/iterated")
    spec = env.spec
    entries = {
        "mlp": random_agents(env, mlp_policy(spec, widths=(8,)), 2),
        "gru": random_agents(env, gru_policy(spec, widths=(8,), hidden=8), 1, seed=1),
        "constant": constants([3, 9], env),
    }
    played = crossplay(env, entries, episodes=3, seed=5)
    np.testing.assert_allclose(
        played.values[..., 0], naive(env, entries, episodes=3, seed=5), atol=1e-5
    )


@pytest.mark.long
def test_three_seats_equal_a_naive_loop():
    """The row's agent sits in one seat of a game of turns, the column's in the two others."""
    env = zsc.make("hanabi", players=3, colours=2, ranks=3, copies=(2, 2, 1), hand_size=2)
    entries = {
        "mlp": random_agents(env, mlp_policy(env.spec, widths=(8,)), 1),
        "constant": constants([0, 4], env),
    }
    played = crossplay(env, entries, episodes=3, seed=3)
    np.testing.assert_allclose(
        played.values[..., 0], naive(env, entries, episodes=3, seed=3), atol=1e-5
    )
    assert played.values[..., 0].std() > 0


def test_seats_swap_by_transposing():
    """Row in seat 1 against column in seat 0 is the same game as the other way round."""
    values = crossplay(KITCHEN, three_kinds(), episodes=2).games("return")
    np.testing.assert_array_equal(values[:, :, 1], values[:, :, 0].swapaxes(0, 1))


def test_tiles_do_not_change_the_matrix():
    roster = [random_agents(LEVER, mlp_policy(LEVER.spec, widths=(8,)), 5), constants([0, 1, 2])]
    key = jax.random.key(0)
    whole = kernel(LEVER, roster, episodes=3, key=key)
    tiny = kernel(LEVER, roster, episodes=3, key=key, budget=1)
    np.testing.assert_array_equal(whole.values, tiny.values)


@pytest.mark.long
def test_events_are_means_over_the_episodes_however_they_are_cut(monkeypatch):
    """Five episodes in tiles of two: the sixth is played, and counts for nothing."""
    roster = list(three_kinds().values())
    key = jax.random.key(0)
    whole = kernel(KITCHEN, roster, episodes=5, key=key)
    alone = [kernel(KITCHEN, roster, episodes=n, key=key).events * n for n in (4, 5)]
    monkeypatch.setattr(kernels, "plan", lambda *_: (4, 3, 2))
    cut = kernel(KITCHEN, roster, episodes=5, key=key)
    np.testing.assert_array_equal(whole.values, cut.values)
    np.testing.assert_array_equal(whole.events, cut.events)
    last = alone[1] - alone[0]  # of the fifth episode: whole numbers, one of six actions a step
    np.testing.assert_allclose(last, last.round(), atol=1e-4)
    names = KITCHEN.spec.event_names
    acts = [names.index(name) for name in ("stay", "useful_interact", "useless_interact")]
    assert 0 < last[..., acts].sum(-1).max() <= 12


def test_a_matrix_keeps_two_numbers_of_a_game_and_no_more():
    """Else 300 policies, 17 events and 64 episodes are most of a gigabyte."""
    found = kernel(KITCHEN, [constants([0, 3], KITCHEN)], episodes=4, key=jax.random.key(0))
    assert found.values.shape == (2, 2, 2, 4, 2)
    assert found.metrics == ("return", "length")
    assert found.events.shape == (2, 2, 2, len(KITCHEN.spec.event_names))
    assert found.events.dtype == np.float32


def test_rosters_of_near_sizes_share_a_program():
    _tile.clear_cache()
    policy = mlp_policy(LEVER.spec, widths=(8,))
    for size in (7, 8):
        kernel(LEVER, [random_agents(LEVER, policy, size)], episodes=2, key=jax.random.key(0))
    assert _tile._cache_size() == 1
    kernel(LEVER, [random_agents(LEVER, policy, 9)], episodes=2, key=jax.random.key(0))
    assert _tile._cache_size() == 2


def test_the_next_tile_is_dispatched_before_the_last_one_is_fetched(monkeypatch):
    order = []
    tile, fetch = kernels._tile, kernels.to_host
    monkeypatch.setattr(kernels, "_tile", lambda *x: order.append("play") or tile(*x))
    monkeypatch.setattr(kernels, "to_host", lambda x: order.append("fetch") or fetch(x))
    monkeypatch.setattr(kernels, "plan", lambda *_: (2, 3, 2))
    kernel(LEVER, [constants([1, 2, 3])], episodes=3, key=jax.random.key(0))
    assert order == ["play", "play", "fetch", "play", "fetch", "play", "fetch", "fetch"]


def test_tile_sizes_are_few_and_near():
    sizes = tile_sizes(300)
    assert sizes[:10] == [1, 2, 3, 4, 6, 8, 10, 12, 14, 16]
    assert sizes[10:24] == [20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 72, 80]
    for devices in (1, 2, 3, 8):
        sizes = np.array(tile_sizes(300, devices))
        assert (sizes % devices == 0).all()
        assert sizes[-1] >= 300
        # of what is played in a tile of more than 64 rows at most a tenth is dropped
        smallest = sizes[:-1][sizes[1:] > 64] + 1
        held = sizes[1:][sizes[1:] > 64]
        assert (smallest / held > 0.89 - 0.01 * devices).all()


@pytest.mark.parametrize("games", [1, 7, 100, 10**9])
@pytest.mark.parametrize(("rows", "cols", "episodes"), [(1, 1, 1), (13, 5, 32), (256, 256, 10)])
@pytest.mark.parametrize("devices", [1, 2, 3, 8])
def test_planned_tiles_keep_the_budget(rows, cols, episodes, games, devices):
    height, width, depth = plan_tiles(rows, cols, 2, episodes, games, devices)
    # less than one row for each device cannot be played
    assert height * width * depth * 2 <= max(games, 2 * devices)
    assert height in tile_sizes(rows, devices)
    assert width in tile_sizes(cols)
    assert depth <= episodes
    if games == 10**9:
        assert height >= rows
        assert width >= cols
        assert depth == episodes


def test_events_are_those_of_the_row():
    """A cook that only stays never interacts; one that only interacts does nothing else."""
    entries = {"interact": constants([5], KITCHEN), "stay": constants([4], KITCHEN)}
    played = crossplay(KITCHEN, entries, episodes=1)
    stays, tries = played.matrix("stay"), played.matrix("useless_interact")
    assert stays[1, 0] == stays[1, 1] == 12
    assert stays[0, 1] == stays[0, 0] == 0
    assert tries[0, 1] + played.matrix("useful_interact")[0, 1] == 12
    assert (played.matrix("length") == 12).all()


def test_greedy_takes_the_most_likely_action():
    entries = {"mlp": random_agents(KITCHEN, mlp_policy(KITCHEN.spec, widths=(8,)), 2)}
    one = crossplay(KITCHEN, entries, episodes=2, seed=0, greedy=True)
    two = crossplay(KITCHEN, entries, episodes=2, seed=9, greedy=True)
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.events, two.events)
    assert one.greedy


@pytest.mark.parametrize(("entries", "episodes"), [({}, 1), ({"a": constants([1])}, 0)])
def test_nothing_to_play_is_an_error(entries, episodes):
    with pytest.raises(UserError, match=r"roster is empty|at least 1"):
        crossplay(LEVER, entries, episodes=episodes)
