"""What players of STORM did in a cross-play: how often they met, what they played, what it paid."""

from __future__ import annotations

import pandas as pd

from zsc.errors import UserError
from zsc.evaluation.matrix import Matrix
from zsc.evaluation.metrics import event_means


def meeting_table(played: Matrix) -> pd.DataFrame:
    """One row per policy, the mean over its partners, seats and episodes.

    Columns: its own "return" in each seat, "interactions" per game, the shares of them in which
    most of what it held was "red" or "blue" (the rest were even; nan if there were none), coins
    collected per game, and beams that hit nobody ("missed"). Raises UserError for another game.
    """
    if "played_red" not in played.event_names:
        raise UserError(f"{played.env} is not STORM: it has no coins of two colours")
    means = event_means(played)
    met = means["interaction"].where(means["interaction"] > 0)
    own = played.games("return").mean((1, 3))
    table = {f"return in seat {seat}": own[:, seat] for seat in range(played.seats)} | {
        "interactions": means["interaction"],
        "red": means["played_red"] / met,
        "blue": means["played_blue"] / met,
        "coins": means["red_coin"] + means["blue_coin"],
        "missed": means["beam"] - means["hit"],
    }
    return pd.DataFrame(table, index=means.index)
