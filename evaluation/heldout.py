"""Held-out partners: a named, versioned roster per game that is part of the package.

A score against `overcooked/cramped_room@1` is the same number in every paper. A roster has scripted
partners and small trained ones of several skills, and for each of them a best response, so that a
score can be read as a share of what was possible (BR-Prox). Rosters are made by
`benchmarks/rosters.py` and checked when they are read.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from zsc.agents.bots import scripted_partners
from zsc.agents.pool import Pool, check_entries, load_pool, read_manifest
from zsc.agents.views import agents_of
from zsc.checks import seed_of
from zsc.envs.base import Environment, check_game, settings_of
from zsc.envs.registry import rebuild
from zsc.errors import UserError, unknown
from zsc.evaluation.aggregates import aggregate, cvar, iqm, worst_case
from zsc.evaluation.intervals import ANYTHING, Interval, Range, pays, rough
from zsc.evaluation.matrix import names_of
from zsc.evaluation.metrics import Proximity, best_response_proximity, regret
from zsc.files import read_json, write_json
from zsc.play.crossplay import DEFAULT_BUDGET, versus
from zsc.schema import MisfitError, as_type
from zsc.switches import door

FOLDER = Path(__file__).parent / "rosters"
FILE = "roster.json"
#: Settings that games got after the first rosters were made, and what says nothing new: a roster
#: keeps its hash.
LATER = {"dynamics": "2019", "name": ""}
_OWN_COLUMNS = ("best response", "seats")  # of `by_partner`, beside the groups
_SHARE = 0.05  # of the best return: a seat in which a response earns less does not count
_WORST_SHARE = 0.25  # of the partners, for the conditional value at risk


@dataclass(frozen=True)
class HeldOut:
    """A roster: P partners and the best response to each."""

    name: str  # "overcooked/cramped_room@1"
    env: Environment
    scripted: Pool | None  # None in a roster without any
    trained: Pool
    responses: Pool  # [P] in the order of `names`
    names: tuple[str, ...]  # [P] scripted ones first
    counts: np.ndarray  # [P, seat] bool: the agent's seats in which the partner can be worked with

    @property
    def partners(self) -> tuple[Pool, ...]:
        """Both kinds of partners, in the order of `names`."""
        return (self.trained,) if self.scripted is None else (self.scripted, self.trained)

    @property
    def ids(self) -> tuple[str, ...]:
        """[P] the ids of the partners."""
        return tuple(name for pool in self.partners for name in pool.ids)


@dataclass(frozen=True)
class _Told:
    """The roster.json of a roster: what is read is checked against it."""

    name: str
    env: str
    env_settings: dict[str, Any]
    scripted: tuple[str, ...]
    partners: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    digest: str


@dataclass(frozen=True)
class Score:
    """What agents earned with the partners of a roster."""

    values: np.ndarray  # [agent, partner, seat of the agent, episode] true returns
    best: np.ndarray  # [partner, seat] what the best response earned in the same episodes
    counts: np.ndarray  # [partner, seat] bool: cells that count
    names: tuple[str, ...]
    groups: tuple[str, ...]
    partners: tuple[str, ...]
    roster: str
    seed: int
    greedy: bool
    pays: Range = ANYTHING  # what a mean return can be in this game

    def runs(self, group: str) -> np.ndarray:
        """[runs, cells] mean returns of a group's agents in the cells that count."""
        chosen = np.array(self.groups) == group
        if not chosen.any():
            raise unknown("group", group, set(self.groups))
        return self.values.mean(-1)[chosen][:, self.counts]

    def proximity(self, group: str) -> Proximity:
        """BR-Prox of a group, IQM over its agents, the partners and the seats."""
        best = self.best[self.counts]
        return best_response_proximity(self.runs(group), best, self._cells(), possible=self.pays)

    def summary(self) -> pd.DataFrame:
        """One row per group: held-out score, BR-Prox, regret, worst partner, worst quarter.

        Intervals (low, high) resample a group's agents; a group of one has none.
        """
        rows = {}
        for group in dict.fromkeys(self.groups):
            scores, near = self.runs(group), self.proximity(group)
            of_partners = partial(aggregate, self._by_partner(group), possible=self.pays)
            parts = {
                "score": aggregate(scores, lambda x: float(x.mean()), possible=self.pays),
                "score IQM": aggregate(scores, iqm, possible=self.pays),
                "BR-Prox": near.clipped,
                "BR-Prox unclipped": near.unclipped,
                "regret": regret(scores, self.best[self.counts], possible=self.pays),
                "worst partner": of_partners(worst_case),
                "worst quarter": of_partners(cvar(_WORST_SHARE)),
            }
            rows[group] = {"agents": len(scores), "above best": near.above_one} | _flat(parts)
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")

    def by_partner(self) -> pd.DataFrame:
        """Mean return of each group (columns) with each partner (rows), and of the best response.

        Seats in which a partner cannot be worked with are left out.
        """
        groups, means = np.array(self.groups), self.values.mean(-1)
        table = {g: _mean(means[groups == g].mean(0), self.counts) for g in dict.fromkeys(groups)}
        table["best response"] = _mean(self.best, self.counts)
        seats = self.counts.sum(1)
        return pd.DataFrame(table | {"seats": seats}, index=list(self.partners))

    def to_frame(self) -> pd.DataFrame:
        """Long form: one row per agent, partner and seat."""
        agent, partner, seat = (x.reshape(-1) for x in np.indices(self.values.shape[:3]))
        return pd.DataFrame(
            {
                "agent": np.array(self.names)[agent],
                "group": np.array(self.groups)[agent],
                "partner": np.array(self.partners)[partner],
                "seat": seat,
                "return": self.values.mean(-1).reshape(-1),
                "best response": self.best[partner, seat],
                "counts": self.counts[partner, seat],
            }
        )

    def _repr_html_(self) -> str:
        title = f"on {self.roster}, {self.values.shape[3]} episodes per cell"
        table = self.summary()
        few = html.escape(rough(table, "agents", "score"))
        return f"<b>held-out score</b> {html.escape(title)}" + table.round(2).to_html() + few

    def _by_partner(self, group: str) -> np.ndarray:
        """[runs, partners that count] the mean over seats that count."""
        chosen = self.values.mean(-1)[np.array(self.groups) == group]
        usable = self.counts.any(1)
        return np.stack([_mean(run[usable], self.counts[usable]) for run in chosen])

    def _cells(self) -> tuple[str, ...]:
        return tuple(f"{self.partners[p]} (seat {s})" for p, s in np.argwhere(self.counts))


