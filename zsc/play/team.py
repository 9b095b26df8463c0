"""Agents that learn together in one game: which policy of a team answers for which role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import Inputs, Out, Policy, Team
from zsc.play.acting import apply_batch, fresh_carry
from zsc.types import Array, Carry, Params


def apply_team(
    policy: Policy | Team, params: Params, carry: Carry, inputs: Inputs, players: tuple[int, ...]
) -> tuple[Carry, Out]:
    """`apply_batch` on inputs [E, R, ...] where each role may be another policy's of a team.

    players [R]: which policy plays which role. carry: one entry for each policy that plays.
    """
    if isinstance(policy, Policy):
        return apply_batch(policy, params, carry, inputs)
    carries: list[Carry] = []

    def one(place: int, number: int, roles: np.ndarray) -> Out:
        own = jax.tree.map(lambda x: x[:, roles], inputs)
        after, out = apply_batch(policy.policies[number], params[number], carry[place], own)
        carries.append(after)
        return out

    out = by_role(players, one, axis=1)
    return tuple(carries), out


def fresh_carries(policy: Policy | Team, players: tuple[int, ...], envs: int) -> Carry:
    """The memories [E, R, ...] of a policy, or one entry for each policy of a team that plays."""
    if isinstance(policy, Policy):
        return fresh_carry(policy, (envs, len(players)))
    return tuple(fresh_carry(policy.policies[i], (envs, len(roles))) for i, roles in cast(players))


def cast(players: tuple[int, ...]) -> list[tuple[int, np.ndarray]]:
    """Each policy of a team that plays, and its roles."""
    return [(i, np.flatnonzero(np.array(players) == i)) for i in sorted(set(players))]


def by_role(players: tuple[int, ...], one: Callable[..., Out], *, axis: int) -> Out:
    """What every policy says of its roles, in the order of the roles along `axis`.

    one(place, number, roles): the answer of policy `number`, the `place`-th of those that play.
    `Out.extra` stays apart, one entry for each policy that plays.
    """
    groups = cast(players)
    outs = [one(place, number, roles) for place, (number, roles) in enumerate(groups)]
    back = np.argsort(np.concatenate([roles for _, roles in groups]))
    whole: Callable[[list[Array]], Any] = lambda x: jnp.take(jnp.concatenate(x, axis), back, axis)
    return Out(
        logits=whole([out.logits for out in outs]),
        value=whole([out.value for out in outs]),
        extra=tuple(out.extra for out in outs),
    )
