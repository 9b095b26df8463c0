"""Recorded games: the same as those of cross-play, and back from a file as they were."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.disk import bits, flip
from zsc import (
    Environment,
    Label,
    Pool,
    Record,
    UserError,
    constant_policy,
    gru_policy,
    make_pool,
    mlp_policy,
)
from zsc.agents.bots import hanabi_bots
from zsc.evaluation import CrossPlay, crossplay
from zsc.files import load_arrays, save_arrays
from zsc.play.crossplay import crossplay as everyone
from zsc.play.crossplay import versus
from zsc.records.record import load_record

KITCHEN = zsc.make("overcooked/cramped_room", horizon=20)
HANABI = zsc.make(
    "hanabi", colours=2, ranks=2, copies=(3, 2), hand_size=2, info_tokens=3, life_tokens=2
)
GAMES = {"overcooked": KITCHEN, "hanabi": HANABI}
EPISODES, SEED = 6, 11
NOTES = {"who": ["a", "b"], "seed": 3, "nested": {"x": None, "y": [1.5, True]}}


def random_agents(env: Environment, policy: zsc.Policy, count: int, seed: int) -> Pool:
    """Far from uniform, so that it shows who sits where."""
    rng = np.random.default_rng(seed)
    like = jax.eval_shape(policy.init, jax.random.key(0))
    params = jax.tree.map(lambda x: rng.normal(0, 1, (count, *x.shape)).astype(x.dtype), like)
    return make_pool(env.spec, policy, params, [Label("random", member=i) for i in range(count)])


@cache
def pools(game: str) -> dict[str, Pool]:
    """Two of each of two kinds: one with a memory, the other without or by rules."""
    env = GAMES[game]
    gru = random_agents(env, gru_policy(env.spec, widths=(8,), hidden=8), 2, seed=1)
    if game == "overcooked":
        return {"mlp": random_agents(env, mlp_policy(env.spec, widths=(8,)), 2, seed=0), "gru": gru}
    bots = hanabi_bots(env)
    methods = [label.method for label in bots.labels]
    return {"bots": bots.take([methods.index(name) for name in ("random", "iggi")]), "gru": gru}


@cache
def matrix(game: str) -> CrossPlay:
    return crossplay(GAMES[game], pools(game), episodes=EPISODES, seed=SEED)


def figures(played: Any) -> np.ndarray:
    """[N, N, seat, ...] all that a cross-play keeps."""
    games = played.values.reshape(*played.values.shape[:3], -1)
    return np.concatenate([games, played.events], axis=-1)


@cache
def recorded(game: str, row: int, col: int) -> Record:
    agents = [pool.take([i]) for pool in pools(game).values() for i in range(2)]
    return zsc.record(GAMES[game], (agents[row], agents[col]), episodes=EPISODES, seed=SEED)


#: places in the roster: those with a memory are 2 and 3
CELLS = {
    "overcooked": [(0, 2), (1, 3), (0, 3), (2, 0), (3, 1)],
    "hanabi": [(0, 2), (1, 2), (1, 3), (2, 3), (3, 2), (2, 2)],
}


@pytest.mark.parametrize("game", ["overcooked", pytest.param("hanabi", marks=pytest.mark.long)])
def test_recorded_games_are_those_of_cross_play(game: str) -> None:
    """Return and length of every episode, the mean of every event; the row's agent in seat 0."""
    for row, col in CELLS[game]:
        seen = recorded(game, row, col)
        cell, counts = matrix(game).values[row, col, 0], matrix(game).events
        np.testing.assert_array_equal(seen.reward[..., 0].sum(1), cell[:, 0])
        np.testing.assert_array_equal(seen.length, cell[:, 1])
        per_episode = seen.events.sum(1).mean(0)  # [A, F]
        np.testing.assert_allclose(per_episode[0], counts[row, col, 0], rtol=1e-6)
        # and in seat 1 sat the column's
        other = matrix(game).values[col, row, 1]
        np.testing.assert_array_equal(seen.reward[..., 1].sum(1), other[:, 0])
        np.testing.assert_allclose(per_episode[1], counts[col, row, 1], rtol=1e-6)
        assert counts[row, col].any()
    told = np.array([figures(matrix(game))[row, col, 0] for row, col in CELLS[game]])
    assert len(np.unique(told, axis=0)) == len(told)
    assert recorded(game, *CELLS[game][0]).action.std(0).max() > 0  # episodes differ


def test_versus_is_the_block_of_cross_play() -> None:
    """With the same key, whoever else there is, also if somebody stands on both sides."""
    mlp, gru = pools("overcooked").values()
    key = jax.random.key(SEED)
    played = versus(KITCHEN, [gru, mlp], [gru], episodes=EPISODES, key=key)
    cells = np.ix_([2, 3, 0, 1], [2, 3])
    block = figures(matrix("overcooked"))[cells]
    np.testing.assert_array_equal(figures(played), block)
    assert len(np.unique(block.reshape(8, -1), axis=0)) == 8


def test_versus_is_the_block_of_cross_play_with_three_seats() -> None:
    env = replace(HANABI, players=3)
    agents = random_agents(env, mlp_policy(env.spec, widths=(8,)), 2, seed=2)
    key = jax.random.key(0)
    whole = figures(everyone(env, [agents], episodes=4, key=key))
    played = versus(env, [agents.take([1, 0])], [agents], episodes=4, key=key)
    np.testing.assert_array_equal(figures(played), whole[[1, 0]])
    assert len(np.unique(whole.reshape(12, -1), axis=0)) == 12


