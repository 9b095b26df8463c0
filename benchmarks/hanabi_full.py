"""The full game of two: two self-play seeds, their learning curve, and a matrix with the rule bots.

    python -m benchmarks.hanabi_full

The run is kept in runs/hanabi/full-2p; called again, it goes on with it.
"""

import time

import matplotlib

matplotlib.use("Agg")
import json

import matplotlib.pyplot as plt
import numpy as np

import zsc
from benchmarks.hanabi import RUNS
from benchmarks.report import PICTURES, table, write_section
from evaluation import crossplay
from evaluation.plots import learning_curves
from populations import SelfPlay
from populations.presets import preset
from zsc.bots import hanabi_bots

OUT = RUNS / "full-2p"
STEPS = 1.2e7


def curve() -> str:
    """Draw the return of all members over steps; say where it ended."""
    rows = [json.loads(line) for line in (OUT / "metrics.jsonl").read_text().splitlines()]
    steps = np.array([row["steps"] for row in rows])
    returns = np.array([row["return"] for row in rows])
    lengths = np.array([row["length"] for row in rows])
    mean = np.stack([np.convolve(x, np.ones(20) / 20, "valid") for x in returns.T], axis=1)
    axes = learning_curves(steps[19:], mean)
    axes.set_title("hanabi/full-2p, two seeds, mean of 20 updates", fontsize=10)
    axes.figure.savefig(PICTURES / "hanabi_full_curve.png", dpi=90)
    plt.close(axes.figure)
    games = preset(zsc.make("hanabi/full-2p").spec).ppo.envs
    played = float((lengths * games).sum(0).mean())
    marks = [f"{np.interp(m * 1e6, steps[19:], mean.mean(1)):.1f} at {m} M" for m in (1, 2, 4, 8)]
    return (
        f"{steps[-1] / 1e6:.1f} M steps per seed, {played / 1e6:.1f} M of them turns of living "
        f"games. Mean training return: {', '.join(marks)}, {mean[-1].mean():.1f} at the end."
    )


def main() -> None:
    zsc.setup()
    env = zsc.make("hanabi/full-2p")
    began = time.perf_counter()
    recipe = SelfPlay(members=2, steps=STEPS)
    pool = recipe.train(env, seed=0, out=OUT, resume=OUT.exists(), progress=True)
    spent = time.perf_counter() - began
    played = crossplay(env, {"SP": pool, "bots": hanabi_bots(env)}, episodes=128, seed=0)
    axes = played.heatmap(cluster=False)
    axes.figure.savefig(PICTURES / "hanabi_full.png", dpi=90)
    matrix = played.matrix()
    own = played.members("SP")
    rows = [
        [played.names[i], f"{matrix[i, i]:.2f}", f"{matrix[i, own[own != i]].mean():.2f}"]
        + [f"{(matrix[i, j] + matrix[j, i]) / 2:.2f}" for j in played.members("bots")]
        for i in own
    ]
    names = [played.names[j].split("/")[1] for j in played.members("bots")]
    with_bots = table(["", "with itself", "with the other seed", *names], rows)
    write_section("hanabi-full", f"{curve()}\n\n{with_bots}\n\nThis call took {spent:.0f} s.")


if __name__ == "__main__":
    main()
