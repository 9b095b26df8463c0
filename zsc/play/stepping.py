"""One step of one game: agents act in their seats, people or nobody in the others.

Episodes of records and games with people go through this one function, so that an agent does the
same with a person as with another agent.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy, in_turns
from zsc.envs.base import Environment, TimeStep, begin
from zsc.play.acting import act, inputs_of
from zsc.types import Array, Carry, Key, Params, State


class Now(NamedTuple):
    """Where a game stands, R agents playing in it."""

    state: State
    shown: TimeStep
    carries: tuple[Carry, ...]  # [R] the agents' memories
    acted: Array  # [A] the last joint action, -1 before the first


def first(env: Environment, policies: tuple[Policy, ...], key: Key) -> Now:
    """The start of the episode that belongs to a key."""
    state, shown = begin(env, key)
    nobody = jnp.full(env.spec.num_agents, -1, jnp.int32)
    return Now(state, shown, tuple(policy.carry() for policy in policies), nobody)


def advance(
    env: Environment,
    policies: tuple[Policy, ...],
    params: tuple[Params, ...],
    seats: Array,
    key: Key,
    now: Now,
    time: Array,
    given: Array,
) -> Now:
    """Step `time` [] of the episode that belongs to a key: agent r acts in seat seats[r].

    given: [A] what is done in the seats that no agent has; other entries are not read. The joint
    action is `Now.acted` of what is returned.
    """
    here = jax.random.fold_in(key, time)
    noise = jax.random.gumbel(
        jax.random.fold_in(here, 1), (env.spec.num_agents, env.spec.num_actions)
    )
    action, after = given.astype(jnp.int32), []
    for role, policy in enumerate(policies):
        seat = seats[role]
        seen = inputs_of(
            policy.reads,
            obs=now.shown.obs[seat],
            mask=now.shown.mask[seat],
            first=time == 0,
            seat=seat,
            state=now.state,
            acted=now.acted,
        )
        playing = in_turns(env.spec, policy)
        carry, chosen = act(playing, params[role], now.carries[role], seen, noise[seat])
        action = action.at[seat].set(chosen)
        after.append(carry)
    state, shown = env.step(here, now.state, action)
    return Now(state, shown, tuple(after), action)
