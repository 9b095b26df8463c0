"""Agents judged while they learn: what is kept, when it ends, and that nobody else is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import zsc
from tests.disk import files
from zsc import PPOConfig, UserError
from zsc.evaluation.cross_play import crossplay
from zsc.files import read_json, read_rows
from zsc.populations import BestResponse, FictitiousCoPlay, KLevel, SelfPlay
from zsc.populations.journal import Log
from zsc.train.sinks import JsonLines, Memory
from zsc.train.validation import Judge, Validation

LEVER = zsc.make("lever")
ONE_SHOT = PPOConfig(envs=16, segments=1, epochs=2, minibatches=1, shaping_steps=0)
RECIPE = SelfPlay(members=3, steps=16 * 30, learner=ONE_SHOT)


def always(*levers: int) -> zsc.Pool:
    """Partners that pull a lever each, whatever happens."""
    labels = [zsc.Label(f"lever {x}", member=x) for x in levers]
    return zsc.make_pool(
        LEVER.spec, zsc.constant_policy(num_actions=10), np.array(levers, np.int32), labels
    )


def same(one: zsc.Pool, other: zsc.Pool) -> bool:
    return one.ids == other.ids


@pytest.fixture(scope="module")
def plain() -> zsc.Pool:
    return RECIPE.train(LEVER, seed=4)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "judged"
    asked = Validation((always(0, 3),), every=16 * 10, episodes=32)
    RECIPE.train(LEVER, seed=4, out=out, validation=asked)
    return out


def test_being_watched_changes_nobody(judged: Path, plain: zsc.Pool) -> None:
    assert same(zsc.load_pool(judged), plain)
    assert [x.parents for x in zsc.load_pool(judged).labels] == [()] * 3


def test_rows_are_what_the_members_earn_with_the_partners(judged: Path) -> None:
    rows = read_rows(judged / "validation.jsonl")
    assert [(row["update"], row["steps"]) for row in rows] == [(10, 160), (20, 320), (30, 480)]
    last = rows[-1]
    both = [last["with lever 0"], last["with lever 3"]]
    np.testing.assert_allclose(last["return"], np.mean(both, axis=0), atol=1e-6)
    # the chance to pull the lever, as cross-play finds it with other episodes
    entries = {"us": zsc.load_pool(judged), "they": always(0, 3)}
    found = crossplay(LEVER, entries, episodes=400, seed=9).matrix()
    np.testing.assert_allclose(np.transpose(both), found[:3, 3:], atol=0.25)


def test_the_best_of_each_member_is_kept_with_who_chose_it(judged: Path) -> None:
    rows = read_rows(judged / "validation.jsonl")
    returns = np.array([row["return"] for row in rows])
    best = zsc.load_pool(judged / "best")
    steps = [rows[look]["steps"] for look in returns.argmax(0)]
    assert [x.step for x in best.labels] == steps
    assert {x.checkpoint for x in best.labels} == {"best"}
    assert {x.parents for x in best.labels} == {always(0, 3).ids}
    final = zsc.load_pool(judged)
    for m, step in enumerate(steps):
        assert (best.ids[m] == final.ids[m]) == (step == rows[-1]["steps"])


def test_the_manifest_says_who_judged_and_another_validation_is_not_gone_on_with(
    judged: Path,
) -> None:
    noted = read_json(judged / "manifest.json")["validation"]
    assert noted == {
        "every": 160, "episodes": 32, "patience": None, "partners": list(always(0, 3).ids)
    }  # fmt: skip
    before = files(judged)
    other = Validation((always(1),), every=160, episodes=32)
    for validation in (None, other):
        with pytest.raises(UserError, match="was started with"):
            RECIPE.train(LEVER, seed=4, out=judged, resume=True, validation=validation)
    assert {n: x for n, x in files(judged).items() if "lock" not in n} == {
        n: x for n, x in before.items() if "lock" not in n
    }


def with_returns(monkeypatch: pytest.MonkeyPatch, *returns: list[float]) -> None:
    """Members earn what a test wants, look after look; the last from then on."""
    looks = iter(returns)
    state = {"now": np.zeros((3, 1))}

    def earned(self: Judge, params: Any) -> np.ndarray:
        state["now"] = np.array(next(looks, state["now"][:, 0].tolist()))[:, None]
        return state["now"]

    monkeypatch.setattr(Judge, "_earned", earned)


def test_it_ends_when_nobody_got_better_for_long_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_returns(monkeypatch, [1, 5, 0], [2, 4, 0], [2, 4, 0], [1, 4, 0], [9, 9, 9])
    asked = Validation((always(0),), every=16 * 5, patience=2)
    log = Memory()
    pool = RECIPE.train(LEVER, seed=4, out=tmp_path / "r", validation=asked, sinks=[log])
    assert [x.step for x in pool.labels] == [16 * 20] * 3  # the second look was the last good one
    assert len(log.rows) == 20
    best = zsc.load_pool(tmp_path / "r" / "best")
    assert [x.step for x in best.labels] == [16 * 10, 16 * 5, 16 * 5]
    assert {x.parents for x in pool.labels} == {always(0).ids}  # they said when to stop
    again = RECIPE.train(LEVER, seed=4, out=tmp_path / "r", resume=True, validation=asked)
    assert same(again, pool)


def test_interrupted_is_the_same_as_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("zsc.populations.stage.SAVE_SECONDS", 0)
    asked = Validation((always(0, 3),), every=16 * 10, patience=9)
    RECIPE.train(LEVER, seed=4, out=tmp_path / "whole", validation=asked)

    class EnoughError(Exception):
        pass

    def stop(self: JsonLines, rows: Any, seconds: float) -> None:
        real(self, rows, seconds)
        if "metrics" in self.path.name and rows[-1]["update"] > 15:
            raise EnoughError

    real = JsonLines.write
    with monkeypatch.context() as cut:
        cut.setattr(JsonLines, "write", stop)
        with pytest.raises(EnoughError):
            RECIPE.train(LEVER, seed=4, out=tmp_path / "cut", validation=asked)
    file = tmp_path / "cut" / "validation.jsonl"
    rows = file.read_text()
    for odd in ('{"update": 10}', '{"update": 10, "return": [1.0]}', '{"update": 10, "return": 3}'):
        file.write_text(odd + "\n")
        with pytest.raises(UserError, match="altered or cut short"):
            RECIPE.train(LEVER, seed=4, out=tmp_path / "cut", resume=True, validation=asked)
    file.write_text(rows)
    RECIPE.train(LEVER, seed=4, out=tmp_path / "cut", resume=True, validation=asked)
    told = [
        [
            {k: v for k, v in row.items() if k != "seconds"}
            for row in read_rows(f / "validation.jsonl")
        ]
        for f in (tmp_path / "whole", tmp_path / "cut")
    ]
    assert told[0] == told[1]
    for name in ("pool", "best"):
        assert same(
            zsc.load_pool(tmp_path / "whole" / name), zsc.load_pool(tmp_path / "cut" / name)
        )


def test_a_stage_with_a_name_is_not_judged() -> None:
    """Partners of a first stage, say: the agents are the members of the stage without one."""
    log = Log(validation=Validation((always(0),)))
    policy = zsc.mlp_policy(LEVER.spec)
    assert log.judge("partners", LEVER, policy, 0, ()) is None
    assert log.judge("", LEVER, policy, 0, ()) is log.judges[0]


@pytest.mark.long
def test_responses_are_judged_and_not_their_partners(tmp_path: Path) -> None:
    recipe = FictitiousCoPlay(
        members=1, partners=2, blocks=2, snapshots=2, steps=16 * 10, partner_steps=16 * 10,
        learner=ONE_SHOT, partner_learner=ONE_SHOT,
    )  # fmt: skip
    asked = Validation((always(0),), every=16 * 5)
    pool = recipe.train(LEVER, seed=1, out=tmp_path / "r", validation=asked)
    rows = read_rows(tmp_path / "r" / "validation.jsonl")
    assert [row["update"] for row in rows] == [5, 10]
    best = zsc.load_pool(tmp_path / "r" / "best")
    assert len(best) == len(pool) == 1
    assert best.labels[0].parents == (*pool.labels[0].parents, *always(0).ids)


def test_what_cannot_be_judged_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    kitchen = zsc.overcooked_bots(zsc.make("overcooked/cramped_room"), ("idle",))
    with pytest.raises(UserError, match="made for overcooked"):
        RECIPE.train(LEVER, out=tmp_path / "r", validation=Validation((kitchen,)))
    asked = Validation((always(0),))
    for recipe in (KLevel(), BestResponse(always(0), tries=2), FictitiousCoPlay(responses=False)):
        with pytest.raises(UserError, match="rounds or teams"):
            recipe.train(LEVER, out=tmp_path / "r", validation=asked)
    for wrong in ({"episodes": 0}, {"every": -1.0}, {"patience": 0}, {"every": float("nan")}):
        with pytest.raises(UserError, match="above 0"):
            Validation((always(0),), **wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="nobody to validate with"):
        Validation(())
    assert list(tmp_path.iterdir()) == []


def test_a_roster_with_who_chose_refuses_the_chosen(judged: Path) -> None:
    from zsc.evaluation.heldout import HeldOut, check_held_out

    held = HeldOut(
        "mine@1", LEVER, always(0), always(3), always(0, 3), ("a", "b"), np.ones((2, 2), bool)
    )
    check_held_out("final", zsc.load_pool(judged), held)
    with pytest.raises(UserError, match="trained with"):
        check_held_out("best", zsc.load_pool(judged / "best"), held)
    assert jax.tree.leaves(zsc.load_pool(judged).params)
