"""Scripted cooks that read, tell and wait to be told."""

from __future__ import annotations

import pytest

import zsc
from zsc.agents.bots import scripted_partners
from zsc.agents.bots.overcooked_v2 import overcooked_v2_bots
from zsc.errors import UserError
from zsc.evaluation import crossplay


@pytest.fixture(scope="module")
def returns():
    """[who is left, who is right] mean return of a grounded kitchen, by name."""
    env = zsc.make("overcooked_v2/grounded_coord_simple", view=2, negative_rewards=True)
    names = ("reader", "teller", "listener", "guesser")
    played = crossplay(env, {"bots": overcooked_v2_bots(env, names)}, episodes=8)
    seat = played.matrix(seat=0)
    return {(a, b): seat[i, j] for i, a in enumerate(names) for j, b in enumerate(names)}


def test_who_waits_to_be_told_cooks_only_with_one_who_tells(returns):
    assert returns["reader", "listener"] == 0
    assert returns["teller", "listener"] > 50


def test_being_told_is_worth_more_than_guessing(returns):
    """Half of the guesses are wrong, and a wrong dish costs what a right one pays."""
    assert returns["teller", "reader"] > returns["teller", "guesser"] + 10


def test_unknown_cooks_are_named():
    env = zsc.make("overcooked_v2/cramped_room")
    assert len(scripted_partners(env)) == 9
    with pytest.raises(UserError, match="did you mean 'teller'"):
        overcooked_v2_bots(env, ("teler",))
