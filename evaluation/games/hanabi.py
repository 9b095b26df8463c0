"""What players did in a Hanabi cross-play: how they scored, hinted and lost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from zsc.envs.hanabi import Hanabi
from zsc.errors import UserError
from zsc.evaluation.matrix import Matrix
from zsc.evaluation.metrics import event_means
from zsc.records.record import Record


class Scores(NamedTuple):
    """Scores of recorded games; a game that lost its last life is worth 0, or what was built."""

    strict: np.ndarray  # [E] 0 if bombed out
    raw: np.ndarray  # [E] cards on the fireworks
    bombed: np.ndarray  # [E] bool


def play_table(played: Matrix) -> pd.DataFrame:
    """One row per policy, the mean over its partners, seats and episodes.

    Columns: "score" (0 if bombed out), "bomb-outs" (share of games in which this policy lost the
    last life), "information per play" (mean over its plays of (colour known + rank known) / 2, nan
    if it never plays), and per game its "plays", "misplays", "discards", "colour hints", "rank
    hints". Raises UserError for another game.
    """
    if "colour_known" not in played.event_names:
        raise UserError(f"{played.env} is not Hanabi: it has no fireworks")
    means = event_means(played)
    known = (means["colour_known"] + means["rank_known"]) / 2
    table = {
        "score": played.games("return").mean((1, 2, 3)),
        "bomb-outs": means["bomb"],
        "information per play": known / means["play"].where(means["play"] > 0),
        "plays": means["play"],
        "misplays": means["misplay"],
        "discards": means["discard"],
        "colour hints": means["colour_hint"],
        "rank hints": means["rank_hint"],
    }
    return pd.DataFrame(table, index=means.index)


def scores(env: Hanabi, played: Record) -> Scores:
    """Both ways of scoring recorded games, and which of them bombed out."""
    count = lambda name: played.events[..., env.spec.event_names.index(name)].sum((1, 2))
    bombed = count("bomb") > 0
    raw = count("scored").astype(float)
    return Scores(np.where(bombed, 0.0, raw), raw, bombed)
