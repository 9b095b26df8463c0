"""A study as its text file says it: TOML, read into frozen dataclasses and checked.

What is missing gets the value below, what is not known is refused with the nearest match.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import zsc
from zsc.envs.base import Environment
from zsc.errors import UserError, unknown
from zsc.files import encoding_of, read_bytes
from zsc.schema import MisfitError, as_type
from zsc.web.game import Terms
from zsc.web.study.questionnaires import BUILT_IN, Item, Questionnaire

FORMAT = "zsc-study 1"
ANY = "any"  # the event of a goal that any action but waiting fulfils


@dataclass(frozen=True)
class Texts:
    """What people read, in Markdown without HTML."""

    consent: str
    instructions: tuple[str, ...] = ()
    publish: str = ""  # asks for the separate permission to publish; "": not asked
    refused: str = "Thank you. Nothing was stored. You can close this page."
    debrief: str = "Thank you for taking part!"
    withdrawn: str = "You have left the study. Thank you for your time."
    screened_out: str = "Thank you. For this study we need people who answer otherwise."
    timeout: str = "Thank you. The time for this study is over."


@dataclass(frozen=True)
class Question:
    """A question of comprehension, with one right answer."""

    text: str
    choices: tuple[str, ...]
    right: int  # from 1
    explain: str = ""  # shown after a wrong answer


@dataclass(frozen=True)
class Goal:
    """Something to do in the tutorial."""

    text: str
    event: str = ANY  # an event of the game, or ANY
    count: int = 1


@dataclass(frozen=True)
class Tutorial:
    """A game that is over when the person has done everything once."""

    game: str
    goals: tuple[Goal, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    partner: str = "idle"  # a scripted one
    seat: int = 0
    tries: int = 2  # after so many games it can be skipped
    text: str = "Before it counts, try it out."


@dataclass(frozen=True)
class Block:
    """A game that is played with every partner."""

    game: str
    name: str = ""  # in the data; the game's id if left out
    settings: dict[str, Any] = field(default_factory=dict)
    rounds: int = 1  # games in a row with each partner

    @property
    def label(self) -> str:
        """Its name in the data."""
        return self.name or self.game


@dataclass(frozen=True)
class Condition:
    """A kind of partner. One of its members is drawn for each person and block."""

    name: str  # in the data; no browser sees it
    scripted: str = ""  # a scripted partner, or
    roster: str = ""  # a partner of the game's held-out roster, or
    pool: str | dict[str, str] = ""  # the folder of a run or pool: one, or one for each game
    members: tuple[int, ...] = ()  # all if left out
    action: Literal["sampled", "greedy"] = "sampled"
    people: int = 1  # how many seats people have; the agents have the others


@dataclass(frozen=True)
class Asked:
    """A questionnaire and when it comes."""

    after: Literal["start", "game", "block", "end"]
    use: str = ""  # one that is built in, or
    name: str = ""
    title: str = ""
    items: tuple[Item, ...] = ()

    @property
    def questionnaire(self) -> Questionnaire:
        """The questions. Raises UserError for an unknown name."""
        if self.use:
            if self.use not in BUILT_IN:
                raise unknown("questionnaire", self.use, BUILT_IN)
            return BUILT_IN[self.use]
        return Questionnaire(self.name, self.title, self.items)


@dataclass(frozen=True)
class Run:
    """How games are run, times in seconds."""

    tick: float = 0.150
    countdown: float = 3.0
    patience: float = 120.0  # how long a person who is gone is waited for, alone
    patience_together: float = 30.0  # and when another person waits
    waiting_room: float = 180.0  # how long another person is looked for
    pauses: int = 10
    think: tuple[float, float] = (0.6, 1.4)
    idle: float = 300.0
    waits: bool = False  # real-time games wait for the person's key, for who cannot play on time

    def terms(self, people: int) -> Terms:
        """As a game wants it."""
        patience = self.patience if people == 1 else self.patience_together
        return Terms(
            tick=None if self.waits else self.tick,
            countdown=self.countdown,
            patience=patience,
            pauses=self.pauses,
            think=self.think,
            idle=self.idle,
        )


@dataclass(frozen=True)
class Order:
    """What is balanced over people, by a Latin square."""

    partners: Literal["balanced", "fixed"] = "balanced"
    blocks: Literal["balanced", "fixed"] = "balanced"
    seat: Literal["balanced"] | int = "balanced"


@dataclass(frozen=True)
class Platform:
    """A recruiting platform: parameters of the address that name a person there, and where to send
    people back to. "{code}" in an address is the person's own completion code."""

    ids: tuple[str, ...] = ()  # e.g. PROLIFIC_PID; kept apart from the data
    complete: str = ""
    refused: str = ""
    screened_out: str = ""
    timeout: str = ""
    withdrawn: str = ""


