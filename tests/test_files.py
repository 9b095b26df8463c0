"""Files: moved into their place whole, read in any state, never written over another's."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.disk import bits, files
from zsc import UserError
from zsc.files import (
    load_arrays,
    load_parts,
    load_tree,
    read_json,
    read_rows,
    save_arrays,
    save_tree,
    write_atomically,
    write_json,
)


@pytest.mark.parametrize(
    "dtype", ["bool", "i1", "u2", "i8", "f2", "f4", "f8", jnp.bfloat16, jnp.float8_e4m3fn]
)
def test_arrays_of_every_type_that_is_written_come_back(dtype: Any, tmp_path: Path) -> None:
    arrays = {"x": np.arange(6).reshape(2, 3).astype(dtype), "none": np.zeros((0, 2), dtype)}
    back, notes = load_arrays(save_arrays(tmp_path / "x", arrays, {"a": [1]}))
    assert bits(back) == bits(arrays)
    assert notes == {"a": [1]}


def test_of_two_who_write_a_new_file_at_once_one_does(tmp_path: Path) -> None:
    for turn in range(20):
        path, start, said = tmp_path / f"{turn}", threading.Barrier(4), []

        def write(number: int, path: Path = path, start: Any = start, said: Any = said) -> None:
            start.wait()
            with contextlib.suppress(UserError):
                write_json(path, {"by": number}, new=True)
                said.append(number)

        each = [threading.Thread(target=write, args=(i,)) for i in range(4)]
        [thread.start() for thread in each]
        [thread.join() for thread in each]
        assert [json.loads(path.read_text())["by"]] == said
    assert len(files(tmp_path)) == 20  # nothing is left beside them


def test_new_files_where_a_file_has_one_name_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    write_atomically(tmp_path / "x", b"1", new=True)
    with pytest.raises(UserError, match="already exists"):
        write_atomically(tmp_path / "x", b"2", new=True)
    assert files(tmp_path) == {"x": b"1"}


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 10**5,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\xff{}",
        b"",
    ],
    ids=["deep", "nested", "digits", "bytes", "empty"],
)
def test_json_that_is_none_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.json was altered or cut short"):
        read_json(tmp_path / "x.json")


PLACES = r"is not there|cannot be read"


def test_places_that_hold_no_file_are_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / "nu\x00l", tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match=PLACES):
            read_json(path)
        with pytest.raises(UserError, match=PLACES):
            load_arrays(path)


def test_rows_are_read_while_another_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b'{"update": 1}\n{"update": 2}\n{"upd')
    assert read_rows(path) == [{"update": 1}, {"update": 2}]
    path.write_bytes(b'{"update": 1}\n{"upd\n{"update": 3}\n')
    with pytest.raises(UserError, match="line 2"):
        read_rows(path)


def test_notes_and_headers_of_other_kinds_are_refused(tmp_path: Path) -> None:
    from safetensors import numpy as safetensors

    from zsc.files import _content_hash

    arrays = {"x": np.zeros(2, np.float32)}
    for text in ("[1]", "null", "3", "[" * 10**4, "{"):
        header = {"notes": text, "sha256": _content_hash(arrays, text)}
        (tmp_path / "x").write_bytes(safetensors.save(arrays, metadata=header))
        with pytest.raises(UserError, match="altered or cut short"):
            load_arrays(tmp_path / "x")
    (tmp_path / "x").write_bytes(safetensors.save(arrays))
    with pytest.raises(UserError, match="altered or cut short"):
        load_arrays(tmp_path / "x")


def test_trees_of_another_type_are_refused_and_not_converted(tmp_path: Path) -> None:
    like = {"key": jax.random.key(0), "x": jnp.zeros(3)}
    path = save_tree(tmp_path / "x", like, {})
    assert bits(jax.random.key_data(load_tree(path, like)[0]["key"])) == bits(
        jax.random.key_data(like["key"])
    )
    arrays, _ = load_arrays(path)
    for name, other in (("['x']", np.zeros(3)), ("['key']", np.zeros(5, np.uint32))):
        odd = save_arrays(tmp_path / "odd", arrays | {name: other}, {})
        with pytest.raises(UserError, match="another structure"):
            load_tree(odd, like)


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    like = {"x": jnp.zeros((4, 2))}
    one = np.zeros((2, 2), np.float32)
    for rows, parts in (
        ({"['x']": 4}, [one, np.zeros((2, 3), np.float32)]),
        ({"['x']": 4}, [one, np.zeros(2, np.float32)]),
        ({"['x']": 4}, [one, np.zeros((), np.float32)]),
        ({"['x']": 4}, [one, one[:1]]),
        ({"['x']": "4"}, [one, one]),
        ([4], [one, one]),
    ):
        paths = [
            save_arrays(tmp_path / f"{i}", {f"['x']@{2 * i}": part}, {"rows": rows})
            for i, part in enumerate(parts)
        ]
        with pytest.raises(UserError):
            load_parts(paths, like)
