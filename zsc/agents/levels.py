"""Partners that are mixtures of a group, and agents that recognise which group it is (PECAN)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from zsc.agents.networks import MakePolicy
from zsc.agents.policy import Config, Inputs, Out, Policy, build, mlp_policy, register
from zsc.agents.told import beside, flat_network
from zsc.envs.base import EnvSpec
from zsc.nets import distribution
from zsc.nets.guess import Guess
from zsc.types import Array, Carry, Key, Params


@register("blend")
def _blend(*, name: str, config: Config, size: int) -> Policy:
    return blend(build(name, config), size)


def blend(policy: Policy, size: int) -> Policy:
    """Acts by a convex mixture of `size` sets of parameters: (those [n, ...], weights [n]).

    Action probabilities are mixed, at each step anew; each set keeps a memory of its own.
    """

    def init(key: Key) -> tuple[Params, Array]:
        own = jax.lax.map(policy.init, jax.random.split(key, size))
        return own, jnp.full(size, 1.0 / size)

    def carry() -> Carry:
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (size, *x.shape)), policy.carry())

    def apply(params: Any, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        own, weights = params
        carry, out = jax.vmap(policy.apply, (0, 0, None))(own, carry, inputs)
        each = jax.vmap(lambda logits: distribution(logits, inputs.mask).probs)(out.logits)
        mixed = jnp.log(jnp.maximum(weights @ each, 1e-30))
        return carry, Out(mixed, weights @ out.value)

    config = (("config", policy.config), ("name", policy.name), ("size", size))
    return replace(policy, name="blend", config=config, init=init, carry=carry, apply=apply)


@register("recognising")
def _recognising(
    *, name: str, config: Config, classes: int, others: int, actions: int, window: int
) -> Policy:
    return _recogniser(build(name, config), classes, others, actions, window)


def recognising_policy(
    spec: EnvSpec, classes: int, *, network: MakePolicy = mlp_policy, window: int = 10
) -> Policy:
    """A policy that acts on its observation and on which of some classes its partner seems to be.

    It looks at the last `window` observations, and at what the others did before each. `Out.extra`
    [classes] are the logits; their softmax stands beside the observation. No gradient of the policy
    reaches them.
    """
    base = flat_network(network, spec, classes)
    return _recogniser(base, classes, spec.num_agents - 1, spec.num_actions, window)


def _recogniser(base: Policy, classes: int, others: int, actions: int, window: int) -> Policy:
    net = Guess(classes)
    scale = jnp.asarray(dict(base.config)["obs_max"][:-classes], jnp.float32)
    scale = jnp.where(scale > 0, scale, 1.0)
    size = len(scale) + others * actions

    def init(key: Key) -> Params:
        own, other = jax.random.split(key)
        return {"policy": base.init(own), "recogniser": net.init(other, jnp.zeros((window, size)))}

    def carry() -> Carry:
        return jnp.zeros((window, size)), base.carry()

    def apply(params: Any, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        past, memory = carry
        did = jax.nn.one_hot(inputs.acted[1:], actions)  # zeros before the first step
        row = beside(inputs.obs.reshape(-1) / scale, did.reshape(-1))
        past = jnp.concatenate([jnp.where(inputs.first, 0.0, past)[1:], row[None]])
        guess: Any = net.apply(params["recogniser"], past)
        context = jax.nn.softmax(jax.lax.stop_gradient(guess))
        seen = inputs._replace(obs=beside(inputs.obs, context))
        memory, out = base.apply(params["policy"], memory, seen)
        return (past, memory), out._replace(extra=guess)

    config = (
        ("actions", actions),
        ("classes", classes),
        ("config", base.config),
        ("name", base.name),
        ("others", others),
        ("window", window),
    )
    reads = tuple(dict.fromkeys((*base.reads, "actions")))
    return Policy("recognising", config, init, carry, apply, reads)
