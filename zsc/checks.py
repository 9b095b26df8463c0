"""What users give, checked once: settings of dataclasses, places in a pool, seeds.

Numbers of numpy and jax become Python's, so that everything that was set can be written as JSON.
"""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Hashable, Sequence
from dataclasses import fields
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from typeguard import CollectionCheckStrategy, ForwardRefPolicy, TypeCheckError, check_type

from zsc.errors import UserError

#: Seeds from here on would not fit with what stages add to them: jax keeps 32 bits.
SEEDS = 2**31


def settle(given: Any) -> None:
    """Make the fields of a frozen dataclass plain values of the annotated types.

    numpy and jax scalars become numbers, lists and arrays become tuples where tuples are meant.
    Raises UserError for a value of another type.
    """
    kind: Any = type(given)
    for field in fields(given):
        hint = _hints(kind).get(field.name)
        if field.init and hint is not None:
            value = _fitting(plain(getattr(given, field.name)), hint)
            if not _fits(value, hint):
                wanted = _in_words(hint)
                raise UserError(f"{field.name} is {_short(value)}: give {wanted}")
            object.__setattr__(given, field.name, value)


def plain(value: Any) -> Any:
    """numpy and jax scalars as Python numbers, also inside of tuples, lists and dicts.

    >>> plain((np.int64(3), [np.float32(0.5)], "x"))
    (3, [0.5], 'x')
    """
    if isinstance(value, np.generic) or _lone(value):
        return value.item()
    if type(value) in (tuple, list):
        return type(value)(plain(x) for x in value)
    if type(value) is dict:
        return {name: plain(x) for name, x in value.items()}
    return value


def whole(value: Any, what: str) -> int:
    """A whole number. Raises UserError for anything else, also for True and 2.5."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{what} is {_short(value)}: give a whole number")
    return value


def seed_of(value: Any) -> int:
    """A seed that is not cut. Raises UserError for one that jax would not keep whole."""
    seed = whole(value, "seed")
    if not 0 <= seed < SEEDS:
        raise UserError(f"seed is {seed}: use one from 0 to {SEEDS - 1}")
    return seed


def places_of(given: Any, size: int, what: str) -> np.ndarray:
    """Places [n] among `size` things: numbers from 0, from the end if negative, or a mask [size].

    Raises UserError for numbers that are not whole, that are out of range, or a mask of another
    length.
    """
    index = np.asarray(given)
    if index.dtype == bool:
        if index.shape != (size,):
            raise UserError(f"a mask of shape {index.shape} for {size} {what}: give one bool each")
        return np.flatnonzero(index)
    if index.ndim != 1:
        raise UserError(f"{_short(given)} are no places of {what}: give a list, e.g. [0, 2]")
    if index.size == 0:
        return np.zeros(0, np.int64)
    if not np.issubdtype(index.dtype, np.integer):
        raise UserError(f"{_short(given)} are no places of {what}: give whole numbers, or a mask")
    wrong = index[(index < -size) | (index >= size)]
    if len(wrong):
        raise UserError(f"there is no place {wrong[0]} among {size} {what}: use 0 to {size - 1}")
    return index % size


def _lone(value: Any) -> bool:
    """True for an array of one number and no axes; random keys are none."""
    array = isinstance(value, np.ndarray | jax.Array) and value.ndim == 0
    return array and not jnp.issubdtype(value.dtype, jax.dtypes.extended)


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    """The annotations that can be looked up; nothing if one names what is not imported."""
    try:
        return typing.get_type_hints(kind)
    except (NameError, TypeError):
        return {}


def _fitting(value: Any, hint: Any) -> Any:
    """Lists and arrays as tuples where a tuple is meant."""
    meant = any(typing.get_origin(option) is tuple for option in _options(hint))
    if meant and isinstance(value, list | np.ndarray | jax.Array):
        return tuple(_fitting(plain(x), typing.Any) for x in np.asarray(value).tolist())
    return value


def _fits(value: Any, hint: Any) -> bool:
    # True is an int in Python, and never what is meant by one
    if isinstance(value, bool) and bool not in _options(hint) and typing.Any not in _options(hint):
        return False
    try:
        check_type(
            value,
            hint,
            forward_ref_policy=ForwardRefPolicy.IGNORE,  # names that only a type checker knows
            collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS,
        )
    except TypeCheckError:
        return False
    return True


def _options(hint: Any) -> Sequence[Any]:
    """The members of a union, or the hint alone."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def _in_words(hint: Any) -> str:
    """A hint as a user would say it."""
    names = {int: "a whole number", float: "a number", str: "a text", bool: "True or False"}
    names |= {type(None): "None"}
    return " or ".join(names.get(option, _name(option)) for option in _options(hint))


def _name(hint: Any) -> str:
    if typing.get_origin(hint) is collections.abc.Callable:
        *given, made = typing.get_args(hint)
        names = ", ".join(_name(x) for x in (given[0] if given[0] is not ... else ()))
        return f"a function that makes {_name(made)} of {names}"
    if callable(hint) and hasattr(hint, "__name__") and typing.get_origin(hint) is None:
        return f"a {hint.__name__}"
    return f"a {str(hint).replace('typing.', '').replace('collections.abc.', '')}"


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
