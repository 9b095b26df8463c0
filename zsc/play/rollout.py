"""Playing and re-reading games: the only two places where a network meets data in training.

`rollout` plays a segment of an episode with a whole batch in step; `replay` shows the same data to
other parameters. Partner, seat and symmetry belong to a place of the batch and stay for an update.
Nothing is reset within a segment; between two segments `begin_anew` puts fresh games in the places
of those that are over.

In self-play of a game of turns only the agent to move is asked. The trajectory then has one role,
whoever moves, and each value is followed by that of the next agent to move: the team's return from
there on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from zsc.agents.policy import Inputs, Out, Policy, Team, in_turns, policies_of
from zsc.envs.base import Environment, TimeStep, returned
from zsc.nets import log_prob, log_probs, sample
from zsc.play.acting import apply_batch, apply_one, fresh_carry, inputs_of
from zsc.play.match import Match, MatchSpec
from zsc.play.team import apply_team, by_role, fresh_carries
from zsc.types import Array, Carry, Key, Params, State


class Games(NamedTuple):
    """A batch of E games in the middle of their episodes."""

    state: State  # [E, ...]
    timestep: TimeStep  # [E, ...]
    first: Array  # [E] bool, nothing has been played yet
    over: Array  # [E] bool, the game ended in an earlier step
    learner: Carry  # [E, R, ...] carries of the learner's roles, of a team by policy
    partner: Carry  # [K, E/K, A-R, ...] carries of the partner's roles, () in self-play
    counted: Array  # [E] bool, the first game of this place is over: returns and length are final
    returns: Array  # [E] float32, true return so far of the first game here, of role 0
    length: Array  # [E] int32, its steps so far
    acted: Array  # [E, A] int32, the last joint action by seat, -1 before the first
    meant: Any = ()  # [E, A] the same without exploration; () where nobody is told


class Trajectory(NamedTuple):
    """T steps of E games as seen by the R roles that learn; in a game of turns by whoever moves."""

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
    carry: Carry  # [E, R, ...] the learner's carries before the first step
    last: Inputs  # [E, R, ...] what is seen after the last step
    world: Any  # [T + 1, E, ...] what the learner wants to see of states, () for nothing
    head: Any = ()  # [E] int32, the value head that learns from each game, if not the kind's own
    # [E, R] how much the policy learns from each game, after advantages were normalised: negative
    # to earn less there, 0 for the value alone; () for 1. `Method.reward` sets it.
    weight: Any = ()


#: The fields of a trajectory without an axis of time.
TIMELESS = ("last_value", "carry", "last", "head", "weight")


def begin(
    env: Environment,
    spec: MatchSpec,
    policy: Policy | Team,
    match: Match,
    key: Key,
    states: State | None = None,
) -> Games:
    """E games with empty memories: fresh ones, or such that begin in these states [E, ...]."""
    envs, num_agents = match.seats.shape
    if states is None:
        state, timestep = jax.vmap(env.reset)(jax.random.split(key, envs))
    else:
        state, timestep = states, jax.vmap(env.show)(states)
    partner: Carry = ()
    if spec.partner is not None:
        others = num_agents - spec.learners(num_agents)
        partner = fresh_carry(spec.partner, (spec.blocks, envs // spec.blocks, others))
    over = jnp.zeros(envs, bool)
    told = "meant" in _read(spec, policy)
    return Games(
        state=state,
        timestep=timestep,
        first=~over,
        over=over,
        learner=fresh_carries(policy, spec.players(num_agents), envs),
        partner=partner,
        counted=over,
        returns=jnp.zeros(envs),
        length=jnp.zeros(envs, jnp.int32),
        acted=jnp.full((envs, num_agents), -1, jnp.int32),
        meant=jnp.full((envs, num_agents), -1, jnp.int32) if told else (),
    )


def begin_anew(
    env: Environment, spec: MatchSpec, policy: Policy | Team, match: Match, games: Games, key: Key
) -> Games:
    """Fresh games, with empty memories, in the places of those that are over.

    Partner, seat and symmetry belong to the place. So do returns and length: they stay those of the
    first game in it, which is always played to its end, where later ones may be cut off.
    """
    fresh = begin(env, spec, policy, match, key)

    def pick(old: Array, new: Array, axes: int = 1) -> Array:
        over = games.over.reshape(old.shape[:axes])
        return jnp.where(over.reshape(over.shape + (1,) * (old.ndim - axes)), new, old)

    names = ("state", "timestep", "first", "learner", "acted", "meant")
    mine = {n: jax.tree.map(pick, getattr(games, n), getattr(fresh, n)) for n in names}
    partner = jax.tree.map(lambda x, y: pick(x, y, axes=2), games.partner, fresh.partner)
    return games._replace(**mine, partner=partner, over=jnp.zeros_like(games.over))


def rollout(
    env: Environment,
    spec: MatchSpec,
    policy: Policy | Team,
    params: Params,
    match: Match,
    games: Games,
    key: Key,
    length: int,
    *,
    world: Callable[[State], Array] | None = None,
) -> tuple[Games, Trajectory]:
    """Play a segment of one member's E games.

    params: of the member, without a leading axis. match, games: of this member, as `draw_match` and
    `begin` make them. length: T, steps of the segment. world: what a central critic sees of a
    state; the trajectory keeps it. Returns the games after the segment and what the learner's roles
    saw, did and earned.
    """
    policy, view = in_turns(env.spec, policy), _view(env, spec, policy, match)
    players = spec.players(env.spec.num_agents)
    noise_key, step_key = jax.random.split(key)
    asked = 1 if view.by_turn else env.spec.num_agents
    noise = jax.random.gumbel(noise_key, (length, len(match.seats), asked, env.spec.num_actions))

    def step(games: Games, per_step: tuple[Array, Array]) -> tuple[Games, dict[str, Any]]:
        """One step of all games, and what the trajectory keeps of it."""
        index, noise = per_step
        seen = _see(view, games)
        turn = seen.agent if view.by_turn else None
        mine = _learners(view, seen)
        memory = take_turn(games.learner, turn)
        learner, out = apply_team(policy, params, memory, mine, players)
        action = sample(out.logits, mine.mask, _own(view, noise))
        partner, others = _partners_act(view, games, seen, noise)
        together = lambda own: jnp.concatenate([own, others], axis=1) if spec.partner else own
        joint = _to_seats(view, together(action), turn)
        keys = jax.random.split(jax.random.fold_in(step_key, index), len(games.over))
        state, now = jax.vmap(env.step)(keys, games.state, joint)
        earned = _of_roles(view, now.reward, turn)
        # in a fixed order: the order of a set differs from process to process, and with it the
        # program, which its stored form would then not be found for
        shown = {name: _of_roles(view, now.info[name], turn) for name in ("shaped", "events")}
        data = _kept(games, now, mine, action, out) | {"reward": earned} | shown
        data["world"] = () if world is None else jax.vmap(world)(games.state)
        memories = put_turn(games.learner, turn, learner), partner
        counts = _of_roles(view, returned(env.spec, now.reward), turn)
        after = _moved(games, state, now, memories, counts[:, 0], joint)
        if "meant" in view.reads:
            greedy = sample(out.logits, mine.mask, jnp.zeros_like(out.logits))
            after = after._replace(meant=_to_seats(view, together(greedy), turn))
        return after, data

    end, data = jax.lax.scan(step, games, (jnp.arange(length), noise))
    seen = _see(view, end)
    last = _learners(view, seen)
    memory = take_turn(end.learner, seen.agent if view.by_turn else None)
    _, out = apply_team(policy, params, memory, last, players)
    if world is not None:
        rows, after = data["world"], jax.vmap(world)(end.state)
        data["world"] = jax.tree.map(lambda x, y: jnp.concatenate([x, y[None]]), rows, after)
    head = match.head
    if not isinstance(head, tuple):
        head = jnp.repeat(head, len(match.seats) // spec.blocks)
    return end, Trajectory(**data, last_value=out.value, carry=games.learner, last=last, head=head)


def _kept(games: Games, now: TimeStep, mine: Inputs, action: Array, out: Out) -> dict[str, Any]:
    """What a trajectory keeps of what was seen and done in a step, by the names of its fields."""
    return {
        "inputs": mine,
        "action": action,
        "log_prob": log_prob(log_probs(out.logits, mine.mask), action),
        "value": out.value,
        "terminated": now.terminated,
        "truncated": now.truncated,
        "playing": jnp.broadcast_to(~games.over[:, None], action.shape),
        "valid": ~games.over[:, None] & (mine.mask.sum(-1) > 1),
    }


def _moved(
    games: Games,
    state: State,
    now: TimeStep,
    memories: tuple[Carry, Carry],
    earned: Array,
    joint: Array,
) -> Games:
    """The games after a step; memories are those of the learner's roles and of the partner's,
    earned [E] what role 0's return grows by."""
    return Games(
        state=state,
        timestep=now,
        first=jnp.zeros_like(games.first),
        over=games.over | now.done,
        learner=memories[0],
        partner=memories[1],
        counted=games.counted | now.done,
        returns=games.returns + earned * ~games.counted,
        length=games.length + ~games.counted,
        acted=joint,
    )


