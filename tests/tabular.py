"""A policy that is a table: what it learned in one state says nothing of another."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import zsc
from zsc import Inputs, Out, Policy
from zsc.agents.policy import no_carry
from zsc.envs.base import EnvSpec

WORDS = 509  # a prime: rows of a table


@zsc.register_policy("table_of_tests")
def _table(*, num_actions: int, num_values: int) -> Policy:
    def apply(params: Any, carry: Any, inputs: Inputs) -> tuple[Any, Out]:
        powers = jnp.asarray([pow(2, i, WORDS) for i in range(inputs.obs.size)])
        row = (inputs.obs.reshape(-1).astype(jnp.int32) * powers).sum() % WORDS
        return carry, Out(params["actor"][row], params["critic"][row])

    def init(key: Any) -> Any:
        actor = 0.1 * jax.random.normal(key, (WORDS, num_actions))
        return {"actor": actor, "critic": jnp.zeros((WORDS, num_values))}

    config = (("num_actions", num_actions), ("num_values", num_values))
    return Policy("table_of_tests", config, init, no_carry, apply)


def table_policy(spec: EnvSpec, *, num_values: int = 1) -> Policy:
    """A row for each observation."""
    return _table(num_actions=spec.num_actions, num_values=num_values)
