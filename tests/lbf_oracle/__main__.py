"""Compare in every setting; exits with 1 if anything differs."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable

from tests.lbf_oracle.compare import compare_jumanji, compare_original, compare_starts
from tests.lbf_oracle.settings import JUMANJI, ORIGINAL
from tests.replays import DifferenceError
from zsc.envs.lbf import Foraging

Compare = Callable[[Foraging, int, int], Counter[str]]


def main() -> int:
    """Print a line for each setting, with what happened in it, and the first difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.lbf_oracle", description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000, help="steps in each setting")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    first, total, began = "", Counter[str](), time.perf_counter()
    sides: list[tuple[str, dict[str, Foraging], Compare]] = [
        ("jumanji", JUMANJI, compare_jumanji),
        ("lbforaging", ORIGINAL, compare_original),
    ]
    for engine, settings, compare in sides:
        for name, env in settings.items():
            try:
                found = compare(env, options.steps, options.seed)
                if engine == "jumanji":
                    found["starts"] = compare_starts(env, 1_000, options.seed)
            except DifferenceError as difference:
                first = first or f"{engine} {name}: {difference}"
                print(f"{engine:11}{name}: differs", flush=True)
                continue
            total += found
            told = ", ".join(f"{value:,} {what}" for what, value in found.items())
            print(f"{engine:11}{name}: 0 differences; {told}", flush=True)
    print(f"total: {total['steps']:,} steps, {time.perf_counter() - began:.0f} s")
    print(f"first difference: {first}" if first else "no difference")
    return 1 if first else 0


if __name__ == "__main__":
    sys.exit(main())
