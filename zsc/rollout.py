"""Playing and re-reading games: the only two places where a network meets data in training.

`rollout` plays a part of an episode with a whole batch in step; `replay` shows the same data to
other parameters. Partner, seat and symmetry are drawn per episode and stay; nothing is reset on
the way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from zsc.envs.base import Environment, TimeStep
from zsc.match import Match, MatchSpec
from zsc.nets import distribution, sample
from zsc.policy import Inputs, Out, Policy
from zsc.types import Array, Carry, Key, Params, State


class Games(NamedTuple):
    """A batch of E games in the middle of their episodes."""

    state: State  # [E, ...]
    timestep: TimeStep  # [E, ...]
    first: Array  # [] bool, nothing has been played yet
    over: Array  # [E] bool, the game ended in an earlier step
    learner: Carry  # [E, R, ...] carries of the learner's roles
    partner: Carry  # [K, E/K, A-1, ...] carries of the partner's roles, () in self-play
    returns: Array  # [E] float32, the true return so far, of the learner's seat


class Trajectory(NamedTuple):
    """T steps of E games as seen by the R roles that learn."""

    inputs: Inputs  # [T, E, R, ...]; state is ()
    action: Array  # [T, E, R] int32, in the role's own (relabelled) names
    log_prob: Array  # [T, E, R]
    value: Array  # [T, E, R, V]
    reward: Array  # [T, E, R] true reward of the role's seat
    shaped: Array  # [T, E, R]
    events: Array  # [T, E, R, number of event names] bool
    terminated: Array  # [T, E]
    truncated: Array  # [T, E]
    playing: Array  # [T, E, R] bool, before the end: these teach the value
    valid: Array  # [T, E, R] bool, and with a real choice: these teach the policy
    last_value: Array  # [E, R, V] value of what follows the last step
    carry: Carry  # [E, R, ...] the learner's carry before the first step


def start(env: Environment, spec: MatchSpec, policy: Policy, match: Match, key: Key) -> Games:
    """E fresh games with empty memories."""
    envs, num_agents = match.seats.shape
    state, timestep = jax.vmap(env.reset)(jax.random.split(key, envs))
    partner: Carry = ()
    if spec.partner is not None:
        per_block = (spec.blocks, envs // spec.blocks, num_agents - 1)
        partner = _fresh_carry(spec.partner, per_block)
    learner = _fresh_carry(policy, (envs, spec.learners(num_agents)))
    over = jnp.zeros(envs, bool)
    return Games(state, timestep, jnp.array(True), over, learner, partner, jnp.zeros(envs))


def rollout(
    env: Environment,
    spec: MatchSpec,
    policy: Policy,
    params: Params,
    match: Match,
    games: Games,
    key: Key,
    length: int,
) -> tuple[Games, Trajectory]:
    """Play `length` steps of one member's E games. params without axes, match for one member."""
    roles = spec.learners(env.spec.num_agents)
    noise_key, step_key = jax.random.split(key)
    shape = (length, *match.seats.shape, env.spec.num_actions)
    noise = jax.random.gumbel(noise_key, shape)
    keep = {"shaped", "events"}

    def step(games: Games, per_step: tuple[Array, Array]) -> tuple[Games, Any]:
        index, noise = per_step
        before = games
        inputs = _see(env, spec, match, games)
        mine = jax.tree.map(lambda x: x[:, :roles], inputs)
        learner, out = apply_batch(policy, params, games.learner, mine._replace(state=()))
        action = sample(out.logits, mine.mask, noise[:, :roles])
        partner, others = _partners_act(spec, match, games, inputs, noise)
        chosen = action if spec.partner is None else jnp.concatenate([action, others], axis=1)
        keys = jax.random.split(jax.random.fold_in(step_key, index), len(games.over))
        state, now = jax.vmap(env.step)(keys, games.state, _to_seats(env, spec, match, chosen))
        earned = _by_role(spec, match, now.reward)[:, :roles]
        games = Games(
            state=state,
            timestep=now,
            first=jnp.array(False),
            over=before.over | now.done,
            learner=learner,
            partner=partner,
            returns=before.returns + earned[:, 0],
        )
        info = {k: _by_role(spec, match, now.info[k])[:, :roles] for k in keep}
        data = {
            "inputs": mine._replace(state=()),
            "action": action,
            "log_prob": distribution(out.logits, mine.mask).log_prob(action),
            "value": out.value,
            "reward": earned,
            "terminated": now.terminated,
            "truncated": now.truncated,
            "playing": jnp.broadcast_to(~before.over[:, None], action.shape),
            "valid": ~before.over[:, None] & (mine.mask.sum(-1) > 1),
            **info,
        }
        return games, data

    end, data = jax.lax.scan(step, games, (jnp.arange(length), noise))
    last = jax.tree.map(lambda x: x[:, :roles], _see(env, spec, match, end))._replace(state=())
    _, out = apply_batch(policy, params, end.learner, last)
    return end, Trajectory(**data, last_value=out.value, carry=games.learner)


