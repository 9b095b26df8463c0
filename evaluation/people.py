"""People as rows: what an export of `zsc study export` says of them, as tables and intervals.

    people = read_export("tables")
    people.summary()                           # each kind of partner, with intervals
    paired.compare(people.table().dropna())    # tests between them
    with_and_without(people)                   # the same without flagged games

The unit is the person. Nobody is left out unless that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from zsc.errors import UserError, shorten, unknown
from zsc.evaluation.intervals import ANYTHING, Interval, Range
from zsc.evaluation.two_way import two_way

#: What is needed of an export's tables.
ROUNDS = ("participant", "game", "env", "condition", "practice", "seat", "with", "agent",
          "agent_method", "steps", "return", "end")  # fmt: skip
ANSWERS = ("participant", "questionnaire", "item", "condition", "answer", "kind", "points",
           "reverse")  # fmt: skip
_TEXTS = ("participant", "game", "env", "condition", "agent", "agent_method", "with")
#: Flags by which `People.without` leaves games out unless told otherwise. Games in which nothing
#: was earned are not among them: to leave out by the outcome is to choose it.
FLAGS = ("flag_unfinished", "flag_idle", "flag_away", "flag_late", "flag_differs", "flag_left",
         "flag_questions", "flag_tutorial")  # fmt: skip


@dataclass(frozen=True)
class People:
    """What people did in the games of a study, the tutorial aside.

    rounds: one row for each person in each game, the columns of rounds.csv, "partner" (id of the
        agent, or the other people) and all flags; "flag_left", "flag_questions" and "flag_tutorial"
        are the person's, who left before the end, for one. answers: those of answers.csv.
    """

    rounds: pd.DataFrame
    answers: pd.DataFrame

    @property
    def conditions(self) -> tuple[str, ...]:
        """Kinds of partners, in the order in which they first come."""
        return tuple(dict.fromkeys(self.rounds["condition"]))

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags that an export of this study has."""
        return tuple(name for name in self.rounds.columns if name.startswith("flag_"))

    def without(self, flags: tuple[str, ...] = FLAGS) -> People:
        """Without the games that have one of these flags. Raises UserError for unknown ones."""
        for name in flags:
            if name not in (*self.flags, *FLAGS):
                raise unknown("flag", name, self.flags)
        flagged = self.rounds[[name for name in flags if name in self.flags]].any(axis=1)
        kept = self.rounds[~flagged]
        if kept.empty:
            raise UserError("all games are flagged: leave them out by fewer flags")
        return replace(self, rounds=kept)

    def table(self, value: str = "return", *, env: str | None = None) -> pd.DataFrame:
        """[people, conditions] what each person earned with each kind of partner, mean per game.

        value: any column of numbers in `rounds`. env: in this game; in all of them if left out,
        each of which counts alike. A person who misses a condition, or one of its games, has nan.
        Raises UserError for an unknown column or game.
        """
        rounds = self._in(env)
        if value not in rounds.columns or not pd.api.types.is_numeric_dtype(rounds[value]):
            raise unknown("column of numbers", value, rounds.select_dtypes("number").columns)
        each = rounds.pivot_table(value, "participant", ["condition", "env"], dropna=False)
        met = rounds.groupby(["condition", "env"]).size().index
        return pd.DataFrame({
            name: each[[pair for pair in met if pair[0] == name]].mean(axis=1, skipna=False)
            for name in self.conditions
            if name in met
        })  # fmt: skip

    def score(
        self, condition: str, *, env: str | None = None, possible: Range = ANYTHING
    ) -> Interval:
        """Mean return with a kind of partner, resampling people and agents, see `two_way`."""
        rounds = self._in(env)
        return interval_of(rounds[rounds["condition"] == condition], possible)

    def summary(self, *, possible: Range = ANYTHING) -> pd.DataFrame:
        """One row for each game and kind of partner: people, agents, games, return with bounds.

        possible: what a mean return can be (`intervals.pays`).
        """
        rows = []
        for env in dict.fromkeys(self.rounds["env"]):
            for condition in self.conditions:
                here = self._in(env)
                here = here[here["condition"] == condition]
                if len(here):
                    found = interval_of(here, possible)
                    rows.append({"game": env, "partner": condition} | counts(here) | bounds(found))
        return pd.DataFrame(rows).set_index(["game", "partner"])

    def ratings(self, questionnaire: str, item: str | None = None) -> pd.DataFrame:
        """[people, conditions] mean answers on a scale, of one item or of all.

        Items that say little by a high answer are turned round. Raises UserError for others.
        """
        asked = self._asked(questionnaire, "scale")
        if item is not None:
            if item not in set(asked["item"]):
                raise unknown("item", item, set(asked["item"]))
            asked = asked[asked["item"] == item]
        answer = pd.to_numeric(asked["answer"], errors="coerce")
        turned = asked["reverse"].astype(str).str.lower() == "true"
        answer = answer.where(~turned, asked["points"] + 1 - answer)
        return self._by_condition(asked, answer)

    def places(self, questionnaire: str = "ranking") -> pd.DataFrame:
        """[people, conditions] the mean place that each person gave, 1 for the best."""
        asked = self._asked(questionnaire, "rank")
        return self._by_condition(asked, pd.to_numeric(asked["answer"], errors="coerce"))

    def _asked(self, questionnaire: str, kind: str) -> pd.DataFrame:
        asked = self.answers[self.answers["kind"] == kind]
        if questionnaire not in set(asked["questionnaire"]):
            raise unknown(f"questionnaire with a {kind}", questionnaire,
                          set(asked["questionnaire"]))  # fmt: skip
        return asked[asked["questionnaire"] == questionnaire]

    def _by_condition(self, asked: pd.DataFrame, answer: pd.Series) -> pd.DataFrame:
        given = asked.assign(number=answer)
        given = given[given["participant"].isin(set(self.rounds["participant"]))]
        found = given.pivot_table("number", "participant", "condition")
        return found[[c for c in self.conditions if c in found]].rename_axis(columns=None)

    def _in(self, env: str | None) -> pd.DataFrame:
        if env is None:
            return self.rounds
        if env not in set(self.rounds["env"]):
            raise unknown("game", env, set(self.rounds["env"]))
        return self.rounds[self.rounds["env"] == env]


