"""The full game of two: self-play seeds with and without memory, and a matrix with the rule bots.

    python -m benchmarks.hanabi_full

Runs are kept in runs/hanabi; called again, it goes on with them.
"""

import matplotlib

matplotlib.use("Agg")
import json

import matplotlib.pyplot as plt
import numpy as np

import zsc
from benchmarks.hanabi import RUNS
from benchmarks.report import PICTURES, table, write_section
from zsc.agents.bots import hanabi_bots
from zsc.agents.policy import mlp_policy
from zsc.evaluation import crossplay
from zsc.evaluation.plots import learning_curves
from zsc.populations import SelfPlay

#: Per network: steps per seed. The feed-forward one is the smaller by far.
NETWORKS = {
    "mlp": (mlp_policy, 1.2e7),
    "gru": (None, 4e6),  # the preset's
}


def trained(env, network):
    """The pool of two seeds, and its returns and steps per update."""
    policy, steps = NETWORKS[network]
    out = RUNS / f"full-2p-{network}"
    recipe = SelfPlay(members=2, steps=steps, network=policy)
    pool = recipe.train(env, seed=0, out=out, resume=out.exists(), progress=True)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return pool, {name: np.array([row[name] for row in rows]) for name in ("steps", "return")}


def smooth(log):
    """Returns [updates, M] as the mean of 20 updates, and the steps they end at."""
    window = np.ones(20) / 20
    mean = np.stack([np.convolve(x, window, "valid") for x in log["return"].T], axis=1)
    return log["steps"][19:], mean


def main() -> None:
    zsc.setup()
    env = zsc.make("hanabi/full-2p")
    pools, lines = {}, []
    axes = plt.subplots(figsize=(6, 3.6), layout="constrained")[1]
    for network in NETWORKS:
        pools[network], log = trained(env, network)
        steps, returns = smooth(log)
        learning_curves(steps, returns, axes, label=network)
        at = [m for m in (0.5, 1, 2, 4, 8) if m * 1e6 < steps[-1]]
        marks = [f"{np.interp(m * 1e6, steps, returns.mean(1)):.1f} at {m} M" for m in at]
        end = f"{returns[-1].mean():.1f} at {steps[-1] / 1e6:.0f} M"
        lines.append(f"{network}: mean training return {', '.join(marks)}, {end} steps per seed.")
    axes.legend()
    axes.figure.savefig(PICTURES / "hanabi_full_curve.png", dpi=90)
    played = crossplay(env, pools | {"bots": hanabi_bots(env)}, episodes=128, seed=0)
    played.heatmap(cluster=False).figure.savefig(PICTURES / "hanabi_full.png", dpi=90)
    matrix = (played.matrix() + played.matrix().T) / 2
    names = [name.split("/")[-1] if "bots" in name else name for name in played.names]
    agents = [i for i, group in enumerate(played.groups) if group != "bots"]
    rows = [[names[i], *(f"{x:.2f}" for x in matrix[i])] for i in agents]
    write_section("hanabi-full", "\n\n".join([*lines, table(["mean return of", *names], rows)]))


if __name__ == "__main__":
    main()
