"""Who plays: chance, and players of several tempers who look at all hands."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from tests.hanabi_oracle.record import NO_CARD, Player, Snapshot, Variant


class Temper(NamedTuple):
    """How likely a player does what comes to its mind, in this order."""

    noise: float  # any legal move
    play: float  # play a card that fits, if it holds one
    hint: float  # hint anything, if there is a token; else it discards what is needed least


#: Uniform chance loses its lives early. The others get to the end of the deck, or to all fireworks.
TEMPERS = {
    "random": Temper(noise=1, play=0, hint=0),
    "expert": Temper(noise=0.01, play=1, hint=0.8),
    "silent": Temper(noise=0.01, play=1, hint=0),  # tokens are full when colours are completed
    "talker": Temper(noise=0.02, play=0.3, hint=0.95),
    "slow": Temper(noise=0, play=0, hint=1),  # as many moves as a game can have
    "clumsy": Temper(noise=0.15, play=0.9, hint=0.5),  # loses its last life late, with points
}


def build_player(variant: Variant, temper: Temper, rng: Generator) -> Player:
    """A player of that temper; the same one sits in every seat."""

    def act(snap: Snapshot, legal: list[int]) -> int:
        if rng.random() < temper.noise:
            return int(rng.choice(legal))
        hand = variant.hand_size
        fitting = _fitting(snap)
        if fitting and rng.random() < temper.play:
            return hand + int(rng.choice(fitting))
        hints = [move for move in legal if move >= 2 * hand]
        may_discard = legal[0] < hand
        if hints and (not may_discard or rng.random() < temper.hint):
            return int(rng.choice(hints))
        return _least_needed(variant, snap) if may_discard else int(rng.choice(legal))

    return act


def _own(snap: Snapshot) -> list[tuple[int, int, int]]:
    """Slot, colour and rank of the cards in the hand of the player whose turn it is."""
    hand = snap["hands"][int(snap["cur"])]
    return [(slot, int(c), int(r)) for slot, (c, r) in enumerate(hand) if c != NO_CARD]


def _fitting(snap: Snapshot) -> list[int]:
    """The slots of the cards that can be played now, of the lowest rank among them."""
    ranks = {slot: rank for slot, c, rank in _own(snap) if rank == snap["fireworks"][c]}
    return [slot for slot, rank in ranks.items() if rank == min(ranks.values())]


def _least_needed(variant: Variant, snap: Snapshot) -> int:
    """The slot of a card that is worth nothing any more, else of one that exists once more."""
    left = np.array(variant.copies) - snap["discard_counts"]

    def need(card: tuple[int, int, int]) -> tuple[int, int]:
        _, colour, rank = card
        top = int(snap["fireworks"][colour])
        dead = rank < top or bool((left[colour, top:rank] == 0).any())
        return (0 if dead else 1 if left[colour, rank] > 1 else 2), -rank

    return min(_own(snap), key=need)[0]
