"""Functions that are written for several games with the games in the last axis.

A game of a few units has short axes, which no vector unit can use; the batch is the long one. Under
`jax.vmap` it would come first and every loop would run over units. `games_last` deals a batch into
tiles of up to `LANES` games and keeps the games of a tile where they are contiguous: one game is a
tile of one, and every `jax.vmap` around it, however deep, joins the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

#: Games in a tile. A tile of everything that a game shows should stay in a core's first cache.
LANES = 32


def games_last(core: Callable[..., Any]) -> Callable[..., Any]:
    """A function of one game from one of L games, whose arrays all have L as their last axis."""

    @custom_vmap
    def batch(*given: Any) -> Any:
        """Games [G, ...]."""
        games = jax.tree.leaves(given)[0].shape[0]
        lanes = lanes_of(games)
        deal = lambda x: jnp.moveaxis(x.reshape(-1, lanes, *x.shape[1:]), 1, -1)
        gather = lambda x: jnp.moveaxis(x, -1, 1).reshape(games, *x.shape[1:-1])
        return jax.tree.map(gather, jax.vmap(core)(*jax.tree.map(deal, given)))

    @batch.def_vmap
    def _more(size: int, batched: Any, *given: Any) -> Any:
        given = _all(size, batched, given)
        games = jax.tree.leaves(given)[0].shape[1]
        found = batch(*jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), given))
        return _batched(jax.tree.map(lambda x: x.reshape(size, games, *x.shape[1:]), found))

    @custom_vmap
    def one(*given: Any) -> Any:
        return jax.tree.map(lambda x: x[..., 0], core(*jax.tree.map(lambda x: x[..., None], given)))

    @one.def_vmap
    def _first(size: int, batched: Any, *given: Any) -> Any:
        return _batched(batch(*_all(size, batched, given)))

    return lambda *given: one(*jax.tree.map(jnp.asarray, given))


def lanes_of(games: int) -> int:
    """The size of a tile: the largest divisor up to `LANES`, or all where that would be small."""
    best = max(lanes for lanes in range(1, min(games, LANES) + 1) if games % lanes == 0)
    return best if best >= LANES // 4 else games


def _all(size: int, batched: Any, given: tuple[Any, ...]) -> Any:
    """Everything with a leading axis, also what is the same in all games."""
    spread = lambda x, has: x if has else jnp.broadcast_to(x, (size, *x.shape))
    return jax.tree.map(spread, given, tuple(batched))


def _batched(found: Any) -> tuple[Any, Any]:
    return found, jax.tree.map(lambda _: True, found)
