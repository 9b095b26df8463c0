"""Statistics of a cross-play matrix, with policies as the replication unit.

M[i, j] is the mean return with policy i in seat 0 and policy j in seat 1. The cells of a matrix
share rows and columns, so its N (N - 1) strangers are not that many independent observations: an
interval from the spread of cells or episodes is several times too narrow. Here whole policies are
resampled, with their rows and columns together (node bootstrap), or policies are dealt into pairs
that share nobody.
"""

from __future__ import annotations

import numpy as np

from zsc.errors import UserError
from zsc.evaluation.intervals import ANYTHING, RESAMPLES, Interval, Range, drawn, interval


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


def summarize(
    matrix: np.ndarray,
    *,
    possible: Range = ANYTHING,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, float]:
    """sp, xp, xp_star, gap of one method's matrix [N, N], and their 95 % node-bootstrap bounds.

    possible: what a mean return can be (`intervals.pays`). xp_sem_pairs is the standard error from
    disjoint pairs. Raises UserError for a matrix that is not square or has cells that are not
    numbers.
    """
    matrix = check_matrix(matrix)
    sp, xp, gap = within(matrix, possible=possible, seed=seed, resamples=resamples)
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
    matrix: np.ndarray,
    allowed: np.ndarray | None = None,
    *,
    possible: Range = ANYTHING,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> tuple[Interval, Interval, Interval]:
    """SP, XP and gap of one method's matrix [N, N] by the node bootstrap.

    allowed [N, N] bool marks the cells off the diagonal that count for XP; all if left out.

    A resample draws N policies with replacement and takes the induced rows and columns; cells whose
    two ends are the same original policy are left out of XP, which narrows its spread by
    (N - 2) / (N - 1) and is undone here. From 3 policies on; with 2 there is no interval for XP.
    """
    size = len(matrix)
    apart = ~np.eye(size, dtype=bool)
    if allowed is not None:
        apart &= allowed
    point = self_play(matrix), _mean_where(matrix, apart)
    count = drawn(size, seed=seed, resamples=resamples)
    sp, xp = count @ np.diag(matrix) / size, _weighed(count, matrix, apart, count)
    cells = (size - 1) / (size - 2) if size > 2 else float("nan")
    gap = point[0] - point[1]
    apart_draws = (sp - point[0]) - cells * (xp - point[1]) + gap
    return (
        interval(point[0], sp, size, possible),
        interval(point[1], xp, size, possible, stretch=cells),
        interval(gap, apart_draws, size, possible.of_differences),
    )


def between(
    block: np.ndarray,
    allowed: np.ndarray | None = None,
    *,
    repeats: tuple[bool, bool] = (True, True),
    possible: Range = ANYTHING,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """The mean of a block [rows, cols] of two different methods, resampling policies.

    allowed [rows, cols] marks the cells that count; nan if none does. repeats: which sides are runs
    of one method and are resampled; the other is taken as given, as scripted partners are.
    """
    allowed = np.ones(block.shape, bool) if allowed is None else allowed
    if not allowed.any():
        return Interval(float("nan"), float("nan"), float("nan"))
    counted = [size for size, repeat in zip(block.shape, repeats, strict=True) if repeat]
    if not counted:
        return Interval(_mean_where(block, allowed), float("nan"), float("nan"))
    rows, cols = (
        drawn(size, seed=seed + side, resamples=resamples)
        if repeat
        else np.ones((resamples, size), int)
        for side, (size, repeat) in enumerate(zip(block.shape, repeats, strict=True))
    )
    draws = _weighed(rows, block, allowed, cols) if min(counted) > 1 else np.empty(0)
    return interval(_mean_where(block, allowed), draws, min(counted), possible)


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


def _weighed(
    rows: np.ndarray, values: np.ndarray, allowed: np.ndarray, cols: np.ndarray
) -> np.ndarray:
    """[resamples] the mean of the allowed cells, each as often as its row and column were drawn."""
    total = np.einsum("dr,rc,dc->d", rows, np.where(allowed, values, 0.0), cols, optimize=True)
    weight = np.einsum("dr,rc,dc->d", rows, allowed.astype(float), cols, optimize=True)
    return np.divide(total, weight, out=np.full(len(total), np.nan), where=weight > 0)


def _mean_where(values: np.ndarray, allowed: np.ndarray) -> float:
    return float(values[allowed].mean()) if allowed.any() else float("nan")
