"""Trajectories of a few steps that are written down, and agents whose answers can be looked up."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import zsc
from zsc import Inputs, Label, MatchSpec, Out, Policy, Pool, constant_policy, make_pool
from zsc.envs.base import Environment
from zsc.learn.base import Task
from zsc.play.rollout import Trajectory

LEVER = zsc.make("lever")


def table_policy(states: int, actions: int, values: int = 1) -> Policy:
    """Logits [N] and values [V] of each state are the parameters; the state is what it sees."""

    def apply(params: Any, carry: Any, inputs: Inputs) -> tuple[Any, Out]:
        here = inputs.obs.astype(jnp.int32)[0]
        return carry, Out(params["logits"][here], params["value"][here])

    def init(key: Any) -> Any:
        logits = jax.random.normal(key, (states, actions))
        return {"logits": logits, "value": jnp.zeros((states, values))}

    return Policy("table", (("shape", (states, actions, values)),), init, lambda: (), apply)


def task_of(policy: Policy, *specs: MatchSpec, env: Environment = LEVER) -> Task:
    return Task(env, policy, specs or (MatchSpec(),))


def trajectory(state: Any, action: Any, **fields: Any) -> Trajectory:
    """The trajectory of states and actions [T, E, R]; what is not given is nothing, and alive.

    mask [T, E, R, N]: two legal actions if left out. last_state [E, R]: the state after the last
    step. Values have one head unless `value` says otherwise.
    """
    state, action = jnp.asarray(state, jnp.int32), jnp.asarray(action, jnp.int32)
    length, envs, roles = state.shape
    mask = jnp.asarray(fields.pop("mask", np.ones((*state.shape, 2), bool)))
    last_state = jnp.asarray(fields.pop("last_state", np.zeros((envs, roles))), jnp.int32)
    nothing, seat = jnp.zeros(state.shape), jnp.broadcast_to(jnp.arange(roles), state.shape)
    never, all_of_them = jnp.zeros((length, envs), bool), jnp.ones(state.shape, bool)
    begins = jnp.broadcast_to((jnp.arange(length) == 0)[:, None, None], state.shape)
    given = {
        "inputs": Inputs(state[..., None], mask, begins, seat),
        "action": action,
        "log_prob": nothing,
        "value": nothing[..., None],
        "reward": nothing,
        "shaped": nothing,
        "events": jnp.zeros((*state.shape, 0), bool),
        "terminated": never,
        "truncated": never,
        "playing": all_of_them,
        "valid": all_of_them,
        "last_value": jnp.zeros((envs, roles, 1)),
        "carry": (),
        "last": Inputs(last_state[..., None], mask[-1], ~begins[0], seat[-1]),
        "world": (),
    }
    return Trajectory(**given | {name: jnp.asarray(x) for name, x in fields.items()})


def pullers(*levers: int, method: str = "constant") -> Pool:
    """Agents that each pull a lever of their own."""
    labels = [Label(method, member=i) for i in range(len(levers))]
    policy = constant_policy(num_actions=LEVER.spec.num_actions)
    return make_pool(LEVER.spec, policy, jnp.asarray(levers, jnp.int32), labels)
