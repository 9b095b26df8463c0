"""What members earn with each of their partners, kept as a running mean."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp

from zsc.populations.hooks.partners import ANY_SEAT, Table
from zsc.train.method import Told
from zsc.types import Array, Params


@dataclass(frozen=True)
class KeepReturns:
    """The after hook that fills `Table.returns`; `rate` is the weight of the newest update."""

    rate: float = 0.2

    def __call__(
        self, table: Table, params: Params, told: Told, partners: Params
    ) -> tuple[Table, Params]:
        """The table with this update's returns in it."""
        del params
        new = mean_returns(told, table.places, table.seats)
        returns = moved(table.returns, new, self.rate)
        progress = jnp.full_like(table.progress, told.progress)
        return table._replace(returns=returns, progress=progress), partners


def moved(old: Array, new: Array, rate: float) -> Array:
    """Running means moved towards what was measured; nan is "not yet" in `old`, "not now" in `new`.

    >>> nan = jnp.nan
    >>> moved(jnp.array([nan, 1.0, 1.0]), jnp.array([3.0, nan, 3.0]), 0.5).tolist()
    [3.0, 1.0, 2.0]
    """
    begun = jnp.where(jnp.isfinite(old), old, new)
    return jnp.where(jnp.isfinite(new), begun + rate * (new - begun), old)


def mean_returns(told: Told, places: Array, seats: Array | None = None, kind: int = 0) -> Array:
    """[M, n] what each member earned in an update with each partner of places [M, n].

    seats [M, n]: the member's seat, ANY_SEAT for any. kind: the number of the MatchSpec. nan for
    partners that were not met.
    """
    match = told.matches[kind]
    met = match.partner[:, :, None] == places[:, None]  # [M, K, n]
    if seats is not None:
        members, blocks = match.partner.shape
        own = match.seats.reshape(members, blocks, -1, match.seats.shape[-1])[:, :, 0, 0]
        met = met & ((seats[:, None] == ANY_SEAT) | (seats[:, None] == own[:, :, None]))
    count = met.sum(1)
    total = (told.returns[kind][:, :, None] * met).sum(1)
    return jnp.where(count > 0, total / jnp.maximum(count, 1), jnp.nan)
