"""One comparison of so many steps, and what happened in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import jax
import numpy as np

from tests.lbf_oracle import jumanji, lbforaging
from tests.replays import Games, check_same, compare
from zsc.envs.lbf import Foraging


def compare_jumanji(env: Foraging, steps: int, seed: int = 0) -> Counter[str]:
    """At least so many steps of jumanji's engine, and its starts; raises DifferenceError."""
    return _many(env, steps, lambda batch: jumanji.play(env, 1000 * seed + batch))


def compare_original(env: Foraging, steps: int, seed: int = 0) -> Counter[str]:
    """At least so many steps of lbforaging's engine; raises DifferenceError."""
    return _many(env, steps, lambda batch: lbforaging.play(env, jumanji.BATCH, 1000 * seed + batch))


def compare_starts(env: Foraging, count: int, seed: int = 0) -> int:
    """So many starts of jumanji's engine from the same keys; raises DifferenceError."""
    keys = jax.random.split(jax.random.key(seed), count)
    theirs = jumanji.reference(env)
    state = jax.jit(jax.vmap(lambda key: jumanji.snapshots(theirs.reset(key)[0])))(keys)
    ours = jax.jit(jax.vmap(lambda key: env.snapshot(env.reset(key)[0])))(keys)
    for name, value in state.items():
        check_same(f"{name} of a start", value, ours[name])
    return count


def _many(env: Foraging, steps: int, play: Callable[[int], Games]) -> Counter[str]:
    """Batches of games until there are enough steps; what happened in them."""
    total, batch = Counter[str](), 0
    while total["steps"] < steps:
        games = play(batch)
        compare(env, games)
        total, batch = total + cover(games), batch + 1
    return total


def cover(games: Games) -> Counter[str]:
    """What happened, counted on the reference's side."""
    live, s = games.live, games.states
    eaten = s["food_eaten"][:, 1:] & ~s["food_eaten"][:, :-1]
    pos, before = s["pos"][:, 1:], s["pos"][:, :-1]
    pairs = np.triu(np.ones((pos.shape[2],) * 2, bool), 1)
    same = lambda one, two: (one[:, :, :, None] == two[:, :, None]).all(-1)
    still = (pos == before).all(-1)
    walked = (games.actions > 0) & (games.actions < 5)
    swap = same(pos, before) & same(before, pos) & ~still[..., None]
    count = lambda what: int((what & live.reshape(live.shape + (1,) * (what.ndim - 2))).sum())
    return Counter(
        {
            "steps": games.steps,
            "eaten": count(eaten),
            "two eaten at once": count(eaten.sum(-1) > 1),
            "refused moves": count(walked & still),
            "one cell for two": count(same(pos, pos) & pairs),
            "changed places": count(swap & pairs),
            "cleared": count(games.paid["terminated"]),
            "out of time": count(games.paid["truncated"]),
            "paid": count(games.paid["reward"] > 0),
            "penalties": count(games.paid["reward"] < 0),
        }
    )
