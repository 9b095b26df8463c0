"""BR-Prox, regret, diversity and clusters on examples whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

import zsc
from zsc import UserError
from zsc.agents.bots import hanabi_bots
from zsc.evaluation import crossplay
from zsc.evaluation.metrics import (
    behaviour_distances,
    best_response_proximity,
    compatibility_clusters,
    diverse_subset,
    effective_rank,
    event_rates,
    incompatibility,
    regret,
)


def test_shares_of_the_best_response_clipped_and_not() -> None:
    scores = np.array([[10.0, 30.0], [20.0, 30.0]])
    found = best_response_proximity(scores, np.array([20.0, 20.0]))
    assert found.clipped.mean == pytest.approx(1.0)  # .5, 1, 1, 1: the middle half is 1 and 1
    assert found.unclipped.mean == pytest.approx((1.0 + 1.5) / 2)
    assert found.above_one == 0.5
    assert regret(scores, np.array([20.0, 20.0])).mean == pytest.approx(-2.5)


@pytest.mark.parametrize("best", [0.0, -3.0])
def test_best_responses_that_earn_nothing_are_refused_by_name(best: float) -> None:
    with pytest.raises(UserError, match="best response to hog earns"):
        best_response_proximity(np.ones((3, 2)), np.array([5.0, best]), ["idle", "hog"])


def test_best_has_to_fit_the_scores() -> None:
    with pytest.raises(UserError, match="each of the 2 columns"):
        regret(np.ones((3, 2)), np.ones(3))
    with pytest.raises(UserError, match="a number"):
        regret(np.ones((3, 2)), np.array([1.0, np.nan]))


def test_diverse_subsets_avoid_doubles() -> None:
    features = np.array([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0.01], [0, 0, 1]])
    chosen = diverse_subset(features, 3)
    assert {0, 1} & set(chosen)
    assert {2, 3} & set(chosen)
    assert 4 in chosen
    assert len(diverse_subset(features, 5)) == 5  # more than there are directions
    with pytest.raises(UserError, match="6 of 5"):
        diverse_subset(features, 6)


def test_effective_rank_counts_directions() -> None:
    assert effective_rank(np.eye(4)) == pytest.approx(4)
    assert effective_rank(np.tile([[1.0, 2.0, 3.0]], (5, 1))) == pytest.approx(1)


def test_distances_do_not_depend_on_units() -> None:
    features = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(
        behaviour_distances(features), behaviour_distances(features * [1000, 1]), atol=1e-12
    )


def test_clusters_are_those_who_get_on_with_the_same() -> None:
    kind = np.array([0, 1, 0, 1, 2])
    matrix = np.where(kind[:, None] == kind, 100.0, 10.0)
    found = compatibility_clusters(matrix, distance=5)
    assert [(found == found[i]).tolist() for i in range(5)] == [
        (kind == kind[i]).tolist() for i in range(5)
    ]
    assert len(set(compatibility_clusters(matrix, distance=1e9))) == 1
    assert compatibility_clusters(np.ones((1, 1)), distance=1).tolist() == [1]


def test_event_rates_tell_players_apart() -> None:
    """Internal never misplays; a random player does; nobody hints all the time."""
    env = zsc.make("hanabi/small-2p")
    played = crossplay(env, {"bots": hanabi_bots(env, ("random", "internal"))}, episodes=8)
    rates = event_rates(played)
    assert rates.loc["bots/internal", "misplay"] == 0
    assert rates.loc["bots/random", "misplay"] > 0
    acts = rates[["play", "discard", "colour_hint", "rank_hint"]].sum(axis=1)
    assert ((acts > 0.3) & (acts < 0.7)).all()  # two players, one move a turn


@pytest.mark.parametrize("shift", [0.0, -1000.0])
def test_many_conventions_are_told_apart_wherever_returns_begin(shift: float) -> None:
    """Ten conventions of six policies each: each pair of strangers earns nothing."""
    kind = np.arange(60) % 10
    noise = np.random.default_rng(0).normal(0, 5, (60, 60))
    matrix = np.where(kind[:, None] == kind, 100.0, 0.0) + noise + shift
    found = compatibility_clusters(matrix)
    assert len(set(found)) == 10
    assert all(len(set(found[kind == k])) == 1 for k in range(10))


def test_policies_that_lose_nothing_together_are_one_cluster() -> None:
    """Weak and strong, but of one convention: their pairs earn the mean of both."""
    skill = np.array([10.0, 50.0, 100.0])
    assert len(set(compatibility_clusters(np.add.outer(skill, skill) / 2))) == 1
    assert incompatibility(np.array([[10.0, 2.0], [4.0, 20.0]]))[0, 1] == 15 - 3
    with pytest.raises(UserError, match="distance is -1"):
        compatibility_clusters(np.eye(3), distance=-1)
