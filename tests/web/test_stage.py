"""The acting seam on the server: rules and agents of training, whoever is in the other seat."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import zsc
from tests.by_hand import pullers
from tests.compiles import compiles
from zsc import UserError
from zsc.agents.bots import scripted_partners
from zsc.web.stage import NOBODY, Cast, Stage, mark, partner, warm

ROOM = zsc.make("overcooked/cramped_room", horizon=12)
BOTS = scripted_partners(ROOM)
ITERATED = zsc.make("lever/iterated")


def cook(place: int) -> zsc.Pool:
    return partner(BOTS, place, ROOM, greedy=False)


def test_a_game_of_agents_alone_is_the_episode_that_is_recorded() -> None:
    played = zsc.record(ROOM, (BOTS.take([0]), BOTS.take([4])), seed=7)
    stage = Stage(Cast(ROOM, (cook(0), cook(4)), (0, 1)), 7)
    for step in range(12):
        shown = stage.step([NOBODY, NOBODY])
        np.testing.assert_array_equal(shown.action, played.action[0, step])
        np.testing.assert_array_equal(shown.reward, played.reward[0, step])
        now = jax.tree.map(lambda x, t=step + 1: x[0, t], played.states)
        assert mark(shown.snapshot) == mark(jax.device_get(ROOM.snapshot(now)))
    assert shown.done


def test_a_person_acts_in_the_seat_that_no_agent_has() -> None:
    for seat in (0, 1):
        stage = Stage(Cast(ITERATED, (pullers(3),), (1 - seat,)), 0)
        given = [NOBODY, NOBODY]
        given[seat] = 3
        shown = stage.step(given)
        assert shown.action.tolist() == [3, 3]
        assert shown.reward.tolist() == [1, 1]


def test_the_second_game_of_a_kind_compiles_nothing() -> None:
    warm(Cast(ROOM, (cook(1),), (0,)))
    with compiles() as count:
        for seat, place in ((0, 2), (1, 3), (1, 4)):
            stage = Stage(Cast(ROOM, (cook(place),), (seat,)), 5)
            for _ in range(3):
                stage.step([5, 5])
    assert count() == 0


def test_a_replay_comes_to_the_same_state_and_other_weights_are_noticed() -> None:
    cast = Cast(ROOM, (cook(0),), (1,))
    stage, actions, marks = Stage(cast, 3), [], []
    for step in range(6):
        shown = stage.step([step % 6, NOBODY])
        actions.append(shown.action.tolist())
        marks.append(mark(shown.snapshot))
    again = Stage(cast, 3)
    again.replay(actions, marks)
    assert mark(again.shown.snapshot) == marks[-1]
    assert again.step([0, NOBODY]).action[1] == stage.step([0, NOBODY]).action[1]
    with pytest.raises(UserError, match="comes out otherwise"):
        Stage(Cast(ROOM, (cook(1),), (1,)), 3).replay(actions, marks)
    with pytest.raises(UserError, match="step 0 of a recorded game"):
        Stage(cast, 3).replay(actions, ["00000000", *marks[1:]])


def test_casts_that_cannot_be_are_refused() -> None:
    with pytest.raises(UserError, match="a seat of its own"):
        Cast(ROOM, (cook(0),), (2,))
    with pytest.raises(UserError, match="a seat of its own"):
        Cast(ROOM, (cook(0), cook(1)), (1, 1))
    with pytest.raises(UserError, match="not 9"):
        partner(BOTS, 9, ROOM, greedy=True)
    with pytest.raises(UserError, match="was made for"):
        Cast(ITERATED, (cook(0),), (1,))
