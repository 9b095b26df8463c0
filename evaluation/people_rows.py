"""Games of people beside games of agents: a row of a cross-play table, a row of a held-out score.

What joins them is the id of the agent, a hash of its kind and weights, which exports, pools and
rosters all have. Agents act in a study as its file says (sampled or greedy): play a cross-play that
is put beside it in the same manner.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from zsc.errors import UserError
from zsc.evaluation.aggregates import aggregate
from zsc.evaluation.heldout import HeldOut, Score
from zsc.evaluation.intervals import Interval
from zsc.evaluation.matrix import Matrix
from zsc.evaluation.people import People, bounds, interval_of

NAME = "people"


def crossplay_rows(matrix: Matrix, people: People) -> pd.DataFrame:
    """What each group of a cross-play, and people, earned with each group: rows with bounds.

    Columns "G", "G low", "G high" for each group G (`tables.with_intervals` makes text of them).
    Groups are `Matrix.block`; people are the row "people", over people and agents. Raises UserError
    if they met none of the agents in that game, or played games of another length.
    """
    groups = list(dict.fromkeys(matrix.groups))
    if NAME in groups:
        raise UserError(f"a group is called {NAME!r}: rename it, people get a row of that name")
    rounds = people.rounds[people.rounds["env"] == matrix.env]
    rounds = rounds[rounds["partner"].isin(set(matrix.ids))]
    if rounds.empty:
        raise UserError(
            f"people met none of the agents of this cross-play in {matrix.env}: play the pools "
            "that the study had"
        )
    lengths = np.unique(matrix.games("length"))
    if len(lengths) == 1:
        _check_length(rounds, float(lengths[0]))
    rows = {one: [matrix.block(one, other) for other in groups] for one in groups}
    ids = np.array(matrix.ids)
    rows[NAME] = [
        interval_of(rounds[rounds["partner"].isin(set(ids[matrix.members(group)]))], matrix.pays)
        for group in groups
    ]
    flat = {
        name: {key: x for group, one in zip(groups, row, strict=True)
               for key, x in bounds(one, group).items()}
        for name, row in rows.items()
    }  # fmt: skip
    return pd.DataFrame.from_dict(flat, orient="index").rename_axis("group")


def heldout_rows(score: Score, held: HeldOut, people: People) -> pd.DataFrame:
    """A held-out score with people as one more row, in the cells that people met.

    "score" is the mean return; "share of best" that of return over what the best response earned
    in the same partner and seat, unclipped. A cell is a partner and a seat that counts. All rows
    are over the same cells, the n of "cells". Raises UserError if people met no partner of the
    roster, or played games of another length.
    """
    if score.roster != held.name:
        raise UserError(f"the score is of {score.roster}, the roster is {held.name}: give its own")
    rounds = _in_cells(people, held)
    place = {name: number for number, name in enumerate(held.ids)}
    cell = [(place[p], int(s)) for p, s in zip(rounds["partner"], rounds["seat"], strict=True)]
    best = score.best[tuple(np.array(cell).T)]
    rounds = rounds.assign(share=rounds["return"].to_numpy() / np.where(best > 0, best, np.nan))
    met = np.zeros_like(held.counts)
    met[tuple(np.array(cell).T)] = True
    rows: dict[str, dict[str, Any]] = {}
    for group in dict.fromkeys(score.groups):
        earned = score.values.mean(-1)[np.array(score.groups) == group][:, met]
        paid = score.best[met] > 0
        parts = {
            "score": aggregate(earned, _mean, possible=score.pays),
            "share of best": aggregate(earned[:, paid] / score.best[met][paid], _mean),
        }
        rows[group] = {"n": len(earned)} | _flat(parts)
    parts = {
        "score": interval_of(rounds, score.pays),
        "share of best": interval_of(rounds.dropna(subset="share"), value="share"),
    }
    rows[NAME] = {"n": int(rounds["participant"].nunique())} | _flat(parts)
    found = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    return found.assign(cells=int(met.sum()))


def _in_cells(people: People, held: HeldOut) -> pd.DataFrame:
    """The rounds of people in cells that count."""
    spec = held.env.spec
    here = people.rounds[people.rounds["env"] == spec.id]
    here = here[here["partner"].isin(set(held.ids))]
    place = {name: number for number, name in enumerate(held.ids)}
    usable = [bool(held.counts[place[p], int(s)])
              for p, s in zip(here["partner"], here["seat"], strict=True)]  # fmt: skip
    here = here[np.array(usable, bool)]
    if here.empty:
        raise UserError(f"people met no partner of {held.name} in a seat that counts")
    if spec.fixed_length:
        _check_length(here, spec.horizon)
    return here


def _check_length(rounds: pd.DataFrame, length: float) -> None:
    """Raise UserError for whole games of another length than those of agents."""
    whole = rounds.loc[rounds["end"] == "finished", "steps"]
    other = whole[whole != length]
    if len(other):
        raise UserError(
            f"people played games of {int(other.iloc[0])} steps, agents of {length:g}: let agents "
            "play the game with the study's settings"
        )


def _mean(scores: np.ndarray) -> float:
    return float(scores.mean())


def _flat(parts: dict[str, Interval]) -> dict[str, Any]:
    return {key: x for name, one in parts.items() for key, x in bounds(one, name).items()}
