"""Clones of the people of 2019 as held-out partners, and who does well with them.

    pip download --no-deps overcooked_ai==1.1.0
    python -m benchmarks.human_clones overcooked_ai-1.1.0.tar.gz [FOLDER]

makes the rosters (`zsc roster people`) unless FOLDER has them already, and scores the self-play
agents of the package's rosters, which never met people, with them.
"""

import sys
from pathlib import Path

import pandas as pd

import zsc
from benchmarks.report import interval_text, table, write_section
from zsc.agents.pool import Pool
from zsc.cli import main as command
from zsc.evaluation import heldout
from zsc.evaluation.human_roster import HELD, LEARNED
from zsc.files import read_json

EPISODES = 64


def strangers(kitchen: str) -> dict[str, Pool]:
    """Agents that never met people: self-play seeds, and responses to them."""
    held = heldout.roster(f"overcooked/{kitchen}")
    finished = held.trained.where(checkpoint="final")
    return {"self-play": finished}


def row(folder: Path) -> list[list[object]]:
    """A kitchen's lines of the two tables."""
    told = read_json(folder / "people.json")
    people, clones = told["foretold"], told["beside people"]
    own = people[f"clones of the {LEARNED}, people of the {HELD}"]
    plain = people[f"frequencies of the {LEARNED}, people of the {HELD}"]
    back = people[f"clones of the {HELD}, people of the {LEARNED}"]
    halves = told["halves"]
    first = [
        folder.name,
        " + ".join(str(halves[half]["groups of people"]) for half in (LEARNED, HELD)),
        " / ".join(f"{x['accuracy']:.3f}" for x in (own, back)),
        f"{plain['accuracy']:.3f}",
        " / ".join(f"{x['log likelihood']:.2f}" for x in (own, back)),
        f"{plain['log likelihood']:.2f}",
    ]
    earned = {who: _interval(x) for who, x in clones.items()}
    held = heldout.read_roster(folder)
    score = heldout.score(held.env, strangers(folder.name), held, episodes=EPISODES)
    summary, partners = score.summary(), score.by_partner()
    second = [
        folder.name,
        earned["people, with people"],
        earned[f"clones of the {LEARNED}, with itself"],
        earned[f"clones of the {HELD}, with itself"],
        f"{partners['best response'].mean():.0f}",
        _of(summary.loc["self-play"], "score"),
        _of(summary.loc["self-play"], "BR-Prox", 2),
    ]
    return [first, second]


def _interval(told: dict[str, float]) -> str:
    return interval_text(*(told[f"return{end}"] for end in ("", " low", " high")))


def _of(told: pd.Series, name: str, digits: int = 0) -> str:
    return interval_text(*(told[f"{name}{end}"] for end in ("", " low", " high")), digits)


def main() -> None:
    zsc.setup()
    archive, folder = sys.argv[1], Path(*sys.argv[2:3] or ["people-2019"])
    if not folder.exists() and command(["roster", "people", archive, "--out", str(folder)]):
        raise SystemExit(2)
    kitchens = [path.parent for path in sorted(folder.glob("*/people.json"))]
    firsts, seconds = zip(*(row(kitchen) for kitchen in kitchens), strict=True)
    text = [
        table(
            ["kitchen", "pairs", "accuracy", "most frequent action", "log likelihood (nats)",
             "of frequencies"],
            list(firsts),
        ),
        table(
            ["kitchen", "people with people", "clones (learned)", "clones (held out)",
             "best response", "self-play's score", "BR-Prox"],
            list(seconds),
        ),
    ]  # fmt: skip
    write_section("human-clones", "\n\n".join(text))


if __name__ == "__main__":
    main()
