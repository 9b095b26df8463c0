"""Agents that know a game by another encoding: they are shown what they know.

Every agent of a cross-play sees the environment's own observations. One that was trained on another
encoding of the same game (a grid, say, where the others have vectors) is wrapped, so that it reads
the state and encodes it as it is used to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zsc.agents.policy import Config, Inputs, Out, Policy, build, register
from zsc.agents.policy import greedy as greedy_policy
from zsc.agents.pool import Home, Pool
from zsc.envs.base import Encoded, Environment, settings_of
from zsc.envs.registry import rebuild
from zsc.errors import UserError
from zsc.types import Carry, Params

_NAME = "seen_through"


def scripted(policy: Policy) -> bool:
    """True for a policy that reads the state because it is a script, not for its encoding."""
    if policy.name == _NAME:
        told = dict(policy.config)
        return "state" in build(told["name"], told["config"]).reads
    return "state" in policy.reads


def at_home(pool: Pool, env: Environment) -> Pool:
    """The pool as it can play in env: itself, or with its own view of the same game.

    A view may be of a game in which the pool was not trained, if its numbers mean the same there: a
    pool of many kitchens that knows "padded:9x9" can play in any kitchen of that size. Pools of
    another game are returned as they are, for the caller's check to refuse.
    """
    if not isinstance(env, Encoded):
        return pool
    if pool.policy.name == _NAME and pool.home == Home.of(env.spec):
        # moved before: the view is renewed, since other settings may differ
        told = dict(pool.policy.config)
        before = rebuild(told["env"], dict(told["settings"]))
        policy = seen_through(env.encoded(before.spec.obs_id), build(told["name"], told["config"]))
        same = policy == pool.policy
        return pool if same else replace(pool, policy=policy)
    here = Home.of(env.spec)
    if pool.home.obs_id == here.obs_id:
        return pool
    try:
        theirs = env.encoded(pool.home.obs_id)
    except UserError:
        return pool
    # what reads the state knows its own kitchen only
    home = pool.home if "state" in pool.policy.reads else replace(pool.home, env=here.env)
    if Home.of(theirs.spec) != home:
        return pool
    policy = seen_through(theirs, pool.policy)
    return replace(pool, policy=policy, home=here)


def seen_through(env: Any, policy: Policy) -> Policy:
    """The policy with the observations of env, which encodes the game's state by `observe`."""

    def apply(params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        own = env.observe(inputs.state)[inputs.agent]
        state = inputs.state if "state" in policy.reads else ()
        return policy.apply(params, carry, inputs._replace(obs=own, state=state))

    settings = tuple(settings_of(env).items())
    config: Config = (
        ("config", policy.config),
        ("env", env.spec.id),
        ("name", policy.name),
        ("settings", settings),
    )
    reads = tuple(dict.fromkeys(("state", *policy.reads)))
    return replace(policy, name=_NAME, config=config, apply=apply, reads=reads)


@register(_NAME)
def _seen_through(*, name: str, config: Config, env: str, settings: Config) -> Policy:
    return seen_through(rebuild(env, dict(settings)), build(name, config))


def agents_of(pool: Pool, env: Environment, greedy: bool) -> Pool:
    """A pool as it plays: greedily or not, and in the game's encoding or its own."""
    # a script's chances are part of what it is: a greedy "random" walks north
    if greedy and not scripted(pool.policy):
        pool = replace(pool, policy=greedy_policy(pool.policy))
    return at_home(pool, env)
