"""Rosters of people who are not there: clones of recorded games as held-out partners.

As in Carroll et al. 2019 (arXiv 1910.05789), people are halved. Clones of one half are what agents
may learn with; clones of the other, whom nobody meets before, are the partners of the roster. Each
half tells how well the clones of the other foretell people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
import pandas as pd

from zsc.agents.pool import Pool
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.evaluation.clones import beside_people
from zsc.evaluation.heldout import HeldOut, counting, own_returns, write_roster
from zsc.files import write_json
from zsc.records.record import Record
from zsc.records.whose import Whose, groups_of

_EPISODES = 64
LEARNED, HELD = "half that is learned with", "held-out half"

#: How well clones foretell recorded games: accuracy, and mean log likelihood in nats a step.
Foretell: TypeAlias = Callable[[Pool, Record], tuple[float, float]]


class Half(NamedTuple):
    """Games of some people, and who sat where."""

    games: Record
    whose: Whose

    @property
    def groups(self) -> int:
        """Groups of people who met nobody of another group."""
        return len(np.unique(groups_of(self.whose)))


@dataclass(frozen=True)
class HumanRoster:
    """What is made of two halves of people."""

    held: HeldOut  # the clones of the held-out half, with best responses
    learned: Pool  # the clones of the other half
    foretold: pd.DataFrame  # how often, and with which likelihood, people's actions are foretold
    beside: pd.DataFrame  # what people and clones earn, see `beside_people`

    def save(self, folder: Path, notes: dict[str, Any]) -> None:
        """A roster's folder; the other clones as its validation partners, and people.json."""
        write_roster(self.held, folder)
        self.learned.save(folder / "validation")
        tables = {"foretold": _rows(self.foretold), "beside people": _rows(self.beside)}
        write_json(folder / "people.json", notes | tables)


def halved(games: Record, whose: Whose) -> tuple[Half, Half]:
    """Games as two halves, of which none has a person of the other, every second group each.

    Raises UserError if all games are joined by somebody.
    """
    groups = groups_of(whose)
    if len(np.unique(groups)) < 2:
        raise UserError("all games are joined by people who played several: nobody is held out")
    first = np.isin(groups, np.unique(groups)[::2])
    part = lambda chosen: Half(
        jax.tree.map(lambda x: x[chosen], games),
        tuple(row for row, mine in zip(whose, chosen, strict=True) if mine),
    )
    return part(first), part(~first)


def check_apart(learned: Half, held: Half) -> None:
    """Raise UserError if somebody is in both halves."""
    both = {who for row in learned.whose for who in row} & {
        who for row in held.whose for who in row
    }
    if both:
        raise UserError(f"{min(both)} is in both halves: nobody may be")


def human_roster(
    env: Environment,
    name: str,
    halves: tuple[Half, Half],
    clones: tuple[Pool, Pool],
    responses: Pool,
    foretell: Foretell,
    *,
    seed: int = 0,
) -> HumanRoster:
    """The clones of the held-out half as partners, and how good they are.

    halves, clones: of those that are learned with, then of the held-out ones. responses: the best
    ones to the latter. Raises UserError if nobody can earn anything with them, or if somebody is in
    both halves.
    """
    check_apart(*halves)
    learned, partners = clones
    earned = own_returns(env, responses, [partners], episodes=_EPISODES, seed=seed)
    names = tuple(f"human proxy {place}" for place in range(len(partners)))
    held = HeldOut(name, env, None, partners, responses, names, counting(earned))
    named = dict(zip((LEARNED, HELD), clones, strict=True))
    return HumanRoster(held, learned, _foretold(named, halves, foretell),
                       _beside(env, named, halves))  # fmt: skip


def _foretold(
    clones: Mapping[str, Pool], halves: tuple[Half, Half], foretell: Foretell
) -> pd.DataFrame:
    """A row for clones of each half with people of each, and for the frequencies of actions."""
    titles = tuple(clones)
    rows = {}
    for of, own in zip(titles, halves, strict=True):
        for people, half in zip(titles, halves, strict=True):
            found = foretell(clones[of], half.games)
            told = dict(zip(("accuracy", "log likelihood"), found, strict=True))
            rows[f"clones of the {of}, people of the {people}"] = told
            if own is not half:
                rows[f"frequencies of the {of}, people of the {people}"] = _frequencies(own, half)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("who")


def _frequencies(own: Half, other: Half) -> dict[str, float]:
    """What is foretold by how often people of one half do each thing, whatever they see."""
    done = [half.games.action[half.games.playing].reshape(-1) for half in (own, other)]
    counts = [np.bincount(x, minlength=own.games.mask.shape[-1]) for x in done]
    mine, theirs = (count / count.sum() for count in counts)
    return {
        "accuracy": float(theirs[mine.argmax()]),
        "log likelihood": float((theirs * np.log(np.maximum(mine, 1e-9))).sum()),
    }


def _beside(
    env: Environment, clones: Mapping[str, Pool], halves: tuple[Half, Half]
) -> pd.DataFrame:
    """People of both halves, as long as an episode is, then clones of each half."""
    horizon = env.spec.horizon
    cut = lambda x: x[:, :horizon]
    parts = [half.games._replace(**{name: cut(getattr(half.games, name))
             for name in Record._fields[1:]}, states=()) for half in halves]  # fmt: skip
    games = jax.tree.map(lambda *x: np.concatenate(x), *parts)
    whose = tuple(row for half in halves for row in half.whose)
    named = {f"clones of the {title}": pool for title, pool in clones.items()}
    return beside_people(env, games, named, whose=whose, episodes=_EPISODES)


def _rows(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    return {str(who): {str(name): round(float(value), 4) for name, value in row.items()}
            for who, row in table.iterrows()}  # fmt: skip
