"""What members earn with each of their partners, kept as a running mean."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp

from zsc.populations.hooks.partners import Table
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
        new = mean_returns(told, table.places)
        old = jnp.where(jnp.isfinite(table.returns), table.returns, new)
        mixed = old + self.rate * (new - old)
        returns = jnp.where(jnp.isfinite(new), mixed, table.returns)
        progress = jnp.full_like(table.progress, told.progress)
        return table._replace(returns=returns, progress=progress), partners


def mean_returns(told: Told, places: Array, kind: int = 0) -> Array:
    """[M, n] what each member earned in an update with each partner of places [M, n].

    kind: the number of the MatchSpec. nan for partners that were not met.
    """
    met = told.matches[kind].partner[:, :, None] == places[:, None]  # [M, K, n]
    count = met.sum(1)
    total = (told.returns[kind][:, :, None] * met).sum(1)
    return jnp.where(count > 0, total / jnp.maximum(count, 1), jnp.nan)
