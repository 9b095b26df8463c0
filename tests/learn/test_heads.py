"""What is likely, worked out without distrax, is distrax's to the bit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from zsc.nets import distribution, entropy, log_prob, log_probs
from zsc.types import Array

LOGITS = 3.0 * jax.random.normal(jax.random.key(0), (512, 6))
MASK = jax.random.bernoulli(jax.random.key(1), 0.7, LOGITS.shape).at[:, 0].set(True)
ACTION = jnp.argmax(jnp.where(MASK, LOGITS, -jnp.inf), -1)


def ours(logits: Array) -> tuple[Array, Array]:
    likely = log_probs(logits, MASK)
    return log_prob(likely, ACTION), entropy(likely)


def theirs(logits: Array) -> tuple[Array, Array]:
    said = distribution(logits, MASK)
    return said.log_prob(ACTION), said.entropy()


def test_likelihood_and_entropy_are_those_of_the_library_and_so_are_their_gradients() -> None:
    def told(of: Callable[[Array], tuple[Array, Array]]) -> list[np.ndarray]:
        slopes = [jax.grad(lambda x, i=i: of(x)[i].sum())(LOGITS) for i in (0, 1)]
        return [np.asarray(x) for x in (*of(LOGITS), *slopes)]

    for mine, expected in zip(told(ours), told(theirs), strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_a_training_is_ready_without_distrax() -> None:
    code = "import sys, zsc.cli.train; print('distrax' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"
