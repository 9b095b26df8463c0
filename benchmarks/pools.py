"""Self-play pools of 8 on the five classic layouts: curves, final returns, time to 200.

    python -m benchmarks.pools [LAYOUT ...]

Times are wall seconds of training for all members together, without compiling, which is given
apart. A member has reached 200 when the mean of two successive updates' episodes is at least 200.
"""

import sys
import time

import jax
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import zsc
from benchmarks.report import PICTURES, table, write_section
from zsc.envs.overcooked import CLASSIC
from zsc.evaluation.plots import learning_curves
from zsc.populations.presets import preset
from zsc.train import fit, init_state, make_update
from zsc.train.method import Method
from zsc.train.sinks import Memory
from zsc.train.state import steps_per_update, updates_for

MEMBERS, GOAL, CHUNK = 8, 200, 5
SEEDS = {"cramped_room": (0, 1, 2), "coordination_ring": (0, 1, 2)}


class Clock(Memory):
    """Memory that also keeps how many seconds of training each row came after."""

    def start(self, progress):
        self.seconds, self.spent = [], 0.0

    def write(self, rows, seconds):
        super().write(rows, seconds)
        self.seconds += [self.spent + seconds * (i + 1) / len(rows) for i in range(len(rows))]
        self.spent += seconds


def train(layout: str, seed: int):
    env = zsc.make(f"overcooked/{layout}")
    known = preset(env.spec)
    policy, method = zsc.mlp_policy(env.spec), Method("self_play")
    updates = updates_for(env, known.learner, known.steps)
    update = make_update(env, policy, method, known.learner)
    state = init_state(
        env, policy, method, known.learner, members=MEMBERS, seed=seed, updates=updates
    )
    per_update = steps_per_update(env, known.learner)
    began = time.perf_counter()
    fit(update, state, updates=1, chunk=CHUNK)
    compiling = time.perf_counter() - began
    clock = Clock()
    state = fit(
        update, state, updates=updates, chunk=CHUNK, sinks=[clock], steps_per_update=per_update
    )
    final = zsc.self_play_returns(
        env, policy, state.params, episodes=64, key=jax.random.key(seed + 77)
    )
    return clock, final, compiling, per_update * updates


def reached(clock: Clock) -> np.ndarray:
    """[M] the row in which each member reached the goal, -1 if never."""
    returns = clock["return"]
    smooth = (returns[1:] + returns[:-1]) / 2 >= GOAL
    return np.where(smooth.any(0), smooth.argmax(0) + 1, -1)


def row(layout: str, seed: int, clock: Clock, final, compiling: float, steps: int) -> list:
    when = reached(clock)
    rate = steps * MEMBERS / clock.spent
    some = when[when >= 0]
    last = f"{clock.seconds[some.max()]:.1f} s" if len(some) == MEMBERS else "-"
    cost = [clock.rows[i]["steps"] / 1e6 for i in some]
    need = f"{min(cost):.2f}-{max(cost):.2f} M" if cost else "-"
    return [
        layout,
        seed,
        f"{len(some)} of {MEMBERS}",
        last,
        need,
        f"{steps / 1e6:.2f} M",
        f"{clock.spent:.0f} s",
        f"{rate / 1e3:.0f} k/s",
        f"{final.min():.0f} / {np.median(final):.0f} / {final.max():.0f}",
        f"{compiling:.0f} s",
    ]


COLUMNS = [
    "layout",
    "seed",
    "members at 200",
    "all there after",
    "env steps each",
    "budget each",
    "whole budget",
    "env steps/s, all members",
    "final return min / median / max",
    "compile + first update",
]


def main() -> None:
    zsc.setup()
    layouts = sys.argv[1:] or list(CLASSIC)
    PICTURES.mkdir(exist_ok=True)
    figure, axes = plt.subplots(1, len(layouts), figsize=(3.4 * len(layouts), 3), squeeze=False)
    rows = []
    for axis, layout in zip(axes[0], layouts, strict=True):
        for seed in SEEDS.get(layout, (0,)):
            clock, final, compiling, steps = train(layout, seed)
            rows.append(row(layout, seed, clock, final, compiling, steps))
            print(rows[-1], flush=True)
            if seed == 0:
                learning_curves(clock["steps"], clock["return"], axis)
                axis.set_title(layout)
    figure.tight_layout()
    figure.savefig(PICTURES / "pools.png", dpi=110)
    write_section("pools", table(COLUMNS, rows))


if __name__ == "__main__":
    main()
