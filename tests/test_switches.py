"""Results do not depend on jax's global switches."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import zsc
from zsc import PPOConfig
from zsc.evaluation import crossplay
from zsc.populations import SelfPlay

LEVER = zsc.make("lever")
RECIPE = SelfPlay(members=2, steps=300, learner=PPOConfig(envs=8, segments=1, shaping_steps=0))


def results() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, a cross-play and recorded actions of one seed."""
    pool = RECIPE.train(LEVER, seed=3)
    played = crossplay(LEVER, {"SP": pool}, episodes=8, seed=1)
    actions = zsc.record(LEVER, [pool[0], pool[1]], episodes=4, seed=1).action
    return np.asarray(jax.tree.leaves(pool.params)[0]), played.values, np.asarray(actions)


@pytest.fixture(scope="module")
def usual() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As the switches are by default."""
    return results()


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("jax_default_prng_impl", "rbg"),
        ("jax_enable_x64", True),
        ("jax_threefry_partitionable", False),
        ("jax_numpy_dtype_promotion", "strict"),
    ],
)
def test_a_seed_means_the_same_under_any_switch(
    switch: str, value: object, usual: tuple[np.ndarray, ...]
) -> None:
    before = getattr(jax.config, switch)
    jax.config.update(switch, value)
    try:
        found = results()
    finally:
        jax.config.update(switch, before)
    for one, two in zip(usual, found, strict=True):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)