def test_versus_refuses_what_cross_play_refuses() -> None:
    mlp, key = pools("overcooked")["mlp"], jax.random.key(0)
    with pytest.raises(UserError, match="at least 1"):
        versus(KITCHEN, [mlp], [mlp], episodes=0, key=key)
    for rows, cols in (([mlp], []), ([], [mlp]), ([mlp.take([])], [mlp])):
        with pytest.raises(UserError, match="roster is empty"):
            versus(KITCHEN, rows, cols, episodes=1, key=key)
    with pytest.raises(UserError, match="was made for hanabi"):
        versus(KITCHEN, [mlp], [pools("hanabi")["gru"]], episodes=1, key=key)


@pytest.mark.parametrize("game", list(GAMES))
def test_games_come_back_bit_for_bit(game: str, tmp_path: Path) -> None:
    env, seen = GAMES[game], recorded(game, *CELLS[game][-1])
    path = seen.save(tmp_path / "new" / "games.safetensors", env, notes=NOTES)
    back, again, notes = load_record(path)
    assert back == env
    assert hash(back) == hash(env)
    assert back.spec == env.spec
    assert notes == NOTES
    assert isinstance(again, Record)
    assert jax.tree.structure(again) == jax.tree.structure(seen)
    assert type(again.states) is type(seen.states)
    assert bits(again) == bits(seen)
    for old, new in zip(seen, again, strict=True):  # each under its own name
        assert bits(old) == bits(new)
    if game == "hanabi":
        assert bits(again.states.last) == bits(seen.states.last)
        assert len(np.unique(again.states.last.kind)) > 2
    # games can go on from a stored state
    state = jax.tree.map(lambda x: x[1, 3], again.states)
    moved, shown = jax.jit(env.step)(jax.random.key(0), state, again.action[1, 3])
    assert bits(moved) == bits(jax.tree.map(lambda x: x[1, 4], again.states))
    assert bits(shown.obs) == bits(again.obs[1, 4])


def test_drawn_kitchens_and_other_settings_come_back(tmp_path: Path) -> None:
    drawing = "XXPXX|O  2O|X1  X|XDXSX"
    env = zsc.make("overcooked", layout=drawing, horizon=5, encoding="grid", random_starts=True)
    policy = constant_policy(num_actions=6)
    one = make_pool(env.spec, policy, jnp.array([5], jnp.int32), [Label("constant")])
    seen = zsc.record(env, (one, one), episodes=2)
    back, again, notes = load_record(seen.save(tmp_path / "games", env))
    assert (back, notes) == (env, {})
    assert bits(again) == bits(seen)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return recorded("overcooked", 0, 2).save(tmp_path / "games.safetensors", KITCHEN)


def test_games_are_never_written_over(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(UserError, match="already exists: choose another place"):
        recorded("overcooked", 0, 3).save(saved, KITCHEN)
    assert saved.read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.002, 0.1, 0.5, 0.9, 1.0])
def test_games_with_an_altered_byte_are_refused(saved: Path, share: float) -> None:
    flip(saved, int(share * (saved.stat().st_size - 1)))
    with pytest.raises(UserError, match="altered or cut short"):
        load_record(saved)


@pytest.mark.parametrize("size", [0, 7, 100, -1])
def test_games_cut_short_are_refused(saved: Path, size: int) -> None:
    saved.write_bytes(saved.read_bytes()[:size])
    with pytest.raises(UserError, match="altered or cut short"):
        load_record(saved)


def test_what_holds_no_games_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not there"):
        load_record(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("no games")
    with pytest.raises(UserError, match="altered or cut short"):
        load_record(tmp_path / "notes.txt")
    arrays = save_arrays(tmp_path / "arrays", {"action": np.zeros(3)}, {"format": "zsc-games 0"})
    played = crossplay(KITCHEN, pools("overcooked"), episodes=EPISODES, seed=SEED)
    for path in (arrays, played.save(tmp_path / "xp")):
        with pytest.raises(UserError, match="holds no recorded games"):
            load_record(path)


def rewrite(path: Path, **home: Any) -> Path:
    """The same games, as another version of the toolkit would have written them."""
    arrays, about = load_arrays(path)
    about["game"]["home"] |= home
    return save_arrays(path.with_name("other"), arrays, about)


def test_games_of_another_version_are_refused(saved: Path) -> None:
    assert load_record(rewrite(saved))[0] == KITCHEN
    version = KITCHEN.spec.version
    words = f"recorded in version {version - 1} of overcooked/cramped_room, this is version"
    with pytest.raises(UserError, match=words):
        load_record(rewrite(saved, version=version - 1))
    with pytest.raises(UserError, match="record it again"):
        load_record(rewrite(saved, obs_id="other:cramped_room"))
    with pytest.raises(UserError, match="unknown environment 'overdone/cramped_room'"):
        load_record(rewrite(saved, env="overdone/cramped_room"))


def test_games_with_an_unknown_setting_are_refused(saved: Path) -> None:
    arrays, about = load_arrays(saved)
    about["game"]["settings"] = asdict(KITCHEN) | {"horizons": 3}
    with pytest.raises(UserError, match="unknown setting of overcooked/cramped_room 'horizons'"):
        load_record(save_arrays(saved.with_name("other"), arrays, about))


def test_recording_needs_one_agent_for_each_seat() -> None:
    mlp = pools("overcooked")["mlp"]
    one = mlp.take([0])
    for agents in ((one,), (one, one, one), (one, mlp)):
        with pytest.raises(UserError, match="has 2 seats"):
            zsc.record(KITCHEN, agents)
    with pytest.raises(UserError, match="record at least 1"):
        zsc.record(KITCHEN, (one, one), episodes=0)
    with pytest.raises(UserError, match="was made for hanabi"):
        zsc.record(KITCHEN, (one, pools("hanabi")["gru"].take([0])))
