"""What is written down of a game, in plain arrays that both engines can be held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

NO_CARD = -1
FIELDS = (
    "cur",
    "score",
    "life",
    "info",
    "deck_size",
    "fireworks",
    "discard_counts",
    "hands",
    "terminal",
)
COLOURS = "RYGWB"

Snapshot = dict[str, np.ndarray]  # a state: the FIELDS, as the environment's snapshot shapes them
Player = Callable[[Snapshot, list[int]], int]  # a state with open hands, legal moves -> a move


class DifferenceError(AssertionError):
    """The engines disagree; the message shows the first place where they do."""


class Variant(NamedTuple):
    """The sizes of a game. Moves are numbered as in both engines, our no-op comes after them."""

    name: str
    players: int
    colours: int
    ranks: int
    hand_size: int
    info_tokens: int
    life_tokens: int

    @property
    def copies(self) -> tuple[int, ...]:
        """How many cards of each rank a colour has; the reference knows no other numbers."""
        return (3, *[2] * (self.ranks - 2), 1)

    @property
    def deck_size(self) -> int:
        """How many cards there are in all."""
        return self.colours * sum(self.copies)

    @property
    def num_moves(self) -> int:
        """How many moves there are, without our no-op."""
        return 2 * self.hand_size + (self.players - 1) * (self.colours + self.ranks)

    @property
    def perfect(self) -> int:
        """The best score."""
        return self.colours * self.ranks

    @property
    def longest(self) -> int:
        """The most moves of a game: each card drawn, but the last, brings one token for a hint."""
        drawn = self.deck_size - self.players * self.hand_size
        return self.players + (2 * drawn - 1 + self.info_tokens if drawn else 0)

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} {size}" for name, size in zip(self._fields, self, strict=True))
        return sizes.removeprefix("name ")


class Move(NamedTuple):
    """A move number in words."""

    kind: str  # discard, play, colour, rank
    slot: int  # of the card that is discarded or played, else -1
    seat: int  # distance to the hinted player, else 0
    value: int  # the hinted colour or rank, else -1

    def __str__(self) -> str:
        if self.seat:
            value = COLOURS[self.value] if self.kind == "colour" else self.value + 1
            return f"{self.kind} hint {value} to +{self.seat}"
        return f"{self.kind} slot {self.slot}"


def read_move(variant: Variant, move: int) -> Move:
    """What a move number means."""
    hand = variant.hand_size
    if move < 2 * hand:
        return Move(("discard", "play")[move // hand], move % hand, 0, -1)
    move -= 2 * hand
    count, kind = variant.colours, "colour"
    if move >= (variant.players - 1) * count:
        move -= (variant.players - 1) * count
        count, kind = variant.ranks, "rank"
    return Move(kind, -1, 1 + move // count, move % count)


class Record(NamedTuple):
    """What the reference did in one game of n moves; n + 1 states."""

    variant: Variant
    label: str
    deck: np.ndarray  # [D, 2] colour and rank, in the order they are dealt
    moves: np.ndarray  # [n]
    movers: np.ndarray  # [n] who made them
    states: Snapshot  # each [n + 1, ...]
    told: np.ndarray  # [n + 1, P, H, 2] bool, whether a hint told the colour, the rank
    obs: np.ndarray  # [n + 1, P, bits] uint8
    legal: np.ndarray  # [n + 1, moves] bool, what the current player may do; nothing at the end
    reward: np.ndarray  # [n, P]


def at(states: Snapshot, step: int) -> Snapshot:
    """The state at one step of a stack of states."""
    return {name: values[step] for name, values in states.items()}


def sections(variant: Variant) -> list[tuple[str, int]]:
    """The parts of an observation and their lengths in bits, in order; seats are relative."""
    players, hand = variant.players, variant.hand_size
    colours, ranks, kinds = variant.colours, variant.ranks, variant.colours * variant.ranks
    slots = [(seat, slot) for seat in range(players) for slot in range(hand)]
    last = {
        "actor": players,
        "type": 4,
        "target": players,
        "hinted colour": colours,
        "hinted rank": ranks,
        "hinted cards": hand,
        "slot": hand,
        "card": kinds,
        "scored": 1,
        "gained a token": 1,
    }
    return [
        *[(f"card of +{seat}, slot {slot}", kinds) for seat, slot in slots if seat],
        ("short hands", players),
        ("deck", variant.deck_size - players * hand),
        ("fireworks", kinds),
        ("info tokens", variant.info_tokens),
        ("life tokens", variant.life_tokens),
        ("discards", variant.deck_size),
        *[(f"last move, {name}", size) for name, size in last.items()],
        *[
            (f"{what} of +{seat}, slot {slot}", size)
            for seat, slot in slots
            for what, size in (("plausible", kinds), ("told colour", colours), ("told rank", ranks))
        ],
    ]


def section_of(variant: Variant, bit: int) -> str:
    """The part of the observation that a bit lies in, and its number in that part."""
    for name, size in sections(variant):
        if bit < size:
            return f"{name!r} [{bit}]"
        bit -= size
    return "beyond the end"
