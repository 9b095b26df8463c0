"""The reference engine: open_spiel's `hanabi`, a wrapper of the Hanabi Learning Environment.

Plays games with given decks and writes down what it did. The numbers come from its printed state,
where all hands lie open, and from its observation tensors.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyspiel

from tests.hanabi_oracle.record import (
    COLOURS,
    FIELDS,
    NO_CARD,
    Player,
    Record,
    Snapshot,
    Variant,
    sections,
)

CURRENT = "Cur player\n"  # stands above the hand of the player whose turn it is


@cache
def load(variant: Variant) -> Any:
    """The reference engine for these sizes."""
    game = pyspiel.load_game(
        "hanabi",
        {
            "players": variant.players,
            "colors": variant.colours,
            "ranks": variant.ranks,
            "hand_size": variant.hand_size,
            "max_information_tokens": variant.info_tokens,
            "max_life_tokens": variant.life_tokens,
        },
    )
    assert game.num_distinct_actions() == variant.num_moves
    assert game.observation_tensor_size() == sum(size for _, size in sections(variant))
    return game


def shuffled(variant: Variant, rng: np.random.Generator) -> np.ndarray:
    """[D, 2] a deck in random order."""
    cards = [
        (colour, rank)
        for colour in range(variant.colours)
        for rank, copies in enumerate(variant.copies)
        for _ in range(copies)
    ]
    return rng.permutation(np.array(cards))


def play(variant: Variant, deck: np.ndarray, player: Player, label: str) -> Record:
    """Let the reference play a game with this deck and write everything down.

    The deck is dealt from its start; what is left when the game ends is not looked at.
    """
    state, cards = load(variant).new_initial_state(), iter(deck)
    _deal(variant, state, cards)
    snaps, told, obs, legal = [], [], [], []
    moves, rewards = [], []
    while True:
        snap, hinted = read(variant, state)
        snaps.append(snap)
        told.append(hinted)
        obs.append(_observations(variant, state))
        legal.append(_legal(variant, state))
        if state.is_terminal():
            break
        moves.append(player(snap, state.legal_actions()))
        state.apply_action(moves[-1])
        rewards.append(state.rewards())
        _deal(variant, state, cards)
    return Record(
        variant=variant,
        label=label,
        deck=deck,
        moves=np.array(moves),
        movers=np.array([snap["cur"] for snap in snaps[:-1]]),
        states={name: np.stack([snap[name] for snap in snaps]) for name in FIELDS},
        told=np.stack(told),
        obs=np.stack(obs),
        legal=np.stack(legal),
        reward=np.array(rewards),
    )


def _deal(variant: Variant, state: Any, cards: Any) -> None:
    """Deal until a player's turn comes: the whole hands at the start, later one card or none."""
    while state.is_chance_node():
        colour, rank = next(cards)
        state.apply_action(int(colour * variant.ranks + rank))


def _observations(variant: Variant, state: Any) -> np.ndarray:
    """[P, bits] what every player sees."""
    rows = np.array([state.observation_tensor(seat) for seat in range(variant.players)])
    bits = rows.astype(np.uint8)
    assert (bits == rows).all()
    assert bits.max() <= 1
    return bits


def _legal(variant: Variant, state: Any) -> np.ndarray:
    mask = np.zeros(variant.num_moves, bool)
    mask[state.legal_actions()] = True
    return mask


def read(variant: Variant, state: Any) -> tuple[Snapshot, np.ndarray]:
    """The snapshot of a reference state, and what hints told ([P, H, 2] bool), from its text."""
    top, rest = str(state).split("Hands:\n")
    below, bottom = rest.split("Deck size: ")
    life, info, fireworks = (line.split(":")[1] for line in top.splitlines())
    left, discards = bottom.split("\nDiscards:")
    hands, told, current = _read_hands(variant, below)
    counts = np.zeros((variant.colours, variant.ranks), np.int64)
    for card in discards.split():
        counts[_card(card)] += 1
    tops = np.array([int(pile[1]) for pile in fireworks.split()])
    score = int(tops.sum()) if int(life) else 0
    assert state.returns() == [score] * variant.players
    assert state.is_terminal() or current == [state.current_player()]
    snap = {
        "cur": np.array(state.current_player()),
        "score": np.array(score),
        "life": np.array(int(life)),
        "info": np.array(int(info)),
        "deck_size": np.array(int(left)),
        "fireworks": tops,
        "discard_counts": counts,
        "hands": hands,
        "terminal": np.array(state.is_terminal()),
    }
    return snap, told


def _read_hands(variant: Variant, text: str) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Cards, what was told about them, and whose turn it is; one line is "R3 || RX|R12345"."""
    hands = np.full((variant.players, variant.hand_size, 2), NO_CARD)
    told = np.zeros(hands.shape, bool)
    current = []
    for seat, part in enumerate(text.split("-----\n")):
        if part.startswith(CURRENT):
            current.append(seat)
        for slot, line in enumerate(part.removeprefix(CURRENT).splitlines()):
            card, hints = line.split(" || ")
            hands[seat, slot] = _card(card)
            told[seat, slot] = hints[0] != "X", hints[1] != "X"
    return hands, told, current


def _card(text: str) -> tuple[int, int]:
    return COLOURS.index(text[0]), int(text[1]) - 1
