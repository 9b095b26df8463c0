"""Try mutants and write the table of those that no test saw."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.mutants.equivalent import EQUIVALENT
from benchmarks.mutants.mirrors import ROOT, near
from benchmarks.mutants.named import named
from benchmarks.mutants.operators import Mutant, mutants_of
from benchmarks.mutants.trial import Bench

CODE = (
    "zsc/learn", "zsc/play", "zsc/train", "populations", "evaluation/metrics.py",
    "evaluation/stats.py", "evaluation/aggregates.py", "evaluation/teams.py",
)  # fmt: skip
HOME = Path.home() / ".cache" / "zsc-mutants"
#: What only draws on a terminal, or is empty.
APART = ("zsc/train/sinks.py", "__init__.py", "zsc/train/recipes.py")


def files() -> list[str]:
    """The files that are changed."""
    found = []
    for name in CODE:
        path = ROOT / name
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    names = [str(path.relative_to(ROOT)) for path in found]
    return [name for name in names if not name.endswith(APART)]


def sample(count: int, seed: int, only: tuple[str, ...]) -> list[Mutant]:
    """Some mutants of all files, uniformly and without repetition."""
    everything = [m for file in files() for m in mutants_of(file, (ROOT / file).read_text())]
    possible = [m for m in everything if m.file.startswith(only)]
    chosen = random.Random(seed).sample(possible, min(count, len(possible)))
    print(f"{len(chosen)} of {len(possible)} mutants", flush=True)
    return chosen


def key_of(mutant: Mutant) -> str:
    """Of the whole changed file, so that no verdict outlives a change of the code."""
    return f"{mutant.where} {hashlib.sha256(mutant.source.encode()).hexdigest()[:16]}"


def why_equivalent(mutant: Mutant) -> str:
    return EQUIVALENT.get((mutant.file, mutant.before, mutant.after), "")


def judge(
    mutants: list[Mutant], known: dict[str, str], given: argparse.Namespace
) -> dict[str, str]:
    """What became of each mutant: "near", "wide", "hung", "survived" or "equivalent".

    They are tried in the order of the draw, so that those tried within the time are a fair sample.
    """
    end, keep = time.monotonic() + 60 * given.minutes, given.keep
    place = Path(tempfile.mkdtemp(prefix="mutants-"))
    bench = Bench(place, keep.parent / "programs")
    try:
        sound: set[tuple[str, ...]] = set()
        for number, mutant in enumerate(mutants, 1):
            if known.get(key_of(mutant)) in ("near", "wide"):
                continue
            if time.monotonic() > end:
                break
            if not given.trust and near(mutant.file) not in sound:
                fine, told = bench.passes(near(mutant.file), 900)  # and what is compiled is kept
                if not fine:
                    raise SystemExit(f"{near(mutant.file)} fails without a mutant: {told}")
                sound.add(near(mutant.file))
            began = time.monotonic()
            verdict, told = "equivalent", ""
            if not why_equivalent(mutant):
                stages = ("near",) if given.near else ("near", "wide")
                verdict, told = bench.try_out(mutant.file, mutant.source, stages, given.limit)
            known[key_of(mutant)] = verdict or "survived"
            keep.write_text(json.dumps(known, indent=0))
            spent = time.monotonic() - began
            print(f"{number}/{len(mutants)} {known[key_of(mutant)]:10} {spent:4.0f} s "
                  f"{mutant.where} {mutant.what} {told[-110:]}", flush=True)  # fmt: skip
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return known


def report(mutants: list[Mutant], verdicts: dict[str, str], lost: list[str], command: str) -> str:
    """The table by file, and the survivors and equivalent ones by name."""
    from benchmarks.report import table

    count: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    mutants = sorted(mutants, key=lambda m: (m.file, m.line))
    for mutant in mutants:
        for name in (mutant.file, "all"):
            count[name]["mutants"] += 1
            count[name][verdicts[key_of(mutant)]] += 1
    rows: list[list[object]] = []
    for name in [*sorted(set(count) - {"all"}), "all"]:
        of = count[name]
        seen, able = of["near"] + of["wide"], of["mutants"] - of["equivalent"]
        share = f"{seen / able:.0%}" if able else "-"
        rows.append(
            [name, of["mutants"], seen, of["hung"], of["equivalent"], of["survived"], share]
        )
    columns = ["file", "mutants", "seen", "not done in time", "equivalent", "survived"]
    columns.append("seen of those that are not equivalent")
    parts = [f"`{command}`", table(columns, rows)]
    here = [m for m in mutants if m.name]
    seen = sum(verdicts[key_of(m)] in ("near", "wide") for m in here)
    parts.append(f"Named faults: {seen} of {len(here)} seen, in the table with the others.")
    if lost:
        parts.append("Named faults whose place was rewritten: " + "; ".join(lost) + ".")
    titles = {"survived": "Survived", "hung": "Not done in time", "equivalent": "Equivalent"}
    for verdict, title in titles.items():
        found = [m for m in mutants if verdicts[key_of(m)] == verdict]
        lines = [f"- {m.where} {m.what}{': ' if why_equivalent(m) else ''}{why_equivalent(m)}"
                 for m in found]  # fmt: skip
        parts.append("\n".join([f"{title}:", "", *(lines or ["- none"])]))
    return "\n\n".join(parts)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the copy is taken away
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=100, help="how many, beside the named ones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="files or folders")
    parser.add_argument("--near", action="store_true", help="only the tests that mirror a file")
    parser.add_argument("--trust", action="store_true", help="tests are known to pass as it is")
    parser.add_argument("--write", action="store_true", help="write the section of RESULTS.md")
    parser.add_argument("--limit", type=float, default=240, help="seconds for a mutant's tests")
    parser.add_argument("--minutes", type=float, default=1e9, help="no new mutant after these")
    parser.add_argument("--keep", type=Path, default=HOME / "verdicts.json",
                        help="verdicts; those that were seen are not tried again")  # fmt: skip
    given = parser.parse_args()
    faults, lost = named(ROOT)
    only = tuple(given.only) or ("",)
    mutants = [m for m in faults if given.write or m.file.startswith(only)]
    mutants += sample(given.mutants, given.seed, only)
    given.keep.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(given.keep.read_text()) if given.keep.exists() else {}
    verdicts = judge(mutants, known, given)
    mutants = [m for m in mutants if key_of(m) in verdicts]
    command = shlex.join(["python", "-m", "benchmarks.mutants", *sys.argv[1:]])
    text = report(mutants, verdicts, lost, command)
    if not given.write:
        print(text)
        return
    from benchmarks.report import write_section

    write_section("mutants", text)


if __name__ == "__main__":
    main()
