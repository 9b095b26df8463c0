"""Measuring two libraries side by side in one process."""

import time

import jax
import jax.numpy as jnp
import numpy as np


def checksum(obs):
    """Every element of observations [games, ...], so that nothing is optimised away.

    The barrier has the array written first, as for a network; it is not summed on the way. Summed
    over the games only, which runs at the speed of memory: over the agents as well it takes four
    to eight times as long (see RESULTS.md), and would be most of what is measured.
    """
    return jax.lax.optimization_barrier(obs).sum(0, dtype=obs.dtype)


def span(values, form="{:.2f}", unit=""):
    """Median and range of measured values, in words."""
    low, middle, high = (form.format(x) for x in (min(values), np.median(values), max(values)))
    return f"{middle}{unit} ({low} to {high})"


def seconds(sides, repeats):
    """Wall time of each side [sides, repeats], taken in turns; sides are functions of a number.

    Everything is run once before, to compile it.
    """
    spent = np.zeros((len(sides), repeats))
    for turn in range(-1, repeats):
        for side, run in enumerate(sides):
            began = time.perf_counter()
            jax.block_until_ready(run(turn + 1))
            if turn >= 0:
                spent[side, turn] = time.perf_counter() - began
    return spent


def cost_of_a_step(sides, repeats):
    """Seconds per step of each side [sides, repeats]; sides say how many steps a turn had."""
    steps = [[] for _ in sides]
    keep = lambda run, kept: lambda turn: kept.append(run(turn))
    spent = seconds([keep(*pair) for pair in zip(sides, steps, strict=True)], repeats)
    return spent / np.array(steps)[:, 1:]  # the first turn compiled


def ratio(ours, theirs, digits=1):
    """How many times less time ours took: median, and the range over the turns."""
    times = theirs / ours
    return f"{np.median(times):.{digits}f}x ({times.min():.{digits}f} to {times.max():.{digits}f})"


def living(reset, advance, games, block, blocks):
    """(carry, key) -> carry, steps of living games; and the first carry.

    reset: keys -> states, what is shown; advance: (key, states, masks) -> the same a step later.
    Games that are over are dealt anew after each `block` steps; there are `blocks` of them.
    """

    def step(carry, key):
        state, mask, over, total = carry
        state, shown = advance(key, state, mask)
        return (state, shown.mask, shown.done, total + checksum(shown.obs)), (~over).sum()

    def played(carry, key):
        state, mask, over, total = carry
        fresh, shown = reset(jax.random.split(key, games))
        pick = lambda old, new: jnp.where(over.reshape(-1, *(1,) * (old.ndim - 1)), new, old)
        state, mask = jax.tree.map(pick, (state, mask), (fresh, shown.mask))
        carry = state, mask, jnp.zeros_like(over), total + checksum(shown.obs)
        carry, alive = jax.lax.scan(step, carry, jax.random.split(key, block))
        return carry, alive.sum()

    def run(carry, key):
        carry, alive = jax.lax.scan(played, carry, jax.random.split(key, blocks))
        return carry, alive.sum()

    state, shown = jax.jit(reset)(jax.random.split(jax.random.key(0), games))
    return jax.jit(run), (state, shown.mask, shown.done, checksum(shown.obs))


def going_on(run, carry):
    """(turn) -> how many steps living games played; they go on from turn to turn."""

    def play(turn):
        nonlocal carry
        carry, steps = jax.block_until_ready(run(carry, jax.random.key(turn)))
        return int(steps)

    return play
