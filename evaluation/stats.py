"""Statistics of a cross-play matrix, with policies as the replication unit.

M[i, j] is the mean return with policy i in seat 0 and policy j in seat 1. The cells of a matrix
share rows and columns, so its N (N - 1) strangers are not that many independent observations: an
interval from the spread of cells or episodes is several times too narrow. Here whole policies are
resampled, with their rows and columns together (node bootstrap), or policies are dealt into pairs
that share nobody.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

from zsc.errors import UserError

RESAMPLES = 2_000


class Interval(NamedTuple):
    """A mean with the bounds of its interval; nan bounds where there is nothing to resample."""

    mean: float
    low: float
    high: float


def self_play(matrix: np.ndarray) -> float:
    """SP: the mean of the diagonal of M [N, N]."""
    return float(np.mean(np.diag(matrix)))


def cross_play(matrix: np.ndarray) -> float:
    """XP: the mean off the diagonal of M [N, N], both seatings; nan for fewer than 2 policies."""
    return _mean_where(matrix, ~np.eye(len(matrix), dtype=bool))


def cross_play_star(matrix: np.ndarray) -> float:
    """XP*: XP without the policy that is worst with strangers (Hu et al. 2020)."""
    size = len(matrix)
    if size < 3:
        return float("nan")
    apart = ~np.eye(size, dtype=bool)
    both = (matrix + matrix.T) / 2
    means = np.array([both[i][apart[i]].mean() for i in range(size)])
    kept = np.delete(np.arange(size), means.argmin())
    return cross_play(matrix[np.ix_(kept, kept)])


def disjoint_pairs(matrix: np.ndarray) -> tuple[float, float]:
    """Mean and standard error of XP from floor(N / 2) pairs that share no policy."""
    pairs = len(matrix) // 2
    values = [(matrix[2 * k, 2 * k + 1] + matrix[2 * k + 1, 2 * k]) / 2 for k in range(pairs)]
    if pairs < 2:
        return (values[0] if values else float("nan")), float("nan")
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(pairs))


def summarize(matrix: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, float]:
    """sp, xp, xp_star, gap of one method's matrix [N, N], and their 95 % node-bootstrap bounds.

    xp_sem_pairs is the standard error from disjoint pairs. Raises UserError for a matrix that is
    not square or has cells that are not numbers.
    """
    matrix = check_matrix(matrix)
    sp, xp, gap = within(matrix, seed=seed, resamples=resamples)
    return {
        "sp": sp.mean,
        "sp_low": sp.low,
        "sp_high": sp.high,
        "xp": xp.mean,
        "xp_low": xp.low,
        "xp_high": xp.high,
        "xp_star": cross_play_star(matrix),
        "xp_sem_pairs": disjoint_pairs(matrix)[1],
        "gap": gap.mean,
        "gap_low": gap.low,
        "gap_high": gap.high,
    }


def within(
    matrix: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[Interval, Interval, Interval]:
    """SP, XP and gap of one method's matrix [N, N] by the node bootstrap.

    A resample draws N policies with replacement and takes the induced rows and columns; cells whose
    two ends are the same original policy are left out of XP, which narrows its spread by
    (N - 2) / (N - 1) and is undone here. From 3 policies on; with 2 there is no interval for XP.
    """
    rng = np.random.default_rng(seed)
    size = len(matrix)
    point = self_play(matrix), cross_play(matrix)
    draws = []
    for _ in range(resamples if size > 1 else 0):
        chosen = rng.integers(size, size=size)
        apart = chosen[:, None] != chosen[None]
        if apart.any():
            draws.append(
                (np.diag(matrix)[chosen].mean(), matrix[np.ix_(chosen, chosen)][apart].mean())
            )
    sp, xp = np.array(draws).reshape(-1, 2).T
    cells = (size - 1) / (size - 2) if size > 2 else float("nan")
    least = min(0.0, float(matrix.min()))
    return (
        interval(point[0], sp, small_sample(size), least),
        interval(point[1], xp, small_sample(size) * cells, least),
        interval(
            point[0] - point[1],
            (sp - point[0]) - cells * (xp - point[1]) + point[0] - point[1],
            small_sample(size),
        ),
    )


def between(
    block: np.ndarray,
    allowed: np.ndarray | None = None,
    *,
    repeats: tuple[bool, bool] = (True, True),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """The mean of a block [rows, cols] of two different methods, resampling policies.

    allowed [rows, cols] marks the cells that count; nan if none does. repeats: which sides are runs
    of one method and are resampled; the other is taken as given, as scripted partners are.
    """
    if block.size == 0 or (allowed is not None and not allowed.any()):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    allowed = np.ones(block.shape, bool) if allowed is None else allowed
    counted = [size for size, repeat in zip(block.shape, repeats, strict=True) if repeat]
    draws = []
    for _ in range(resamples if counted and min(counted) > 1 else 0):
        rows, cols = (
            rng.integers(size, size=size) if repeat else np.arange(size)
            for size, repeat in zip(block.shape, repeats, strict=True)
        )
        draws.append(_mean_where(block[np.ix_(rows, cols)], allowed[np.ix_(rows, cols)]))
    stretch, least = small_sample(min(counted, default=0)), min(0.0, float(block.min()))
    return interval(_mean_where(block, allowed), np.array(draws), stretch, least)


def interval(
    point: float, draws: np.ndarray, stretch: float = 1.0, least: float = -np.inf
) -> Interval:
    """The 95 % percentile interval of bootstrap draws, stretched around the point estimate.

    It is cut at `least`: where no return was negative, the interval of a mean is not either.
    """
    draws = draws[np.isfinite(draws)]
    if len(draws) == 0 or not np.isfinite(stretch):
        return Interval(point, float("nan"), float("nan"))
    low, high = np.percentile(draws, [2.5, 97.5])
    low, high = point + stretch * (low - point), point + stretch * (high - point)
    return Interval(point, float(max(low, least)), float(high))


def small_sample(size: int) -> float:
    """How much wider a bootstrap interval of a mean over few units has to be.

    Resampling n units understates the variance by (n - 1) / n, and a percentile interval takes the
    normal's quantile where Student's t with n - 1 degrees belongs. nan for fewer than 2.
    """
    if size < 2:
        return float("nan")
    quantiles = t.ppf(0.975, size - 1) / norm.ppf(0.975)
    return float(quantiles * np.sqrt(size / (size - 1)))


def check_matrix(matrix: np.ndarray) -> np.ndarray:
    """The matrix as floats. Raises UserError unless it is square, not empty and all numbers."""
    matrix = np.asarray(matrix, float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) == 0:
        raise UserError(f"a matrix of shape {matrix.shape} is not square: give M [N, N]")
    if not np.isfinite(matrix).all():
        i, j = np.argwhere(~np.isfinite(matrix))[0]
        raise UserError(
            f"cell ({i}, {j}) of the matrix is {matrix[i, j]}: play it again or drop it"
        )
    return matrix


def _mean_where(values: np.ndarray, allowed: np.ndarray) -> float:
    return float(values[allowed].mean()) if allowed.any() else float("nan")
