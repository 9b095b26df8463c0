"""What cooks did in an Overcooked cross-play: how they worked, and who did how much of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from zsc.errors import UserError
from zsc.evaluation.matrix import Matrix
from zsc.evaluation.metrics import contribution, event_means, own_events

_ONIONS_IN_A_SOUP = 3


def event_table(played: Matrix) -> pd.DataFrame:
    """One row per policy, the mean over its partners, all seats and all episodes.

    Columns, per episode: "onions potted", "deliveries", "soups taken"; as shares: "onions wasted"
    (put in a pot and in no delivered soup, of all that the two potted), "useless interacts" (of all
    interacts), "idle" (steps of staying), "collisions" (steps of being in each other's way), and
    the policy's "share of deliveries" and "share of potting" in its teams. nan where there is
    nothing to share. By the rules of 2020 there are "tomatoes potted" and "pots started" as well,
    and no "onions wasted", since soups are of any size; with more than two cooks there are none of
    the shares of a team. Raises UserError for another game.
    """
    if "potting_onion" not in played.event_names:
        raise UserError(f"{played.env} is not Overcooked: it has no onions to count")
    means = event_means(played)
    length = played.games("length").mean((1, 2, 3))
    interacts = means["useful_interact"] + means["useless_interact"]
    new, pair = "potting_tomato" in played.event_names, played.seats == 2
    table: dict[str, Any] = {"onions potted": means["potting_onion"]}
    if new:
        table["tomatoes potted"] = means["potting_tomato"]
        table["pots started"] = means["cooking_start"]
    table |= {"deliveries": means["soup_delivery"], "soups taken": means["soup_pickup"]}
    if pair and not new:
        table["onions wasted"] = _wasted(played)
    table |= {
        "useless interacts": means["useless_interact"] / interacts.where(interacts > 0),
        "idle": means["stay"] / length,
        "collisions": means["collision"] / length,
    }
    if pair:
        potted = ("potting_onion", "potting_tomato") if new else ("potting_onion",)
        table["share of deliveries"] = _mean_share(contribution(played, "soup_delivery"))
        table["share of potting"] = _mean_share(contribution(played, *potted))
    return pd.DataFrame(table, index=means.index)


def _wasted(played: Matrix) -> np.ndarray:
    """[N] of the onions that a policy's teams potted, the share that is in no delivered soup."""
    potted, delivered = (_of_both(played, name) for name in ("potting_onion", "soup_delivery"))
    return 1 - _ONIONS_IN_A_SOUP * delivered / np.where(potted > 0, potted, np.nan)


def _of_both(played: Matrix, event: str) -> np.ndarray:
    """[N] events per episode in a policy's teams, by both cooks."""
    own = own_events(played, event)
    both = own + own[..., ::-1].swapaxes(0, 1)
    return both.mean((1, 2))


def _mean_share(shares: np.ndarray) -> np.ndarray:
    """[N] the mean over partners and seats of shares [N, N, seat] that are numbers."""
    count = np.isfinite(shares).sum((1, 2))
    return np.where(count > 0, np.nansum(shares, (1, 2)) / np.maximum(count, 1), np.nan)
