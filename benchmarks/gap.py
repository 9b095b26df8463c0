"""SP, XP and FCP on a classic layout, with intervals over seeds.

    python -m benchmarks.gap [LAYOUT]

Self-play: two pools of 8 seeds, one to measure and one that nobody trained with. FCP: 6 best
responses, each with 8 self-play seeds (24 checkpoints) of its own.
"""

import sys
import time

import matplotlib

matplotlib.use("Agg")

import zsc
from benchmarks.report import PICTURES, interval_text, table, write_section
from zsc.agents.bots import overcooked_bots
from zsc.evaluation import CrossPlay, crossplay
from zsc.populations import FictitiousCoPlay, SelfPlay

COOKS = ("onion_carrier", "plate_server", "greedy_cook", "hog")


def tables(played: CrossPlay) -> str:
    summary = played.summary()
    parts = ("SP", "XP within", "gap", "XP between")
    rows = [
        [group, int(line["policies"])]
        + [interval_text(*(line[f"{p}{bound}"] for bound in ("", " low", " high"))) for p in parts]
        for group, line in summary.iterrows()
        if group != "cooks"
    ]
    first = table(["", "seeds", *parts], rows)
    groups = ["SP", "FCP", "cooks"]
    rows = [
        [
            a,
            *(
                interval_text(*played.block(a, b)) if a != b else ""
                for b in ("held-out SP", "cooks")
            ),
        ]
        for a in groups[:2]
    ]
    return f"{first}\n\n{table(['with strangers', 'held-out SP', 'scripted cooks'], rows)}"


def main() -> None:
    zsc.setup()
    layout = sys.argv[1] if len(sys.argv) > 1 else "coordination_ring"
    env = zsc.make(f"overcooked/{layout}")
    recipes = {
        "SP": (SelfPlay(members=8), 0),
        "FCP": (FictitiousCoPlay(members=6, partners=8), 100),
        "held-out SP": (SelfPlay(members=8), 200),
    }
    pools, times = {}, {}
    for name, (recipe, seed) in recipes.items():
        began = time.perf_counter()
        pools[name] = recipe.train(env, seed=seed, progress=True)
        times[name] = time.perf_counter() - began
    pools["cooks"] = overcooked_bots(env, COOKS)
    played = crossplay(env, pools, episodes=32, seed=0)
    PICTURES.mkdir(exist_ok=True)
    axes = played.heatmap()
    axes.figure.savefig(PICTURES / f"gap_{layout}.png", dpi=100)
    spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in times.items())
    write_section(f"gap-{layout}", f"{tables(played)}\n\nTraining with compiling: {spent}.")


if __name__ == "__main__":
    main()
