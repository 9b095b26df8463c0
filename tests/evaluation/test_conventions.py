"""The conditional action matrix: what follows what, counted from games of known players."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import zsc
from zsc import UserError
from zsc.agents.bots import hanabi_bots
from zsc.evaluation.games.conventions import (
    conditional_actions,
    count_followers,
    draw_conditional_actions,
)

ENV = zsc.make("hanabi/small-2p")


def test_followers_are_counted_by_hand():
    """Two games: 0 1 0 2 and, over after two turns, 3 0."""
    idle, size = ENV.spec.idle_action, ENV.spec.num_actions
    action = np.full((2, 5, 2), idle)
    for game, moves in enumerate([(0, 1, 0, 2, 5), (3, 0, 4, 4, 4)]):
        for turn, move in enumerate(moves):
            action[game, turn, turn % 2] = move
    playing = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], bool)
    games = zsc.Record((), (), (), action, (), (), playing)
    wanted = np.zeros((size - 1, size - 1), int)
    for before, after in [(0, 1), (1, 0), (0, 2), (3, 0)]:
        wanted[before, after] += 1
    followed = count_followers(ENV, games)
    np.testing.assert_array_equal(followed.counts, wanted)
    np.testing.assert_allclose(followed.shares[0, :3], [0, 0.5, 0.5])


def test_shares_are_of_all_that_followed():
    bots = hanabi_bots(ENV, ("outer",))
    followed = conditional_actions(ENV, (bots, bots), episodes=32)
    names = followed.names
    assert "wait" not in names
    hints = [i for i, name in enumerate(names) if name.startswith("tell")]
    assert followed.counts[hints].sum() > 0
    told = followed.counts.sum(1) > 0
    np.testing.assert_allclose(followed.shares[told].sum(1), 1)
    assert np.isnan(followed.shares[~told]).all()
    turns = zsc.record(ENV, (bots, bots), episodes=32).length
    assert followed.counts.sum() == (turns - 1).sum()


def test_a_game_in_which_all_act_at_once_has_no_followers():
    kitchen = zsc.make("overcooked/cramped_room")
    cooks = zsc.overcooked_bots(kitchen, ("hog",))
    with pytest.raises(UserError, match="game of turns"):
        conditional_actions(kitchen, (cooks, cooks))


def test_rows_without_data_are_left_grey():
    bots = hanabi_bots(ENV, ("random",))
    followed = conditional_actions(ENV, (bots, bots), episodes=2)
    axes = draw_conditional_actions(followed, title="random")
    drawn = axes.collections[0].get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn), np.isnan(followed.shares))
    plt.close("all")
