"""Advantages by hand and by their definition."""

import jax.numpy as jnp
import numpy as np

from zsc.learn.gae import gae


def test_gae_by_hand():
    reward = jnp.array([1.0, 2.0, 4.0])
    value = jnp.array([0.5, 1.0, 2.0])
    none = jnp.zeros(3, bool)
    end = jnp.array([False, True, False])
    ask = lambda terminated, truncated: gae(
        reward, value, jnp.float32(3.0), terminated, truncated, gamma=0.5, lam=0.5
    )
    d2 = 4 + 0.5 * 3 - 2
    d1 = 2 + 0.5 * 2 - 1
    d0 = 1 + 0.5 * 1 - 0.5
    open_end = [d0 + 0.25 * (d1 + 0.25 * d2), d1 + 0.25 * d2, d2]
    np.testing.assert_allclose(ask(none, none), open_end, rtol=1e-6)
    # a terminated step has no future at all, a truncated one keeps the value of where it stopped
    np.testing.assert_allclose(ask(end, none), [d0 + 0.25 * (2 - 1), 2 - 1, d2], rtol=1e-6)
    np.testing.assert_allclose(ask(none, end), [d0 + 0.25 * d1, d1, d2], rtol=1e-6)


def test_it_is_the_discounted_sum_of_later_errors_of_every_game_and_role():
    rng = np.random.default_rng(0)
    gamma, lam, (length, *rest) = 0.9, 0.7, (6, 3, 2)
    reward, value = rng.normal(size=(2, length, *rest))
    last = rng.normal(size=rest)
    ended, cut = rng.random((2, length, rest[0], 1)) < 0.2
    wanted = np.zeros_like(reward)
    for start in range(length):
        weight = np.ones(rest)
        for time in range(start, length):
            after = value[time + 1] if time + 1 < length else last
            error = reward[time] + gamma * after * ~ended[time] - value[time]
            wanted[start] += weight * error
            weight = weight * gamma * lam * ~(ended[time] | cut[time])
    found = gae(*map(jnp.asarray, (reward, value, last, ended, cut)), gamma=gamma, lam=lam)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
