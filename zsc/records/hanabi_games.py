"""Games of Hanabi that people played elsewhere, through the rules of this toolkit.

Readers of the several forms (`hanabi_data`, `hanabi_others`) say deck and moves; what players saw
and earned is worked out here. A game with a move that the rules forbid, or that comes to another
score than was recorded, is left out and named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from zsc.envs.hanabi import Hanabi
from zsc.envs.hanabi.rules import deck_from_pairs
from zsc.errors import UserError
from zsc.records.record import Record
from zsc.records.replay import replay_actions
from zsc.types import Array

_NAMED = 3  # games left out that a message names
_CHUNK = 16  # games that are replayed at once


class HanabiGame(NamedTuple):
    """One game: cards and moves, in the toolkit's numbers."""

    name: str
    deck: np.ndarray  # [D, 2] (colour, rank), both from 0, in the order of the deal
    moves: tuple[int, ...]  # of whoever's turn it was
    score: int | None = None  # cards on the fireworks at the end, if that was recorded
    people: Mapping[str, str] = MappingProxyType({})  # seat: an id that names nobody
    condition: str = ""  # with whom they played


class Converted(NamedTuple):
    """Games as a record, what its notes say of each, and those that were left out."""

    env: Hanabi
    record: Record
    games: list[dict[str, Any]]
    left_out: list[str]  # "NAME: why"

    def told(self) -> str:
        """How many were left out, and why the first of them were."""
        if not self.left_out:
            return "every move is legal by the rules, every score as recorded"
        more = "; ..." if len(self.left_out) > _NAMED else ""
        return f"{len(self.left_out)} games left out: {'; '.join(self.left_out[:_NAMED])}{more}"


def converted(env: Hanabi, games: Sequence[HanabiGame], left_out: Sequence[str] = ()) -> Converted:
    """The games [E] as a record of the environment. Raises UserError if none is left."""
    bad, told = list(left_out), []
    for game in games:
        why = _unplayable(env, game)
        if why:
            bad.append(f"{game.name}: {why}")
        else:
            told.append(game)
    kept: list[HanabiGame] = []
    parts: list[Record] = []
    for begin in range(0, len(told), _CHUNK):
        some = told[begin : begin + _CHUNK]
        record, legal = _replayed(env, some)
        faults = [_fault(env, game, legal[i], record, i) for i, game in enumerate(some)]
        good = [i for i, fault in enumerate(faults) if not fault]
        bad += [f"{game.name}: {why}" for game, why in zip(some, faults, strict=True) if why]
        kept += [some[i] for i in good]
        parts.append(jax.tree.map(lambda x: x[good], record))  # noqa: B023
    if not kept:
        raise UserError(f"no game of {env.spec.id} can be converted{f' ({bad[0]})' if bad else ''}")
    longest = max(len(game.moves) for game in kept)
    cut = lambda more: lambda *x: np.concatenate(x)[:, : longest + more]
    states = jax.tree.map(cut(1), *(part.states for part in parts))
    rest = (cut(0)(*column) for column in list(zip(*parts, strict=True))[1:])
    return Converted(env, Record(states, *rest), [_note(game) for game in kept], bad)


def _unplayable(env: Hanabi, game: HanabiGame) -> str:
    """Why a game cannot even be begun; nothing if it can."""
    try:
        deck_from_pairs(env.rules, game.deck)  # type: ignore[arg-type]
    except UserError as error:
        return str(error)
    if not 0 < len(game.moves) <= env.spec.horizon:
        return f"it has {len(game.moves)} moves, a game has 1 to {env.spec.horizon}"
    return ""


def _fault(env: Hanabi, game: HanabiGame, legal: np.ndarray, record: Record, place: int) -> str:
    """Why a game is none of this environment's; nothing if it is."""
    played = int(record.playing[place].sum())
    forbidden = np.flatnonzero(~legal[:played])
    if len(forbidden):
        move = env.spec.action_names[game.moves[forbidden[0]]]
        return f"move {forbidden[0] + 1} ({move}) is forbidden by the rules"
    if played < len(game.moves):
        return f"it goes on after move {played}, which ends it by the rules"
    fireworks = int(record.states.fireworks[place, -1].sum())
    if game.score is not None and game.score != fireworks:
        return f"the rules come to {fireworks} cards on the fireworks, {game.score} were recorded"
    return ""


def _note(game: HanabiGame) -> dict[str, Any]:
    told = {"game": game.name, "people": dict(game.people), "condition": game.condition}
    return told | ({} if game.score is None else {"fireworks": game.score})


def _replayed(env: Hanabi, games: Sequence[HanabiGame]) -> tuple[Record, np.ndarray]:
    """Games as one record, as long as a game can be, and which of their moves [E, T] were legal."""
    steps = np.zeros(_CHUNK, np.int32)
    turns = np.arange(env.spec.horizon)  # one shape, so that it is compiled once
    actions = np.full((_CHUNK, len(turns), env.players), env.spec.idle_action, np.int32)
    decks = np.stack([games[0].deck] * _CHUNK)
    for number, game in enumerate(games):
        steps[number], decks[number] = len(game.moves), game.deck
        turn = turns[: len(game.moves)]
        actions[number, turn, turn % env.players] = game.moves
    found = jax.tree.map(np.asarray, _replay(env, decks, actions, steps))
    record = Record(*jax.tree.map(lambda x: x[: len(games)], found))
    legal = np.take_along_axis(record.mask, record.action[..., None], -1)[..., 0]
    return record, np.asarray(legal.all(-1))


@partial(jax.jit, static_argnums=0)
def _replay(env: Hanabi, decks: Array, actions: Array, steps: Array) -> tuple[Any, ...]:
    """The fields of a record [E, ...]."""

    def one(deck: Array, actions: Array, length: Array) -> tuple[Any, ...]:
        begun = env.reset_from_deck(deck)
        return replay_actions(env, begun, jax.random.key(0), actions, length)

    return jax.vmap(one)(decks, actions, steps)
