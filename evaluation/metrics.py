"""What to say of agents beside their returns: how close they come to the best response, how they
behave, who is alike, and which partners make a diverse set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import pdist, squareform

from zsc.errors import UserError, unknown
from zsc.evaluation.aggregates import aggregate, check_scores, iqm
from zsc.evaluation.intervals import ANYTHING, SHARE, Interval, Range
from zsc.evaluation.matrix import Matrix


class Proximity(NamedTuple):
    """BR-Prox: what agents earn as a share of what the partner's best response earns."""

    clipped: Interval  # IQM of shares cut off at 1
    unclipped: Interval  # IQM of the shares as they are
    above_one: float  # fraction of shares above 1: best responses that are not the best


def best_response_proximity(
    scores: np.ndarray,
    best: np.ndarray,
    partners: Sequence[str] = (),
    *,
    possible: Range = ANYTHING,
) -> Proximity:
    """BR-Prox(e, p, seat) = J(e, p) / J(BR(p), p) (Wang et al. 2024, arXiv 2310.05208).

    scores [runs, cells] are the returns of an agent's runs with each partner and seating, best
    [cells] those of the partner's best response; partners [cells] name them in messages; possible
    is what a mean return can be. Raises UserError where a best response earns nothing: then the
    share says nothing either.
    """
    scores, best = _with_best(scores, best)
    if (best <= 0).any():
        cell = int(np.flatnonzero(best <= 0)[0])
        who = partners[cell] if len(partners) else f"partner {cell}"
        raise UserError(
            f"the best response to {who} earns {best[cell]:g}: play more episodes, train it for "
            "longer, or leave this partner out"
        )
    share = scores / best
    shares = Range(float((possible.least / best).min()), float((possible.most / best).max()))
    return Proximity(
        clipped=aggregate(np.minimum(share, 1.0), iqm, possible=shares._replace(most=SHARE.most)),
        unclipped=aggregate(share, iqm, possible=shares),
        above_one=float((share > 1).mean()),
    )


def regret(scores: np.ndarray, best: np.ndarray, *, possible: Range = ANYTHING) -> Interval:
    """J(BR(p), p) - J(e, p), the mean over cells: scores [runs, cells], best [cells].

    possible: what a mean return can be.
    """
    scores, best = _with_best(scores, best)
    most = float(best.mean())
    room = Range(most - possible.most, most - possible.least)
    return aggregate(best - scores, lambda x: float(x.mean()), possible=room)


def event_rates(played: Matrix) -> pd.DataFrame:
    """Every policy's events per step, the mean over all its partners, seats and episodes.

    One row per policy, one column per named event of the game.
    """
    steps = played.games("length").mean(-1).sum((1, 2))
    rates = played.events.sum((1, 2)) / np.maximum(steps, 1e-12)[:, None]
    return _by_policy(played, rates)


def event_means(played: Matrix) -> pd.DataFrame:
    """Every policy's events per episode, the mean over all its partners, seats and episodes."""
    return _by_policy(played, played.events.mean((1, 2)))


def contribution(played: Matrix, event: str, *more: str) -> np.ndarray:
    """[N, N, seat] the row's share of an event in its games with the column, in each seat.

    Of several events together if more are named.

    nan where the event never happened. With two seats the shares of both add up to 1. Raises
    UserError for an unknown event or a game of more than two seats.
    """
    own = np.sum([own_events(played, name) for name in (event, *more)], axis=0)
    both = own + own[..., ::-1].swapaxes(0, 1)
    return np.divide(own, both, out=np.full(own.shape, np.nan), where=both > 0)


def own_events(played: Matrix, event: str) -> np.ndarray:
    """[N, N, seat] events per episode of the row in its games with the column, with two seats."""
    if event not in played.event_names:
        raise unknown("event", event, played.event_names)
    if played.seats != 2:
        raise UserError(f"{played.env} has {played.seats} seats: shares need two")
    return played.events[..., played.event_names.index(event)]


def behaviour_distances(features: np.ndarray) -> np.ndarray:
    """[N, N] Euclidean distances of feature vectors [N, F], each feature over its maximum."""
    return squareform(pdist(_scaled(features)))


