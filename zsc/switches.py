"""jax's global switches that results depend on, set to the same at every public door.

`JAX_ENABLE_X64`, `JAX_DEFAULT_PRNG_IMPL` and their like change what a seed means without a word. A
training, a cross-play or a record is the same whatever they are set to outside.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import jax

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


@contextlib.contextmanager
def same_everywhere() -> Iterator[None]:
    """32-bit numbers, threefry keys and the usual promotions, until the block ends."""
    with (
        jax.enable_x64(False),
        jax.default_prng_impl("threefry2x32"),
        jax.threefry_partitionable(True),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
        jax.default_matmul_precision(None),
    ):
        yield


def door(call: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
    """A function whose results do not depend on jax's global switches."""

    @functools.wraps(call)
    def inside(*args: _Given.args, **kwargs: _Given.kwargs) -> _Found:
        with same_everywhere():
            return call(*args, **kwargs)

    return inside


def set_outside() -> dict[str, str]:
    """Switches of jax and its compiler in the environment, for notes: the last bits of floats may
    depend on what the compiler was told, and on the device."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(("JAX_", "XLA_"))
    }
