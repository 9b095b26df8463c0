"""Compare on all kitchens of the reference and on generated ones; exits with 1 if anything differs.

By the rules of 2019 with two cooks those are the five classic ones.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable

from tests.oracle.candidates import candidates
from tests.oracle.compare import compare_kitchen, compare_layout
from tests.oracle.kitchens import generate_layouts, is_divided
from tests.oracle.record import DifferenceError
from zsc.envs.overcooked import CLASSIC, Layout, parse_layout

Compare = Callable[[int, int], Counter[str]]

COLUMNS = {
    "deliver": "soup_delivery",
    "scoop": "soup_pickup",
    "dish+": "useful_dish_pickup",
    "drop O": "onion_drop",
    "drop D": "dish_drop",
    "drop S": "soup_drop",
    "collide": "collision",
    "same cell": "same cell",
    "absorbed": "absorbed step",
}


def main() -> int:
    """Print a table of the kitchens, the coverage and the first difference."""
    options = _options()
    begin = time.perf_counter()
    kitchens = _kitchens(options)
    share = -(-options.steps // len(kitchens))
    print(f"{'layout':34}{'steps':>7}{'diff':>6}" + "".join(f"{c:>10}" for c in COLUMNS))
    total, first = Counter[str](), ""
    for number, (name, compare) in enumerate(kitchens):
        try:
            found = compare(share, options.seed + 1000 * number)
        except DifferenceError as difference:
            first = first or str(difference)
            print(f"{name:34}{'':>7}{'1+':>6}", flush=True)
            continue
        print(_row(name, found), flush=True)
        total += found
    print(_row("total", total))
    print("\ncoverage, counted on the reference's side:")
    for name, count in sorted(total.items()):
        print(f"  {name:40}{count:>9}")
    print(f"\n{time.perf_counter() - begin:.0f} s")
    print(f"first difference:\n{first}" if first else "no difference")
    return 1 if first else 0


def _kitchens(options: argparse.Namespace) -> list[tuple[str, Compare]]:
    """By title: what compares so many steps from a seed in a kitchen."""
    if (options.dynamics, options.cooks) != ("2019", 2):
        found = candidates(
            options.dynamics,
            options.cooks,
            generated=options.generated,
            seed=options.seed,
            horizon=options.horizon,
        )
        return [
            (one.title, lambda n, seed, one=one: compare_kitchen(one.env, one.engine(), n, seed))
            for one in found
        ]
    layouts = [parse_layout(text, name) for name, text in CLASSIC.items()]
    layouts += generate_layouts(options.seed, options.generated)
    return [
        (
            layout.name if layout.name in CLASSIC else _title(number, layout),
            lambda n, seed, x=layout: compare_layout(x, n, options.horizon, seed),
        )
        for number, layout in enumerate(layouts)
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--steps", type=int, default=200_000, help="steps in all kitchens together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--generated", type=int, default=20, help="number of generated kitchens")
    parser.add_argument("--dynamics", choices=("2019", "2020"), default="2019")
    parser.add_argument("--cooks", type=int, choices=(2, 3, 4), default=2)
    parser.add_argument("--horizon", type=int, default=400)
    return parser.parse_args()


def _title(number: int, layout: Layout) -> str:
    divided = " divided" if is_divided(layout) else ""
    return f"generated {number} {layout.width}x{layout.height} pots={len(layout.pots)}{divided}"


def _row(name: str, found: Counter[str]) -> str:
    counts = "".join(f"{found[key]:>10}" for key in COLUMNS.values())
    return f"{name:34}{found['steps']:>7}{0:>6}{counts}"


if __name__ == "__main__":
    sys.exit(main())
