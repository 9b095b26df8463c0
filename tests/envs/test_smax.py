"""SMAX by hand: who shoots whom, who is pushed where, who is paid, and what a mirror shows."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests import smax_oracle
from zsc import UserError
from zsc.cli.settings import LEARNERS
from zsc.envs.smax import SCENARIOS, Smax
from zsc.envs.smax.observation import OTHER, OWN, order_of
from zsc.envs.smax.starts import EDGE
from zsc.envs.smax.units import STATS
from zsc.learn.ppo import PPOConfig
from zsc.learn.q_learning import QConfig
from zsc.train import fit, init_state, make_update
from zsc.train.method import Method
from zsc.train.sinks import Memory

UP, RIGHT, DOWN, LEFT, STOP, ATTACK = range(6)
AGENTS = zsc.make("smax/3s_vs_5z", enemies="agents")
SCRIPTED = zsc.make("smax/3s_vs_5z")
EVENTS = AGENTS.spec.event_names
NO_NOISE = jnp.zeros((8, 8))
# three stalkers in a column on the left, five zealots on the right, nobody near
PLACES = [[4, 8], [4, 16], [4, 24]] + [[28, 4 + 6 * i] for i in range(5)]


@cache
def programs(env):
    return jax.jit(env.advance), jax.jit(env.show)


def at(places=None, **fields):
    """A state of 3s_vs_5z with units at these places from the corner; fields of a snapshot."""
    state, _ = AGENTS.reset(jax.random.key(0))
    snap = AGENTS.snapshot(state) | {"unit_positions": jnp.array(places or PLACES, jnp.float32)}
    return AGENTS.restore(snap | {name: jnp.asarray(value) for name, value in fields.items()})


def place(**moved):
    """PLACES with some units elsewhere: place(a0=(9, 8), e1=(5, 5))."""
    places = [list(p) for p in PLACES]
    for name, where in moved.items():
        places[int(name[1:]) + (3 if name[0] == "e" else 0)] = list(where)
    return places


def advance(state, noise=NO_NOISE, env=AGENTS, **chosen):
    """The snapshot and what is shown after a step in which all stop but those chosen."""
    action = np.full(8, STOP)
    for name, one in chosen.items():
        action[int(name[1:]) + (3 if name[0] == "e" else 0)] = one
    after, shown = programs(env)[0](state, jnp.asarray(action), noise)
    return {k: np.asarray(v) for k, v in env.snapshot(after).items()}, shown


def happened(shown, unit):
    return {
        n for n, seen in zip(EVENTS, np.asarray(shown.info["events"][unit]), strict=True) if seen
    }


def test_contract() -> None:
    zsc.check_environment(zsc.make("smax/3m", horizon=20), steps=12, games=8)


@pytest.mark.long
@pytest.mark.parametrize("enemies", ["scripted", "agents"])
@pytest.mark.parametrize("name", ["2s3z", "5m_vs_6m", "smacv2_5_units"])
def test_contract_of_more(name, enemies) -> None:
    zsc.check_environment(zsc.make(f"smax/{name}", enemies=enemies), steps=60, games=8)


def test_specs() -> None:
    sizes = {name: zsc.make(f"smax/{name}").spec for name in SCENARIOS}
    assert {n: s.obs_shape[0] for n, s in sizes.items()} == {
        "3m": 75, "8m": 205, "5m_vs_6m": 140, "10m_vs_11m": 270, "2s3z": 127, "3s5z": 205,
        "3s5z_vs_3s6z": 218, "3s_vs_5z": 101, "6h_vs_8z": 179, "smacv2_5_units": 127,
        "smacv2_10_units": 257,
    }  # fmt: skip
    assert sizes["3s_vs_5z"].num_actions == 10
    assert AGENTS.spec.num_agents == 8
    assert (AGENTS.spec.team_reward, SCRIPTED.spec.team_reward) == (False, True)
    state, _ = SCRIPTED.reset(jax.random.key(0))
    assert SCRIPTED.world(state).shape == (96,) == (len(SCRIPTED.world_scale),)


def test_units_walk_at_the_speed_of_their_type() -> None:
    snap, _ = advance(at(), a0=UP, a1=RIGHT, a2=DOWN, e0=LEFT)
    moved = snap["unit_positions"] - np.array(PLACES)
    assert np.allclose(moved[:4], [[0, 4.13 / 2], [4.13 / 2, 0], [0, -4.13 / 2], [-3.15 / 2, 0]])
    assert np.abs(moved[4:]).max() == 0
    assert snap["prev_movement_actions"][:4].tolist() == [[0, 1], [1, 0], [0, -1], [-1, 0]]


def test_a_shot_needs_range_and_a_ready_weapon() -> None:
    # enemies count allies from the last on: ally 0 is number 2, ally 2 is number 0
    close = place(e4=(9, 24))  # 5 from ally 2: a stalker shoots over 6, a zealot over 2
    snap, shown = advance(at(close), a2=ATTACK + 4, e4=ATTACK + 0)
    assert snap["unit_health"][7] == 150 - 13
    assert snap["unit_health"][2] == 160
    assert {"attack", "shot"} <= happened(shown, 2)
    assert "shot" not in happened(shown, 7)
    assert "damaged" in happened(shown, 7)
    # ready again after 1.87 s less the seven world steps that follow
    assert np.isclose(snap["unit_weapon_cooldowns"][2], 1.87 - 7 / 16)
    assert np.isclose(snap["unit_weapon_cooldowns"][0], -8 / 16)
    waiting, _ = advance(at(close, unit_weapon_cooldowns=jnp.full(8, 0.6)), a2=ATTACK + 4)
    assert waiting["unit_health"][7] == 150
    exact, _ = advance(at(place(e4=(10, 24))), a2=ATTACK + 4)  # 6 is not less than 6
    assert exact["unit_health"][7] == 150


def test_noise_is_added_to_the_cooldown_of_who_shot() -> None:
    noise = jnp.zeros((8, 8)).at[0, 2].set(0.1).at[1, 2].set(5.0).at[0, 0].set(5.0)
    snap, _ = advance(at(place(e4=(9, 24))), noise, a2=ATTACK + 4)
    assert np.isclose(snap["unit_weapon_cooldowns"][2], 1.97 - 7 / 16)
    assert np.isclose(snap["unit_weapon_cooldowns"][0], -0.5)


def test_units_that_kill_each_other_in_one_world_step_both_die() -> None:
    health = jnp.array([160, 160, 8, 150, 150, 150, 150, 13.0])
    snap, shown = advance(at(place(e4=(5.5, 24)), unit_health=health), a2=ATTACK + 4, e4=ATTACK)
    assert snap["unit_alive"].tolist() == [True] * 2 + [False] + [True] * 4 + [False]
    assert {"kill", "death", "shot"} <= happened(shown, 2) & happened(shown, 7)
    assert np.isclose(shown.reward[0], 13 / 150 / 5)
    assert np.isclose(shown.reward[7], 8 / 160 / 3)


def test_focus_is_of_two_who_attack_the_same() -> None:
    _, shown = advance(at(place(e4=(9, 20))), a1=ATTACK + 4, a2=ATTACK + 4, a0=ATTACK + 1)
    assert ["focus" in happened(shown, unit) for unit in (0, 1, 2)] == [False, True, True]


def test_units_that_overlap_part_by_half_of_it_and_the_dead_do_not() -> None:
    # one world step at a time can be seen where nothing else moves: the push converges
    snap, _ = advance(at(place(e1=(28, 4.4))))
    gap = snap["unit_positions"][4] - snap["unit_positions"][3]
    assert np.allclose(gap, [0, 1], atol=1e-4)  # two radii of .5
    health = jnp.array([160.0] * 3 + [150, 0] + [150] * 3)
    dead, _ = advance(at(place(e1=(28, 4.4)), unit_health=health, unit_alive=health > 0))
    assert np.abs(dead["unit_positions"] - np.array(place(e1=(28, 4.4)))).max() < 1e-5


def test_the_border_kills_and_pays_the_others() -> None:
    state = at(place(a0=(1, 8)))
    snap, shown = advance(state, a0=LEFT)
    assert not snap["unit_alive"][0]
    assert {"death", "wall"} <= happened(shown, 0)
    assert np.isclose(shown.reward[7], 1 / 3)
    assert shown.mask[0].tolist() == [False] * 4 + [True] + [False] * 5  # the dead stop
    assert not np.asarray(shown.obs[0]).any()
    soft = Smax("3s_vs_5z", "agents", walls=False)
    snap, _ = advance(state, env=soft, a0=LEFT)
    assert snap["unit_alive"][0]
    assert snap["unit_positions"][0, 0] == 0


def test_a_won_battle_pays_one_more_and_is_over() -> None:
    health = jnp.array([160.0] * 3 + [0.0] * 4 + [10])
    state = at(place(e4=(5.5, 24)), unit_health=health, unit_alive=health > 0)
    _, shown = advance(state, a2=ATTACK + 4)
    assert np.isclose(shown.reward[:3], 1 + 10 / 150 / 5).all()
    assert not np.asarray(shown.reward[3:]).any()
    assert bool(shown.terminated)
    assert shown.mask.all()
    assert all("win" in happened(shown, unit) for unit in (0, 1, 2))
    assert "win" not in happened(shown, 7)


def test_the_limit_of_time_truncates() -> None:
    _, shown = advance(at(time=98))
    assert not shown.done
    _, shown = advance(at(time=99))
    assert bool(shown.truncated)
    assert not shown.terminated


def test_what_a_team_has_no_action_for_is_a_stop() -> None:
    snap, shown = advance(at(), e0=ATTACK + 4)  # enemies have three to attack
    assert snap["prev_attack_actions"][3] == 0
    assert not np.asarray(shown.mask[3:, ATTACK + 3 :]).any()


def test_views() -> None:
    state = at(place(e4=(9, 24)), prev_attack_actions=jnp.array([0, 0, 9, 0, 0, 0, 0, 5]))
    obs = np.asarray(programs(AGENTS)[1](state).obs)
    width = len(OTHER)

    def entry(seat, other):
        slot = order_of(AGENTS.teams, seat).index(other)
        return dict(zip(OTHER, obs[seat, slot * width : (slot + 1) * width], strict=True))

    seen = entry(2, 7)
    assert np.isclose(seen["x"], 5 / 10)
    assert (seen["health"], seen["zealot"], seen["stalker"]) == (1, 1, 0)
    assert np.isclose(seen["attacked"], 5 / 7)  # of the enemies' actions 0 to 7
    back = entry(7, 2)
    assert np.isclose(back["x"], -5 / 9)  # in units of my own sight
    assert np.isclose(back["attacked"], 9 / 9)
    assert not any(entry(2, 3).values())  # out of sight
    own = dict(zip(OWN, obs[2, -len(OWN) :], strict=True))
    assert (own["x"], own["y"], own["stalker"]) == (4 / 32, 24 / 32, 1)
    shy = Smax("3s_vs_5z", "agents", see_enemy_actions=False)
    hidden = np.asarray(shy.show(state).obs)
    assert np.flatnonzero(obs[2] != hidden[2]).size == 1


def test_scripted_enemies_keep_their_target_and_stand_still() -> None:
    env = SCRIPTED
    snap = AGENTS.snapshot(at())
    draws, stay = env.draw(jax.random.key(0)), jnp.full(3, STOP)

    def chosen(first, **memory):
        """What the enemy at (28, 16) does, ally 1 being 1.5 away; allies are counted backwards."""
        places = jnp.array(place(a0=first, a1=(28, 14.5)), jnp.float32)
        state = env.restore(snap | {"unit_positions": places} | memory)
        after, _ = programs(env)[0](state, stay, draws)
        assert np.abs(after.position[5] - jnp.array([12, 0])).max() < 0.3  # it is pushed at most
        return int(after.action[5]) - ATTACK, int(after.memory.target[2])

    assert chosen((26.7, 16)) == (2, 2)
    assert chosen((26.3, 16)) == (1, 1)
    before = {"enemy_goals": jnp.zeros((5, 2)), "enemy_targets": jnp.full(5, 2)}
    assert chosen((26.3, 16), **before) == (2, 2)
    assert chosen((20, 16), **before) == (1, 1)


def test_starts() -> None:
    for name in ("2s3z", "smacv2_5_units"):
        env = zsc.make(f"smax/{name}")
        state, _ = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), 400))
        place, types = np.asarray(state.position), np.asarray(state.types)
        assert np.abs(place).max() < 16
        assert (np.asarray(state.health) == STATS.health[types]).all()
        if name == "2s3z":
            assert (place[:, :5, 0] < 0).all()
            assert (place[:, 5:, 0] > 0).all()
        else:
            assert (types[:, :5] == types[:, 5:]).all()
            assert np.abs(np.bincount(types.ravel(), minlength=6) / types.size - 1 / 6).max() < 0.03
            left = (place[:, :5, 0] < 0).all(1)  # all of them, where the teams are reflected
            assert 0.4 < left.mean() < 0.65
            assert np.abs(place).max() > EDGE - 1.5


def test_a_mirror_image_is_exact() -> None:
    env = zsc.make("smax/2s3z")
    group = env.symmetry()
    assert not group.closed
    mirror = 1
    assert (group.obs_index[mirror] == group.obs_index[0]).all()
    state, shown = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(3), 16))
    other = jax.jit(jax.vmap(lambda s: group.move_state(mirror, s)))(state)

    @jax.jit
    @jax.vmap
    def step(state, other, mask, key):
        draws = env.draw(key)
        noise = jax.random.gumbel(key, mask.shape)
        action = jnp.argmax(jnp.where(mask, noise, -jnp.inf), -1)
        renamed = jax.vmap(lambda a, seat: group.action(mirror, a, seat))(action, jnp.arange(5))
        return env.advance(state, action, draws), env.advance(other, renamed, draws)

    mask = shown.mask
    for t in range(60):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(5), t), 16)
        (state, shown), (other, seen) = step(state, other, mask, keys)
        mask = shown.mask
        assert (state.position * jnp.array([1, -1]) == other.position).all()
        assert (state.health == other.health).all()
        assert (shown.reward == seen.reward).all()
    assert (state.health == 0).any()


def test_three_enemies_may_change_names_in_a_ring() -> None:
    env = zsc.make("smax/3m")
    group = env.symmetry()
    assert (len(group), group.closed, group.per_seat) == (72, True, True)
    allies = (group.seat_index == np.arange(3)).all(1)
    attacks = group.action_index[:, 0, ATTACK:] - ATTACK
    ring = int(np.flatnonzero(allies & (attacks == [1, 2, 0]).all(1))[0])
    state, _ = env.reset(jax.random.key(0))
    moved = group.move_state(ring, state)
    # enemy 0 is called 1 now
    assert (moved.position[4] == state.position[3]).all()
    assert int(group.inverse_action(ring, ATTACK + 1, 0)) == ATTACK
    assert int(group.action(group.inverse[ring], ATTACK + 1, 0)) == ATTACK


@pytest.mark.long
def test_one_game_is_as_many() -> None:
    env = SCRIPTED
    keys = jax.random.split(jax.random.key(1), 6)
    state, shown = jax.jit(jax.vmap(env.reset))(keys)
    given = state, jnp.argmax(shown.mask, -1), jax.jit(jax.vmap(env.draw))(keys)
    several = jax.vmap(env.advance)
    many = jax.jit(several)(*given)
    nested = jax.tree.map(lambda x: x.reshape(2, 3, *x.shape[1:]), given)
    deep = jax.jit(jax.vmap(several))(*nested)
    one = programs(env)[0](*jax.tree.map(lambda x: x[4], given))
    for a, b, c in zip(*map(jax.tree.leaves, (many, deep, one)), strict=True):
        assert np.array_equal(np.asarray(a), np.asarray(b).reshape(a.shape))
        assert np.allclose(np.asarray(a[4]), np.asarray(c), atol=1e-5)


def test_pictures() -> None:
    state = at(place(e4=(9, 24)), unit_health=jnp.array([160.0, 0] + [40] * 6))
    picture = AGENTS.render(state)
    assert picture.dtype == np.uint8
    assert picture.shape == (512, 512, 3)
    attacks = AGENTS.render(state._replace(action=jnp.full(8, ATTACK + 4)))
    assert (picture != attacks).any()


@pytest.mark.filterwarnings("ignore")
def test_steps_are_the_references() -> None:
    smax_oracle.check_starts("3s_vs_5z", 20, 0)
    steps, seen = smax_oracle.compare("3s_vs_5z", "scripted", 240, 0)
    assert steps >= 240
    assert min(seen["shot"], seen["damaged"], seen["truncated"]) > 0


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_steps_of_two_teams_are_the_references() -> None:
    smax_oracle.compare("3s_vs_5z", "agents", 240, 0)


@pytest.mark.long
@pytest.mark.parametrize("name", ["ppo", "mappo", "iql", "vdn", "qmix"])
def test_every_learner_learns_in_it(name) -> None:
    env = zsc.make("smax/3s_vs_5z", horizon=20)
    policy = zsc.gru_policy(env.spec, widths=(8,), hidden=8)
    games = {"envs": 4, "segments": 1}
    learner = LEARNERS[name][1](
        PPOConfig(**games, epochs=1)
        if name in ("ppo", "mappo")
        else QConfig(**games, capacity=8, batch=4, steps=2)
    )
    method, log = Method("self_play"), Memory()
    update = make_update(env, policy, method, learner)
    state = init_state(env, policy, method, learner, members=1, seed=0, updates=3)
    fit(update, state, updates=3, chunk=3, sinks=[log])
    assert np.isfinite(log["loss"]).all()
    assert (log["return"] >= 0).all()


def test_bad_input() -> None:
    for settings, words in (
        ({"scenario": "3n"}, "3m"),
        ({"scenario": "3m", "enemies": "script"}, "scripted"),
        ({"scenario": "3m", "horizon": 0}, "at least 1 step"),
    ):
        with pytest.raises(UserError, match=words):
            zsc.make("smax", **settings)
    with pytest.raises(UserError, match="smax/3m"):
        zsc.make("smax")
    with pytest.raises(UserError, match="smax/8m"):
        zsc.make("smax/9m")