def read_export(folder: str | Path) -> People:
    """The people of an export, as `zsc study export` writes it.

    Of a study, or of the games that `zsc play --out` kept: those have no conditions, and what an
    agent was trained by stands for them. Raises UserError for a folder that is no export.
    """
    folder = Path(folder)
    rounds = _read(folder / "rounds.csv", ROUNDS)
    rounds = rounds[rounds["practice"].astype(str).str.lower() != "true"].copy()
    if rounds.empty:
        raise UserError(f"{folder} holds no games of people beside the tutorial's")
    for name in _TEXTS:
        rounds[name] = rounds[name].fillna("")
    for name in ("seat", "steps", "return"):
        rounds[name] = pd.to_numeric(rounds[name], errors="coerce")
        if not np.isfinite(rounds[name]).all():
            raise UserError(f"{folder / 'rounds.csv'} has a {name} that is no number: export anew")
    met = rounds["agent"].where(rounds["agent"] != "", rounds["with"])
    kind = rounds["agent_method"].where(rounds["agent_method"] != "", "people")
    rounds["partner"] = met
    rounds["condition"] = rounds["condition"].where(rounds["condition"] != "", kind)
    if (folder / "participants.csv").exists():
        told = _read(folder / "participants.csv", ("participant",))
        told = told.rename(columns={"flag_unfinished": "flag_left"})
        own = [name for name in told.columns if name.startswith("flag_")]
        rounds = rounds.merge(told[["participant", *own]], on="participant", how="left")
    for name in (name for name in rounds.columns if name.startswith("flag_")):
        rounds[name] = rounds[name].astype(str).str.lower() == "true"
    answers = pd.DataFrame(columns=list(ANSWERS))
    if (folder / "answers.csv").exists() and (folder / "answers.csv").stat().st_size > 2:
        answers = _read(folder / "answers.csv", ANSWERS)
        answers["points"] = pd.to_numeric(answers["points"], errors="coerce")
    return People(rounds.reset_index(drop=True), answers)


def with_and_without(
    people: People, flags: tuple[str, ...] = FLAGS, *, possible: Range = ANYTHING
) -> pd.DataFrame:
    """`People.summary` beside itself without flagged games, so that both can be reported."""
    every, some = (
        people.summary(possible=possible),
        people.without(flags).summary(possible=possible),
    )
    renamed = some.rename(columns=lambda name: _beside(name))
    return every.join(renamed)


def interval_of(
    rounds: pd.DataFrame, possible: Range = ANYTHING, value: str = "return"
) -> Interval:
    """The mean over people of these rounds, see `two_way`; nan if there are none."""
    if rounds.empty:
        return Interval(float("nan"), float("nan"), float("nan"))
    columns = (rounds[name].to_numpy() for name in (value, "participant", "partner"))
    return two_way(*columns, possible=possible)


def counts(rounds: pd.DataFrame) -> dict[str, int]:
    """How many people, agents and games are in these rounds."""
    size = {"people": "participant", "agents": "partner", "games": "game"}
    return {name: int(rounds[column].nunique()) for name, column in size.items()}


def bounds(found: Interval, name: str = "return") -> dict[str, float]:
    """An interval as columns: "x", "x low", "x high"."""
    return dict(zip((name, f"{name} low", f"{name} high"), found, strict=True))


def _beside(name: str) -> str:
    first, _, end = name.partition(" ")
    return f"{first} without {end}".strip()


def _read(path: Path, wanted: tuple[str, ...]) -> pd.DataFrame:
    try:
        # what people call a condition may be "None", which is a name here
        table = pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, str), keep_default_na=False,
                            na_values=[""])  # fmt: skip
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise UserError(
            f"{path} cannot be read ({shorten(str(error), 100)}): give the folder that zsc study "
            "export wrote"
        ) from None
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise UserError(
            f"{path} has no column {missing[0]!r}: give the folder that zsc study export wrote"
        )
    return table