@dataclass(frozen=True)
class Plan:
    """A study."""

    format: Literal["zsc-study 1"]
    id: str
    title: str
    texts: Texts
    blocks: tuple[Block, ...]
    partners: tuple[Condition, ...]
    minutes: int = 0  # how long it takes, as people are told
    contact: str = ""
    pay: str = ""
    limit: float = 0.0  # minutes after which a person is sent home; 0: none
    most: int = 0  # people who may take part; 0: as many as come
    attempts: int = 3  # at the questions of comprehension
    failed: Literal["screen out", "go on"] = "go on"  # after so many
    questions: tuple[Question, ...] = ()
    tutorial: Tutorial | None = None
    questionnaires: tuple[Asked, ...] = ()
    run: Run = Run()
    order: Order = Order()
    platform: Platform = Platform()

    @cached_property
    def envs(self) -> tuple[Environment, ...]:
        """[B] the games of the blocks."""
        return tuple(zsc.make(block.game, **block.settings) for block in self.blocks)

    @cached_property
    def practice(self) -> Environment | None:
        """The game of the tutorial."""
        told = self.tutorial
        return None if told is None else zsc.make(told.game, **told.settings)

    def asked(self, after: str) -> list[Questionnaire]:
        """The questionnaires of a moment."""
        return [one.questionnaire for one in self.questionnaires if one.after == after]


@dataclass(frozen=True)
class Text:
    """A plan with the text that it was read from."""

    plan: Plan
    text: str
    folder: Path  # paths in it are seen from here

    @property
    def hash(self) -> str:
        """Of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_plan(path: Path) -> Text:
    """The study in a file. Raises UserError that says where it is wrong."""
    data = read_bytes(path)
    try:
        text = data.decode(encoding_of(data))
        return Text(plan_of(tomllib.loads(text)), text, path.absolute().parent)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is no TOML: {error}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def plan_of(told: Mapping[str, Any]) -> Plan:
    """The study that a file tells. Raises UserError."""
    if told.get("format") != FORMAT:
        raise UserError(f'format is {told.get("format")!r}: write format = "{FORMAT}"')
    check_names(Plan, told)
    try:
        plan: Plan = as_type(Plan, dict(told))
    except MisfitError as error:
        raise UserError(f"{error}") from None
    _check(plan)
    return plan


def check_names(kind: Any, told: Any, where: str = "") -> None:
    """Raise UserError for a name that no field has: a misspelt one would be left out silently."""
    if is_dataclass(kind) and isinstance(told, Mapping):
        hints = get_type_hints(kind)
        known = [each.name for each in fields(kind)]
        for name, value in told.items():
            if name not in known:
                raise unknown(f"name in {where or 'the study'}", name, known)
            check_names(hints[name], value, f"[{where}.{name}]" if where else f"[{name}]")
        return
    for inner in get_args(kind):
        for each in told if isinstance(told, list) else [told]:
            check_names(inner, each, where)


def _check(plan: Plan) -> None:
    """Raise UserError for what fits no study."""
    if not plan.id or not all(c.isalnum() or c in "-_" for c in plan.id):
        raise UserError(f"id is {plan.id!r}: use letters, digits, - and _")
    if not plan.blocks or not plan.partners:
        raise UserError("nobody plays: give at least one [[blocks]] and one [[partners]]")
    _check_twice("block", [block.label for block in plan.blocks])
    _check_twice("partner", [condition.name for condition in plan.partners])
    for condition in plan.partners:
        given = [bool(condition.scripted), bool(condition.roster), bool(condition.pool)]
        if sum(given) > 1 or (not any(given) and condition.people == 1):
            raise UserError(f"partner {condition.name!r}: give one of scripted, roster, pool")
    for question in plan.questions:
        if not 1 <= question.right <= len(question.choices):
            raise UserError(
                f"question {question.text!r}: right is {question.right}, its choices are 1 to "
                f"{len(question.choices)}"
            )
    for block in plan.blocks:
        if block.rounds < 1:
            raise UserError(f"block {block.label!r}: rounds is {block.rounds}, at least 1 is")
    for asked in plan.questionnaires:
        asked.questionnaire.check()
    names = [asked.questionnaire.name for asked in plan.questionnaires]
    _check_twice("questionnaire", names)
    if not 0.02 <= plan.run.tick <= 5:
        raise UserError(f"tick is {plan.run.tick}: give seconds from 0.02 to 5")
    _check_games(plan)


def _check_games(plan: Plan) -> None:
    seats = {env.spec.num_agents for env in plan.envs}
    for condition in plan.partners:
        if not 1 <= condition.people <= min(seats):
            raise UserError(
                f"partner {condition.name!r}: {condition.people} people in a game of {min(seats)}"
            )
    if plan.order.seat != "balanced" and not 0 <= plan.order.seat < min(seats):
        raise UserError(f"seat is {plan.order.seat}: the games have seats 0 to {min(seats) - 1}")
    if plan.tutorial is None or plan.practice is None:
        return
    known = (ANY, *plan.practice.spec.event_names)
    for goal in plan.tutorial.goals:
        if goal.event not in known:
            raise unknown(f"event of {plan.tutorial.game}", goal.event, known)


def _check_twice(what: str, names: Iterable[str]) -> None:
    names = list(names)
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two {what}s are called {name!r}: give each a name of its own")
