"""zsc roster people: rosters of clones of people, made from published games where they may not be
given on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import tyro

import zsc
from zsc import interrupts
from zsc.agents.policy import gru_policy
from zsc.agents.pool import Pool
from zsc.cli.shared import Machine, check_new, command_line, new_folder
from zsc.envs.base import settings_of
from zsc.envs.overcooked import CLASSIC, Overcooked
from zsc.errors import UserError
from zsc.evaluation.heldout import read_roster
from zsc.evaluation.human_roster import HELD, LEARNED, Half, check_apart, halved, human_roster
from zsc.populations import BehaviourCloning, BestResponse
from zsc.populations.behaviour_cloning import foretold
from zsc.records.overcooked_tables import check_reproduced, named_games_of
from zsc.records.published import halves_in, is_archive
from zsc.records.record import Record
from zsc.records.table_files import read_table

#: A memory, in stretches of 64 steps: of what was tried in two kitchens it foretells others best.
_EPOCHS, _BATCH, _RATE = 30, 8, 3e-3
_TERMS = (
    "games of people by the Center for Human-Compatible AI, UC Berkeley (Carroll et al. 2019, "
    "arXiv 1910.05789); they ask that the data are not distributed without their consent: keep "
    "what is made of them to yourself, or ask them"
)


@dataclass(frozen=True)
class PeopleRosters:
    """Make rosters of clones of people, from the human games of 2019 as PyPI has them.

    pip download --no-deps overcooked_ai==1.1.0; zsc roster people overcooked_ai-1.1.0.tar.gz --out
    people-2019; zsc score RUN --roster people-2019/cramped_room
    """

    what: tyro.conf.Positional[Literal["people"]]
    games: tyro.conf.Positional[tuple[Path, ...]]
    """That archive (or its folder, unpacked), whose two halves are those of the paper; or tables of
    games: two, of which the second is held out, or one, whose pairs of people are halved."""
    out: Path
    """The folder to make, with a roster for each kitchen in it."""
    kitchens: tuple[str, ...] = tuple(CLASSIC)
    """Which of the kitchens."""
    members: int = 3
    """Clones of each half; each learns from its own resample of the people."""
    epochs: int = _EPOCHS
    """Passes over the games."""
    tries: int = 1
    """Best responses to each partner, of which the best is kept."""
    steps: float | None = None
    """Environment steps of a response; the game's preset if left out."""
    seed: int = 0
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Read, clone, respond, write, tell."""
        envs = [_kitchen(name) for name in self.kitchens]
        check_new(self.out)
        with self._tables() as tables, new_folder(self.out):
            for env in envs:
                self._make(env, tables)
        print(_TERMS)

    def when_stopped(self) -> str:
        """What to say if it was stopped."""
        return interrupts.NOTHING

    @contextmanager
    def _tables(self) -> Iterator[list[tuple[Path, pd.DataFrame]]]:
        """The tables of games, one or two. Raises UserError."""
        if len(self.games) == 1 and is_archive(self.games[0]):
            with halves_in(self.games[0]) as halves:
                yield [(path, read_table(path)) for path in halves]
            return
        if not 1 <= len(self.games) <= 2:
            raise UserError("give the archive with the games of 2019, or one or two tables")
        yield [(path, read_table(path)) for path in self.games]

    def _make(self, env: Overcooked, tables: list[tuple[Path, pd.DataFrame]]) -> None:
        """The roster of a kitchen."""
        kitchen = env.kitchen.name
        read = [_games(table, env, path) for path, table in tables]
        halves = (read[0], read[1]) if len(read) == 2 else halved(*read[0])
        check_apart(*halves)
        clones = (self._clones(env, halves[0], 0), self._clones(env, halves[1], 1))
        best = BestResponse(clones[1], tries=self.tries, steps=self.steps)
        responses = best.train(env, seed=self.seed + 2, progress=True)

        def foretell(pool: Pool, games: Record) -> tuple[float, float]:
            found = foretold(env, pool, games)
            return float(found.accuracy.mean()), float(found.likelihood.mean())

        name = f"overcooked/{kitchen}-people@1"
        made = human_roster(env, name, halves, clones, responses, foretell, seed=self.seed)
        folder = self.out / kitchen
        made.save(folder, self._notes(env, tables, halves))
        read_roster(folder)
        judged = made.foretold.loc[f"clones of the {HELD}, people of the {LEARNED}"]
        own, proxies = (made.beside["return"].iloc[place] for place in (0, -1))
        print(
            f"{made.held.name}: {len(made.held.names)} clones of {halves[1].groups} pairs in "
            f"{folder}; in games of {halves[0].groups} others they foretell "
            f"{judged['accuracy']:.0%} of actions; people earn {own:.0f}, they {proxies:.0f}"
        )

    def _clones(self, env: Overcooked, half: Half, number: int) -> Pool:
        """Of all people of a half: the other half is who judges."""
        cloning = BehaviourCloning(
            half.games,
            members=self.members,
            epochs=self.epochs,
            batch=_BATCH,
            learning_rate=_RATE,
            network=gru_policy,
            whose=half.whose,
        )
        return cloning.train(env, seed=self.seed + number, progress=True)

    def _notes(
        self, env: Overcooked, tables: list[tuple[Path, pd.DataFrame]], halves: Any
    ) -> dict[str, Any]:
        """What people.json says of the roster's source."""
        sources = [{"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
                   for path, _ in tables]  # fmt: skip
        sizes = {
            title: {"games": len(half.games.length), "steps": int(half.games.length.sum()),
                    "groups of people": half.groups}
            for title, half in zip((LEARNED, HELD), halves, strict=True)
        }  # fmt: skip
        return {
            "format": "zsc-people-roster 1",
            "made by": command_line(),
            "env": env.spec.id,
            "env_settings": settings_of(env),
            "sources": sources,
            "terms": _TERMS,
            "halves": sizes,
            "toolkit": zsc.__version__,
        }


def _kitchen(name: str) -> Overcooked:
    env = zsc.make(name if name.startswith("overcooked/") else f"overcooked/{name}")
    if not isinstance(env, Overcooked) or env.rules.new:
        raise UserError(f"{name} is no kitchen of one soup: give some of {', '.join(CLASSIC)}")
    return env


def _games(table: pd.DataFrame, env: Overcooked, path: Path) -> Half:
    """The games of a kitchen, by the rules. Raises UserError for others."""
    games, pairs = named_games_of(table, env, path.name)
    check_reproduced(env, games, path.name)
    # who is not told by a table is nobody of another one
    apart = [f"{path.name}: {pair}" if pair.startswith("pair of game") else pair for pair in pairs]
    return Half(games, tuple((pair,) * env.spec.num_agents for pair in apart))
