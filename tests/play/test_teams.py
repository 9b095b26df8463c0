"""Which teams are played, and in which seats."""

import numpy as np
import pytest

from zsc import UserError
from zsc.play.teams import all_teams, count_teams, seatings, some_teams


def test_all_teams_are_the_multisets_in_order():
    assert all_teams(2, 3).tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]]
    assert [count_teams(*x) for x in ((2, 3), (5, 2), (4, 4))] == [4, 15, 35]


def test_a_sample_has_every_policy_alone_and_no_team_twice():
    for most in (4, 5, 12, 19, 20, 50):
        teams = some_teams(4, 3, most)
        assert len(teams) == len(set(map(tuple, teams.tolist()))) == min(most, 20)
        assert {(p,) * 3 for p in range(4)} <= set(map(tuple, teams.tolist()))
        assert teams.tolist() == sorted(teams.tolist())
        assert (np.diff(teams, axis=1) >= 0).all()
    assert some_teams(4, 3, 4).tolist() == [[p] * 3 for p in range(4)]
    with pytest.raises(UserError, match="at least one team for each of 4"):
        some_teams(4, 3, 3)


def test_seatings_turn_and_then_change_the_neighbours():
    assert seatings(2, 4).tolist() == [[0, 1], [1, 0], [0, 1], [1, 0]]
    assert len({tuple(x) for x in seatings(3, 6).tolist()}) == 6
    for block in seatings(4, 12).reshape(3, 4, 4):
        assert (np.sort(block, axis=0) == np.arange(4)[:, None]).all()
