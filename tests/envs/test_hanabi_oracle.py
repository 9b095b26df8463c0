"""Our Hanabi against the reference engine, in small; `tests.hanabi_oracle` has the long run."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from tests.hanabi_oracle.compare import compare_records, compare_variant
from tests.hanabi_oracle.games import VARIANTS
from tests.hanabi_oracle.players import TEMPERS, build_player
from tests.hanabi_oracle.record import FIELDS, DifferenceError, Record
from tests.hanabi_oracle.reference import play, shuffled

GAMES = 40  # in each variant
PLAYED = ("full-2p", "full-5p", "3x3")

#: What has to have happened for the comparison to mean anything.
WANTED = (
    "absorbed step",
    "bomb, no points",
    "bomb, points lost",
    "colour completed, token back",
    "colour completed, tokens full",
    *(f"{kind} hint +{seat}" for kind in ("colour", "rank") for seat in (1, 2, 3, 4)),
    "discard",
    "discard forbidden",
    "discard in last round",
    "ends: bomb",
    "ends: out of cards, all hands short",
    "ends: out of cards, some hands whole",
    "ends: perfect",
    "ends: perfect in last round",
    "hint forbidden",
    "hint in last round",
    "hint partly repeated",
    "hint repeated",
    "hint to short hand",
    "hint touches one",
    "hint touches several",
    "hint with last token",
    "hinted card leaves",
    "hinted card moves up",
    "last card drawn after discard",
    "last card drawn after play",
    "last-round move",
    "longest possible game",
    "misplay",
    "play in last round",
    "play scores",
    "second copy discarded",
    "state with a short hand",
)


@cache
def coverage_of(name: str) -> Counter[str]:
    """Compare in games of one size, once in a test run."""
    return compare_variant(VARIANTS[name], GAMES, seed=PLAYED.index(name), batch=GAMES)


@cache
def one_record() -> Record:
    """A game that lasts long enough to be falsified in the middle."""
    variant, rng = VARIANTS["3x3"], np.random.default_rng(0)
    player = build_player(variant, TEMPERS["slow"], rng)
    return play(variant, shuffled(variant, rng), player, "one game")


@pytest.mark.parametrize("name", PLAYED)
def test_every_number_of_every_state_equals_the_reference(name: str) -> None:
    assert coverage_of(name)["games"] == GAMES


def test_the_comparison_saw_everything_that_matters() -> None:
    counts = sum((coverage_of(name) for name in PLAYED), Counter[str]())
    assert [event for event in WANTED if counts[event] == 0] == []


@pytest.mark.parametrize("part", ["obs", "mask", "reward", *FIELDS])
@pytest.mark.parametrize(("step", "place"), [(1, 0), (12, -1)])
def test_the_comparison_notices_one_wrong_number(part: str, step: int, place: int) -> None:
    record = one_record()
    name = {"mask": "legal"}.get(part, part)
    values = (record.states[name] if part in FIELDS else getattr(record, name)).copy()
    row = step - 1 if part == "reward" else step  # row 0 of the rewards belongs to state 1
    numbers = values[row : row + 1].reshape(-1)
    numbers[place] = 1 - numbers[place]
    changed = {"states": record.states | {name: values}} if part in FIELDS else {name: values}
    with pytest.raises(DifferenceError, match=f"one game, step {step}: '{part}' differs"):
        compare_records([record._replace(**changed)], batch=GAMES)


def test_a_difference_is_told_with_sizes_game_step_seat_and_bit() -> None:
    record = one_record()
    wrong = record.obs.copy()
    wrong[3, 1, 43] ^= 1
    with pytest.raises(DifferenceError) as caught:
        compare_records([record._replace(obs=wrong)], batch=GAMES)
    text = str(caught.value)
    assert "players 2, colours 3, ranks 3" in text
    assert "one game, step 3" in text
    assert "seat 1, bit 43, 'fireworks' [2]" in text