def diverse_subset(features: np.ndarray, count: int, *, jitter: float = 1e-3) -> list[int]:
    """`count` policies whose features [N, F] span the most: BR-Div (arXiv 2310.05208).

    Greedily maximises log det(S + jitter I) with S the Gram matrix of the chosen rows, each feature
    over its maximum. The determinant itself is 0 once there are more policies than features; the
    jitter keeps later choices meaningful. Raises UserError for a count that cannot be chosen.
    """
    rows = _scaled(features)
    if not 1 <= count <= len(rows):
        raise UserError(f"{count} of {len(rows)} policies cannot be chosen: take 1 to {len(rows)}")
    gram = rows @ rows.T + jitter * np.eye(len(rows))
    chosen: list[int] = []
    for _ in range(count):
        rest = [i for i in range(len(rows)) if i not in chosen]
        volume = [np.linalg.slogdet(gram[np.ix_(s, s)])[1] for s in ([*chosen, i] for i in rest)]
        chosen.append(rest[int(np.argmax(volume))])
    return chosen


def effective_rank(features: np.ndarray) -> float:
    """How many independent directions feature vectors [N, F] have: exp of the entropy of their
    singular values (Roy & Vetterli 2007). 1 if all are alike."""
    values = np.linalg.svd(_scaled(features), compute_uv=False)
    share = values[values > 0] / values.sum()
    return float(np.exp(-(share * np.log(share)).sum())) if len(share) else 0.0


def incompatibility(matrix: np.ndarray) -> np.ndarray:
    """[N, N] what two policies lose by playing with one another instead of each with itself.

    (M[i, i] + M[j, j]) / 2 - (M[i, j] + M[j, i]) / 2, at least 0: the gap of the two. In units of
    return, whatever the other policies are and wherever returns begin.
    """
    matrix = check_scores(matrix)
    own = np.diag(matrix)
    lost = (own[:, None] + own[None]) / 2 - (matrix + matrix.T) / 2
    return np.maximum(lost, 0.0)


def compatibility_clusters(matrix: np.ndarray, *, distance: float | None = None) -> np.ndarray:
    """[N] numbers of clusters, from 1, of policies that work with one another.

    Average linkage of `incompatibility` of M [N, N]: policies are in one cluster while pairs of
    its parts lose at most `distance` on average. If left out, a quarter of how far the returns of M
    lie apart. Raises UserError for cells that are no numbers, or a distance below 0.
    """
    lost = incompatibility(matrix)
    distance = 0.25 * float(np.ptp(matrix)) if distance is None else distance
    if np.isnan(distance) or distance < 0:
        raise UserError(f"distance is {distance}: give what two policies may lose, from 0 on")
    if len(lost) == 1:
        return np.ones(1, int)
    tree = linkage(squareform(lost, checks=False), "average")
    return fcluster(tree, distance, "distance").astype(int)


def group_order(matrix: np.ndarray, groups: tuple[str, ...]) -> np.ndarray:
    """[N] an order that keeps groups together and puts like rows side by side inside each."""
    order: list[int] = []
    both = np.concatenate([matrix, matrix.T], axis=1)
    for group in dict.fromkeys(groups):
        members = np.flatnonzero(np.array(groups) == group)
        if len(members) > 2:
            members = members[leaves_list(linkage(both[members], "average"))]
        order.extend(int(i) for i in members)
    return np.array(order)


def _by_policy(played: Matrix, counts: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(counts, index=list(played.names), columns=list(played.event_names))


def _with_best(scores: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, best = check_scores(scores), np.asarray(best, float)
    if best.shape != scores.shape[1:] or not np.isfinite(best).all():
        raise UserError(
            f"best has shape {best.shape}: give one return, and a number, for each of the "
            f"{scores.shape[1]} columns of scores"
        )
    return scores, best


def _scaled(features: np.ndarray) -> np.ndarray:
    """Each feature over its maximum over the policies."""
    features = check_scores(features)
    return features / np.maximum(np.abs(features).max(0), 1e-12)
