"""People who met several partners: ranks, tests for paired samples, shares of wins.

All functions take a table [people, conditions]: one number for each person and each kind of
partner, as `People.table` makes it. The unit is the person, who judges or plays with all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import friedmanchisquare, rankdata, wilcoxon

from zsc.errors import UserError


class Friedman(NamedTuple):
    """Whether people tell the conditions apart at all."""

    statistic: float  # chi-square
    p: float
    agreement: float  # Kendall's W, from 0 (everybody ranks otherwise) to 1 (all rank alike)
    people: int


def friedman(table: pd.DataFrame) -> Friedman:
    """Friedman's test of a table [people, conditions], with Kendall's W as effect size.

    Raises UserError for fewer than 2 people or 3 conditions, or a person who misses one.
    """
    table = check_table(table, least=3)
    values = table.to_numpy(float)
    if (values == values[:, :1]).all():
        return Friedman(0.0, 1.0, 0.0, len(table))
    statistic, p = friedmanchisquare(*values.T)
    agreement = statistic / (len(table) * (table.shape[1] - 1))
    return Friedman(float(statistic), float(p), float(agreement), len(table))


def mean_ranks(table: pd.DataFrame, *, higher_is_better: bool = True) -> pd.Series:
    """[conditions] the mean rank of each, 1 being the best; equal values share their ranks."""
    values = check_table(table).to_numpy(float)
    ranks = rankdata(-values if higher_is_better else values, axis=1)
    return pd.Series(ranks.mean(0), index=table.columns, name="mean rank")


def win_shares(table: pd.DataFrame, *, higher_is_better: bool = True) -> pd.DataFrame:
    """[conditions, conditions] the share of people with whom the row beats the column.

    Equal values count half; the diagonal is nan.
    """
    values = check_table(table).to_numpy(float)
    values = values if higher_is_better else -values
    ahead = values[:, :, None] - values[:, None, :]
    shares = ((ahead > 0) + 0.5 * (ahead == 0)).mean(0)
    np.fill_diagonal(shares, np.nan)
    return pd.DataFrame(shares, index=table.columns, columns=table.columns)


def compare(table: pd.DataFrame, *, higher_is_better: bool = True) -> pd.DataFrame:
    """Every pair of conditions: Wilcoxon's signed-rank test, Holm's correction, effect size.

    Columns: "difference" (mean, first minus second), "p", "p Holm", "rank-biserial" (Kerby 2014:
    (W+ - W-) / (W+ + W-), from -1 to 1; above 0 the first is the better one) and "win share" of
    the first. Equal values are left out of the test (Wilcoxon 1945); where all are, p is 1.
    """
    table = check_table(table)
    shares = win_shares(table, higher_is_better=higher_is_better)
    rows = []
    for one, other in combinations(table.columns, 2):
        apart = (table[one] - table[other]).to_numpy(float)
        rows.append({
            "first": one,
            "second": other,
            "difference": float(apart.mean()),
            "p": signed_rank(apart),
            "rank-biserial": rank_biserial(apart if higher_is_better else -apart),
            "win share": shares.at[one, other],
        })  # fmt: skip
    found = pd.DataFrame(rows)
    found.insert(4, "p Holm", holm(found["p"].to_numpy()))
    return found.set_index(["first", "second"])


def signed_rank(differences: np.ndarray) -> float:
    """The two-sided p of Wilcoxon's signed-rank test of differences [people]."""
    apart = np.asarray(differences, float)
    apart = apart[apart != 0]
    return float(wilcoxon(apart).pvalue) if len(apart) else 1.0


def rank_biserial(differences: np.ndarray) -> float:
    """(W+ - W-) / (W+ + W-) of differences [people]; 0 where all are 0.

    >>> rank_biserial(np.array([3.0, -1.0, 2.0, 0.0]))  # ranks 3 and 2 against 1
    0.6666666666666666
    """
    apart = np.asarray(differences, float)
    apart = apart[apart != 0]
    if not len(apart):
        return 0.0
    ranks = rankdata(np.abs(apart))
    return float((ranks * np.sign(apart)).sum() / ranks.sum())


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """p values [n] corrected for n tests by Holm's step-down method (1979).

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p, float)
    order = np.argsort(given, kind="stable")
    times = len(given) - np.arange(len(given))
    found = np.empty_like(given)
    found[order] = np.minimum(np.maximum.accumulate(given[order] * times), 1.0)
    return found


def check_table(table: pd.DataFrame, *, least: int = 2) -> pd.DataFrame:
    """The table. Raises UserError unless at least 2 people met all of `least` conditions or more.

    People who miss a condition are the caller's to leave out, by `dropna`.
    """
    if table.shape[1] < least:
        raise UserError(f"{table.shape[1]} conditions: at least {least} are compared")
    missing = table.index[table.isna().any(axis=1)]
    if len(missing):
        raise UserError(
            f"{len(missing)} people did not meet all conditions ({missing[0]} for one): leave them "
            "out by table.dropna(), or the conditions"
        )
    if len(table) < 2:
        raise UserError(f"{len(table)} people met all conditions: at least 2 are needed")
    return table
