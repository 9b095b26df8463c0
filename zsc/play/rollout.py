"""Playing and re-reading games: the only two places where a network meets data in training.

`rollout` plays a part of an episode with a whole batch in step; `replay` shows the same data to
other parameters. Partner, seat and symmetry belong to a place of the batch and stay for an update;
nothing is reset on the way, but between two parts `deal_anew` puts fresh games in the places of
those that are over.

In a game of turns that the learner plays with itself only the agent whose turn it is is asked, so
the trajectory has one role: whoever acts. Its value is followed by that of the next agent's, which
is what the team expects from there on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from zsc.agents.policy import Inputs, Out, Policy, in_turns
from zsc.envs.base import Environment, TimeStep
from zsc.nets import distribution, sample
from zsc.play.match import Match, MatchSpec
from zsc.types import Array, Carry, Key, Params, State


class Games(NamedTuple):
    """A batch of E games in the middle of their episodes."""

    state: State  # [E, ...]
    timestep: TimeStep  # [E, ...]
    first: Array  # [E] bool, nothing has been played yet
    over: Array  # [E] bool, the game ended in an earlier step
    learner: Carry  # [E, R, ...] carries of the learner's roles
    partner: Carry  # [K, E/K, A-1, ...] carries of the partner's roles, () in self-play
    settled: Array  # [E] bool, the first game in this place is over: the next two stand
    returns: Array  # [E] float32, the true return of that game so far, of the learner's seat
    length: Array  # [E] int32, its steps so far


class Trajectory(NamedTuple):
    """T steps of E games as seen by the R roles that learn; in a game of turns by whoever acts."""

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
    carry: Carry  # [E, learner's roles, ...] the learner's carries before the first step


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
    return Games(
        state=state,
        timestep=timestep,
        first=~over,
        over=over,
        learner=learner,
        partner=partner,
        settled=over,
        returns=jnp.zeros(envs),
        length=jnp.zeros(envs, jnp.int32),
    )


def deal_anew(
    env: Environment, spec: MatchSpec, policy: Policy, match: Match, games: Games, key: Key
) -> Games:
    """Fresh games, with empty memories, in the places of those that are over.

    Partner, seat and symmetry belong to the place. So do returns and length: they stay those of the
    first game in it, which is always played to its end, where later ones may be cut off.
    """
    fresh = start(env, spec, policy, match, key)

    def pick(old: Array, new: Array, axes: int = 1) -> Array:
        over = games.over.reshape(old.shape[:axes])
        return jnp.where(over.reshape(over.shape + (1,) * (old.ndim - axes)), new, old)

    names = ("state", "timestep", "first", "learner")
    mine = {n: jax.tree.map(pick, getattr(games, n), getattr(fresh, n)) for n in names}
    partner = jax.tree.map(lambda x, y: pick(x, y, axes=2), games.partner, fresh.partner)
    return games._replace(**mine, partner=partner, over=jnp.zeros_like(games.over))


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
    policy, view = in_turns(env.spec, policy), _View(env, spec, match)
    noise_key, step_key = jax.random.split(key)
    asked = 1 if view.by_turn else env.spec.num_agents
    noise = jax.random.gumbel(noise_key, (length, len(match.seats), asked, env.spec.num_actions))
    keep = ("shaped", "events")  # in order: another one would be another program

    def step(games: Games, per_step: tuple[Array, Array]) -> tuple[Games, Any]:
        index, noise = per_step
        before = games
        inputs = view.see(games)
        turn = inputs.agent if view.by_turn else None
        mine = jax.tree.map(view.own, inputs)._replace(state=())
        learner, out = apply_batch(policy, params, take_turn(games.learner, turn), mine)
        action = sample(out.logits, mine.mask, view.own(noise))
        partner, others = _partners_act(env, spec, match, games, inputs, noise)
        chosen = action if spec.partner is None else jnp.concatenate([action, others], axis=1)
        keys = jax.random.split(jax.random.fold_in(step_key, index), len(games.over))
        state, now = jax.vmap(env.step)(keys, games.state, view.to_seats(chosen, turn))
        earned = view.by_role(now.reward, turn)
        games = Games(
            state=state,
            timestep=now,
            first=jnp.zeros_like(before.first),
            over=before.over | now.done,
            learner=put_turn(games.learner, turn, learner),
            partner=partner,
            settled=before.settled | now.done,
            returns=before.returns + earned[:, 0] * ~before.settled,
            length=before.length + ~before.settled,
        )
        data = {
            "inputs": mine,
            "action": action,
            "log_prob": distribution(out.logits, mine.mask).log_prob(action),
            "value": out.value,
            "reward": earned,
            "terminated": now.terminated,
            "truncated": now.truncated,
            "playing": jnp.broadcast_to(~before.over[:, None], action.shape),
            "valid": ~before.over[:, None] & (mine.mask.sum(-1) > 1),
            **{name: view.by_role(now.info[name], turn) for name in keep},
        }
        return games, data

    end, data = jax.lax.scan(step, games, (jnp.arange(length), noise))
    last = view.see(end)
    memory = take_turn(end.learner, last.agent if view.by_turn else None)
    _, out = apply_batch(policy, params, memory, jax.tree.map(view.own, last)._replace(state=()))
    return end, Trajectory(**data, last_value=out.value, carry=games.learner)


def replay(policy: Policy, params: Params, trajectory: Trajectory) -> Out:
    """What other parameters would have said along a trajectory: Out with axes [T, E, R].

    In a game of turns the policy is that of `in_turns`, as the training loop passes it to hooks.
    """
    if not policy.recurrent:
        length, envs, roles = trajectory.action.shape
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[3:]), trajectory.inputs)
        out = jax.vmap(lambda inputs: policy.apply(params, (), inputs)[1])(flat)
        return jax.tree.map(lambda x: x.reshape(length, envs, roles, *x.shape[1:]), out)

    memories = jax.tree.leaves(trajectory.carry)[0].shape[1]
    by_turn = memories != trajectory.action.shape[2]

    def step(carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        turn = inputs.agent if by_turn else None
        memory, out = apply_batch(policy, params, take_turn(carry, turn), inputs)
        return put_turn(carry, turn, memory), out

    return jax.lax.scan(step, trajectory.carry, trajectory.inputs)[1]


def apply_batch(policy: Policy, params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
    """One parameter set on inputs with two leading axes [X, Y, ...]."""
    one = lambda carry, inputs: policy.apply(params, carry, inputs)
    return jax.vmap(jax.vmap(one))(carry, inputs)


def _fresh_carry(policy: Policy, shape: tuple[int, ...]) -> Carry:
    return jax.tree.map(lambda x: jnp.broadcast_to(x, shape + x.shape), policy.carry())


def take_turn(per_role: Any, turn: Array | None) -> Any:
    """[E, A, ...] -> [E, 1, ...] of the role whose turn it is, turn [E, 1]; None takes all."""
    if turn is None:
        return per_role
    at = lambda x: turn.reshape(*turn.shape, *(1,) * (x.ndim - 2))
    return jax.tree.map(lambda x: jnp.take_along_axis(x, at(x), axis=1), per_role)


def put_turn(per_role: Any, turn: Array | None, one: Any) -> Any:
    """The inverse of `take_turn`: [E, A, ...] with the entry [E, 1, ...] of that role replaced."""
    if turn is None:
        return one

    def put(old: Array, new: Array) -> Array:
        acts = turn == jnp.arange(old.shape[1])
        return jnp.where(acts.reshape(*acts.shape, *(1,) * (old.ndim - 2)), new, old)

    return jax.tree.map(put, per_role, one)


class _View:
    """How the roles of a match see the game and act in it; holds static values and the match."""

    def __init__(self, env: Environment, spec: MatchSpec, match: Match) -> None:
        self.env, self.spec, self.match = env, spec, match
        self.learners = spec.learners(env.spec.num_agents)
        self.by_turn = env.spec.turns and spec.partner is None
        self.idle = env.spec.idle_action or 0  # read in games of turns only

    def own(self, per_role: Array) -> Array:
        """[E, R, ...] the learner's part; in a game of turns all that there is."""
        return per_role if self.by_turn else per_role[:, : self.learners]

    def see(self, games: Games) -> Inputs:
        """Inputs [E, A, ...] in the order of roles, or [E, 1, ...] of whose turn it is."""
        obs, mask = games.timestep.obs, games.timestep.mask
        seats, elements = self.match.seats, self.match.symmetry
        if self.by_turn:
            waits = mask[..., self.idle] & (mask.sum(-1) == 1)
            seats = jnp.argmin(waits, axis=1, keepdims=True).astype(jnp.int32)
            obs, mask, elements = take_turn((obs, mask, elements), seats)
        else:
            obs, mask = self._in_order(obs), self._in_order(mask)
        if self.spec.relabel:
            symmetry = self.env.symmetry()
            obs = jax.vmap(jax.vmap(symmetry.obs))(elements, obs)
            mask = jax.vmap(jax.vmap(symmetry.mask))(elements, mask)
        state: State = ()
        if self.spec.partner is not None and self.spec.partner.needs_state:
            repeat = lambda x: jnp.repeat(x[:, None], seats.shape[1], axis=1)
            state = jax.tree.map(repeat, games.state)
        first = jnp.broadcast_to(games.first[:, None], seats.shape)
        return Inputs(obs, mask, first, seats, state)

    def by_role(self, per_seat: Array, turn: Array | None) -> Array:
        """[E, R, ...] of the learner's roles, or of whose turn it was, from seats [E, A, ...]."""
        if turn is not None:
            return jnp.asarray(take_turn(per_seat, turn))
        return self.own(self._in_order(per_seat))

    def to_seats(self, action: Array, turn: Array | None) -> Array:
        """[E, A] from the roles' own names to the world's, from roles to seats."""
        if self.spec.relabel:
            elements = take_turn(self.match.symmetry, turn)
            action = jax.vmap(jax.vmap(self.env.symmetry().inverse_action))(elements, action)
        if turn is not None:
            waiting = jnp.full(self.match.seats.shape, self.idle, jnp.int32)
            return jnp.asarray(put_turn(waiting, turn, action))
        if self.spec.partner is None:
            return action
        role_of_seat = jnp.argsort(self.match.seats, axis=1)
        return jnp.take_along_axis(action, role_of_seat, axis=1)

    def _in_order(self, per_seat: Array) -> Array:
        """[E, A, ...] from seats to roles."""
        if self.spec.partner is None:
            return per_seat
        seats = self.match.seats.reshape(*self.match.seats.shape, *(1,) * (per_seat.ndim - 2))
        return jnp.take_along_axis(per_seat, seats, axis=1)


def _partners_act(
    env: Environment, spec: MatchSpec, match: Match, games: Games, inputs: Inputs, noise: Array
) -> tuple[Carry, Array]:
    """The partner's carries and actions [E, A-1]; K parameter sets are read, not E."""
    if spec.partner is None:
        return (), jnp.zeros((len(noise), 0), jnp.int32)
    partner = in_turns(env.spec, spec.partner)
    block = lambda x: x[:, 1:].reshape(spec.blocks, -1, *x[:, 1:].shape[1:])
    theirs = jax.tree.map(block, inputs)
    if not partner.needs_state:
        theirs = theirs._replace(state=())
    carry, out = jax.vmap(lambda p, c, i: apply_batch(partner, p, c, i))(
        match.partners, games.partner, theirs
    )
    action = sample(out.logits, theirs.mask, block(noise))
    return carry, action.reshape(len(noise), -1)
