"""Pools on disk: they come back bit for bit or not at all, and nothing is written over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import zsc
from tests.disk import bits, files, flip
from zsc.agents.bots import overcooked_bots
from zsc.evaluation import crossplay
from zsc.train.run import RunFolder

LEVER = zsc.make("lever")
ROOM = zsc.make("overcooked/cramped_room", horizon=20)
KINDS = ("mlp", "gru", "greedy", "mixture", "constant", "bots")


def policy_of(kind: str) -> zsc.Policy:
    small = zsc.mlp_policy(LEVER.spec, widths=(8,))
    return {
        "mlp": small,
        "gru": zsc.gru_policy(LEVER.spec, widths=(8,), hidden=4),
        "greedy": zsc.greedy(small),
        "mixture": zsc.mixture(small, 0.25),
        "constant": zsc.constant_policy(num_actions=10),
    }[kind]


@cache
def pool_of(kind: str) -> zsc.Pool:
    """Three agents with labels that have something in every field."""
    if kind == "bots":
        return overcooked_bots(ROOM)
    policy = policy_of(kind)
    each = [policy.init(jax.random.key(i)) for i in range(3)]
    labels = [
        zsc.Label("self_play", 7, i, 1000 * i, 0.1 + i, "mid", ("0123abcd", "4567ef01"))
        for i in range(3)
    ]
    return zsc.make_pool(LEVER.spec, policy, jax.tree.map(lambda *x: jnp.stack(x), *each), labels)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return zsc.save_pool(pool_of("mlp"), tmp_path / "pool")


def arrays_file(pool: Path) -> Path:
    (found,) = pool.glob("*.safetensors")
    return found


def rewrite(pool: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = pool / "manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def assert_refused(pool: Path, words: str) -> None:
    """Loading gives one line with these words and leaves the files alone."""
    before = files(pool)
    with pytest.raises(zsc.UserError, match=words) as caught:
        zsc.load_pool(pool)
    assert "\n" not in str(caught.value)
    assert files(pool) == before


@pytest.mark.parametrize("kind", KINDS)
def test_pool_comes_back_bit_for_bit(kind: str, tmp_path: Path) -> None:
    pool = pool_of(kind)
    again = zsc.load_pool(pool.save(tmp_path / "new" / "pool"))
    assert jax.tree.structure(again.params) == jax.tree.structure(pool.params)
    assert bits(again.params) == bits(pool.params)
    assert (again.labels, again.ids, again.home) == (pool.labels, pool.ids, pool.home)
    assert (again.policy, again.policy.reads) == (pool.policy, pool.policy.reads)
    spec = ROOM.spec if kind == "bots" else LEVER.spec
    assert zsc.make_pool(spec, again.policy, again.params, again.labels).ids == pool.ids


@pytest.mark.parametrize("kind", ["mlp", "gru", "greedy", "mixture", "constant"])
def test_agent_from_disk_answers_as_before(kind: str, tmp_path: Path) -> None:
    pool = pool_of(kind)
    again = zsc.load_pool(pool.save(tmp_path / "pool"))
    seen = zsc.Inputs(jnp.ones(21), jnp.ones(10, bool), jnp.bool_(True), jnp.int32(0))
    answers = [
        p.policy.apply(jax.tree.map(lambda x: x[1], p.params), p.policy.carry(), seen)
        for p in (pool, again)
    ]
    assert bits(answers[0]) == bits(answers[1])


def test_ids_tell_agents_and_policies_apart() -> None:
    ids = [name for kind in ("mlp", "gru", "greedy", "mixture") for name in pool_of(kind).ids]
    assert len(set(ids)) == 12


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_pool_with_an_altered_byte_is_refused(saved: Path, share: float) -> None:
    file = arrays_file(saved)
    flip(file, int(share * (file.stat().st_size - 1)))
    assert_refused(saved, "altered or cut short")


@pytest.mark.parametrize("size", [0, 7, 100, -1])
def test_pool_cut_short_is_refused(saved: Path, size: int) -> None:
    file = arrays_file(saved)
    file.write_bytes(file.read_bytes()[:size])
    assert_refused(saved, "altered or cut short")


def test_pool_without_its_arrays_is_refused(saved: Path) -> None:
    arrays_file(saved).unlink()
    assert_refused(saved, "missing: copy the whole folder")


@pytest.mark.parametrize("content", [b"", b'{"format": "zsc-pool", ', b"\xff\xfe{}", b"no json"])
def test_pool_with_a_broken_manifest_is_refused(saved: Path, content: bytes) -> None:
    (saved / "manifest.json").write_bytes(content)
    assert_refused(saved, "manifest.json was altered or cut short")


@pytest.mark.parametrize("part", ["game", "policy", "members", "file"])
def test_pool_with_a_part_of_its_manifest_gone_is_refused(saved: Path, part: str) -> None:
    rewrite(saved, lambda manifest: {k: v for k, v in manifest.items() if k != part})
    assert_refused(saved, "manifest.json was altered or cut short")


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: [manifest],
        lambda manifest: {k: v for k, v in manifest.items() if k != "sha256"},
        lambda manifest: manifest | {"format_version": "one"},
        lambda manifest: manifest | {"members": manifest["members"][:1]},
    ],
    ids=["list", "no hash", "version in words", "fewer labels than agents"],
)
def test_pool_with_an_odd_manifest_is_refused(saved: Path, change: Any) -> None:
    rewrite(saved, change)
    assert_refused(saved, "manifest")


def test_pool_of_a_newer_format_is_refused(saved: Path) -> None:
    rewrite(saved, lambda manifest: manifest | {"format_version": 2})
    assert_refused(saved, "install the toolkit version that wrote it")


def test_pool_of_an_unknown_policy_is_refused(saved: Path) -> None:
    rewrite(saved, lambda manifest: manifest | {"policy": {"name": "mlpp", "config": []}})
    assert_refused(saved, "unknown policy 'mlpp'.*mean 'mlp'")


def test_pool_is_never_written_over_another(saved: Path) -> None:
    before = files(saved)
    with pytest.raises(zsc.UserError, match="already holds a pool"):
        zsc.save_pool(pool_of("gru"), saved)
    assert files(saved) == before


def test_pool_is_never_written_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    for place in ("notes", "notes/pool"):
        with pytest.raises(zsc.UserError, match="choose another place"):
            zsc.save_pool(pool_of("mlp"), tmp_path / place)
    assert files(tmp_path) == {"notes": b"mine"}


def test_pool_is_found_in_the_folder_of_its_run(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", {"seed": 1})
    with pytest.raises(zsc.UserError, match="no finished pool: finish the run with --resume"):
        zsc.load_pool(run.path)
    pool_of("mlp").save(run.path / "pool")
    assert zsc.load_pool(run.path).ids == pool_of("mlp").ids
    with pytest.raises(zsc.UserError, match="there is no pool"):
        zsc.load_pool(tmp_path)


def test_stored_cooks_load_in_a_process_that_only_imports_zsc(tmp_path: Path) -> None:
    pool_of("bots").save(tmp_path / "bots")
    code = "import sys, zsc; zsc.load_pool(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "bots")], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (LEVER, "made for overcooked/cramped_room.*not for lever"),
        (zsc.make("overcooked/coordination_ring"), "not for overcooked/coordination_ring"),
    ],
    ids=["game", "layout"],
)
def test_cross_play_refuses_a_pool_of_another(env: zsc.Environment, words: str) -> None:
    with pytest.raises(zsc.UserError, match=words):
        crossplay(env, {"bots": pool_of("bots")}, episodes=1)


def test_cross_play_refuses_a_pool_of_another_version(tmp_path: Path) -> None:
    old = pool_of("mlp").replace(home=replace(pool_of("mlp").home, version=0))
    with pytest.raises(zsc.UserError, match="version 0 of lever, this is version 1"):
        crossplay(LEVER, {"now": pool_of("mlp"), "old": zsc.load_pool(old.save(tmp_path))})
