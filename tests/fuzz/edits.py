"""Ways to alter a file: its bytes, what its JSON says, the arrays in it; hypothesis draws."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from safetensors import numpy as safetensors

from zsc.files import _content_hash

CANARY = Path("/nowhere/zsc-fuzz-canary")  # set by the run to a place that can be written
PAGE = b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n" * 9
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 7, 3.5, -0.0, 1e308, float("nan"), float("inf"), 2**31, 2**63,
    -(2**63) - 1, 10**400, "", "x", "mlp", "a\nb", "\x1b[31m", "\x00", "\ud800", "é" * 300, "../x",
    "/etc/passwd", "<script>alert(1)</script>", "$x_1$", "zsc-pool", "zsc-run",
    "overcooked/kitchens", [], {}, [[]], [None], ["x", "x"], [1, 2, 3], [[1, 2], [3]], {"": {}},
    {"x": None}, [{}] * 3,
)  # fmt: skip
DTYPES = ("F8_E4M3", "F8_E5M2", "F8_E8M0", "BF16", "F4", "C64", "F64", "U16", "I8", "BOOL", "X1")


class Bomb:
    """What a pickle must never be able to do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (CANARY,)


@st.composite
def changed_bytes(draw: Any, data: bytes) -> bytes:
    """The bytes of a file with something cut, turned, put in, or replaced by another file."""
    place = draw(st.integers(0, max(len(data) - 1, 0)))
    how = draw(st.sampled_from(["cut", "flip", "put in", "take out", "zeros", "other"]))
    if how == "cut":
        return data[:place]
    if how == "flip":
        bit = 1 << draw(st.integers(0, 7))
        return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :] if data else b"\x01"
    if how == "put in":
        return data[:place] + draw(st.binary(min_size=1, max_size=12)) + data[place:]
    if how == "take out":
        return data[:place] + data[place + draw(st.integers(1, 40)) :]
    if how == "zeros":
        return data[:place] + bytes(len(data) - place)
    others = [
        b"", PAGE, b"\n", b"null", b"[]", b"{}", b'{"format": "zsc-run"}',
        b'{"format": "zsc-pool"}', pickle.dumps(Bomb()), pickle.dumps({"x": 1}), data + data,
        data[::-1], b"\x80" * 64,
        b"[" * 100_000, b'{"a":' * 3_000, data.decode("latin1").encode("utf-16"),
        b"\xef\xbb\xbf" + data, b"9" * 10_000, b"PK\x03\x04" + data, (2**40).to_bytes(8, "little"),
    ]  # fmt: skip
    return draw(st.sampled_from(others) | st.binary(max_size=200))


@st.composite
def changed_json(draw: Any, value: Any) -> Any:
    """A JSON value with one to three places changed: replaced, gone, doubled, renamed, nested."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        value = _edited(draw, value)
    return value


def _edited(draw: Any, value: Any) -> Any:
    inside = [*value] if isinstance(value, dict) else []
    inside = [*range(len(value))] if isinstance(value, list) else inside
    if not inside or draw(st.integers(0, 9)) == 0:
        return _replaced(draw, value)
    key = draw(st.sampled_from(inside))
    how = draw(st.sampled_from(["deeper"] * 5 + ["replace"] * 3 + ["drop", "double", "rename"]))
    if how == "deeper":
        value[key] = _edited(draw, value[key])
    elif how == "replace":
        value[key] = _replaced(draw, value[key])
    elif how == "drop":
        del value[key]
    elif how == "double" and isinstance(value, list):
        value.insert(0, copy.deepcopy(value[key]))
    elif isinstance(value, dict):
        value[draw(st.sampled_from(["", "x", "stage", "id", "name"]))] = copy.deepcopy(value[key])
        if how == "rename":
            value.pop(key, None)
    return value


def _replaced(draw: Any, value: Any) -> Any:
    """Another value in the place of this one: nasty, of another type, or much of it."""
    if draw(st.integers(0, 14)) == 0:
        deep: Any = value
        for _ in range(draw(st.sampled_from([1, 90, 400]))):
            deep = [deep]
        return deep
    others = [str(value), [value], {"x": value}]
    if isinstance(value, int | float) and abs(value) < 2**64:
        others += [float(value), value + 1, -value, value * 10**6]
    if isinstance(value, list):
        others += [value * 2, value[:1], value[::-1], dict.fromkeys(map(str, value))]
    return copy.deepcopy(draw(st.sampled_from([*NASTY, *others])))


@st.composite
def changed_arrays(draw: Any, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Named arrays of which one is of another type or shape, holds no numbers, is gone or new."""
    arrays = dict(arrays)
    if not arrays:
        return {"x": np.zeros(3, np.float32)}
    name = draw(st.sampled_from(sorted(arrays)))
    array = arrays.pop(name)
    hows = [
        "type",
        "nan",
        "inf",
        "huge",
        "axis",
        "flat",
        "turned",
        "part",
        "more",
        "gone",
        "rename",
    ]
    how = draw(st.sampled_from([*hows, "empty"]))
    kind = draw(st.sampled_from(["f2", "f8", "i1", "i8", "u1", "u4", "?"]))
    with np.errstate(all="ignore"):
        changes: dict[str, Callable[[], np.ndarray]] = {
            "type": lambda: array.astype(kind),
            "nan": lambda: np.full_like(array, np.nan if array.dtype.kind == "f" else 0),
            "inf": lambda: np.full_like(array, np.inf if array.dtype.kind == "f" else 1),
            "huge": lambda: np.full_like(array, 3e38 if array.dtype.kind == "f" else 99),
            "axis": lambda: array[None],
            "flat": lambda: array.reshape(-1),
            "turned": lambda: array.T,
            "part": lambda: array[: len(array) // 2] if array.ndim else array[None],
            "more": lambda: np.concatenate([array, array]) if array.ndim else array[None],
            "empty": lambda: array[:0] if array.ndim else np.zeros(0, array.dtype),
            "rename": lambda: array,
        }
        if how in changes:
            new = draw(st.sampled_from(["x", name + "@0", "", "state/x"]))
            arrays[new if how == "rename" else name] = np.ascontiguousarray(changes[how]())
    return arrays


@st.composite
def changed_header(draw: Any, data: bytes) -> bytes:
    """A safetensors file with its header changed: types, shapes, offsets, notes."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if draw(st.booleans()):
        tensor = header[draw(st.sampled_from(sorted(header)))]
        tensor["dtype"] = draw(st.sampled_from(DTYPES))
    else:
        header = draw(changed_json(header))
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


@st.composite
def changed_file(draw: Any, data: bytes) -> bytes:
    """A file of arrays and notes with a right hash and another content, or altered bytes."""
    how = draw(st.sampled_from(["notes", "notes", "arrays", "arrays", "header", "bytes"]))
    if how == "bytes":
        return draw(changed_bytes(data))
    if how == "header":
        return draw(changed_header(data))
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size]).get("__metadata__", {})
    arrays = safetensors.load(data)
    if how == "arrays":
        arrays = draw(changed_arrays(arrays))
    if "notes" in header:  # ours: with a hash of arrays and notes
        notes = json.loads(header["notes"])
        text = json.dumps(draw(changed_json(notes)) if how == "notes" else notes)
        header |= {"notes": text, "sha256": _content_hash(arrays, text)}
    return safetensors.save(arrays, metadata=header or None)
