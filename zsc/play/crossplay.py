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
from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from zsc.agents.policy import Policy, in_turns
from zsc.agents.pool import Roster, check_home
from zsc.envs.base import Environment, EnvSpec, TimeStep, begin, returned
from zsc.errors import UserError
from zsc.machine.cluster import leads, to_host
from zsc.machine.members import AXIS, map_members, member_mesh
from zsc.machine.memory import check
from zsc.machine.progress import Lines
from zsc.nets import sample
from zsc.play.acting import apply_one, fresh_carry, inputs_of
from zsc.play.kinds import Kind, kinds_of, take
from zsc.play.match import MatchSpec, draw_match
from zsc.play.rollout import begin as begin_games
from zsc.play.rollout import rollout
from zsc.play.tiles import plan
from zsc.switches import door
from zsc.types import Array, Carry, Key, Params, State

#: Bytes that the games of one tile may need; small enough to stay in a CPU's cache.
DEFAULT_BUDGET = 256 * 2**20

#: Stands for an episode that a tile has room for and nobody asked for.
_NOBODY = -1

#: What is kept of every single game.
METRICS = ("return", "length")


class Played(NamedTuple):
    """What games left, for every seat; of events only their sum over the episodes is kept."""

    returns: Array  # [..., episode, A] true return
    length: Array  # [..., episode] steps
    events: Array  # [..., A, F] how often each named event happened


class CrossPlayValues(NamedTuple):
    """The row's policy sat in the seat, the column's in all others.

    Returns and lengths are kept of every game. A game has many events and a matrix many games, so
    of events the mean over a cell's episodes is kept: 300 policies and 17 events of 64 episodes are
    12 MB beside 92, and not 784.
    """

    values: np.ndarray  # [row, col, seat, episode, metric] float32
    metrics: tuple[str, ...]  # of the last axis: METRICS
    events: np.ndarray  # [row, col, seat, F] float32, the row's events per episode
    event_names: tuple[str, ...]  # [F]


class _Meeting(NamedTuple):
    """Two kinds that play each other, as one program: the row's in which seats."""

    one: Kind
    two: Kind
    seats: tuple[int, ...]

    @property
    def cells(self) -> int:
        """How many games an episode of all of them has."""
        return len(self.one.members) * len(self.two.members) * len(self.seats)


class _Tile(NamedTuple):
    """Some games of two kinds, on the host."""

    rows: np.ndarray  # [r] places in the roster
    cols: np.ndarray  # [c]
    episodes: np.ndarray  # [e]
    played: Played  # [r, c, seating, ...]


@door
def crossplay(
    env: Environment,
    roster: Roster,
    *,
    episodes: int,
    key: Key,
    budget: int = DEFAULT_BUDGET,
    title: str | None = None,
) -> CrossPlayValues:
    """Play every ordered pair of the roster's members in every seating.

    budget: bytes that the games in flight may use; more games are played one tile after another.
    title: what to call it in lines that say how far it is; None says nothing.
    Raises UserError for pools of another game, an empty roster, no episodes, a matrix that clearly
    does not fit into memory, and a game that pays no number.
    """
    _check(env, roster, episodes)
    kinds = kinds_of(roster)
    size, agents = sum(len(pool) for pool in roster), env.spec.num_agents
    meetings = [
        _Meeting(one, two, (0,) if one is two and agents == 2 else tuple(range(agents)))
        for first, one in enumerate(kinds)
        # with two seats a game is also the transposed cell's, seen from the other side
        for two in (kinds[first:] if agents == 2 else kinds)
    ]
    found = _nothing(env, size, size, episodes)
    return _play_all(
        env, meetings, found, key=key, budget=budget, mirrored=agents == 2, title=title
    )


