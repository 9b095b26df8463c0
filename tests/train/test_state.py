"""Training state on disk: back to the bit, or the state before it, and never half a file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.disk import bits, files, flip
from zsc.files import load_arrays, load_tree, save_arrays, save_tree, write_atomically
from zsc.train.run import RunFolder


class Training(NamedTuple):
    """As much of a training state as a run folder wants to know."""

    update: jax.Array
    key: jax.Array
    nested: dict[str, Any]


def training(update: int) -> Training:
    keys = jax.random.split(jax.random.key(update), 3)
    rest = {"x": jnp.arange(6.0).reshape(2, 3) / 7, "on": jnp.array([True, False]), "none": ()}
    return Training(jnp.int32(update), keys, rest)


def test_tree_with_random_keys_comes_back_bit_for_bit(tmp_path: Path) -> None:
    tree = training(5)
    path = save_tree(tmp_path / "deep" / "tree.safetensors", tree, {"note": [1, "two"]})
    like = jax.eval_shape(lambda: training(0))
    again, notes = load_tree(path, like)
    assert notes == {"note": [1, "two"]}
    assert jax.tree.structure(again) == jax.tree.structure(tree)
    assert again.key.dtype == tree.key.dtype
    assert bits(again._replace(key=0)) == bits(tree._replace(key=0))
    assert bits(jax.vmap(jax.random.bits)(again.key)) == bits(jax.vmap(jax.random.bits)(tree.key))


def test_tree_of_another_structure_is_refused(tmp_path: Path) -> None:
    path = save_tree(tmp_path / "tree.safetensors", {"a": jnp.ones(3), "b": jnp.ones(2)}, {})
    with pytest.raises(zsc.UserError, match=r"another structure \(array .*'b'"):
        load_tree(path, {"a": jnp.ones(3)})


def test_tree_of_other_shapes_is_refused(tmp_path: Path) -> None:
    path = save_tree(tmp_path / "tree.safetensors", {"a": jnp.ones((2, 3))}, {})
    with pytest.raises(zsc.UserError, match="another structure"):
        load_tree(path, {"a": jnp.ones(4)})


def altered_and_accepted(path: Path, places: range) -> list[int]:
    """The places where a changed bit goes unnoticed."""
    good, missed = path.read_bytes(), []
    for place in places:
        flip(path, place)
        try:
            load_arrays(path)
            missed.append(place)
        except zsc.UserError:
            pass
        path.write_bytes(good)
    return missed


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    values = {"values": np.linspace(0, 1, 20, dtype=np.float32)}
    return save_arrays(tmp_path / "arrays.safetensors", values, {"names": ["SP/0", "OP/0"]})


def test_every_altered_bit_of_an_array_is_noticed(arrays: Path) -> None:
    size = arrays.stat().st_size
    assert altered_and_accepted(arrays, range(size - 80, size)) == []


def test_altered_notes_are_noticed(arrays: Path) -> None:
    place = arrays.read_bytes().index(b"SP/0")
    assert altered_and_accepted(arrays, range(place, place + 4)) == []


@pytest.mark.parametrize("size", [0, 5, 60, -1])
def test_arrays_cut_short_are_refused(arrays: Path, size: int) -> None:
    arrays.write_bytes(arrays.read_bytes()[:size])
    with pytest.raises(zsc.UserError, match="altered or cut short"):
        load_arrays(arrays)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that has saved its state three times."""
    folder = RunFolder.create(tmp_path / "run", {"seed": 1})
    main, partners = folder.saver("main"), folder.saver("partners")
    for update in (5, 10, 15):
        main.save(training(update))
    partners.save(training(99))
    main.close()
    partners.close()
    return folder


def states(run: RunFolder, stage: str = "main") -> list[Path]:
    return sorted((run.path / "state").glob(f"{stage}-*"))


def test_the_last_two_states_of_each_stage_are_kept(run: RunFolder) -> None:
    assert [path.stem for path in states(run)] == ["main-00000010", "main-00000015"]
    assert [path.stem for path in states(run, "partners")] == ["partners-00000099"]
    assert int(run.latest("main", training(0)).update) == 15
    assert run.latest("responses", training(0)) is None


def test_damaged_state_falls_back_to_the_one_before(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(states(run)[-1], -1)
    found = run.latest("main", training(0))
    assert bits(found._replace(key=0)) == bits(training(10)._replace(key=0))
    assert bits(jax.random.key_data(found.key)) == bits(jax.random.key_data(training(10).key))
    assert "main-00000015.safetensors was altered" in capsys.readouterr().err


def test_run_without_a_sound_state_says_so(run: RunFolder) -> None:
    for path in states(run):
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(zsc.UserError, match="start the run anew"):
        run.latest("main", training(0))


def test_run_is_never_made_where_something_is(tmp_path: Path) -> None:
    (tmp_path / "thing").write_text("mine")
    for place in (tmp_path, tmp_path / "thing", tmp_path / "thing" / "run"):
        with pytest.raises(zsc.UserError, match="choose another --out"):
            RunFolder.create(place, {})
    assert files(tmp_path) == {"thing": b"mine"}


def test_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"old", b"new and longer"):
        write_atomically(path, content)
        assert files(tmp_path) == {"file": content}


@pytest.mark.parametrize("failing", [(os, "fsync"), (Path, "replace")], ids=["fsync", "rename"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_failed_write_leaves_the_old_file_and_no_other(
    failing: tuple[Any, str], error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        assert (tmp_path / "file").read_bytes() == b"old"
        raise error

    write_atomically(tmp_path / "file", b"old")
    monkeypatch.setattr(*failing, fail)
    with pytest.raises((zsc.UserError, KeyboardInterrupt)) as caught:
        write_atomically(tmp_path / "file", b"new")
    assert isinstance(error, KeyboardInterrupt) or "No space left" in str(caught.value)
    assert files(tmp_path) == {"file": b"old"}


def test_write_where_a_folder_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(zsc.UserError, match="cannot be written"):
        write_atomically(tmp_path / "nowhere" / "file", b"new")
