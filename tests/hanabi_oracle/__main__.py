"""Compare in games of all sizes; exits with 1 if anything differs."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.hanabi_oracle.compare import compare_variant
from tests.hanabi_oracle.games import VARIANTS
from tests.hanabi_oracle.record import DifferenceError

COLUMNS = {
    "games": "games",
    "steps": "steps",
    "bits": "bits",
    "scores": "play scores",
    "misplay": "misplay",
    "discard": "discard",
    "last round": "last-round move",
    "bomb": "ends: bomb",
    "perfect": "ends: perfect",
    "absorbed": "absorbed step",
}


def main() -> int:
    """Print a table of the sizes, the coverage and the first difference."""
    options = _options()
    begin = time.perf_counter()
    share, more = divmod(options.games, len(VARIANTS))
    print(f"{'game':16}{'diff':>6}" + "".join(f"{c:>12}" for c in COLUMNS))
    total, first = Counter[str](), ""
    for number, (name, variant) in enumerate(VARIANTS.items()):
        games = share + (number < more)
        try:
            found = compare_variant(variant, games, options.seed + 1000 * number)
        except DifferenceError as difference:
            first = first or str(difference)
            print(f"{name:16}{'1+':>6}", flush=True)
            continue
        print(_row(name, found), flush=True)
        total += found
    print(_row("total", total))
    print("\ncoverage, counted on the reference's side:")
    for name, count in sorted(total.items()):
        print(f"  {name:40}{count:>12}")
    print(f"\n{time.perf_counter() - begin:.0f} s")
    print(f"first difference:\n{first}" if first else "no difference")
    return 1 if first else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hanabi_oracle", description=__doc__)
    parser.add_argument("--games", type=int, default=2000, help="games of all sizes together")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _row(name: str, found: Counter[str]) -> str:
    counts = "".join(f"{found[key]:>12}" for key in COLUMNS.values())
    return f"{name:16}{0:>6}{counts}"


if __name__ == "__main__":
    sys.exit(main())
