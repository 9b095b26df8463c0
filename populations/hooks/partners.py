"""Ways to draw partners from a pool, as match hooks of a Method."""

from __future__ import annotations

from functools import lru_cache, partial

import jax
import jax.numpy as jnp

from zsc.errors import UserError
from zsc.play.match import Match, MatchSpec, draw_match
from zsc.train.method import Matches, MatchHook
from zsc.types import Array, Key, Params


def take_table(key: Key, params: Params, pool: tuple[Array, Params]) -> tuple[Array, Params]:
    """The init hook for `uniform_partners`: the pool comes as (table, parameters [P, ...])."""
    del key, params
    return pool


@lru_cache(maxsize=64)
def uniform_partners(spec: MatchSpec, envs: int, num_agents: int) -> MatchHook:
    """Each block's partner uniformly from those that the member may meet, on a random seat.

    The method's state is a table [M, n] of places in the pool: row m lists the partners of member
    m, so that members can have partners of their own.
    """

    if spec.relabel:
        raise UserError("uniform_partners draws no symmetries: leave relabel False")

    def match(allowed: Array, keys: Key, params: Params, pool: Params) -> Matches:
        del params
        return (jax.vmap(partial(one, pool))(keys, allowed),)

    def one(pool: Params, key: Key, allowed: Array) -> Match:
        draw_key, seat_key = jax.random.split(key)
        chosen = jax.random.randint(draw_key, (spec.blocks,), 0, len(allowed))
        partner = jnp.take(allowed, chosen)
        return draw_match(
            seat_key,
            spec,
            envs=spec.envs(envs),
            num_agents=num_agents,
            symmetries=1,
            partners=jax.tree.map(lambda x: x[partner], pool),
            partner=partner,
        )

    return match
