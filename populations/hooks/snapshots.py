"""Keeping checkpoints on the way, as hooks of a Method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from zsc.train.method import PerMember, Told
from zsc.types import Array, Key, Params


@dataclass(frozen=True)
class BeginSnapshots:
    """The init hook: room for 1 + count checkpoints of each member, [M, 1 + count, ...].

    Entry 0 is the untrained population. As part of the training state they are saved and resumed
    with it, and dealt to the devices with their members.
    """

    count: int

    def __call__(self, key: Key, params: Params, partners: Params) -> tuple[Any, PerMember]:
        """No state, and the room."""
        del key, partners
        room = jax.tree.map(lambda x: jnp.repeat(x[:, None], self.count + 1, axis=1), params)
        return (), PerMember(room)


@dataclass(frozen=True)
class TakeSnapshots:
    """The after hook: entry i is what a member was at the last update within i/count of the budget.

    An update writes the entries that it is the last one for: with few updates several at once,
    mostly none, so that checkpoints cost no traffic.
    """

    count: int

    def __call__(
        self, mstate: Any, params: Params, told: Told, partners: PerMember
    ) -> tuple[Any, PerMember]:
        """The checkpoints with those of this update in them."""
        # update u is the last one for i where u/budget <= i/count < (u + 1)/budget
        begin = lambda update: (update * self.count + told.budget - 1) // told.budget
        first = jnp.maximum(begin(told.update), 1)
        last = jnp.where(told.update >= told.budget, self.count + 1, begin(told.update + 1))

        def write(slot: Array, room: Params) -> Params:
            put = lambda slots, x: jax.lax.dynamic_update_index_in_dim(slots, x, slot, axis=1)
            return jax.tree.map(put, room, params)

        room = jax.lax.fori_loop(first, last, write, partners.value)
        return mstate, PerMember(room)
