"""Policies that guess: who they play with (Any-Play), or what the others will do next (E3T)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from zsc.agents.networks import MakePolicy
from zsc.agents.policy import Config, Inputs, Out, Policy, build, mlp_policy, register
from zsc.agents.told import beside, flat_network
from zsc.envs.base import EnvSpec
from zsc.nets.guess import Guess
from zsc.types import Array, Carry, Key, Params


@register("guessing")
def _guessing(*, name: str, config: Config, num_actions: int) -> Policy:
    return _split(build(name, config), num_actions)


def guessing_policy(spec: EnvSpec, classes: int, *, network: MakePolicy = mlp_policy) -> Policy:
    """A policy with a second head on the same trunk: `Out.extra` are logits [classes]."""
    return _split(network(replace(spec, num_actions=spec.num_actions + classes)), spec.num_actions)


def _split(base: Policy, num_actions: int) -> Policy:
    def apply(params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        carry, out = base.apply(params, carry, inputs)
        logits, guess = out.logits[:num_actions], out.logits[num_actions:]
        return carry, out._replace(logits=logits, extra=guess)

    config = (("config", base.config), ("name", base.name), ("num_actions", num_actions))
    return replace(base, name="guessing", config=config, apply=apply)


@register("predicting")
def _predicting(*, name: str, config: Config, others: int, actions: int, window: int) -> Policy:
    return _with_predictor(build(name, config), others, actions, window)


def predicting_policy(
    spec: EnvSpec, *, network: MakePolicy = mlp_policy, window: int = 5
) -> Policy:
    """A policy that acts on its observation and on what it expects the others to do (E3T).

    A predictor looks at the last `window` observations, and at what the others did before each.
    `Out.extra` [A - 1, N] are its logits; scaled to length 1, they are the context that stands
    beside the observation. No gradient of the policy reaches the predictor.
    """
    others = spec.num_agents - 1
    base = flat_network(network, spec, others * spec.num_actions)
    return _with_predictor(base, others, spec.num_actions, window)


def _with_predictor(base: Policy, others: int, actions: int, window: int) -> Policy:
    predictor = Guess(others * actions)
    size = dict(base.config)["obs_shape"][0]  # of an observation and a context: of a row, as well

    def init(key: Key) -> Params:
        own, other = jax.random.split(key)
        rows = jnp.zeros((window, size))
        return {"policy": base.init(own), "predictor": predictor.init(other, rows)}

    def carry() -> Carry:
        return jnp.zeros((window, size)), base.carry()

    def apply(params: Any, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        past, memory = carry
        did = jax.nn.one_hot(inputs.acted[1:], actions)  # zeros before the first step
        row = scaled_row(base, beside(inputs.obs, did.reshape(-1)))
        past = jnp.concatenate([jnp.where(inputs.first, 0.0, past)[1:], row[None]])
        guess: Any = predictor.apply(params["predictor"], past)
        context = unit(jax.lax.stop_gradient(guess))
        seen = inputs._replace(obs=beside(inputs.obs, context))
        memory, out = base.apply(params["policy"], memory, seen)
        return (past, memory), out._replace(extra=guess.reshape(others, actions))

    config = (
        ("actions", actions),
        ("config", base.config),
        ("name", base.name),
        ("others", others),
        ("window", window),
    )
    reads = tuple(dict.fromkeys((*base.reads, "actions")))
    return Policy("predicting", config, init, carry, apply, reads)


def told_context(policy: Policy) -> Policy:
    """A `predicting_policy` that acts on a context from its match instead of its own prediction.

    Same parameters: it is the copy of itself that an E3T agent trains with.
    """
    options = dict(policy.config)
    base = build(options["name"], options["config"])

    def apply(params: Any, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        seen = inputs._replace(obs=beside(inputs.obs, inputs.latent))
        return base.apply(params["policy"], carry, seen)

    reads = (*base.reads, "latent")
    return replace(base, name="told_context", init=policy.init, apply=apply, reads=reads)


def unit(x: Array) -> Array:
    """A vector [..., D] scaled to length 1."""
    return x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-6)


def scaled_row(base: Policy, row: Array) -> Array:
    """A flat observation with something beside, of order one."""
    scale = jnp.asarray(dict(base.config)["obs_max"], jnp.float32)
    return row / jnp.where(scale > 0, scale, 1.0)