def list_rosters() -> tuple[str, ...]:
    """The names of all rosters, oldest version first."""
    found = sorted(
        FOLDER.glob("*/*/v*/roster.json"), key=lambda p: (p.parts[:-2], int(p.parts[-2][1:]))
    )
    return tuple(f"{p.parts[-4]}/{p.parts[-3]}@{p.parts[-2][1:]}" for p in found)


def roster(name: str) -> HeldOut:
    """The roster of a game, "overcooked/cramped_room", of a version, "...@1", or in a folder.

    Without a version the newest. Raises UserError for a game without one, or if anything in it was
    altered.
    """
    return read_roster(folder_of(name))


def folder_of(name: str) -> Path:
    """Where a roster is; named as `roster` does. Raises UserError for a game without one."""
    if (Path(name) / FILE).is_file():
        return Path(name)
    known = list_rosters()
    matching = [x for x in known if name in (x, x.rsplit("@", 1)[0])]
    if not matching:
        raise UserError(f"{unknown('roster', name, known)}; or give the folder of your own")
    full = matching[-1]
    game, version = full.rsplit("@", 1)
    return FOLDER / game / f"v{version}"


def trained_ids(folder: Path) -> frozenset[str]:
    """The ids of a roster's trained partners and responses, without reading their weights."""
    pools = [read_manifest(folder / part) for part in ("partners", "responses")]
    return frozenset(label.id for pool in pools for label in pool.members)


def read_roster(folder: Path) -> HeldOut:
    """The roster in a folder. Raises UserError if anything in it was altered."""
    anew = "restore it from a copy, or install the toolkit anew"
    try:
        told = as_type(_Told, read_json(folder / FILE))
        found = _held_out(told, folder)
    except MisfitError as error:
        raise UserError(f"{folder / FILE} was altered ({error}): {anew}") from None
    if digest(found) != told.digest:
        raise UserError(
            f"{folder} is not the roster that {found.name} names (a file or a scripted partner "
            f"changed): {anew}"
        )
    return found


def _held_out(told: _Told, folder: Path) -> HeldOut:
    """The roster that a roster.json names. Raises MisfitError if its counts do not agree."""
    env = rebuild(told.env, told.env_settings)
    bots = scripted_partners(env) if told.scripted else None
    trained, responses = load_pool(folder / "partners"), load_pool(folder / "responses")
    size = len(told.scripted) + len(trained)
    if {len(told.partners), len(told.counts), len(responses)} != {size}:
        raise MisfitError(f"it does not tell of {size} partners")
    if {len(row) for row in told.counts} != {env.spec.num_agents}:
        raise MisfitError(f"counts are not of {env.spec.num_agents} seats")
    return HeldOut(
        name=told.name,
        env=env,
        scripted=bots and bots.take([_named(bots, name) for name in told.scripted]),
        trained=trained,
        responses=responses,
        names=told.partners,
        counts=np.array(told.counts, bool),
    )


