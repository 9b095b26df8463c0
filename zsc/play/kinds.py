"""A roster by kinds: pools that share a policy are one table of parameters."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import Policy
from zsc.agents.pool import Pool, Roster
from zsc.types import Params


class Kind(NamedTuple):
    """All members of a roster that share a policy."""

    policy: Policy
    params: Params  # [k, ...]
    members: np.ndarray  # [k] their places in the roster


def kinds_of(roster: Roster) -> list[Kind]:
    """The roster's members by policy, in the order in which the policies come."""
    groups: dict[Policy, list[tuple[Pool, np.ndarray]]] = {}
    place = 0
    for pool in roster:
        members = np.arange(place, place + len(pool))
        groups.setdefault(pool.policy, []).append((pool, members))
        place += len(pool)
    return [
        Kind(
            policy,
            jax.tree.map(lambda *x: jnp.concatenate(x), *(pool.params for pool, _ in entries)),
            np.concatenate([members for _, members in entries]),
        )
        for policy, entries in groups.items()
    ]


def take(params: Params, rows: np.ndarray, size: int | None = None) -> Params:
    """The parameters of some rows; repeated up to `size`, where a program has room for more."""
    index = rows if size is None else np.resize(rows, size)
    return jax.tree.map(lambda x: x[index], params)
