"""The sizes that are compared, and the games that the reference plays in them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.hanabi_oracle.players import TEMPERS, build_player
from tests.hanabi_oracle.record import Record, Variant
from tests.hanabi_oracle.reference import play, shuffled

#: Players, colours, ranks, hand size, info tokens, life tokens. The odd ones have sizes that no
#: two sizes mixed up would fit; the last one begins in the last round.
VARIANTS = {
    "full-2p": Variant("hanabi/full-2p", 2, 5, 5, 5, 8, 3),
    "full-3p": Variant("hanabi/full-3p", 3, 5, 5, 5, 8, 3),
    "full-4p": Variant("hanabi/full-4p", 4, 5, 5, 4, 8, 3),
    "full-5p": Variant("hanabi/full-5p", 5, 5, 5, 4, 8, 3),
    "small-2p": Variant("hanabi/small-2p", 2, 2, 5, 2, 3, 1),
    "very-small-2p": Variant("hanabi/very-small-2p", 2, 1, 5, 2, 3, 1),
    "3x3": Variant("hanabi", 2, 3, 3, 3, 5, 2),
    "odd-3p": Variant("hanabi", 3, 4, 2, 5, 6, 1),
    "odd-4p": Variant("hanabi", 4, 3, 5, 2, 7, 6),
    "no deck": Variant("hanabi", 2, 1, 5, 5, 3, 2),
}


def play_all(variant: Variant, games: int, seed: int) -> Iterator[Record]:
    """So many games, every other one by chance and the rest by all other tempers in turn."""
    rng = np.random.default_rng(seed)
    others = [name for name in TEMPERS if name != "random"]
    for number in range(games):
        name = others[number // 2 % len(others)] if number % 2 else "random"
        player = build_player(variant, TEMPERS[name], rng)
        yield play(variant, shuffled(variant, rng), player, f"game {number} ({name})")
