"""Clones of a scripted cook act, and earn, as it does; of the idle one, nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import zsc
from zsc import Pool, Record, UserError
from zsc.envs.overcooked import Overcooked
from zsc.envs.overcooked.state import STAY
from zsc.populations import BehaviourCloning

ROOM = Overcooked("cramped_room", horizon=80, random_starts=True)  # 30 starts
EPISODES, EPOCHS, HELD_OUT = 64, 20, 0.25
# one shape of learning for all feed-forward clones
SETTINGS: dict[str, Any] = {
    "members": 2,
    "epochs": EPOCHS,
    "batch": 128,
    "learning_rate": 3e-3,
    "held_out": HELD_OUT,
}


def cook(name: str) -> Pool:
    return zsc.overcooked_bots(ROOM, (name,))


@cache
def games() -> Record:
    """A hog, who does all the work and leaves nothing to chance, beside one who never moves."""
    return zsc.record(ROOM, (cook("hog"), cook("idle")), episodes=EPISODES)


def some(count: int) -> Record:
    """The first of the games."""
    return Record(*jax.tree.map(lambda x: x[:count], tuple(games())))


def learned(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def hogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with clones of the hog."""
    run = tmp_path_factory.mktemp("runs") / "hogs"
    BehaviourCloning(games(), seats=(0,), **SETTINGS).train(ROOM, seed=0, out=run)
    return run


@pytest.fixture(scope="module")
def idlers() -> Pool:
    """Clones of the one who never moves."""
    return BehaviourCloning(games(), seats=(1,), **SETTINGS).train(ROOM, seed=0)


def with_idle(agent: Pool) -> Record:
    """The agent's most likely actions, in games that nobody learned from."""
    calm = (
        agent if "state" in agent.policy.reads else replace(agent, policy=zsc.greedy(agent.policy))
    )
    return zsc.record(ROOM, (calm, cook("idle")), episodes=EPISODES, seed=1)


def test_clones_of_the_hog_know_what_it_does(hogs: Path) -> None:
    rows = learned(hogs)
    assert [row["update"] for row in rows] == list(range(1, EPOCHS + 1))
    for row in rows:
        assert row.keys() >= {"loss", "accuracy", "held_out_accuracy"}
        assert len(row["accuracy"]) == len(row["held_out_accuracy"]) == 2
    for name in ("accuracy", "held_out_accuracy"):
        assert min(rows[-1][name]) > 0.9, name
    assert max(rows[0]["accuracy"]) < 0.75
    assert max(rows[-1]["loss"]) < min(rows[0]["loss"]) / 4


def test_clones_of_the_hog_earn_at_least_half_of_what_it_earns(hogs: Path) -> None:
    own = with_idle(cook("hog")).reward[..., 0].sum(1).mean()
    assert own >= 5
    pool = zsc.load_pool(hogs)
    for member in range(2):
        earned = with_idle(pool.take([member])).reward[..., 0].sum(1).mean()
        assert own / 2 <= earned <= own, member


def test_held_out_accuracy_is_that_of_the_games_at_the_end(hogs: Path) -> None:
    """Worked out from the pool that was saved."""
    kept = EPISODES - round(HELD_OUT * EPISODES)
    pool = zsc.load_pool(hogs)
    obs, done = games().obs[kept:, :, 0], games().action[kept:, :, 0]
    seen = zsc.Inputs(obs, np.ones((*done.shape, 6), bool), done < 0, np.zeros_like(done))

    def right(params: Any) -> Any:
        act = lambda inputs: pool.policy.apply(params, (), inputs)[1].logits.argmax(-1)
        return (jax.vmap(jax.vmap(act))(seen) == done).mean()

    found = jax.jit(jax.vmap(right))(pool.params)
    np.testing.assert_allclose(found, learned(hogs)[-1]["held_out_accuracy"], atol=1e-5)


def test_only_the_named_seats_are_imitated(idlers: Pool) -> None:
    for member in range(2):
        assert (with_idle(idlers.take([member])).action[..., 0] == STAY).mean() > 0.99


def test_run_and_pool_say_where_the_clones_are_from(hogs: Path, tmp_path: Path) -> None:
    pool = zsc.load_pool(hogs)
    told = json.loads((hogs / "manifest.json").read_text())
    assert told["method"] == "BehaviourCloning"
    assert told["recipe"]["games"] == {"games": EPISODES, "steps": EPISODES * ROOM.horizon}
    assert told["recipe"]["seats"] == [0]
    steps = round((1 - HELD_OUT) * EPISODES) * ROOM.horizon * EPOCHS
    assert [(x.method, x.member, x.step) for x in pool.labels] == [
        ("behaviour_cloning", 0, steps),
        ("behaviour_cloning", 1, steps),
    ]
    assert len(set(pool.ids)) == 2
    pool.save(tmp_path / "copy")
    assert zsc.load_pool(tmp_path / "copy").labels == pool.labels


def test_recurrent_clones_learn_in_stretches(tmp_path: Path) -> None:
    """Two seats of 16 games in stretches of 30 steps; of a third one 20 steps are there."""
    recipe = BehaviourCloning(
        some(16),
        members=1,
        epochs=5,
        batch=16,
        stretch=30,
        learning_rate=1e-2,
        network=zsc.gru_policy,
    )
    pool = recipe.train(ROOM, seed=0, out=tmp_path / "run")
    rows = learned(tmp_path / "run")
    assert pool.policy.recurrent
    assert rows[-1]["loss"][0] < 0.7 * rows[0]["loss"][0]
    assert not any("held_out_accuracy" in row for row in rows)
    assert pool.labels[0].step == 5 * 2 * 16 * 80


# what is wrong with it: (settings, words of the message)
BAD_RECIPES: dict[str, tuple[dict[str, Any], str]] = {
    "nobody": ({"members": 0}, "members is 0"),
    "no passes": ({"epochs": 0}, "epochs is 0"),
    "all held out": ({"held_out": 1.0}, "held_out is 1"),
    "less than none held out": ({"held_out": -0.1}, "held_out is -0.1"),
    "nothing left to learn from": ({"games": 1, "held_out": 0.6}, "1 games are too few"),
    "seat too high": ({"seats": (2,)}, "seats 0 to 1"),
    "negative seat": ({"seats": (0, -1)}, "seats 0 to 1"),
    "no seat": ({"seats": ()}, "seat"),
}


@pytest.mark.parametrize("fault", BAD_RECIPES)
def test_cloning_that_cannot_be_is_refused(fault: str, tmp_path: Path) -> None:
    settings, words = BAD_RECIPES[fault]
    rest = {name: value for name, value in settings.items() if name != "games"}
    with pytest.raises(UserError, match=words):
        BehaviourCloning(some(settings.get("games", 4)), **rest).train(ROOM, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "env", [Overcooked("cramped_room", encoding="grid"), zsc.make("lever")], ids=["grid", "lever"]
)
def test_games_that_show_something_else_are_refused(env: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the games show observations"):
        BehaviourCloning(some(2)).train(env, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
