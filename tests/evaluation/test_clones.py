"""Clones beside people: figures by hand."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import zsc
from tests.by_hand import LEVER, pullers
from zsc import UserError
from zsc.evaluation.clones import beside_people


def test_people_and_clones_stand_in_one_table() -> None:
    """Two pairs of people: one agrees on a lever in both games, one in neither."""
    pairs = ((3, 3), (3, 3), (1, 2), (2, 1))
    each = [zsc.record(LEVER, (pullers(a), pullers(b)), episodes=1) for a, b in pairs]
    games = jax.tree.map(lambda *x: np.concatenate(x), *each)
    whose = (("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"))
    found = beside_people(LEVER, games, {"bc": pullers(3, 3, 5)}, whose=whose, episodes=2)
    assert found.index.tolist() == [
        "people, with people", "bc, with itself", "bc, with one another"
    ]  # fmt: skip
    assert found["n"].tolist()[0] == 2
    assert found["return"].tolist()[:2] == [0.5, 1.0]
    wide = found.iloc[0]
    assert wide["return low"] < 0.1
    assert wide["return high"] > 0.9
    assert beside_people(LEVER, games, {"bc": pullers(3)}, episodes=1)["n"].iloc[0] == 4
    with pytest.raises(UserError, match="an agent played"):
        beside_people(LEVER, games, {"bc": pullers(3)}, whose=(("a", ""),) * 4)
