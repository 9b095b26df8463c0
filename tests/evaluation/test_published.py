"""Published matrices give the published figures.

The other-play paper's four 12 x 12 Hanabi matrices (Hu et al. 2020) are not ours to ship: the test
reads them beside the repository, and says so where they are missing.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from zsc.evaluation import stats

FILE = Path(__file__).parents[3] / "shared" / "reference" / "op_hanabi_matrices.txt"

#: SP, XP and XP* of each matrix, in the order of the file.
PUBLISHED = {
    "SAD": (23.98, 2.53, 3.03),
    "SAD + OP": (23.93, 15.28, 18.22),
    "SAD + AUX": (24.10, 17.63, 21.07),
    "SAD + AUX + OP": (24.06, 22.12, 22.54),
}


def matrices() -> list[np.ndarray]:
    """The matrices of the file, [12, 12] each; the last column, the row's mean, is left out."""
    rows = [
        [float(x) for x in line.split()[1:13]]
        for line in FILE.read_text().splitlines()
        if re.match(r"M\d+\s", line)
    ]
    return list(np.array(rows).reshape(-1, 12, 12))


@pytest.mark.skipif(not FILE.is_file(), reason="the published matrices are not beside the clone")
def test_released_matrices_give_the_published_figures() -> None:
    found = matrices()
    assert len(found) == len(PUBLISHED)
    for matrix, (sp, xp, star) in zip(found, PUBLISHED.values(), strict=True):
        summary = stats.summarize(matrix)
        assert summary["sp"] == pytest.approx(sp, abs=0.01)
        assert summary["xp"] == pytest.approx(xp, abs=0.01)
        assert summary["xp_star"] == pytest.approx(star, abs=0.01)
        assert summary["xp_low"] < xp < summary["xp_high"]


@pytest.mark.skipif(not FILE.is_file(), reason="the published matrices are not beside the clone")
def test_standard_error_of_sad_is_three_times_the_naive_one() -> None:
    sad = matrices()[0]
    cells = sad[~np.eye(12, dtype=bool)]
    assert cells.std(ddof=1) / np.sqrt(len(cells)) == pytest.approx(0.35, abs=0.01)
    assert stats.disjoint_pairs(sad)[1] == pytest.approx(0.97, abs=0.01)
