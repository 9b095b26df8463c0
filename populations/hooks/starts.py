"""Where episodes begin, if not with a fresh game: in states that somebody reached."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy, in_turns
from zsc.envs.base import Environment
from zsc.nets import sample
from zsc.play.acting import apply_one, inputs_of
from zsc.types import Array, Key, Params, State


def has_clock(env: Environment) -> bool:
    """True if a state of the game knows its time, so that an episode can begin in it."""
    state = jax.eval_shape(lambda key: env.reset(key)[0], jax.random.key(0))
    return _clock(state) is not None


def at_the_start(state: State) -> State:
    """The state as if no step had been played: a whole episode is left."""
    if hasattr(state, "time"):
        return state._replace(time=jnp.zeros_like(state.time))
    return state._replace(game=at_the_start(state.game))


def _clock(state: State) -> Any:
    own = getattr(state, "time", None)
    return own if own is not None else getattr(getattr(state, "game", None), "time", None)


def reached_by_pairs(
    env: Environment, policy: Policy, params: Params, key: Key, *, games: int, every: int
) -> State:
    """[n n games slots, ...] states of all ordered pairs of n agents, each with itself as well.

    params [n, ...]. Each pair plays so many games; every `every`-th step of them is kept, the first
    one included. The first agent of a pair sits in seat 0, the other in all others.
    """
    policy, agents = in_turns(env.spec, policy), env.spec.num_agents
    count = len(jax.tree.leaves(params)[0])
    first, second = jnp.divmod(jnp.arange(count * count), count)
    seats = jnp.arange(agents)
    who = jnp.where(seats == 0, first[:, None], second[:, None])  # [pairs, A]

    def play(who: Array, key: Key) -> State:
        """[slots, ...] states of one game."""
        theirs = jax.tree.map(lambda x: x[who], params)
        state, shown = env.reset(jax.random.fold_in(key, env.spec.horizon))
        carry = jax.tree.map(lambda x: jnp.broadcast_to(x, (agents, *x.shape)), policy.carry())

        def step(now: Any, time: Array) -> Any:
            """One step of all agents."""
            state, shown, carry, acted = now
            noise_key, rules_key = jax.random.split(jax.random.fold_in(key, time))
            seen = inputs_of(
                policy.reads,
                obs=shown.obs,
                mask=shown.mask,
                first=time == 0,
                seat=seats,
                state=state,
                acted=acted,
            )
            carry, out = jax.vmap(partial(apply_one, policy))(theirs, carry, seen)
            noise = jax.random.gumbel(noise_key, out.logits.shape)
            action = sample(out.logits, shown.mask, noise)
            return (*env.step(rules_key, state, action), carry, action), None

        def stretch(now: Any, slot: Array) -> Any:
            after, _ = jax.lax.scan(step, now, slot * every + jnp.arange(every))
            return after, now[0]

        begun = (state, shown, carry, jnp.full(agents, -1, jnp.int32))
        return jax.lax.scan(stretch, begun, jnp.arange(-(-env.spec.horizon // every)))[1]

    keys = jax.random.split(key, (count * count, games))
    found = jax.vmap(lambda who, keys: jax.vmap(partial(play, who))(keys))(who, keys)
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[3:]), found)
