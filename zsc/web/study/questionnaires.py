"""Questions as data, with the sets of published studies built in.

The items are worded after those papers, in our own words: cite the paper for what is asked, and
quote its items in your own file if the exact wording matters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zsc.errors import UserError

_LONGEST = 4_000  # characters of an answer


@dataclass(frozen=True)
class Item:
    """A question."""

    name: str  # in the data
    text: str
    kind: Literal["scale", "choice", "text", "number", "rank"] = "scale"
    points: int = 7  # of a scale, from 1
    low: str = "not at all"
    high: str = "very much"
    reverse: bool = False  # a high answer says little of what is measured
    choices: tuple[str, ...] = ()
    optional: bool = False

    def answer(self, given: Any, met: Sequence[str]) -> Any:
        """An answer as it is stored, None if it was left out.

        met: the partners so far, by their conditions; a ranking is an order of them, best first.
        Raises UserError for what is no answer to this question.
        """
        if given in (None, "", []):
            if self.optional:
                return None
            raise UserError(f"please answer: {self.text}")
        right = {
            "scale": lambda: _whole(given) and 1 <= given <= self.points,
            "choice": lambda: _whole(given) and 1 <= given <= len(self.choices),
            "text": lambda: isinstance(given, str) and len(given) <= _LONGEST,
            "number": lambda: (
                isinstance(given, int | float)
                and not isinstance(given, bool)
                and math.isfinite(given)
            ),
            "rank": lambda: (
                isinstance(given, list)
                and all(isinstance(x, str) for x in given)
                and sorted(given) == sorted(met)
            ),
        }
        if not right[self.kind]():
            raise UserError(f"this is no answer to: {self.text}")
        return given


@dataclass(frozen=True)
class Questionnaire:
    """Questions on one page."""

    name: str
    title: str
    items: tuple[Item, ...]
    source: str = ""  # the paper that its items are worded after

    def check(self) -> None:
        """Raise UserError for a questionnaire that cannot be asked."""
        if not self.name or not self.items:
            raise UserError("a questionnaire has no name or no items: give both, or use = NAME")
        names = [item.name for item in self.items]
        for item in self.items:
            where = f"item {item.name!r} of {self.name!r}"
            if names.count(item.name) > 1:
                raise UserError(f"{where} is there twice: give each a name of its own")
            if item.kind == "choice" and len(item.choices) < 2:
                raise UserError(f"{where} has {len(item.choices)} choices: give at least 2")
            if item.kind == "scale" and not 2 <= item.points <= 11:
                raise UserError(f"{where} has {item.points} points: give 2 to 11")

    def answers(self, given: Mapping[str, Any], met: Sequence[str]) -> dict[str, Any]:
        """The answers by item. Raises UserError if one is missing or none."""
        return {item.name: item.answer(given.get(item.name), met) for item in self.items}


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _agree(name: str, text: str, reverse: bool = False) -> Item:
    return Item(name, text, points=5, low="disagree", high="agree", reverse=reverse)


COLE = Questionnaire(
    "cole",
    "Your partner in this game",
    (
        Item("teamwork", "My partner and I worked together well as a team.", low="not at all"),
        Item("contribution", "My partner helped our team to do well."),
        Item("intentions", "I could tell what my partner wanted to do."),
    ),
    "Li et al. 2023, arXiv 2306.03034: three items of 7 points",
)
CEC = Questionnaire(
    "cec",
    "Your partner in this game",
    (
        _agree("adaptive", "My partner adapted to what I did."),
        _agree("consistent", "My partner behaved consistently."),
        _agree("humanlike", "My partner behaved like a human."),
        _agree("in_my_way", "My partner was often in my way.", reverse=True),
        _agree("frustrating", "Playing with this partner was frustrating.", reverse=True),
        _agree("enjoyed", "I enjoyed playing with this partner."),
        Item(
            "coordination",
            "How well could you and your partner coordinate?",
            points=5,
            low="poorly",
            high="well",
        ),
    ),
    "Jha et al. 2025, arXiv 2504.12714: six items of agreement and one of quality, 5 points",
)
RANKING = Questionnaire(
    "ranking",
    "All partners so far",
    (
        Item(
            "rank",
            "Put the partners into an order: whom you would like to play with most comes first.",
            kind="rank",
        ),
    ),
    "ZSC-Eval (Wang et al. 2024, arXiv 2310.05208): each new partner is put into the order so far",
)
BUILT_IN = {one.name: one for one in (COLE, CEC, RANKING)}
