"""The conditional action matrix: what follows what, counted from games of known players."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import zsc
from evaluation.conventions import conditional_actions, draw_conditional_actions
from zsc import UserError
from zsc.bots import hanabi_bots

ENV = zsc.make("hanabi/small-2p")


def test_what_follows_what_for_players_whose_rules_are_known():
    """Outer never discards with all tokens there, and never hints without one."""
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