@door
def versus(
    env: Environment,
    rows: Roster,
    cols: Roster,
    *,
    episodes: int,
    key: Key,
    budget: int = DEFAULT_BUDGET,
    title: str | None = None,
) -> CrossPlayValues:
    """Play every row's agent with every column's, in every seating, and nobody else.

    The games are those of `crossplay` with the same key: an agent and a partner earn the same in
    either. Arguments and errors as there.
    """
    for roster in (rows, cols):
        _check(env, roster, episodes)
    seats = tuple(range(env.spec.num_agents))
    height, width = (sum(len(pool) for pool in roster) for roster in (rows, cols))
    meetings = [_Meeting(one, two, seats) for one in kinds_of(rows) for two in kinds_of(cols)]
    found = _nothing(env, height, width, episodes)
    return _play_all(env, meetings, found, key=key, budget=budget, mirrored=False, title=title)


def _play_all(
    env: Environment,
    meetings: Sequence[_Meeting],
    found: CrossPlayValues,
    *,
    key: Key,
    budget: int,
    mirrored: bool,
    title: str | None,
) -> CrossPlayValues:
    """Play what there is room for in `found`, and say how far it is."""
    episodes = found.values.shape[3]
    total, done = sum(meeting.cells for meeting in meetings) * episodes, 0
    lines = Lines(title, total) if title and leads() else None
    if lines is not None:
        lines.start(f"{total:,} games, kinds of pairs: {len(meetings)}")
    for one, two, seats in meetings:
        for tile in _tiles(env, one, two, seats, episodes, key, budget):
            _place(found, tile, seats, mirrored=mirrored)
            done += len(tile.rows) * len(tile.cols) * len(seats) * len(tile.episodes)
            if lines is not None:
                lines.move(done)
    if lines is not None:
        lines.end()
    _check_paid(env, found)
    return _per_episode(found)


def _check_paid(env: Environment, found: CrossPlayValues) -> None:
    """Raises UserError for returns that are no numbers: means of them would be nothing."""
    bad = np.argwhere(~np.isfinite(found.values))
    if len(bad):
        row, col, seat, episode, metric = bad[0]
        raise UserError(
            f"agent {row} with agent {col} has a {found.metrics[metric]} of "
            f"{found.values[tuple(bad[0])]:g} in episode {episode}, seat {seat}: a game has to pay "
            f"numbers, check the rewards of {env.spec.id}"
        )


def _check(env: Environment, roster: Roster, episodes: int) -> None:
    if episodes < 1:
        raise UserError(f"{episodes} episodes per cell: at least 1 is needed")
    for pool in roster:
        check_home(pool, env.spec)
    if sum(len(pool) for pool in roster) == 0:
        raise UserError("the roster is empty: give at least one agent")


def _nothing(env: Environment, rows: int, cols: int, episodes: int) -> CrossPlayValues:
    """Room for what will be played: nan for games, zero for events, which are added up."""
    agents, names = env.spec.num_agents, env.spec.event_names
    size = 4 * rows * cols * agents * (episodes * len(METRICS) + len(names))
    what = f"a matrix of {rows:,} x {cols:,} agents and {episodes:,} episodes"
    check(what, size, "play fewer episodes, or fewer agents at a time")
    values = np.full((rows, cols, agents, episodes, len(METRICS)), np.nan, np.float32)
    events = np.zeros((rows, cols, agents, len(names)), np.float32)
    return CrossPlayValues(values, METRICS, events, names)


@door
def self_play_returns(
    env: Environment, policy: Policy, params: Params, *, episodes: int, key: Key
) -> np.ndarray:
    """[P] mean true return of each agent with itself; params [P, ...]."""
    return np.asarray(to_host(_self_play(env, policy, episodes, params, key)))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _self_play(env: Environment, policy: Policy, episodes: int, params: Params, key: Key) -> Array:
    spec, each = MatchSpec(), jnp.broadcast_to(key, len(jax.tree.leaves(params)[0]))

    def one(params: Params, key: Key) -> Array:
        keys = jax.random.split(key, 3)
        match = draw_match(
            keys[0], spec, envs=episodes, num_agents=env.spec.num_agents, symmetries=1
        )
        games = begin_games(env, spec, policy, match, keys[1])
        games, _ = rollout(env, spec, policy, params, match, games, keys[2], env.spec.horizon)
        return games.returns.mean()

    return map_members(one)(params, each)


