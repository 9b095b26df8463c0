"""Who played, and splits that keep people together."""

from __future__ import annotations

import numpy as np
import pytest

from zsc import UserError
from zsc.records.whose import groups_of, split_people, whose_games

WHOSE = (("a", "b"), ("c", ""), ("b", "d"), ("", "e"), ("c", "f"))


def test_games_are_joined_by_chains_of_people() -> None:
    groups = groups_of(WHOSE)
    assert groups[0] == groups[2]
    assert groups[1] == groups[4]
    assert len({groups[0], groups[1], groups[3]}) == 3


@pytest.mark.parametrize(("share", "held"), [(0.0, []), (0.2, [1, 4]), (0.4, [1, 4]),
                                             (0.5, [1, 3, 4])])  # fmt: skip
def test_whole_people_are_held_out_from_the_end(share: float, held: list[int]) -> None:
    found = split_people(WHOSE, share)
    assert np.flatnonzero(found).tolist() == held
    people = lambda where: {p for i in np.flatnonzero(where) for p in WHOSE[i] if p}
    assert not people(found) & people(~found)


def test_who_played_most_of_the_games_is_not_held_out_for_a_small_share() -> None:
    whose = (("a", ""), ("b", ""), *(("c", ""),) * 8)
    assert np.flatnonzero(split_people(whose, 0.1)).tolist() == [1]


def test_where_everybody_met_nobody_can_be_held_out() -> None:
    with pytest.raises(UserError, match="nobody can"):
        split_people((("a", "b"), ("b", "c"), ("c", "a")), 0.2)


def test_people_are_read_from_the_notes_of_a_file() -> None:
    notes = {"games": [{"people": {"0": "a"}}, {"people": {"1": "b", "0": "a"}}]}
    assert whose_games(notes, 2, 2) == (("a", ""), ("a", "b"))
    assert whose_games(notes, 3, 2) is None
    assert whose_games({}, 2, 2) is None
    assert whose_games({"games": [{"people": {}}, {}]}, 2, 2) is None
