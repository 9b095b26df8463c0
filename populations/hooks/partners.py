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


class Table(NamedTuple):
    """Whom each member may meet: the method's state of a best-response stage."""

    places: Array  # [M, n] int32, places in the pool
    weights: Array  # [M, n] how often each is met, in proportion
    returns: Array  # [M, n] running mean of what was earned with each; nan before the first game
    progress: Array  # [M] share of the budget used up


def table_of(groups: np.ndarray, weights: Sequence[float] | np.ndarray | None = None) -> Table:
    """The table of members that meet their own groups [M, n] of places, all alike or by weight [n].

    Raises UserError for weights that are no positive numbers, or not one for each.
    """
    places = jnp.asarray(groups, jnp.int32)
    given = np.ones(places.shape[1]) if weights is None else np.asarray(weights, float)
    if given.shape != places.shape[1:] or not (np.isfinite(given) & (given >= 0)).all():
        raise UserError(f"weights of shape {given.shape}: give a number from 0 on for each partner")
    if given.sum() <= 0:
        raise UserError("all weights are 0: at least one partner has to be met")
    each = jnp.broadcast_to(jnp.asarray(given, jnp.float32), places.shape)
    return Table(places, each, jnp.full(places.shape, jnp.nan), jnp.zeros(len(places)))


def take_table(key: Key, params: Params, partners: tuple[Table, Params]) -> tuple[Table, Params]:
    """The init hook that goes with `DrawPartners`: partners come as (table, parameters)."""
    del key, params
    return partners


@dataclass(frozen=True)
class DrawPartners:
    """Each block's partner from the member's table, on a random seat.

    specs: the games with partners, then, if there are any, those of the member with itself.
    envs: games of an update. uniform: all weights are equal. priority: exponent of the rank of a
    partner, the one that the member earns least with being met most (rank-based prioritisation, as
    in MEP's second stage, arXiv 2112.11701); 0 for none. It needs `KeepReturns` as after hook.
    fade: over so large a share of the budget, its last, the exponent goes to 0.
    """

    specs: tuple[MatchSpec, ...]
    envs: int
    num_agents: int
    uniform: bool = True
    priority: float = 0.0
    fade: float = 0.0

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
        """[n] log of how often a member meets each of its partners, up to a constant."""
        if self.priority == 0:
            return jnp.log(table.weights)
        worst = jnp.argsort(jnp.argsort(jnp.nan_to_num(-table.returns, nan=jnp.inf)))
        known = jnp.isfinite(table.returns).all()
        rank = jnp.where(known, worst + 1.0, 1.0)  # 1 for the partner that pays most
        left = (1.0 - table.progress) / self.fade if self.fade > 0 else 1.0
        exponent = self.priority * jnp.clip(left, 0.0, 1.0)
        return jnp.log(table.weights) + exponent * jnp.log(rank)

    def _strangers(self, partners: Params, key: Key, table: Table) -> Match:
        spec = self.specs[0]
        draw_key, seat_key = jax.random.split(key)
        if self.uniform and self.priority == 0:
            drawn = jax.random.randint(draw_key, (spec.blocks,), 0, len(table.places))
        else:
            drawn = jax.random.categorical(draw_key, self.chances(table), shape=(spec.blocks,))
        place = jnp.take(table.places, drawn)
        return draw_match(
            seat_key,
            spec,
            envs=spec.envs(self.envs),
            num_agents=self.num_agents,
            symmetries=1,
            partners=jax.tree.map(lambda x: x[place], partners),
            partner=place,
        )

    def _alone(self, key: Key) -> Match:
        spec = self.specs[1]
        return draw_match(
            jax.random.fold_in(key, 1),
            spec,
            envs=spec.envs(self.envs),
            num_agents=self.num_agents,
            symmetries=1,
        )
