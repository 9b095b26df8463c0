"""What foragers did in a cross-play: what they ate, with whom, and how often in vain."""

from __future__ import annotations

import pandas as pd

from zsc.errors import UserError
from zsc.evaluation.matrix import Matrix
from zsc.evaluation.metrics import event_means


def foraging_table(played: Matrix) -> pd.DataFrame:
    """One row per policy, the mean over its partners, seats and episodes.

    Columns: "team return", "length" in steps, foods it helped to eat per game ("eaten"), of these
    the share that it ate "alone" (nan if none), loads "in vain" per game, and as shares of its
    steps "idle" and "in the way" (kept in place by another). Raises UserError for another game.
    """
    if "failed_load" not in played.event_names:
        raise UserError(f"{played.env} is not foraging: it has no food to load")
    means = event_means(played)
    length = played.games("length").mean((1, 2, 3))
    table = {
        "team return": played.games("return").mean((1, 2, 3)),
        "length": length,
        "eaten": means["load"],
        "alone": means["load_alone"] / means["load"].where(means["load"] > 0),
        "in vain": means["failed_load"],
        "idle": means["noop"] / length,
        "in the way": means["collision"] / length,
    }
    return pd.DataFrame(table, index=means.index)
