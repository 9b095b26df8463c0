"""HanabiData (Markus Eger, CC BY 4.0, github.com/yawgmoth/HanabiData): people with scripted AIs.

A game is a text file: `Old GID: ID` (the person's game before, if there was one), `Treatment:
('AI', seed)`, the cards left after the deal, then of each move `MOVE: player kind card target
colour rank` and what it came to in words, at last `Score n`. Player 0 is the AI and begins. What
the files do not say is how the deck was shuffled: as Python 2 shuffles, from the seed; the cards
that they list are compared with it. Surveys (`survey*.log`) are not read.
"""

from __future__ import annotations

import ast
import random
import re
from pathlib import Path

import numpy as np

from zsc.errors import UserError, shorten
from zsc.files import read_text
from zsc.records.hanabi_games import HanabiGame

LICENCE = "HanabiData by Markus Eger, CC BY 4.0, github.com/yawgmoth/HanabiData"
_HAND, _DEALT = 5, 10
_COLOUR_HINT, _RANK_HINT, _PLAY, _DISCARD = range(4)  # as the files number kinds of moves
_MOVE = re.compile(r"MOVE: ([01]) ([0-3]) (\S+) (\S+) (\S+) (\S+)")


def read_hanabi_data(path: Path) -> tuple[list[HanabiGame], list[str]]:
    """The games of a file, or of all game*.log in a folder, and those that cannot be read.

    People are numbered; games that a chain of `Old GID` joins are one person's. Raises UserError
    for a folder without games, or a file that is none.
    """
    files = sorted(path.rglob("game*.log")) if path.is_dir() else [path]
    if not files:
        raise UserError(f"{path} has no game*.log: give the folder log/ of HanabiData")
    found: list[tuple[HanabiGame, str]] = []
    bad: list[str] = []
    for file in files:
        try:
            found.append(_game(file))
        except UserError as error:
            if len(files) == 1:
                raise
            bad.append(f"{file.name}: {error}")
    people = _people([(game.name, before) for game, before in found])
    return [game._replace(people={"1": people[game.name]}) for game, _ in found], bad


def shuffled(seed: int) -> np.ndarray:
    """[50, 2] the deck of a seed, (colour, rank) from 0, in the order of the deal.

    By Python 2's shuffle, which drew each place by random() times the number of places.
    """
    deck = [(colour, rank) for colour in range(5) for rank, n in enumerate((3, 2, 2, 2, 1))
            for _ in range(n)]  # fmt: skip
    draw = random.Random(seed)
    for place in range(len(deck) - 1, 0, -1):
        other = int(draw.random() * (place + 1))
        deck[place], deck[other] = deck[other], deck[place]
    return np.array(deck, np.int32)


def _game(path: Path) -> tuple[HanabiGame, str]:
    """A game, and the id of the person's game before it."""
    lines = read_text(path, errors="replace").splitlines()
    before = next((x.partition(":")[2].strip() for x in lines[:2] if x.startswith("Old GID:")), "")
    treatment = next((x for x in lines[:2] if x.startswith("Treatment:")), "")
    match = re.fullmatch(r"Treatment: \('(\w+)', (\d{1,9})\)", treatment.strip())
    cards = next((x for x in lines[:3] if x.startswith("[")), "")
    score = re.fullmatch(r"Score (\d{1,2})", lines[-1].strip()) if lines else None
    if match is None or not cards or score is None:
        raise UserError(
            f"{path} is no game of HanabiData: it has a line Treatment, a list of cards, and ends "
            "with a line Score"
        )
    deck = shuffled(int(match[2]))
    if _cards(cards) != [(int(c), int(r) + 1) for c, r in deck[_DEALT:]]:
        raise UserError(f"{path} lists other cards than seed {match[2]} shuffles: it was altered")
    moves = [_move(line) for line in lines if line.startswith("MOVE:")]
    name = path.stem.removeprefix("game")
    game = HanabiGame(name, deck, tuple(moves), int(score[1]), condition=match[1])
    turns = [int(line.split()[1]) for line in lines if line.startswith("MOVE:")]
    if turns != [number % 2 for number in range(len(turns))]:
        raise UserError(f"{path} has moves out of turn: player 0 begins, and they take turns")
    return game, before


def _cards(text: str) -> list[tuple[int, int]]:
    try:
        return [(int(colour), int(rank)) for colour, rank in ast.literal_eval(text)]
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return []


def _move(line: str) -> int:
    """The toolkit's number of a move: discards, plays, colour hints, rank hints."""
    match = _MOVE.fullmatch(line.strip())
    value = {} if match is None else dict(zip("kctlr", match.groups()[1:], strict=True))
    try:
        kind = int(value["k"])
        if kind in (_PLAY, _DISCARD):
            return _in(int(value["c"]), 0, _HAND) + (_HAND if kind == _PLAY else 0)
        if kind == _COLOUR_HINT:
            return 2 * _HAND + _in(int(value["l"]), 0, 5)
        return 2 * _HAND + 5 + _in(int(value["r"]) - 1, 0, 5)
    except (KeyError, ValueError):
        raise UserError(f"{shorten(line, 60)!r} is no move of HanabiData") from None


def _in(number: int, least: int, end: int) -> int:
    if not least <= number < end:
        raise ValueError
    return number


def _people(games: list[tuple[str, str]]) -> dict[str, str]:
    """Who played each game, by the chains of (game, the game before)."""
    before = dict(games)
    begun: dict[str, str] = {}

    def first(game: str) -> str:
        seen = {game}
        while before.get(game) and before[game] not in seen:
            game = before[game]
            seen.add(game)
        return game

    numbers: dict[str, str] = {}
    for game, _ in games:
        start = first(game)
        begun[game] = numbers.setdefault(start, f"person {len(numbers)}")
    return begun
