"""What stands in files, checked: JSON against types, arrays against shapes of named axes.

Files come from other people, and a right hash says only that nobody changed them since. A reader
names a type (a dataclass, `tuple[str, ...]`) or an `ArrayKind`, and gets values that fit, or a
`MisfitError` that says where they do not.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from zsc.errors import shorten

T = TypeVar("T")

_LARGEST = 2**63  # no count, seed or size reaches it; larger ones fit no array
_SHOWN = 60  # characters of a value in a message


class MisfitError(ValueError):
    """Something in a file is not of the kind that belongs there."""


class ArrayKind(NamedTuple):
    """What an array is to be: letters of numpy's kinds ("f", "iu", "b"), and its axes.

    An axis is a size, or a letter that stands for the same size wherever it comes.
    """

    kinds: str
    shape: tuple[str | int, ...]
    finite: bool = True


def as_type(kind: Any, value: Any, where: str = "it") -> Any:
    """A JSON value as a type: lists become tuples where tuples are asked for, objects dataclasses.

    Knows texts, numbers (finite, and whole ones below 2**63), lists, tuples, dictionaries, unions,
    literals and dataclasses of them; anything else is passed on as it is. where: what the value is
    called in the `MisfitError` that is raised if it does not fit.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if is_dataclass(kind):
        return typing.cast(type, kind)(**as_fields(kind, value, where))
    if origin in (typing.Union, types.UnionType):
        return _one_of(kind, inner, value, where)
    if origin is Literal:
        return _wanted(value in inner, kind, value, where)
    if origin is tuple:
        return _as_tuple(kind, inner, value, where)
    if origin is list:
        _wanted(isinstance(value, list), kind, value, where)
        return [as_type(inner[0], x, f"{where}[{i}]") for i, x in enumerate(value)]
    if origin is dict:
        _wanted(isinstance(value, dict), kind, value, where)
        return {name: as_type(inner[1], x, f"{where}[{name!r}]") for name, x in value.items()}
    if kind is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return _wanted(number and abs(value) < 2**1000 and math.isfinite(value), kind, value, where)
    if kind is int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return _wanted(whole and abs(value) < _LARGEST, kind, value, where)
    if kind in (str, bool, dict, list):
        return _wanted(isinstance(value, kind), kind, value, where)
    return _wanted(value is None, kind, value, where) if kind in (None, type(None)) else value


def as_fields(
    kind: Any, value: Any, where: str = "it", names: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """The fields of a dataclass from a JSON object, by name; without a default they must be there.

    names: only these fields. Other names in the object are left alone: a later version's. Raises
    MisfitError.
    """
    _wanted(isinstance(value, dict), dict, value, where)
    hints, found = typing.get_type_hints(kind), {}
    for each in fields(kind):
        if not each.init or (names is not None and each.name not in names):
            continue
        if each.name in value:
            path = each.name if where == "it" else f"{where}.{each.name}"
            found[each.name] = as_type(hints[each.name], value[each.name], path)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise MisfitError(f"{where} has no {each.name!r}")
    return found


def check_arrays(
    arrays: Mapping[str, np.ndarray], wanted: Mapping[str, ArrayKind], sizes: Mapping[str, int]
) -> None:
    """Raise MisfitError unless the arrays are as wanted. sizes: of the letters known before."""
    known = dict(sizes)
    for name, (kinds, shape, finite) in wanted.items():
        if name not in arrays:
            raise MisfitError(f"there is no array {name!r}")
        array = arrays[name]
        if array.dtype.kind not in kinds:
            raise MisfitError(f"{name} is of {array.dtype}")
        if len(array.shape) == len(shape):
            for axis, size in zip(shape, array.shape, strict=True):
                if isinstance(axis, str):
                    known.setdefault(axis, size)
        right = tuple(known.get(axis, axis) if isinstance(axis, str) else axis for axis in shape)
        if array.shape != right:
            raise MisfitError(f"{name} is {list(array.shape)}, not [{', '.join(map(str, right))}]")
        if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise MisfitError(f"{name} holds what is no number")


def _wanted(right: bool, kind: Any, value: T, where: str) -> T:
    if not right:
        text = shorten(repr(value), _SHOWN)
        raise MisfitError(f"{where} is {text}, not {getattr(kind, '__name__', str(kind))}")
    return value


def _one_of(kind: Any, options: tuple[Any, ...], value: Any, where: str) -> Any:
    for option in options:
        try:
            return as_type(option, value, where)
        except MisfitError:
            continue
    return _wanted(False, str(kind), value, where)


def _as_tuple(kind: Any, inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _wanted(isinstance(value, list | tuple), kind, value, where)
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = (inner[0],) * len(value)
    _wanted(len(value) == len(inner), kind, value, where)
    each = enumerate(zip(inner, value, strict=True))
    return tuple(as_type(part, x, f"{where}[{i}]") for i, (part, x) in each)
