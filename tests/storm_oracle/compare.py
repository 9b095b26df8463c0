"""One comparison of so many steps, and what happened in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import jax
import numpy as np

from tests.replays import Games, check_same, compare
from tests.storm_oracle import reference
from zsc.envs.storm import PAYOFFS, Storm
from zsc.envs.storm.draws import reference_step
from zsc.envs.storm.dynamics import Draws
from zsc.types import Key


@dataclass(frozen=True)
class Mended(Storm):
    """Our game, which ends as it should, with the reference's draws."""

    def draw(self, key: Key) -> Draws:
        """The reference's draws."""
        return reference_step(self.field, key)


SETTINGS: dict[str, Storm] = {
    "prisoner's dilemma": Storm(reference=True),
    "stag hunt": Storm(PAYOFFS["stag_hunt"], reference=True),
    "matching pennies, coins shuffled": Storm(
        PAYOFFS["matching_pennies"], shuffled=True, reference=True
    ),
    "battle of the sexes, freeze 2, 60 steps": Storm(
        PAYOFFS["battle_of_the_sexes"], freeze=2, horizon=60, reference=True
    ),
    "coordination, 5x5": Storm(PAYOFFS["coordination"], size=5, reference=True),
    "chicken, true ends": Mended(PAYOFFS["chicken"]),
    "own pay-offs, 5x5, true ends": Mended((((1.5, -2), (0, 3)), ((-1, 0.25), (7, 4))), size=5),
}


def compare_steps(env: Storm, steps: int, seed: int = 0) -> Counter[str]:
    """At least so many steps, and as many starts as games; raises DifferenceError."""
    total, batch = Counter[str](), 0
    while total["steps"] < steps:
        games = reference.play(env, 1000 * seed + batch)
        compare(env, games)
        total, batch = total + cover(env, games), batch + 1
    if env.reference:
        total["starts"] = compare_starts(env, 500, seed)
    return total


def compare_starts(env: Storm, count: int, seed: int = 0) -> int:
    """So many starts from the same keys; raises DifferenceError."""
    keys = jax.random.split(jax.random.key(seed), count)
    theirs = reference.engine(env, env.horizon)
    state = jax.vmap(lambda key: reference.snapshots(theirs.reset(key)[1]))(keys)
    ours = jax.jit(jax.vmap(lambda key: env.snapshot(env.reset(key)[0])))(keys)
    for name, value in state.items():
        check_same(f"{name} of a start", value, ours[name])
    return count


def cover(env: Storm, games: Games) -> Counter[str]:
    """What happened, counted on the reference's side."""
    s = games.states
    freeze, grid = s["freeze"].astype(int), s["grid"]
    cells = np.stack([s["red_pos"], s["blue_pos"]], axis=2)[..., :2]
    before, after = cells[:, :-1], cells[:, 1:]
    awake = freeze[:, :-1] <= 0
    still = (before == after).all(-1)
    walked = (games.actions == 2) & awake[..., None]
    swap = (before == after[:, :, ::-1]).all((-1, -2)) & ~still.any(-1)
    return Counter(
        {
            "steps": games.steps,
            "interactions": int((freeze[:, 1:] == env.freeze).sum()),
            "new starts": int(((freeze[:, :-1] == 1) & (freeze[:, 1:] == -1)).sum()),
            "beams shown": int((grid == 6).any((-1, -2)).sum()),
            "kept in place": int((walked & still).sum()),
            "changed places": int(swap.sum()),
            "agents under coins": int((~(grid == 1).any((-1, -2))).sum()),
        }
    )