def replay(policy: Policy, params: Params, trajectory: Trajectory) -> Out:
    """What other parameters would have said along a trajectory: Out with axes [T, E, R]."""
    if not policy.recurrent:
        length, envs, roles = trajectory.action.shape
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[3:]), trajectory.inputs)
        out = jax.vmap(lambda inputs: policy.apply(params, (), inputs)[1])(flat)
        return jax.tree.map(lambda x: x.reshape(length, envs, roles, *x.shape[1:]), out)

    def step(carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        return apply_batch(policy, params, carry, inputs)

    return jax.lax.scan(step, trajectory.carry, trajectory.inputs)[1]


def apply_batch(policy: Policy, params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
    """One parameter set on inputs with two leading axes [X, Y, ...]."""
    one = lambda carry, inputs: policy.apply(params, carry, inputs)
    return jax.vmap(jax.vmap(one))(carry, inputs)


def _fresh_carry(policy: Policy, shape: tuple[int, ...]) -> Carry:
    return jax.tree.map(lambda x: jnp.broadcast_to(x, shape + x.shape), policy.carry())


def _by_role(spec: MatchSpec, match: Match, per_seat: Array) -> Array:
    """[E, A, ...] from seats to roles."""
    if spec.partner is None:
        return per_seat
    seats = match.seats.reshape(*match.seats.shape, *(1,) * (per_seat.ndim - 2))
    return jnp.take_along_axis(per_seat, seats, axis=1)


def _see(env: Environment, spec: MatchSpec, match: Match, games: Games) -> Inputs:
    """Inputs [E, A, ...] in the order of roles, relabelled where the spec says so."""
    obs = _by_role(spec, match, games.timestep.obs)
    mask = _by_role(spec, match, games.timestep.mask)
    if spec.relabel:
        symmetry = env.symmetry()
        obs = jax.vmap(jax.vmap(symmetry.obs))(match.symmetry, obs)
        mask = jax.vmap(jax.vmap(symmetry.mask))(match.symmetry, mask)
    shape = match.seats.shape
    state: State = ()
    if spec.partner is not None and spec.partner.needs_state:
        state = jax.tree.map(lambda x: jnp.repeat(x[:, None], shape[1], axis=1), games.state)
    return Inputs(obs, mask, jnp.broadcast_to(games.first, shape), match.seats, state)


def _partners_act(
    spec: MatchSpec, match: Match, games: Games, inputs: Inputs, noise: Array
) -> tuple[Carry, Array]:
    """The partner's carries and actions [E, A-1]; K parameter sets are read, not E."""
    partner = spec.partner
    if partner is None:
        return (), jnp.zeros((len(noise), 0), jnp.int32)
    block = lambda x: x[:, 1:].reshape(spec.blocks, -1, *x[:, 1:].shape[1:])
    theirs = jax.tree.map(block, inputs)
    if not partner.needs_state:
        theirs = theirs._replace(state=())
    carry, out = jax.vmap(lambda p, c, i: apply_batch(partner, p, c, i))(
        match.partners, games.partner, theirs
    )
    action = sample(out.logits, theirs.mask, block(noise))
    return carry, action.reshape(len(noise), -1)


def _to_seats(env: Environment, spec: MatchSpec, match: Match, action: Array) -> Array:
    """[E, A] from the roles' own names to the world's, from roles to seats."""
    if spec.relabel:
        action = jax.vmap(jax.vmap(env.symmetry().action_back))(match.symmetry, action)
    if spec.partner is None:
        return action
    role_of_seat = jnp.argsort(match.seats, axis=1)
    return jnp.take_along_axis(action, role_of_seat, axis=1)
