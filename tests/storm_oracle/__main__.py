"""Compare in every setting; exits with 1 if anything differs."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.replays import DifferenceError
from tests.storm_oracle.compare import SETTINGS, compare_steps


def main() -> int:
    """Print a line for each setting, with what happened in it, and the first difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm_oracle", description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000, help="steps in each setting")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    first, total, began = "", Counter[str](), time.perf_counter()
    for name, env in SETTINGS.items():
        try:
            found = compare_steps(env, options.steps, options.seed)
        except DifferenceError as difference:
            first = first or f"{name}: {difference}"
            print(f"{name}: differs", flush=True)
            continue
        total += found
        told = ", ".join(f"{value:,} {what}" for what, value in found.items())
        print(f"{name}: 0 differences; {told}", flush=True)
    print(f"total: {total['steps']:,} steps, {time.perf_counter() - began:.0f} s")
    print(f"first difference: {first}" if first else "no difference")
    return 1 if first else 0


if __name__ == "__main__":
    sys.exit(main())
