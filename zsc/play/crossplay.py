"""The cross-play kernel: everyone with everyone, in as few programs as there are kinds of pairs.

Two policies meet in a grid of games [row, col, episode]. The observations of the row's seat stand
as [row, (col, episode)], those of the other seats are transposed to [col, (row, episode)]: each
parameter set is read once per step and applied to one large batch, so N policies cost N batched
products, not N x N, and parameters need O(N) memory. All cells share their episode keys and
sampling noise (common random numbers), so differences between cells are less noisy than the cells.

A roster of several architectures is grouped by kind; each unordered pair of kinds is one program,
however many members there are and however the matrix is cut into tiles.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from zsc.agents.policy import Policy, in_turns
from zsc.agents.pool import Pool, Roster, check_home
from zsc.envs.base import Environment, EnvSpec, TimeStep, begin
from zsc.errors import UserError
from zsc.machine.cluster import to_host
from zsc.machine.members import AXIS, map_members, member_mesh
from zsc.nets import sample
from zsc.play.acting import fresh_carry, inputs_of
from zsc.play.match import MatchSpec, draw_match
from zsc.play.rollout import begin as begin_games
from zsc.play.rollout import rollout
from zsc.types import Array, Carry, Key, Params, State

#: Bytes that the games of one tile may need; small enough to stay in a CPU's cache.
DEFAULT_BUDGET = 256 * 2**20


class Played(NamedTuple):
    """What one game left, for every seat."""

    returns: Array  # [..., A] true return
    length: Array  # [...] steps
    events: Array  # [..., A, F] how often each named event happened


class CrossPlayValues(NamedTuple):
    """values [row, col, seat, episode, metric]: the row's policy sat in that seat, the column's in
    all others. metrics names the last axis: "return", "length", then the row's events."""

    values: np.ndarray
    metrics: tuple[str, ...]


class _Kind(NamedTuple):
    """All members of a roster that share a policy."""

    policy: Policy
    params: Params  # [k, ...]
    members: np.ndarray  # [k] places in the roster


def crossplay(
    env: Environment,
    roster: Roster,
    *,
    episodes: int,
    key: Key,
    budget: int = DEFAULT_BUDGET,
) -> CrossPlayValues:
    """Play every ordered pair of the roster's members in every seating.

    budget: bytes that the games in flight may use; more games are played one tile after another.
    Raises UserError for pools of another game, an empty roster or no episodes.
    """
    _check(env, roster, episodes)
    kinds = _group(roster)
    size, agents = sum(len(pool) for pool in roster), env.spec.num_agents
    values = _no_values(env, size, size, episodes)
    for first, one in enumerate(kinds):
        # with two seats a game is also the transposed cell's, seen from the other side
        for two in kinds[first:] if agents == 2 else kinds:
            seats = (0,) if one is two and agents == 2 else tuple(range(agents))
            for rows, cols, games, played in _tiles(env, one, two, seats, episodes, key, budget):
                row, col = one.members[rows], two.members[cols]
                _place(values, row, col, seats, games, played, mirrored=agents == 2)
    return CrossPlayValues(values, metric_names(env))


def versus(
    env: Environment,
    rows: Roster,
    cols: Roster,
    *,
    episodes: int,
    key: Key,
    budget: int = DEFAULT_BUDGET,
) -> CrossPlayValues:
    """Play every row's agent with every column's, in every seating, and nobody else.

    The games are those of `crossplay` with the same key: an agent and a partner earn the same in
    either. Arguments and errors as there.
    """
    for roster in (rows, cols):
        _check(env, roster, episodes)
    seats = tuple(range(env.spec.num_agents))
    height, width = (sum(len(pool) for pool in roster) for roster in (rows, cols))
    values = _no_values(env, height, width, episodes)
    for one in _group(rows):
        for two in _group(cols):
            for top, left, games, played in _tiles(env, one, two, seats, episodes, key, budget):
                row, col = one.members[top], two.members[left]
                _place(values, row, col, seats, games, played, mirrored=False)
    return CrossPlayValues(values, metric_names(env))


def metric_names(env: Environment) -> tuple[str, ...]:
    """What is kept of every game: "return", "length", then the game's events."""
    return ("return", "length", *env.spec.event_names)


def _check(env: Environment, roster: Roster, episodes: int) -> None:
    if episodes < 1:
        raise UserError(f"{episodes} episodes per cell: at least 1 is needed")
    for pool in roster:
        check_home(pool, env.spec)
    if sum(len(pool) for pool in roster) == 0:
        raise UserError("the roster is empty: give at least one agent")


