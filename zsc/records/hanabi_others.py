"""Games of people at Hanabi: AH2AC2's safetensors, and the JSON that hanabi.live exports.

AH2AC2 (Dizdarevic et al. 2025, huggingface.co/datasets/ah2ac2/datasets): arrays of N games,
`decks [N, 50, 2]` (colour, rank from 0; top first), `actions [N, T, P]` in JaxMARL's numbers, which
are the toolkit's, `num_actions [N]`, `scores [N]`, `num_players`, `game_ids [N]`. The licence of
the games is not stated there.

hanabi.live: an object with `deck` [{suitIndex, rank}], `actions` [{type, target, value}] (0 play, 1
discard, of a card by its place in the deck; 2 colour, 3 rank, to a seat; 4 ends the game) and
`options`. Only the plain game is read. Names of players are replaced by numbers, notes dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from zsc.envs.hanabi import Hanabi
from zsc.envs.registry import make
from zsc.errors import UserError, shorten
from zsc.files import decode_json, read_bytes
from zsc.records.hanabi_games import HanabiGame
from zsc.schema import ArrayKind, MisfitError, check_arrays

_PLAY, _DISCARD, _COLOUR, _RANK, _END = range(5)  # as hanabi.live numbers actions
#: Options that change no rule.
_HARMLESS = {"variant", "numPlayers", "startingPlayer", "timed", "timeBase", "timePerTurn",
             "speedrun", "tableName", "maxPlayers"}  # fmt: skip


def game_of(players: int, encoding: str = "canonical") -> Hanabi:
    """The full game for so many players. Raises UserError for a number that it has not."""
    if not 2 <= players <= 5:
        raise UserError(f"a game of {players} players: Hanabi is played by 2 to 5")
    env = make(f"hanabi/full-{players}p", encoding=encoding)
    assert isinstance(env, Hanabi)
    return env


# ---- AH2AC2


def read_ah2ac2(path: Path) -> tuple[int, list[HanabiGame]]:
    """Number of players, and the games. Raises UserError for a file of another form."""
    try:
        arrays = safetensors.numpy.load(read_bytes(path))
        players = int(np.asarray(arrays["num_players"]).reshape(-1)[0])
        idle = game_of(players).spec.num_actions - 1
        kinds: dict[str, tuple[str | int, ...]] = {
            "decks": ("N", 50, 2), "actions": ("N", "T", players), "num_actions": ("N",),
            "scores": ("N",),
        }  # fmt: skip
        check_arrays(arrays, {n: ArrayKind("iu", shape) for n, shape in kinds.items()}, {})
    except UserError:
        raise
    except (KeyError, IndexError, MisfitError, safetensors.SafetensorError) as error:
        raise UserError(
            f"{path} is no file of AH2AC2's games ({shorten(str(error), 100)}): it has decks, "
            "actions, num_actions, scores, num_players"
        ) from None
    ids = arrays.get("game_ids", np.arange(len(arrays["scores"])))
    games = []
    for number, count in enumerate(arrays["num_actions"].tolist()):
        turns = arrays["actions"][number, :count].astype(int)
        mover = np.arange(len(turns)) % players
        waits = np.arange(players) != mover[:, None]
        if len(turns) != count or (turns[waits] != idle).any() or (turns < 0).any():
            raise UserError(
                f"{path}: game {number} has actions out of turn: player 0 begins, who waits has "
                f"action {idle}"
            )
        moves = tuple(turns[np.arange(count), mover].tolist())
        if max(moves, default=0) > idle:
            raise UserError(f"{path}: game {number} has action {max(moves)}, the last is {idle}")
        score = int(arrays["scores"][number])
        deck = arrays["decks"][number].astype(np.int32)
        games.append(HanabiGame(str(ids[number]), deck, moves, score))
    return players, games


# ---- hanabi.live


def read_hanabi_live(path: Path) -> tuple[int, list[HanabiGame], list[str]]:
    """Number of players, the games, and those of another variant, of a JSON object or a list.

    Raises UserError for a file of another form, or games of several numbers of players.
    """
    told = decode_json(read_bytes(path))
    each = told if isinstance(told, list) else [told]
    games, bad, people = [], [], dict[str, str]()
    for number, one in enumerate(each):
        name = f"game {number}"
        try:
            games.append(_live(one, name, people))
        except UserError as error:
            bad.append(f"{name}: {error}")
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UserError(
                f"{path}: {name} is no export of hanabi.live ({shorten(repr(error), 80)}): it has "
                "players, deck, actions"
            ) from None
    sizes = {players for players, _ in games}
    if not games:
        raise UserError(f"{path}: no game can be read ({bad[0] if bad else 'it is empty'})")
    if len(sizes) > 1:
        raise UserError(f"{path} has games of {sorted(sizes)} players: one file for each, please")
    return sizes.pop(), [game for _, game in games], bad


def _live(told: Mapping[str, Any], name: str, people: dict[str, str]) -> tuple[int, HanabiGame]:
    players = len(told["players"])
    env = game_of(players)
    options: Mapping[str, Any] = told.get("options") or {}
    if options.get("variant", "No Variant") != "No Variant":
        raise UserError(f"it is the variant {shorten(str(options['variant']), 40)}")
    odd = [n for n, value in options.items() if value and n not in _HARMLESS]
    if odd or told.get("characters"):
        raise UserError(f"it was played with {', '.join(map(str, odd)) or 'characters'}")
    cards = [(int(card["suitIndex"]), int(card["rank"]) - 1) for card in told["deck"]]
    start, size = int(options.get("startingPlayer") or 0), env.hand_size
    # who begins is seat 0 here: hands are dealt in another order, orders of cards stay theirs
    seats = [(start + seat) % players for seat in range(players)]
    order = [place for seat in seats for place in range(seat * size, (seat + 1) * size)]
    order += range(players * size, len(cards))
    deck = np.array([cards[place] for place in order], np.int32)
    who = {str(seat): people.setdefault(str(told["players"][own]), f"person {len(people)}")
           for seat, own in enumerate(seats)}  # fmt: skip
    moves = _moves(env, told["actions"], order, seats)
    return players, HanabiGame(name, deck, moves, people=who)


def _moves(
    env: Hanabi, actions: list[Mapping[str, Any]], order: list[int], seats: list[int]
) -> tuple[int, ...]:
    """The toolkit's numbers of the actions of a game. Raises UserError for a card not in hand."""
    players, size = env.players, env.hand_size
    hands = [order[seat * size : (seat + 1) * size] for seat in range(players)]
    rest, found = order[players * size :], []
    for turn, action in enumerate(actions):
        kind, target = int(action["type"]), int(action["target"])
        if kind == _END:
            break
        hand = hands[turn % players]
        if kind in (_PLAY, _DISCARD):
            if target not in hand:
                raise UserError(f"action {turn + 1} is of a card that its player does not hold")
            slot = hand.index(target)
            hand.remove(target)
            hand += [rest.pop(0)] if rest else []
            found.append(slot + (size if kind == _PLAY else 0))
            continue
        ahead = (seats.index(target) - turn) % players
        value = int(action["value"]) - (1 if kind == _RANK else 0)
        if kind not in (_COLOUR, _RANK) or not 0 < ahead < players or not 0 <= value < 5:
            raise UserError(f"action {turn + 1} is none of the plain game")
        before = 2 * size + (0 if kind == _COLOUR else (players - 1) * env.colours)
        found.append(before + (ahead - 1) * 5 + value)
    return tuple(found)
