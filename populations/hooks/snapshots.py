"""Keeping checkpoints on the way, as hooks of a Method."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from zsc.train.method import AfterHook, InitHook
from zsc.types import Array, Key, Params


@lru_cache(maxsize=16)
def snapshot_hooks(count: int) -> tuple[InitHook, AfterHook]:
    """The init and after hooks that fill the pool with [1 + count, M, ...] checkpoints.

    Entry 0 is the untrained population, entry i what it was after i/count of the budget. As part
    of the training state they are saved and resumed with it.
    """

    def init(key: Key, params: Params, pool: Params) -> tuple[Any, Params]:
        del key, pool
        return (), jax.tree.map(lambda x: jnp.repeat(x[None], count + 1, axis=0), params)

    def after(
        mstate: Any, params: Params, metrics: dict[str, Array], pool: Params
    ) -> tuple[Any, Params]:
        # all from the present interval on: with few updates some intervals see none of their own
        now = jnp.clip(jnp.ceil(metrics["progress"] * count).astype(jnp.int32), 1, count)
        later = jnp.arange(count + 1) >= now

        def write(slots: Array, x: Array) -> Array:
            return jnp.where(later.reshape(-1, *(1,) * x.ndim), x, slots)

        return mstate, jax.tree.map(write, pool, params)

    return init, after