def _no_values(env: Environment, rows: int, cols: int, episodes: int) -> np.ndarray:
    shape = (rows, cols, env.spec.num_agents, episodes, len(metric_names(env)))
    return np.full(shape, np.nan, np.float32)


def self_play_returns(
    env: Environment, policy: Policy, params: Params, *, episodes: int, key: Key
) -> np.ndarray:
    """[P] mean true return of each agent with itself; params [P, ...]."""
    keys = jnp.broadcast_to(key, len(jax.tree.leaves(params)[0]))
    return np.asarray(to_host(_self_play(env, policy, episodes, params, keys)))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _self_play(env: Environment, policy: Policy, episodes: int, params: Params, keys: Key) -> Array:
    spec = MatchSpec()

    def one(params: Params, key: Key) -> Array:
        keys = jax.random.split(key, 3)
        match = draw_match(
            keys[0], spec, envs=episodes, num_agents=env.spec.num_agents, symmetries=1
        )
        games = begin_games(env, spec, policy, match, keys[1])
        games, _ = rollout(env, spec, policy, params, match, games, keys[2], env.spec.horizon)
        return games.returns.mean()

    return map_members(one)(params, keys)


def _group(roster: Roster) -> list[_Kind]:
    groups: dict[Policy, list[tuple[Pool, np.ndarray]]] = {}
    place = 0
    for pool in roster:
        members = np.arange(place, place + len(pool))
        groups.setdefault(pool.policy, []).append((pool, members))
        place += len(pool)
    return [
        _Kind(
            policy,
            jax.tree.map(lambda *x: jnp.concatenate(x), *(pool.params for pool, _ in entries)),
            np.concatenate([members for _, members in entries]),
        )
        for policy, entries in groups.items()
    ]


def _place(
    values: np.ndarray,
    rows: np.ndarray,
    cols: np.ndarray,
    seats: Sequence[int],
    games: np.ndarray,
    played: Played,
    *,
    mirrored: bool,
) -> None:
    """Write a tile's games as the row's seat saw them; mirrored: also as the column's did."""
    returns, length, events = (np.asarray(x) for x in played)
    agents = values.shape[2]
    for index, seat in enumerate(seats):
        for viewer in range(agents) if mirrored else (seat,):
            head = np.stack([returns[:, :, index, :, viewer], length[:, :, index]], axis=-1)
            cell = np.concatenate([head, events[:, :, index, :, viewer]], axis=-1)
            seat_index = np.array([viewer])
            if viewer == seat:
                values[np.ix_(rows, cols, seat_index, games)] = cell[:, :, None]
            else:
                values[np.ix_(cols, rows, seat_index, games)] = cell.swapaxes(0, 1)[:, :, None]


def _tiles(
    env: Environment,
    one: _Kind,
    two: _Kind,
    seats: tuple[int, ...],
    episodes: int,
    key: Key,
    budget: int,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, Played]]:
    """The matrix of two kinds in tiles of one shape; the overhang is played and dropped."""
    policies, size = (one.policy, two.policy), (len(one.members), len(two.members))
    height, width, depth = _plan(env, policies, size, len(seats), episodes, budget)
    for top in range(0, len(one.members), height):
        for left in range(0, len(two.members), width):
            for first in range(0, episodes, depth):
                rows = np.arange(top, min(top + height, len(one.members)))
                cols = np.arange(left, min(left + width, len(two.members)))
                numbers = np.arange(first, min(first + depth, episodes))
                tile = _tile(
                    env,
                    one.policy,
                    two.policy,
                    seats,
                    _take(one.params, rows, height),
                    _take(two.params, cols, width),
                    key,
                    jnp.asarray(np.resize(numbers, depth)),
                )
                played = to_host(tile)
                cut = (slice(len(rows)), slice(len(cols)), slice(None), slice(len(numbers)))
                yield rows, cols, numbers, jax.tree.map(lambda x, cut=cut: x[cut], played)


