"""Keeping checkpoints on the way, as hooks of a Method."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from zsc.method import AfterHook, InitHook
from zsc.types import Array, Key, Params


@lru_cache(maxsize=16)
def snapshot_hooks(count: int) -> tuple[InitHook, AfterHook]:
    """The init and after hooks that fill the pool with [1 + count, M, ...] checkpoints.

    Entry 0 is the untrained population, entry i what it was after i/count of the budget. As part
    of the training state they are saved and resumed with it.
    """

    def init(key: Key, params: Params, pool: Params) -> tuple[Any, Params]:
        del key, pool
        empty = jax.tree.map(lambda x: jnp.zeros((count + 1, *x.shape), x.dtype), params)
        return (), jax.tree.map(lambda slots, x: slots.at[0].set(x), empty, params)

    def after(
        mstate: Any, params: Params, metrics: dict[str, Array], pool: Params
    ) -> tuple[Any, Params]:
        # the slot of the present interval is overwritten until the interval is over
        slot = jnp.clip(jnp.ceil(metrics["progress"] * count).astype(jnp.int32), 1, count)
        return mstate, jax.tree.map(lambda slots, x: slots.at[slot].set(x), pool, params)

    return init, after
