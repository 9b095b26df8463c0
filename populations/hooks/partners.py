"""Drawing partners from a pool, as the match hook of a Method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.errors import UserError
from zsc.play.match import Match, MatchSpec, draw_match
from zsc.train.method import Matches
from zsc.types import Array, Key, Params

ANY_SEAT = -1


class Table(NamedTuple):
    """Whom each member may meet: the method's state of a best-response stage."""

    places: Array  # [M, n] int32, places in the pool
    seats: Array  # [M, n] int32, the seat that the member then takes; ANY_SEAT to draw it
    weights: Array  # [M, n] how often each is met, in proportion
    returns: Array  # [M, n] running mean of what was earned with each; nan before the first game
    progress: Array  # [M] share of the budget used up


def table_of(
    groups: np.ndarray,
    weights: Sequence[float] | np.ndarray | None = None,
    *,
    seats: int | None = None,
) -> Table:
    """The table of members that meet their own groups [M, n] of places, all alike or by weight [n].

    seats: of the game, to tell apart in which of them a member meets a partner: one entry for each
    (partner, seat), so that a partner which is hard to play with from one side is met more there.
    Raises UserError for weights that are no positive numbers, or not one for each.
    """
    places = jnp.asarray(groups, jnp.int32)
    given = np.ones(places.shape[1]) if weights is None else np.asarray(weights, float)
    if given.shape != places.shape[1:] or not (np.isfinite(given) & (given >= 0)).all():
        raise UserError(f"weights of shape {given.shape}: give a number from 0 on for each partner")
    if given.sum() <= 0:
        raise UserError("all weights are 0: at least one partner has to be met")
    each = jnp.broadcast_to(jnp.asarray(given, jnp.float32), places.shape)
    where = jnp.full(places.shape, ANY_SEAT, jnp.int32)
    if seats is not None:
        count = places.shape[1]
        places, each = (jnp.repeat(x, seats, axis=1) for x in (places, each))
        where = jnp.broadcast_to(jnp.tile(jnp.arange(seats), count), places.shape)
    return Table(places, where, each, jnp.full(places.shape, jnp.nan), jnp.zeros(len(places)))


def take_table(key: Key, params: Params, partners: tuple[Table, Params]) -> tuple[Table, Params]:
    """The init hook that goes with `DrawPartners`: partners come as (table, parameters)."""
    del key, params
    return partners


def hardest_first(returns: Array, exponent: Array | float) -> Array:
    """[n] log of how often each is met: its rank ^ exponent, rank 1 for what pays most.

    What pays the same has the same rank (rank-based prioritisation, as in MEP's second stage, arXiv
    2112.11701, and prioritised fictitious self-play). Alike until all were met once.

    >>> jnp.exp(hardest_first(jnp.array([0.0, 50.0, 50.0, 200.0]), 1.0)).round().tolist()
    [3.0, 2.0, 2.0, 1.0]
    """
    loss = -returns
    rising = jnp.sort(loss)
    step = jnp.concatenate([jnp.ones(1), (rising[1:] > rising[:-1]) * 1.0])
    rank = jnp.cumsum(step)[jnp.searchsorted(rising, loss)]
    return exponent * jnp.log(jnp.where(jnp.isfinite(returns).all(), rank, 1.0))


@dataclass(frozen=True)
class DrawPartners:
    """Each block's partner from the member's table.

    specs: the games with partners, then, if there are any, those of the member with itself.
    envs: games of an update. uniform: all weights are equal. priority: exponent of the rank of an
    entry, the one that the member earns least with being met most, see `hardest_first`; 0 for none.
    It needs `KeepReturns` as after hook. fade: over so large a share of the budget, its last, the
    exponent goes to 0. heads: each entry teaches a value head of its own.
    """

    specs: tuple[MatchSpec, ...]
    envs: int
    num_agents: int
    uniform: bool = True
    priority: float = 0.0
    fade: float = 0.0
    heads: bool = False

    def __post_init__(self) -> None:
        if any(spec.relabel for spec in self.specs):
            raise UserError("drawn partners see the game as it is: leave relabel False")

    def __call__(self, table: Table, keys: Key, params: Params, partners: Params) -> Matches:
        """The matches of an update, one per kind of game."""
        del params
        strangers = jax.vmap(partial(self._strangers, partners))(keys, table)
        if len(self.specs) == 1:
            return (strangers,)
        return strangers, jax.vmap(self._alone)(keys)

    def chances(self, table: Table) -> Array:
        """[n] log of how often a member meets each entry of its table, up to a constant."""
        if self.priority == 0:
            return jnp.log(table.weights)
        left = (1.0 - table.progress) / self.fade if self.fade > 0 else 1.0
        exponent = self.priority * jnp.clip(left, 0.0, 1.0)
        return jnp.log(table.weights) + hardest_first(table.returns, exponent)

    def _strangers(self, partners: Params, key: Key, table: Table) -> Match:
        spec = self.specs[0]
        draw_key, seat_key = jax.random.split(key)
        if self.uniform and self.priority == 0:
            drawn = jax.random.randint(draw_key, (spec.blocks,), 0, len(table.places))
        else:
            drawn = jax.random.categorical(draw_key, self.chances(table), shape=(spec.blocks,))
        place = jnp.take(table.places, drawn)
        match = draw_match(
            seat_key,
            spec,
            envs=spec.envs(self.envs),
            num_agents=self.num_agents,
            symmetries=1,
            partners=jax.tree.map(lambda x: x[place], partners),
            partner=place,
            turn=jnp.take(table.seats, drawn),
        )
        return match._replace(head=drawn) if self.heads else match

    def _alone(self, key: Key) -> Match:
        spec = self.specs[1]
        return draw_match(
            jax.random.fold_in(key, 1),
            spec,
            envs=spec.envs(self.envs),
            num_agents=self.num_agents,
            symmetries=1,
        )
