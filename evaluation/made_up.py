"""A made-up export of a study, for notebooks and tests: nobody played, the numbers are drawn.

It has the columns of `zsc study export` that an analysis reads, so what is written for it works on
a real one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from zsc.files import write_text

KITCHENS = ("overcooked/cramped_room", "overcooked/coordination_ring")
#: Mean returns that are drawn around.
PARTNERS = {"self-play": 80.0, "fictitious co-play": 120.0, "clones of people": 110.0}
_ITEMS = ("teamwork", "contributes", "intentions")


def made_up_export(
    folder: str | Path,
    *,
    people: int = 24,
    partners: Mapping[str, float] = PARTNERS,
    kitchens: tuple[str, ...] = KITCHENS,
    seeds: int = 4,
    ids: Mapping[str, tuple[str, ...]] | None = None,
    spread: tuple[float, float, float] = (15.0, 10.0, 20.0),
    seed: int = 0,
) -> Path:
    """Write rounds.csv, participants.csv and answers.csv of so many people into a folder.

    partners: names with their mean returns. seeds: agents of each. ids: theirs, where real ones
    are to be joined with a cross-play; then as many agents as there are ids. spread: standard
    deviations of people, agents and single games, in units of return. Every seventh person looked
    away in one game, every tenth left before the end.
    """
    rng = np.random.default_rng(seed)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    known = ids or {name: tuple(f"{name}/{i}" for i in range(seeds)) for name in partners}
    agents = {name: rng.normal(0, spread[1], len(known[name])) for name in partners}
    rounds: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    told = []
    for number in range(people):
        who, own = f"person-{number:03d}", rng.normal(0, spread[0])
        left = number % 10 == 9
        told.append({"participant": who, "end": "left" if left else "finished",
                     "flag_unfinished": left, "flag_questions": False,
                     "flag_tutorial": number % 12 == 5})  # fmt: skip
        felt = {}
        for place, kitchen in enumerate(kitchens[:1] if left else kitchens):
            for turn, (name, mean) in enumerate(partners.items()):
                member = (number + turn) % len(known[name])
                noise = rng.normal(0, spread[2])
                earned = max(0.0, 20.0 * round((mean + own + agents[name][member] + noise) / 20))
                away = number % 7 == 6 and place == turn == 0
                felt[name] = earned
                whom = known[name][member], name, member
                rounds.append(_round(who, kitchen, whom, earned, away, len(rounds)))
                answers += [_answer(who, item, kitchen, name, 3.5 + earned / 60 + rng.normal())
                            for item in _ITEMS]  # fmt: skip
            order = sorted(felt, key=lambda name: -felt[name])
            answers += [_answer(who, "rank", kitchen, name, i) for i, name in enumerate(order, 1)]
    tables = {"rounds": rounds, "participants": told, "answers": answers}
    for title, rows in tables.items():
        write_text(folder / f"{title}.csv", pd.DataFrame(rows).to_csv(index=False))
    return folder


def _round(
    who: str, kitchen: str, whom: tuple[str, str, int], earned: float, away: bool, number: int
) -> dict[str, Any]:
    agent, name, member = whom
    return {
        "participant": who,
        "game": f"game-{number:04d}",
        "env": kitchen,
        "block": kitchen.rpartition("/")[2],
        "condition": name,
        "practice": False,
        "seat": number % 2,
        "people": 1,
        "with": "",
        "agent": agent,
        "agent_method": name,
        "agent_seed": member,
        "agent_member": member,
        "agent_action": "sampled",
        "steps": 400,
        "return": earned,
        "end": "finished",
        "flag_unfinished": False,
        "flag_nothing_earned": earned == 0,
        "flag_idle": False,
        "flag_away": away,
        "flag_late": False,
        "flag_differs": False,
    }


def _answer(who: str, item: str, kitchen: str, name: str, value: float) -> dict[str, Any]:
    rank = item == "rank"
    return {
        "participant": who,
        "questionnaire": "ranking" if rank else "cole",
        "item": item,
        "block": kitchen.rpartition("/")[2],
        "condition": name,
        "answer": int(value) if rank else int(np.clip(round(value), 1, 7)),
        "kind": "rank" if rank else "scale",
        "points": None if rank else 7,
        "reverse": False,
    }