def replay(
    policy: Policy | Team, params: Params, trajectory: Trajectory, players: tuple[int, ...] = ()
) -> Out:
    """What other parameters would have said along a trajectory: Out with axes [T, E, R].

    policy: in a game of turns that of `in_turns`, as the training loop passes it to hooks.
    players [R]: which of a team's policies plays each role; not read for a single policy.
    """
    if isinstance(policy, Team):

        def one(place: int, number: int, roles: Any) -> Out:
            part = trajectory._replace(
                inputs=jax.tree.map(lambda x: x[:, :, roles], trajectory.inputs),
                carry=trajectory.carry[place],
            )
            return replay(policy.policies[number], params[number], part)

        return by_role(players, one, axis=2)
    length, envs, roles = trajectory.inputs.agent.shape
    if not policy.recurrent:
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[3:]), trajectory.inputs)
        out = jax.vmap(lambda inputs: apply_one(policy, params, (), inputs)[1])(flat)
        return jax.tree.map(lambda x: x.reshape(length, envs, roles, *x.shape[1:]), out)

    by_turn = jax.tree.leaves(trajectory.carry)[0].shape[1] != roles

    def step(carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        turn = inputs.agent if by_turn else None
        memory, out = apply_batch(policy, params, take_turn(carry, turn), inputs)
        return put_turn(carry, turn, memory), out

    return jax.lax.scan(step, trajectory.carry, trajectory.inputs)[1]


def visit(
    env: Environment,
    policy: Policy,
    params: Params,
    key: Key,
    *,
    envs: int,
    who: Callable[[Key], Array] | None = None,
) -> State:
    """[E, ...] states that some agents reach together; nothing is recorded.

    Each game is played for a number of steps of its own, uniform below the horizon. At each step
    every seat acts by one of the parameter sets [X, ...]: who(key of the step) [E, A] says by
    which, otherwise it is drawn anew. Each of them remembers the whole game as seen from every
    seat.
    """
    policy = in_turns(env.spec, policy)
    horizon, agents = env.spec.horizon, env.spec.num_agents
    count = len(jax.tree.leaves(params)[0])
    reset_key, stop_key, play_key = jax.random.split(key, 3)
    state, shown = jax.vmap(env.reset)(jax.random.split(reset_key, envs))
    stop = jax.random.randint(stop_key, (envs,), 0, horizon)
    seat = jnp.broadcast_to(jnp.arange(agents), (envs, agents))
    nobody = jnp.full((envs, agents), -1, jnp.int32)
    begun = (state, shown, fresh_carry(policy, (count, envs, agents)), nobody)

    def step(now: Any, time: Array) -> tuple[Any, None]:
        """One step of all games, until each is to stop."""
        state, shown, carry, acted = now
        who_key, noise_key, rules_key = jax.random.split(jax.random.fold_in(play_key, time), 3)
        seen = inputs_of(
            policy.reads,
            obs=shown.obs,
            mask=shown.mask,
            first=jnp.broadcast_to(time == 0, envs),
            seat=seat,
            state=state,
            acted=acted,
        )
        carry, out = jax.vmap(lambda p, c: apply_batch(policy, p, c, seen))(params, carry)
        anybody = lambda key: jax.random.randint(key, seat.shape, 0, count)
        acts = (who or anybody)(who_key)
        logits = jnp.take_along_axis(out.logits, acts[None, ..., None], axis=0)[0]
        action = sample(logits, shown.mask, jax.random.gumbel(noise_key, logits.shape))
        moved, then = jax.vmap(env.step)(jax.random.split(rules_key, envs), state, action)
        going = time < stop
        keep = lambda new, old: jnp.where(going.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
        state, shown = jax.tree.map(keep, (moved, then), (state, shown))
        return (state, shown, carry, action), None

    return jax.lax.scan(step, begun, jnp.arange(horizon))[0][0]


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


class _View(NamedTuple):
    """How the roles of a match see the game and act in it."""

    env: Environment
    spec: MatchSpec
    match: Match
    reads: frozenset[str]  # what anybody in the game is given beside observations
    by_turn: bool  # only the agent to move is asked

    @property
    def idle(self) -> int:
        """What whoever waits does; read in games of turns only."""
        return self.env.spec.idle_action or 0


def _view(env: Environment, spec: MatchSpec, policy: Policy | Team, match: Match) -> _View:
    return _View(env, spec, match, _read(spec, policy), env.spec.turns and not spec.seated)


def _read(spec: MatchSpec, policy: Policy | Team) -> frozenset[str]:
    """What anybody in the game is given beside observations."""
    everyone = (*policies_of(policy), *(() if spec.partner is None else (spec.partner,)))
    return frozenset(name for one in everyone for name in one.reads)


def _see(view: _View, games: Games) -> Inputs:
    """Inputs [E, A, ...] in the order of roles, or [E, 1, ...] of whose turn it is."""
    obs, mask, latent = games.timestep.obs, games.timestep.mask, view.match.latent
    seats, elements = view.match.seats, view.match.symmetry
    if view.by_turn:
        waits = mask[..., view.idle] & (mask.sum(-1) == 1)
        seats = jnp.argmin(waits, axis=1, keepdims=True).astype(jnp.int32)
        obs, mask, elements, latent = take_turn((obs, mask, elements, latent), seats)
    else:
        obs, mask = _in_order(view, obs), _in_order(view, mask)
    if view.spec.relabel:
        symmetry = view.env.symmetry()
        obs = jax.vmap(jax.vmap(symmetry.obs))(elements, obs, seats)
        mask = jax.vmap(jax.vmap(symmetry.mask))(elements, mask, seats)
    seen = inputs_of(
        view.reads,
        obs=obs,
        mask=mask,
        first=games.first,
        seat=seats,
        state=games.state,
        acted=games.acted,
        latent=latent,
        meant=games.meant,
    )
    if not view.spec.relabel:
        return seen

    def renamed(did: Array) -> Array:
        """Actions [E, R, A], own first, as the roles call them."""
        whose = (seats[..., None] + jnp.arange(did.shape[-1])) % did.shape[-1]
        rename = jax.vmap(jax.vmap(jax.vmap(view.env.symmetry().action, (None, 0, 0))))
        return jnp.where(did < 0, -1, rename(elements, jnp.maximum(did, 0), whose))

    return seen._replace(
        acted=renamed(seen.acted) if "actions" in view.reads else (),
        meant=renamed(seen.meant) if "meant" in view.reads else (),
    )


def _own(view: _View, per_role: Array) -> Array:
    """[E, R, ...] the learner's part; in a game of turns all that there is."""
    return per_role if view.by_turn else per_role[:, : view.spec.learners(view.env.spec.num_agents)]


def _learners(view: _View, seen: Inputs) -> Inputs:
    """What the learner's roles are given. Its trajectories keep no states."""
    return jax.tree.map(lambda x: _own(view, x), seen._replace(state=()))


def _of_roles(view: _View, per_seat: Array, turn: Array | None) -> Array:
    """[E, R, ...] of the learner's roles, or of whose turn it was, from seats [E, A, ...]."""
    if turn is not None:
        return jnp.asarray(take_turn(per_seat, turn))
    return _own(view, _in_order(view, per_seat))


def _to_seats(view: _View, action: Array, turn: Array | None) -> Array:
    """[E, A] from the roles' own names to the world's, from roles to seats."""
    if view.spec.relabel:
        elements = take_turn(view.match.symmetry, turn)
        seats = view.match.seats if turn is None else turn
        action = jax.vmap(jax.vmap(view.env.symmetry().inverse_action))(elements, action, seats)
    if turn is not None:
        waiting = jnp.full(view.match.seats.shape, view.idle, jnp.int32)
        return jnp.asarray(put_turn(waiting, turn, action))
    if not view.spec.seated:
        return action
    role_of_seat = jnp.argsort(view.match.seats, axis=1)
    return jnp.take_along_axis(action, role_of_seat, axis=1)


def _in_order(view: _View, per_seat: Array) -> Array:
    """[E, A, ...] from seats to roles."""
    if not view.spec.seated:
        return per_seat
    seats = view.match.seats.reshape(*view.match.seats.shape, *(1,) * (per_seat.ndim - 2))
    return jnp.take_along_axis(per_seat, seats, axis=1)


def _partners_act(view: _View, games: Games, seen: Inputs, noise: Array) -> tuple[Carry, Array]:
    """The partner's carries and actions [E, A-R]; K parameter sets are read, not E."""
    spec = view.spec
    if spec.partner is None:
        return (), jnp.zeros((len(noise), 0), jnp.int32)
    partner = in_turns(view.env.spec, spec.partner)
    ours = spec.learners(view.env.spec.num_agents)
    block = lambda x: x[:, ours:].reshape(spec.blocks, -1, *x[:, ours:].shape[1:])
    theirs = jax.tree.map(block, seen)
    if "state" not in partner.reads:
        theirs = theirs._replace(state=())
    one = lambda p, c, i: apply_batch(partner, p, c, i)
    if spec.several:  # a parameter set for each of the partner's roles
        apply = jax.vmap(lambda p, c, i: apply_one(partner, p, c, i), (None, 0, 0))
        one = jax.vmap(apply, in_axes=(0, 1, 1), out_axes=1)
    carry, out = jax.vmap(one)(view.match.partners, games.partner, theirs)
    action = sample(out.logits, theirs.mask, block(noise))
    return carry, action.reshape(len(noise), -1)