def _place(found: CrossPlayValues, tile: _Tile, seats: Sequence[int], *, mirrored: bool) -> None:
    """Write a tile's games as the row's seat saw them; mirrored: also as the column's did."""
    returns, length, events = tile.played
    agents = found.values.shape[2]
    for index, seat in enumerate(seats):
        for viewer in range(agents) if mirrored else (seat,):
            games = np.stack([returns[:, :, index, :, viewer], length[:, :, index]], axis=-1)
            counts, rows, cols = events[:, :, index, viewer], tile.rows, tile.cols
            if viewer != seat:  # the column's policy sits there: it is the row of the other cell
                games, counts, rows, cols = games.swapaxes(0, 1), counts.swapaxes(0, 1), cols, rows
            cells = rows, cols, np.array([viewer])
            found.values[np.ix_(*cells, tile.episodes)] = games[:, :, None]
            found.events[np.ix_(*cells)] += counts[:, :, None]


def _per_episode(found: CrossPlayValues) -> CrossPlayValues:
    """Sums of events as means; a matrix may be cut along its episodes, so this comes last."""
    return found._replace(events=found.events / np.float32(found.values.shape[3]))


def _tiles(
    env: Environment,
    one: Kind,
    two: Kind,
    seats: tuple[int, ...],
    episodes: int,
    key: Key,
    budget: int,
) -> Iterator[_Tile]:
    """The matrix of two kinds in tiles of one shape; what overhangs is played and dropped.

    A tile is fetched when the next one has been dispatched, so that devices do not wait for the
    host.
    """
    policies, size = (one.policy, two.policy), (len(one.members), len(two.members))
    shape = plan(env, policies, size, len(seats), episodes, budget)
    under_way: _Tile | None = None
    for rows, cols, numbers in _cuts((*size, episodes), shape):
        played = _tile(
            env,
            one.policy,
            two.policy,
            seats,
            take(one.params, rows, shape[0]),
            take(two.params, cols, shape[1]),
            key,
            jnp.asarray(np.append(numbers, np.full(shape[2] - len(numbers), _NOBODY))),
        )
        if under_way is not None:
            yield _fetched(under_way)
        under_way = _Tile(one.members[rows], two.members[cols], numbers, played)
    if under_way is not None:
        yield _fetched(under_way)


def _cuts(size: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[tuple[np.ndarray, ...]]:
    """The places along each axis of every part of that shape, the last axis fastest."""
    starts = [range(0, total, part) for total, part in zip(size, shape, strict=True)]
    for first in product(*starts):
        ends = (min(a + part, total) for a, part, total in zip(first, shape, size, strict=True))
        yield tuple(np.arange(a, end) for a, end in zip(first, ends, strict=True))


def _fetched(tile: _Tile) -> _Tile:
    """A tile on the host, without what overhangs."""
    cells = (slice(len(tile.rows)), slice(len(tile.cols)), slice(None))
    returns, length, events = to_host(tile.played)
    games = (*cells, slice(len(tile.episodes)))
    return tile._replace(played=Played(returns[games], length[games], events[cells]))


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
    """[row, col, seating, ...]: one program, rows dealt to the devices.

    numbers [episode]: which episodes; those of _NOBODY are played and their events not counted.
    """
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
    played: Played  # events of each game still: [games, A, F]
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
        returns = old.returns + returned(spec, timestep.reward)
        played = Played(returns, old.length + ~over, old.events + events)
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
    returns, length, events = jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), played)
    counted = (numbers != _NOBODY)[:, None, None]  # [episode, A, F]
    return Played(returns, length, jnp.where(counted, events, 0.0).sum(3))


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
    one = lambda p, c, i: apply_one(policy, p, c, i)
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
