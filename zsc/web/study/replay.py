"""Recorded games through the rules once more: the toolkit's own records, and whether they agree."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from zsc.envs.base import Environment, begin
from zsc.envs.registry import rebuild
from zsc.errors import UserError
from zsc.records.record import Record
from zsc.records.replay import replay_actions
from zsc.switches import door
from zsc.types import Array, Key
from zsc.web.log import Header, Played
from zsc.web.stage import mark


def env_of_header(header: Header) -> Environment:
    """The game of a header. Raises UserError if it is of another version now."""
    env = rebuild(header.env, header.settings)
    if env.spec.version != header.version:
        raise UserError(
            f"game {header.game} was played in version {header.version} of {header.env}, this is "
            f"version {env.spec.version}: export it with the toolkit that it was played with"
        )
    return env


@door
def record_of(env: Environment, game: Played) -> tuple[Record, bool]:
    """A game as a record of one, and whether it comes out as it was.

    What was seen, earned and done is worked out by the rules from start seed and actions, and
    compared with the marks of states and the rewards that were written while it was played. Raises
    UserError for actions that the game has not.
    """
    states, snapshots, *rest = jax.device_get(_replay(env, *_told(env, game)))
    record = Record(*jax.tree.map(lambda x: np.asarray(x)[None], (states, *rest)))
    return record, _same(game, snapshots, record)


def joined(records: Sequence[Record]) -> Record:
    """Games of one environment, as long as the longest of them."""
    longest = max(1, *(int(record.length[0]) for record in records))
    cut = lambda more: lambda *x: np.concatenate([leaf[:, : longest + more] for leaf in x])
    states = jax.tree.map(cut(1), *(record.states for record in records))
    rest = (cut(0)(*column) for column in list(zip(*records, strict=True))[1:])
    return Record(states, *rest)


def _told(env: Environment, game: Played) -> tuple[Any, np.ndarray, np.int32]:
    """The key, the actions [T, A] as long as a game can be, and how many of them there were."""
    actions = np.zeros((env.spec.horizon, env.spec.num_agents), np.int32)
    chosen = np.array(game.actions or [[0]], np.float64)
    right = chosen.ndim == 2 and len(game.steps) <= len(actions)
    if not right or not np.isin(chosen, np.arange(env.spec.num_actions)).all():
        raise UserError(f"game {game.header.game} has actions or steps that {env.spec.id} has not")
    if not 0 <= game.header.seed < 2**31:
        raise UserError(f"game {game.header.game} has the seed {game.header.seed}: 0 to 2^31 - 1")
    if not all(seat in map(str, range(env.spec.num_agents)) for seat in game.header.people):
        raise UserError(f"game {game.header.game} has people in seats that {env.spec.id} has not")
    if game.steps and len(game.actions[0]) != env.spec.num_agents:
        raise UserError(f"game {game.header.game} has actions of {len(game.actions[0])} seats")
    if game.steps:
        actions[: len(game.steps)] = game.actions
    key = jax.random.fold_in(jax.random.key(game.header.seed), 0)
    return key, actions, np.int32(len(game.steps))


def _same(game: Played, snapshots: Any, record: Record) -> bool:
    for step, row in enumerate(game.steps):
        after = jax.tree.map(lambda x, t=step + 1: x[t], snapshots)
        paid = record.reward[0, step].tolist()
        if mark(after) != row["mark"] or paid != list(row["reward"]):
            return False
    return True


@partial(jax.jit, static_argnums=0)
def _replay(env: Environment, key: Key, actions: Array, length: Array) -> tuple[Any, ...]:
    """States, snapshots, and the other fields of a record, of one game."""
    states, *rest = replay_actions(env, begin(env, key), key, actions, length)
    return (states, jax.vmap(env.snapshot)(states), *rest)