def _plan(
    env: Environment,
    policies: tuple[Policy, Policy],
    size: tuple[int, int],
    seats: int,
    episodes: int,
    budget: int,
) -> tuple[int, int, int]:
    """(rows, cols, episodes) of a tile whose games and draws take no more than the budget."""
    devices = len(jax.devices())
    games = max(1, budget // _bytes_per_game(env, *policies))
    # every device makes all the draws, with room for what the generator needs meanwhile
    depth = min(episodes, max(1, budget // (8 * devices * _bytes_per_draw(env.spec))))
    return plan_tiles(*size, seats, depth, games, devices)


def plan_tiles(
    rows: int, cols: int, seats: int, episodes: int, games: int, devices: int
) -> tuple[int, int, int]:
    """(rows, cols, episodes) of a tile with at most `games` games in flight, evenly cut.

    Rows are dealt to the devices, so they are then rounded up to a multiple of their number.
    """
    depth = _even(episodes, max(1, games // seats))
    width = _even(cols, max(1, math.isqrt(max(1, games // (seats * depth)))))
    height = _even(rows, max(1, games // (seats * depth * width)))
    return math.ceil(height / devices) * devices, width, depth


def _even(total: int, most: int) -> int:
    """The part size that cuts `total` into the fewest parts of at most `most`."""
    return math.ceil(total / math.ceil(total / most))


def _take(params: Params, members: np.ndarray, size: int) -> Params:
    return jax.tree.map(lambda x: x[np.resize(members, size)], params)


def _bytes_per_game(env: Environment, *policies: Policy) -> int:
    """A rough count: state and observations, in full floats, with room for activations."""

    def size(tree: Any) -> int:
        return sum(math.prod(x.shape) * 4 for x in jax.tree.leaves(tree))

    shown = jax.eval_shape(env.reset, jax.random.key(0))
    memory = [jax.eval_shape(policy.carry) for policy in policies]
    return 4 * size(shown) + 2 * size(memory) + 4 * 256


def _bytes_per_draw(spec: EnvSpec) -> int:
    """What is drawn for one episode before it is played, see `_Draws`; all cells share it."""
    return 4 * spec.horizon * (spec.num_agents * spec.num_actions + 2)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _tile(
    env: Environment,
    row_policy: Policy,
    col_policy: Policy,
    seats: tuple[int, ...],
    rows: Params,
    cols: Params,
    key: Key,
    numbers: Array,
) -> Played:
    """[row, col, seating, episode, ...]: one program, rows dealt to the devices."""
    play = partial(_play, env, row_policy, col_policy, seats)
    mesh = member_mesh(len(jax.tree.leaves(rows)[0]))
    if mesh is None:
        return play(rows, cols, key, numbers)
    sharded, whole = PartitionSpec(AXIS), PartitionSpec()
    return jax.shard_map(
        play,
        mesh=mesh,
        in_specs=(sharded, whole, whole, whole),
        out_specs=sharded,
        check_vma=False,
    )(rows, cols, key, numbers)


class _Table(NamedTuple):
    """A table of games in flight, all in one axis: [(row, col, seating, episode), ...].

    One long axis, because rules are small vector operations: on four short ones they are slower.
    """

    time: Array
    state: State
    timestep: TimeStep
    row: Carry  # [row, (col, seating, episode), 1, ...]
    col: Carry  # [col, (row, seating, episode), A-1, ...]
    played: Played
    acted: Array  # [games, A] the last joint action, -1 before the first


class _Draws(NamedTuple):
    """All that is random in an episode, drawn before it: a draw per step would cost more than the
    rules do."""

    key: Key  # [T, episode] for the rules
    noise: Array  # [T, episode, A, N] Gumbel noise for the choice of actions


def _draw(spec: EnvSpec, keys: Key) -> _Draws:
    """The draws of the episodes with these keys [episode]."""

    def at(time: Array, key: Key) -> _Draws:
        now = jax.random.fold_in(key, time)
        shape = (spec.num_agents, spec.num_actions)
        return _Draws(now, jax.random.gumbel(jax.random.fold_in(now, 1), shape))

    return jax.vmap(jax.vmap(at, (None, 0)), (0, None))(jnp.arange(spec.horizon), keys)


def _play(
    env: Environment,
    row_policy: Policy,
    col_policy: Policy,
    seats: tuple[int, ...],
    rows: Params,
    cols: Params,
    key: Key,
    numbers: Array,
) -> Played:
    spec = env.spec
    row_policy, col_policy = in_turns(spec, row_policy), in_turns(spec, col_policy)
    shape = (
        len(jax.tree.leaves(rows)[0]),
        len(jax.tree.leaves(cols)[0]),
        len(seats),
        len(numbers),
    )
    count = math.prod(shape)
    keys = jax.vmap(partial(jax.random.fold_in, key))(numbers)
    draws = _draw(spec, keys)

    def everywhere(per_episode: Array) -> Array:
        """[episode, ...] -> [games, ...]"""
        table = jnp.broadcast_to(per_episode, shape + per_episode.shape[1:])
        return table.reshape(count, *per_episode.shape[1:])

    def step(table: _Table) -> _Table:
        now = jax.tree.map(lambda x: x[table.time], draws)
        act = partial(_act, table=table, noise=now.noise, seats=seats, shape=shape)
        row, row_action = act(row_policy, rows, table.row, side="row")
        col, col_action = act(col_policy, cols, table.col, side="col")
        action = _seat(seats, row_action, col_action).reshape(count, spec.num_agents)
        over = table.timestep.done
        state, timestep = jax.vmap(env.step)(everywhere(now.key), table.state, action)
        old = table.played
        events = timestep.info["events"].astype(jnp.float32)
        played = Played(old.returns + timestep.reward, old.length + ~over, old.events + events)
        return _Table(table.time + 1, state, timestep, row, col, played, action)

    state, timestep = jax.tree.map(everywhere, jax.vmap(partial(begin, env))(keys))
    nothing = Played(
        jnp.zeros((count, spec.num_agents)),
        jnp.zeros(count),
        jnp.zeros((count, spec.num_agents, len(spec.event_names))),
    )
    table = _Table(
        jnp.int32(0),
        state,
        timestep,
        fresh_carry(row_policy, (shape[0], count // shape[0], 1)),
        fresh_carry(col_policy, (shape[1], count // shape[1], spec.num_agents - 1)),
        nothing,
        jnp.full((count, spec.num_agents), -1, jnp.int32),
    )
    going = lambda t: (t.time < spec.horizon) & ~t.timestep.done.all()
    played = jax.lax.while_loop(going, step, table).played
    return jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), played)


def _act(
    policy: Policy,
    params: Params,
    carry: Carry,
    *,
    table: _Table,
    noise: Array,
    seats: tuple[int, ...],
    shape: tuple[int, int, int, int],
    side: str,
) -> tuple[Carry, Array]:
    """The actions [row, col, seating, episode, own seats] of one side of the table."""
    agents = noise.shape[1]
    own = [[s] if side == "row" else [a for a in range(agents) if a != s] for s in seats]
    index = np.array(own)  # [seating, own seats]
    full = (*shape, index.shape[1])

    def pick(x: Array) -> Array:
        """[games, A, ...] -> [row, col, seating, episode, own seats, ...]."""
        x = x.reshape(*shape, *x.shape[1:])
        at = [[x[:, :, i, :, s] for s in seat] for i, seat in enumerate(own)]
        return jnp.stack([jnp.stack(row, axis=3) for row in at], axis=2)

    def gather(x: Array) -> Array:
        """Own policy first, all games of it behind: [policy, games, own seats, ...]."""
        x = x if side == "row" else x.swapaxes(0, 1)
        return x.reshape(x.shape[0], -1, *x.shape[4:])

    def of_games(x: Array) -> Array:
        """[games, ...] -> [policy, games, ...]."""
        x = x.reshape(*shape, *x.shape[1:])
        x = x if side == "row" else x.swapaxes(0, 1)
        return x.reshape(x.shape[0], -1, *x.shape[4:])

    mine = jnp.stack([noise[:, s] for s in index])  # [seating, episode, own seats, N]
    inputs = inputs_of(
        policy.reads,
        obs=gather(pick(table.timestep.obs)),
        mask=gather(pick(table.timestep.mask)),
        first=of_games(jnp.broadcast_to(table.time == 0, math.prod(shape))),
        seat=gather(jnp.broadcast_to(index[None, None, :, None], full)),
        state=jax.tree.map(of_games, table.state),
        acted=of_games(table.acted),
    )
    one = lambda p, c, i: policy.apply(p, c, i)
    batch = jax.vmap(jax.vmap(jax.vmap(one, (None, 0, 0)), (None, 0, 0)))
    carry, out = batch(params, carry, inputs)
    action = sample(
        out.logits, inputs.mask, gather(jnp.broadcast_to(mine, (*full, mine.shape[-1])))
    )
    first, second = shape[:2] if side == "row" else shape[1::-1]
    action = action.reshape(first, second, *full[2:])
    return carry, action if side == "row" else action.swapaxes(0, 1)


def _seat(seats: tuple[int, ...], row: Array, col: Array) -> Array:
    """[row, col, seating, episode, A] joint actions."""
    both = [
        jnp.insert(col[:, :, i], seat, row[:, :, i, :, 0], axis=-1) for i, seat in enumerate(seats)
    ]
    return jnp.stack(both, axis=2)
