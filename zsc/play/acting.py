"""The seam where a game meets a policy: what an agent is given, and what it does.

Rollouts, cross-play, records and whatever else plays put an agent's inputs together here, so that
it acts the same wherever it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from zsc.agents.policy import Inputs, Out, Policy
from zsc.errors import UserError
from zsc.nets import sample
from zsc.types import Array, Carry, Params, State


def inputs_of(
    reads: Iterable[str],
    *,
    obs: Array,
    mask: Array,
    first: Array,
    seat: Array,
    state: State = (),
    acted: Any = (),
    latent: Any = (),
    meant: Any = (),
) -> Inputs:
    """Inputs with the leading axes of `seat`: [...] of one agent a game, or [..., R] of several.

    reads: what the policies are given beside observations, see `Policy.reads`.
    obs, mask, latent, seat: per agent. first, state, acted, meant [A]: per game, with leading axes
    [...]; acted is the last joint action by seat, -1 before the first; meant what it would have
    been without exploration, and the same if left out. Agents of one game share them.
    """
    wanted = set(reads)
    meant = acted if isinstance(meant, tuple) else meant
    several = seat.ndim > first.ndim

    def shared(x: Array) -> Array:
        """Per game [..., *rest] as per agent [..., R, *rest]."""
        if not several:
            return x
        games = first.ndim
        return jnp.broadcast_to(jnp.expand_dims(x, games), (*seat.shape, *x.shape[games:]))

    return Inputs(
        obs=obs,
        mask=mask,
        first=shared(first),
        agent=seat,
        state=jax.tree.map(shared, state) if "state" in wanted else (),
        acted=own_first(shared(acted), seat) if "actions" in wanted else (),
        latent=latent if "latent" in wanted else (),
        meant=own_first(shared(meant), seat) if "meant" in wanted else (),
    )


def own_first(acted: Array, seat: Array) -> Array:
    """[..., A] a joint action by seat as the agent in `seat` [...] knows it: its own first, then
    those of the seats behind it.

    >>> own_first(jnp.array([3, 1, 2]), jnp.int32(1)).tolist()
    [1, 2, 3]
    """
    agents = acted.shape[-1]
    order = (seat[..., None] + jnp.arange(agents)) % agents
    return jnp.take_along_axis(acted, order, axis=-1)


def act(
    policy: Policy, params: Params, carry: Carry, inputs: Inputs, noise: Array
) -> tuple[Carry, Array]:
    """One agent's action [] by Gumbel noise [N], and its memory after it.

    This is all that a server has to call for an agent, besides the rules.
    """
    carry, out = apply_one(policy, params, carry, inputs)
    return carry, sample(out.logits, inputs.mask, noise)


def apply_one(policy: Policy, params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
    """What one agent answers. Raises UserError for logits of another number than the actions'."""
    carry, out = policy.apply(params, carry, inputs)
    if out.logits.shape != inputs.mask.shape:  # known while tracing: playing pays nothing for it
        raise UserError(
            f"the policy {policy.name!r} has logits of shape {out.logits.shape} for "
            f"{inputs.mask.shape[0]} actions: make it for this game's spec"
        )
    return carry, out


def apply_batch(policy: Policy, params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
    """One parameter set on inputs with two leading axes [X, Y, ...]."""
    one = lambda carry, inputs: apply_one(policy, params, carry, inputs)
    return jax.vmap(jax.vmap(one))(carry, inputs)


def fresh_carry(policy: Policy, shape: tuple[int, ...]) -> Carry:
    """The memories of agents at the start of an episode, with these leading axes."""
    return jax.tree.map(lambda x: jnp.broadcast_to(x, shape + x.shape), policy.carry())
