"""Tests and ranks of paired samples, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from zsc import UserError
from zsc.evaluation.paired import (
    compare,
    friedman,
    holm,
    mean_ranks,
    rank_biserial,
    signed_rank,
    win_shares,
)


def table(*rows: tuple[float, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list("xyz")[: len(rows[0])])


def test_friedman_where_all_rank_alike_and_where_nobody_agrees() -> None:
    """12 / (n k (k + 1)) * sum R^2 - 3 n (k + 1): (9 + 36 + 81) / 3 - 36 = 6; W = 1."""
    alike = friedman(table((1, 2, 3), (10, 20, 30), (0, 5, 6)))
    assert alike.statistic == pytest.approx(6.0)
    assert alike.agreement == pytest.approx(1.0)
    assert alike.p == pytest.approx(np.exp(-3.0))  # chi-square with 2 degrees
    none = friedman(table((1, 2, 3), (2, 3, 1), (3, 1, 2)))
    assert none[:3] == pytest.approx((0.0, 1.0, 0.0))
    assert friedman(table((1, 1, 1), (2, 2, 2)))[:3] == (0.0, 1.0, 0.0)


def test_the_signed_rank_test_is_exact_for_few_people() -> None:
    """Of 2^5 signs one is as far on either side; of 2^3 the rank sums 0 and 1."""
    assert signed_rank(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == pytest.approx(2 / 32)
    assert signed_rank(np.array([3.0, -1.0, 2.0, 0.0])) == pytest.approx(4 / 8)
    assert signed_rank(np.zeros(4)) == 1.0


def test_the_rank_biserial_correlation() -> None:
    assert rank_biserial(np.array([1.0, 2.0])) == 1.0
    assert rank_biserial(np.array([3.0, -1.0, 2.0])) == pytest.approx((5 - 1) / 6)
    assert rank_biserial(np.array([1.0, -1.0])) == 0.0


def test_holm_corrects_the_smallest_by_the_number_of_tests_and_keeps_the_order() -> None:
    assert holm([0.04, 0.01, 0.03]).tolist() == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]


def test_ranks_and_wins() -> None:
    found = table((3, 1, 1), (2, 2, 0))
    assert mean_ranks(found).tolist() == [1.25, 2.0, 2.75]
    assert mean_ranks(found, higher_is_better=False).tolist() == [2.75, 2.0, 1.25]
    shares = win_shares(found)
    assert shares.loc["x", "y"] == 0.75
    assert shares.loc["y", "x"] == 0.25
    assert shares.loc["x", "z"] == 1.0
    assert np.isnan(shares.loc["x", "x"])


def test_all_pairs_with_correction_and_effect() -> None:
    found = compare(table(*[(i + 3.0, 1.0 * i, i + 3.0) for i in range(5)]))
    assert found.index.tolist() == [("x", "y"), ("x", "z"), ("y", "z")]
    assert found["p"].tolist() == pytest.approx([2 / 32, 1.0, 2 / 32])
    assert found["p Holm"].tolist() == pytest.approx([6 / 32, 1.0, 6 / 32])
    assert found["rank-biserial"].tolist() == [1.0, 0.0, -1.0]
    assert found["win share"].tolist() == [1.0, 0.5, 0.0]
    assert found["difference"].tolist() == [3.0, 0.0, -3.0]
    turned = compare(table((1, 2), (1, 2)), higher_is_better=False)
    assert turned["rank-biserial"].tolist() == turned["win share"].tolist() == [1.0]


def test_people_who_miss_a_condition_are_named_and_not_left_out() -> None:
    with pytest.raises(UserError, match="did not meet all"):
        compare(table((1, 2), (1, float("nan"))))
    with pytest.raises(UserError, match="at least 3"):
        friedman(table((1, 2), (2, 3)))
    with pytest.raises(UserError, match="at least 2 are needed"):
        compare(table((1, 2)))
