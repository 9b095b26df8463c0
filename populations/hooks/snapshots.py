"""Keeping checkpoints on the way, as hooks of a Method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from zsc.train.method import InitHook, Method, PerMember, Told, no_method_state
from zsc.types import Array, Key, Params


@dataclass(frozen=True)
class BeginSnapshots:
    """The init hook: room for 1 + count checkpoints of each member, [M, 1 + count, ...].

    Entry 0 is the untrained population. As part of the training state they are saved and resumed
    with it, and dealt to the devices with their members. part: of a team, the policy that is kept.
    own: the init hook of the method itself, whose state is kept beside.
    """

    count: int
    part: int | None = None
    own: InitHook = no_method_state

    def __call__(self, key: Key, params: Params, partners: Params) -> tuple[Any, PerMember]:
        """The method's own state, and the room."""
        mstate, _ = self.own(key, params, partners)
        kept = params if self.part is None else params[self.part]
        room = jax.tree.map(lambda x: jnp.repeat(x[:, None], self.count + 1, axis=1), kept)
        return mstate, PerMember(room)


@dataclass(frozen=True)
class TakeSnapshots:
    """The after hook: entry i is what a member was at the last update within i/count of the budget.

    An update writes the entries that it is the last one for: with few updates several at once,
    mostly none, so that checkpoints cost no traffic. part, own: as in `BeginSnapshots`.
    """

    count: int
    part: int | None = None
    own: Any = None

    def __call__(
        self, mstate: Any, params: Params, told: Told, partners: PerMember
    ) -> tuple[Any, PerMember]:
        """The method's state, and the checkpoints with those of this update in them."""
        if self.own is not None:
            mstate, _ = self.own(mstate, params, told, ())
        # update u is the last one for i where u/budget <= i/count < (u + 1)/budget
        begin = lambda update: (update * self.count + told.budget - 1) // told.budget
        first = jnp.maximum(begin(told.update), 1)
        last = jnp.where(told.update >= told.budget, self.count + 1, begin(told.update + 1))
        kept = params if self.part is None else params[self.part]

        def write(slot: Array, room: Params) -> Params:
            put = lambda slots, x: jax.lax.dynamic_update_index_in_dim(slots, x, slot, axis=1)
            return jax.tree.map(put, room, kept)

        room = jax.lax.fori_loop(first, last, write, partners.value)
        return mstate, PerMember(room)


def with_snapshots(method: Method, count: int, part: int | None = None) -> Method:
    """The method, which also keeps so many checkpoints; it has no frozen partners of its own."""
    return replace(
        method,
        init=BeginSnapshots(count, part, method.init or no_method_state),
        after=TakeSnapshots(count, part, method.after),
    )
