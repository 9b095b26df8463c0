"""The classic table: ten self-play seeds on each of the five classic kitchens, all ordered pairs.

    python -m benchmarks.classic [LAYOUT ...]        (make table)

Runs are kept in runs/classic and gone on with, so a second call only plays and draws. Beside them
stand the figures of the OvercookedV2 paper (Gessler et al. 2025), which trains recurrent
convolutional networks for longer.
"""

import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import jax

import zsc
from benchmarks.report import PICTURES, interval_text, table, write_section
from zsc.envs.overcooked import CLASSIC
from zsc.evaluation import crossplay
from zsc.evaluation.plots import save_picture, sp_xp_scatter
from zsc.populations import SelfPlay

SEEDS, STEPS, EPISODES = 10, 3e6, 500
RUNS = Path("runs/classic")
#: SP and XP of self-play in the paper, and XP with augmented states; +- is its spread over pairs.
PAPER = {
    "cramped_room": ("259", "257", "-"),
    "asymmetric_advantages": ("278", "278", "-"),
    "coordination_ring": ("214", "96 ± 72", "198"),
    "forced_coordination": ("199", "138 ± 70", "193"),
    "counter_circuit": ("163", "59 ± 57", "140"),
}
#: how the agents were trained; all are evaluated from the kitchen's own starts
TRAINING = {"SP": {}, "SP, random starts": {"random_starts": True}}


def pool_of(layout: str, name: str):
    """The pool of a run folder, trained or gone on with if it is not there."""
    out = RUNS / f"{layout}{'-random' if TRAINING[name] else ''}"
    env = zsc.make(f"overcooked/{layout}", **TRAINING[name])
    resume = (out / "manifest.json").exists()
    return SelfPlay(members=SEEDS, steps=STEPS).train(env, seed=0, out=out, resume=resume)


def rows_of(layout: str):
    """One table row per way of training, and the cross-play they come from."""
    env = zsc.make(f"overcooked/{layout}")
    for name in TRAINING:
        began = time.perf_counter()
        pool = pool_of(layout, name)
        trained = time.perf_counter() - began
        played = crossplay(env, {name: pool}, episodes=EPISODES, seed=0)
        spent = time.perf_counter() - began
        line = played.summary().loc[name]
        parts = [
            interval_text(*(line[f"{part}{bound}"] for bound in ("", " low", " high")))
            for part in ("SP", "XP within", "gap")
        ]
        sp, xp, augmented = PAPER[layout]
        paper = [sp, xp] if name == "SP" else ["", augmented]
        yield [layout, name, *parts, *paper, f"{trained:.0f} s", f"{spent - trained:.0f} s"], played


def main() -> None:
    zsc.setup()
    layouts = sys.argv[1:] or list(CLASSIC)
    began = time.perf_counter()
    PICTURES.mkdir(exist_ok=True)
    rows, plays = [], {}
    for layout in layouts:
        for row, played in rows_of(layout):
            rows.append(row)
            print(row, flush=True)
            plays[f"{layout}, {row[1]}"] = played
    save_picture(sp_xp_scatter(plays), PICTURES / "classic.png")
    columns = [
        "kitchen",
        "training",
        "SP",
        "XP",
        "gap",
        "paper: SP",
        "paper: XP",
        "training",
        "play",
    ]
    minutes = (time.perf_counter() - began) / 60
    total = f"All of it: {minutes:.0f} minutes on {jax.device_count()} devices."
    write_section("classic", f"{table(columns, rows)}\n\n{total}")


if __name__ == "__main__":
    main()
