"""Policies and games of one's own: stored with a word, found again or told how, pickled."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.disk import bits, files
from tests.small_games import ShownLever
from zsc.agents.policy import POLICIES, in_turns
from zsc.cli import main
from zsc.envs.base import EnvSpec
from zsc.evaluation import crossplay
from zsc.populations import SelfPlay

LEVER = zsc.make("lever")
PPO = zsc.PPOConfig(envs=2, segments=1, epochs=1, minibatches=1, shaping_steps=0)


def table(*, num_actions: int, name: str = "own_table") -> zsc.Policy:
    """Logits that are parameters."""
    return zsc.Policy(
        name=name,
        config=(("num_actions", num_actions),),
        init=lambda key: {"logits": jax.random.normal(key, (num_actions,))},
        carry=lambda: (),
        apply=lambda params, carry, inputs: (carry, zsc.Out(params["logits"], jnp.zeros(1))),
    )


def of_spec(spec: EnvSpec) -> zsc.Policy:
    return table(num_actions=spec.num_actions)


def pool_of(policy: zsc.Policy, size: int = 2) -> zsc.Pool:
    params = jax.vmap(policy.init)(jax.random.split(jax.random.key(0), size))
    labels = [zsc.Label("own", member=i) for i in range(size)]
    return zsc.make_pool(LEVER.spec, policy, params, labels)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICIES._known, "own_table", table)


def test_training_and_saving_say_what_must_be_registered(tmp_path: Path) -> None:
    recipe = SelfPlay(members=2, steps=4, learner=PPO, network=of_spec)
    words = r"the policy 'own_table' is not registered.*@zsc.register_policy\('own_table'\)"
    with pytest.warns(UserWarning, match=words):
        recipe.train(LEVER, out=tmp_path / "run")
    with pytest.warns(UserWarning, match=words):
        pool_of(of_spec(LEVER.spec)).save(tmp_path / "pool")
    for place in ("run", "pool"):
        with pytest.raises(zsc.UserError, match=r"unknown policy 'own_table'.*register_policy"):
            zsc.load_pool(tmp_path / place)


@pytest.mark.parametrize("command", ["crossplay", "report", "render", "record"])
def test_commands_say_how_to_register_what_they_do_not_know(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        SelfPlay(members=2, steps=4, learner=PPO, network=of_spec).train(LEVER, out=tmp_path / "a")
        SelfPlay(members=2, steps=4, learner=PPO, network=zsc.mlp_policy).train(
            ShownLever(), out=tmp_path / "b"
        )
    capsys.readouterr()
    end = {"report": ".html", "render": ".gif"}.get(command, "")
    for run, words in (("a", "zsc.register_policy"), ("b", "zsc.register_env")):
        before = files(tmp_path)
        assert main([command, str(tmp_path / run), "--out", str(tmp_path / f"new{end}")]) == 2
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1
        assert files(tmp_path) == before


def test_a_game_that_no_run_would_lead_back_to_is_told_before_training(tmp_path: Path) -> None:
    recipe = SelfPlay(members=2, steps=4, learner=PPO, network=zsc.mlp_policy)
    with pytest.warns(UserWarning, match=r"ShownLever cannot be made again.*register_env"):
        recipe.train(ShownLever(), out=tmp_path / "run")


def test_own_policies_that_are_registered_come_back(registered: None, tmp_path: Path) -> None:
    pool = pool_of(of_spec(LEVER.spec))
    again = zsc.load_pool(pool.save(tmp_path / "pool"))
    assert (again.ids, bits(again.params)) == (pool.ids, bits(pool.params))
    other = crossplay(LEVER, {"a": again}, episodes=2, seed=0)
    np.testing.assert_array_equal(
        other.values, crossplay(LEVER, {"a": pool}, episodes=2, seed=0).values
    )


def test_a_policy_under_another_s_name_is_not_stored(tmp_path: Path) -> None:
    """It would load as that one, and play otherwise."""
    mlp = zsc.mlp_policy(LEVER.spec, widths=(4,))
    mine = replace(mlp, apply=lambda params, carry, x: (carry, zsc.Out(x.obs[:10], jnp.zeros(1))))
    for policy in (mine, replace(mlp, reads=("actions",)), replace(mlp, init=lambda key: {})):
        with pytest.raises(zsc.UserError, match="builds another one than this"):
            pool_of(mlp).replace(policy=policy).save(tmp_path / "pool")
        with pytest.raises(zsc.UserError, match="builds another one than this"):
            pickle.dumps(policy)
    recipe = SelfPlay(members=2, steps=4, learner=PPO, network=lambda spec: mine)
    with pytest.raises(zsc.UserError, match="builds another one than this"):
        recipe.train(LEVER, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_config_that_no_file_can_hold_is_refused_before_training(tmp_path: Path) -> None:
    odd = replace(of_spec(LEVER.spec), config=(("function", print),))
    recipe = SelfPlay(members=2, steps=4, learner=PPO, network=lambda spec: odd)
    with pytest.raises(zsc.UserError, match="config of policy 'own_table' cannot be written"):
        recipe.train(LEVER, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_numpy_in_a_config_come_back_as_numbers(tmp_path: Path) -> None:
    sizes = [zsc.mlp_policy(LEVER.spec, widths=(kind(4),)) for kind in (int, np.int64)]
    pools = [pool_of(policy) for policy in sizes]
    assert pools[0].ids == pools[1].ids
    assert zsc.load_pool(pools[1].save(tmp_path / "pool")).policy == sizes[0]


KINDS = ("mlp", "gru", "greedy", "mixture", "bots", "own")


def pool_of_kind(kind: str) -> zsc.Pool:
    small = zsc.mlp_policy(LEVER.spec, widths=(4,))
    if kind == "bots":
        return zsc.overcooked_bots(zsc.make("overcooked/cramped_room", horizon=5))
    return pool_of(
        {
            "mlp": small,
            "gru": zsc.gru_policy(LEVER.spec, widths=(4,), hidden=4),
            "greedy": zsc.greedy(small),
            "mixture": zsc.mixture(small, 0.25),
            "own": of_spec(LEVER.spec),
        }[kind]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_pools_are_pickled_by_what_builds_them(kind: str, registered: None) -> None:
    pool = pool_of_kind(kind)
    again = pickle.loads(pickle.dumps(pool))
    assert bits(again.params) == bits(pool.params)
    assert jax.tree.structure(again) == jax.tree.structure(pool)
    assert (again.policy, again.labels, again.home) == (pool.policy, pool.labels, pool.home)
    assert again.policy.reads == pool.policy.reads
    assert copy.deepcopy(pool).policy is pool.policy
    if kind == "own":
        del POLICIES._known["own_table"]
        with pytest.raises(zsc.UserError, match="register_policy"):
            pickle.dumps(pool)


def test_what_plays_in_turns_is_not_pickled_as_what_it_was_made_of() -> None:
    hanabi = zsc.make("hanabi/tiny-2p")
    policy = zsc.gru_policy(hanabi.spec, widths=(4,), hidden=4)
    with pytest.raises(zsc.UserError, match="another one"):
        pickle.dumps(in_turns(hanabi.spec, policy))


def skill(pool: zsc.Pool) -> tuple[tuple[str, ...], list[Any]]:
    """What a worker is asked: module-level, so that a spawned process finds it."""
    return pool.ids, bits(pool.params)


def test_pools_go_to_spawned_workers() -> None:
    pool = pool_of_kind("gru")
    with multiprocessing.get_context("spawn").Pool(1) as workers:
        assert workers.map(skill, [pool]) == [skill(pool)]


def test_results_are_pickled_with_their_pools() -> None:
    pool = pool_of_kind("mlp")
    played = crossplay(LEVER, {"a": pool}, episodes=2, seed=0)
    env, again = pickle.loads(pickle.dumps((LEVER, played)))
    assert env == LEVER
    np.testing.assert_array_equal(again.values, played.values)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused_with_the_agent_s_name(
    value: float, tmp_path: Path
) -> None:
    pool = pool_of_kind("mlp")
    broken = jax.tree.map(lambda x: x.at[(1,) + (0,) * (x.ndim - 1)].set(value), pool.params)
    words = r"agent 1 \(own, seed 0, member 1\) has weights that are no numbers \(in \['params'\]"
    with pytest.raises(zsc.UserError, match=words):
        zsc.make_pool(LEVER.spec, pool.policy, broken, pool.labels)
    path = pool.replace(params=broken).save(tmp_path / "pool")
    with pytest.raises(zsc.UserError, match=f"members-.*{words}"):
        zsc.load_pool(path)


def test_two_different_agents_of_one_id_are_refused(tmp_path: Path) -> None:
    path = pool_of_kind("mlp").save(tmp_path / "pool")
    told = json.loads((path / "manifest.json").read_text())
    for label in told["members"]:
        label["id"] = "same"
    (path / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(zsc.UserError, match="two different agents have one id"):
        zsc.load_pool(path)
    twice = pool_of_kind("mlp").take([1, 1])
    assert zsc.load_pool(twice.save(tmp_path / "twice")).ids == twice.ids


def test_a_skill_that_was_no_number_is_stored_as_none(tmp_path: Path) -> None:
    pool = pool_of_kind("mlp")
    labels = tuple(replace(label, skill=float("nan")) for label in pool.labels)
    again = zsc.load_pool(pool.replace(labels=labels).save(tmp_path / "pool"))
    assert [label.skill for label in again.labels] == [None, None]


def half(*, num_actions: int) -> zsc.Policy:
    """A policy of half precision, as accelerators like it."""
    like = table(num_actions=num_actions, name="own_half")
    return replace(
        like, init=lambda key: jax.tree.map(lambda x: x.astype(jnp.bfloat16), like.init(key))
    )


def test_parameters_of_half_precision_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(POLICIES._known, "own_half", half)
    pool = pool_of(half(num_actions=10))
    again = zsc.load_pool(pool.save(tmp_path / "pool"))
    assert jax.tree.leaves(again.params)[0].dtype == jnp.bfloat16
    assert bits(again.params) == bits(pool.params)


def test_unknown_policies_are_named_in_a_process_of_their_own(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pool_of(of_spec(LEVER.spec)).save(tmp_path / "pool")
    code = "import sys, zsc\ntry: zsc.load_pool(sys.argv[1])\nexcept zsc.UserError as e: print(e)"
    command = [sys.executable, "-c", code, str(tmp_path / "pool")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "unknown policy 'own_table'" in said
    assert "import what calls zsc.register_policy" in said
    assert said.count("\n") == 1
