"""Policies that are told something beside what they see: a latent of a match, or one of their own.

Methods use latents to make one parameter set play in many ways (LIPO, Any-Play, GAMMA).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from zsc.agents.networks import MakePolicy
from zsc.agents.policy import Config, Inputs, Out, Policy, build, mlp_policy, register
from zsc.envs.base import EnvSpec
from zsc.errors import UserError
from zsc.types import Array, Carry, Key, Params


def widened(spec: EnvSpec, size: int) -> EnvSpec:
    """The spec of a game whose observations are flat and followed by `size` numbers of order one.

    What a network for observations with something beside them is made for, see `beside`.
    """
    entries = math.prod(spec.obs_shape)
    scale = spec.obs_scale * (entries // len(spec.obs_scale)) + (1.0,) * size
    return replace(spec, obs_shape=(entries + size,), obs_dtype="float32", obs_scale=scale)


def beside(obs: Array, extra: Array) -> Array:
    """An observation, flat, with further numbers behind it."""
    return jnp.concatenate([obs.reshape(-1).astype(jnp.float32), extra.astype(jnp.float32)])


@register("latent")
def _latent(*, name: str, config: Config) -> Policy:
    return _reading_latent(build(name, config))


def latent_policy(spec: EnvSpec, size: int, *, network: MakePolicy = mlp_policy) -> Policy:
    """A policy that reads a latent of so many numbers beside its observation.

    network: makes it, for flat observations: one of `mlp_policy` or `gru_policy`, or your own.
    """
    return _reading_latent(flat_network(network, spec, size))


def flat_network(network: MakePolicy, spec: EnvSpec, size: int) -> Policy:
    """The network for flat observations with so many numbers beside. Raises UserError for one that
    wants a grid."""
    try:
        policy = network(widened(spec, size))
        jax.eval_shape(policy.init, jax.random.key(0))
    except (ValueError, TypeError, IndexError):
        raise UserError(
            "this network wants a grid, which numbers cannot stand beside: give mlp_policy or "
            "gru_policy"
        ) from None
    return policy


def _reading_latent(base: Policy) -> Policy:
    def apply(params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        return base.apply(params, carry, inputs._replace(obs=beside(inputs.obs, inputs.latent)))

    config = (("config", base.config), ("name", base.name))
    return replace(base, name="latent", config=config, apply=apply, reads=(*base.reads, "latent"))


@register("with_latent")
def _with_latent(*, name: str, config: Config, size: int) -> Policy:
    return with_latent(build(name, config), size)


def with_latent(policy: Policy, size: int) -> Policy:
    """The policy whose latent is one of its parameters: (own parameters, latent [size]).

    So agents that differ in their latent are a pool of one kind. Fresh ones have a latent from the
    standard normal distribution. Raises UserError for a policy that reads no latent.
    """
    if "latent" not in policy.reads:
        raise UserError(f"the policy {policy.name!r} reads no latent: play it as it is")

    def init(key: Key) -> Params:
        own, drawn = jax.random.split(key)
        return policy.init(own), jax.random.normal(drawn, (size,))

    def apply(params: Any, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        own, latent = params
        return policy.apply(own, carry, inputs._replace(latent=latent))

    config = (("config", policy.config), ("name", policy.name), ("size", size))
    reads = tuple(name for name in policy.reads if name != "latent")
    return replace(policy, name="with_latent", config=config, init=init, apply=apply, reads=reads)


@register("intentions")
def _intentions(*, name: str, config: Config, agents: int, actions: int) -> Policy:
    return _reading_intentions(build(name, config), agents, actions)


def intentions_policy(spec: EnvSpec, *, network: MakePolicy = mlp_policy) -> Policy:
    """A policy that sees beside its observation what the others meant to do last, as one-hots.

    That is their greedy action while they explore, and what they did once nobody does. network: as
    in `latent_policy`.
    """
    size = (spec.num_agents - 1) * spec.num_actions
    return _reading_intentions(flat_network(network, spec, size), spec.num_agents, spec.num_actions)


def _reading_intentions(base: Policy, agents: int, actions: int) -> Policy:
    def apply(params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        theirs = jax.nn.one_hot(inputs.meant[1:], actions)  # zeros before the first step
        seen = beside(inputs.obs, theirs.reshape(-1))
        return base.apply(params, carry, inputs._replace(obs=seen))

    config = (
        ("actions", actions),
        ("agents", agents),
        ("config", base.config),
        ("name", base.name),
    )
    reads = (*base.reads, "meant")
    return replace(base, name="intentions", config=config, apply=apply, reads=reads)
