"""Self-play and other-play in OvercookedV2: with themselves, and with the seeds beside them.

    python -m benchmarks.overcooked_v2 [LAYOUT ...]

Ten runs each in the paper's setting (a view of two cells, wrong dishes cost, each delivery draws a
recipe), with a memory; other-play relabels ingredients in the channels as the paper does, and by
the kitchen's own symmetry. Runs are kept in runs/overcooked_v2 and gone on with. The figures of the
paper stand beside where they are known.
"""

import sys
import time
from pathlib import Path

import zsc
from benchmarks.report import interval_text, table, write_section
from zsc.evaluation import crossplay
from zsc.populations import OtherPlay, SelfPlay

SEEDS, STEPS, EPISODES = 10, 5e6, 64
RUNS = Path("runs/overcooked_v2")
KITCHENS = ("demo_cook_simple", "grounded_coord_simple", "test_time_simple")
SETTING = {
    "view": 2,
    "negative_rewards": True,
    "sample_recipe_on_delivery": True,
    "random_positions": True,
}
#: (recipe, what else the game is given)
METHODS = {
    "SP": (SelfPlay, {}),
    "OP, the kitchen's flip": (OtherPlay, {}),
    "OP, ingredient channels": (OtherPlay, {"encoding": "grid", "relabel": "channels"}),
}
#: SP and XP in the paper
PAPER = {("demo_cook_simple", "OP, ingredient channels"): ("149 ± 25", "47 ± 48")}


def row_of(layout: str, name: str) -> list[str]:
    recipe, options = METHODS[name]
    shown = {"indicate_successful_delivery": True} if layout.startswith("test_time") else {}
    env = zsc.make(f"overcooked_v2/{layout}", **SETTING, **options, **shown)
    out = RUNS / f"{layout}-{list(METHODS).index(name)}"
    resume = (out / "manifest.json").exists()
    began = time.perf_counter()
    pool = recipe(members=SEEDS, steps=STEPS).train(env, seed=0, out=out, resume=resume)
    trained = time.perf_counter() - began
    line = crossplay(env, {name: pool}, episodes=EPISODES, seed=0).summary().loc[name]
    parts = [
        interval_text(*(line[f"{part}{bound}"] for bound in ("", " low", " high")))
        for part in ("SP", "XP within", "gap")
    ]
    return [layout, name, *parts, *PAPER.get((layout, name), ("", "")), f"{trained:.0f} s"]


def main() -> None:
    zsc.setup()
    rows = []
    for layout in sys.argv[1:] or KITCHENS:
        for name in METHODS:
            rows.append(row_of(layout, name))
            print(rows[-1], flush=True)
    columns = ["kitchen", "method", "SP", "XP", "gap", "paper SP", "paper XP", "training"]
    write_section("overcooked-v2", table(columns, rows))


if __name__ == "__main__":
    main()