def write_roster(held: HeldOut, folder: Path) -> None:
    """Write a roster's folder. Raises UserError if one is there."""
    held.trained.save(folder / "partners")
    held.responses.save(folder / "responses")
    scripted = [label.method for label in held.scripted.labels] if held.scripted else []
    write_json(
        folder / FILE,
        {
            "name": held.name,
            "env": held.env.spec.id,
            "env_settings": settings_of(held.env),
            "scripted": scripted,
            "partners": list(held.names),
            "counts": held.counts.astype(int).tolist(),
            "digest": digest(held),
        },
    )


def digest(held: HeldOut) -> str:
    """A hash of everything that a score depends on."""
    settings = settings_of(held.env).items()
    game = sorted(x for x in settings if x not in LATER.items())
    cells = held.counts.astype(int).tolist()
    what = (held.name, game, held.names, held.ids, held.responses.ids, cells)
    return hashlib.sha256(repr(what).encode()).hexdigest()


@door
def score(
    env: Environment,
    entries: Mapping[str, Pool],
    held: HeldOut | None = None,
    *,
    episodes: int = 64,
    seed: int = 0,
    greedy: bool = False,
    budget: int = DEFAULT_BUDGET,
    progress: bool = False,
) -> Score:
    """Let every agent play with every partner of a roster, in every seat.

    held: the game's newest roster if left out. Agents that know the game by another encoding see
    it so. progress: say how far it is. Raises UserError for an agent that trained with one of the
    partners, or is one, and for agents of another game.
    """
    check_game(env)
    check_entries(entries)
    seed = seed_of(seed)
    for name in _OWN_COLUMNS:
        if name in entries:
            raise UserError(f"a group called {name!r} would hide that column: rename it")
    held = held or roster(env.spec.id)
    pools = [agents_of(pool, held.env, greedy) for pool in entries.values()]
    for group, pool in entries.items():
        check_held_out(group, pool, held)
    key = jax.random.key(seed)
    everyone = list(held.partners)

    def play(rows: list[Pool], title: str) -> np.ndarray:
        told = title if progress else None
        return versus(
            held.env, rows, everyone, episodes=episodes, key=key, budget=budget, title=told
        ).values[..., 0]

    values = play(pools, "score")
    best = play([agents_of(held.responses, held.env, greedy)], "best responses")
    place = np.arange(len(held.names))
    return Score(
        values=values,
        best=best.mean(-1)[place, place],
        counts=held.counts,
        names=tuple(n for group, pool in entries.items() for n in names_of(group, pool)),
        groups=tuple(group for group, pool in entries.items() for _ in pool.labels),
        partners=held.names,
        roster=held.name,
        seed=seed,
        greedy=greedy,
        pays=pays(held.env.spec),
    )


def own_returns(
    env: Environment, responses: Pool, partners: list[Pool], *, episodes: int, seed: int
) -> np.ndarray:
    """[P, seat] what each best response earns with its own partner."""
    played = versus(env, [responses], partners, episodes=episodes, key=jax.random.key(seed))
    place = np.arange(len(responses))
    return np.asarray(played.values[..., 0].mean(-1)[place, place])


def counting(earned: np.ndarray, least: float | None = None) -> np.ndarray:
    """[P, seat] bool: the seats in which a partner can be worked with, by `own_returns`.

    least: a twentieth of the largest return if left out. Raises UserError if there are none.
    """
    least = _SHARE * float(earned.max()) if least is None else least
    if not (earned >= least).any() or earned.max() <= 0:
        raise UserError(
            f"no response earns anything with its partner (at best {earned.max():g}): train "
            "them for longer (--steps), or take other partners"
        )
    return np.asarray((earned >= least) & (earned > 0))


def check_held_out(group: str, pool: Pool, held: HeldOut) -> None:
    """Raises UserError if an agent is one of the roster's partners or was trained with one."""
    theirs = dict(zip(held.ids, held.names, strict=True))
    for place, label in enumerate(pool.labels):
        met = [theirs[x] for x in label.parents if x in theirs]
        if label.id in theirs:
            raise UserError(f"{group}/{place} is {theirs[label.id]} of {held.name}: score others")
        if met:
            raise UserError(
                f"{group}/{place} was trained with {met[0]} of {held.name}, or chosen by it: score "
                "agents that never met it"
            )


def _named(pool: Pool, name: str) -> int:
    methods = [label.method for label in pool.labels]
    if name not in methods:
        raise unknown("scripted partner", name, methods)
    return methods.index(name)


def _mean(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[P] the mean of [P, seat] over seats that count; nan if none does."""
    total = np.where(counts, values, 0.0).sum(1)
    return np.divide(total, counts.sum(1), out=np.full(len(total), np.nan), where=counts.any(1))


def _flat(parts: Mapping[str, Interval]) -> dict[str, float]:
    return {
        f"{name}{bound}": value
        for name, part in parts.items()
        for bound, value in zip(("", " low", " high"), part, strict=True)
    }
