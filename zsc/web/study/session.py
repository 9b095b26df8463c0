"""One person's way through a study, worked out from what stands in that person's file.

The file has a line for each thing that happened. Where the person is follows from it alone, so a
reload, another tab or a restarted server changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal

from zsc.web.study.order import Cell, latin_square
from zsc.web.study.plan import Plan
from zsc.web.study.questionnaires import Questionnaire

#: Neutral names: trees, which say nothing of anybody.
NAMES = ("Alder", "Birch", "Cedar", "Elm", "Hazel", "Juniper", "Larch", "Maple", "Oak", "Pine",
         "Rowan", "Spruce", "Walnut", "Willow", "Yew", "Linden")  # fmt: skip
COLOURS = ("#c95025", "#2f8f6b", "#8a5aa8", "#b0812a", "#b03a6a", "#6a6f76", "#6b7a2a", "#8c4b3a")

FINISHED, WITHDRAWN, SCREENED, TIMEOUT = "finished", "withdrawn", "screened out", "timeout"


@dataclass(frozen=True)
class Assignment:
    """What was drawn for a person."""

    cell: Cell
    blocks: tuple[int, ...]  # blocks in the order of play
    partners: tuple[tuple[int, ...], ...]  # conditions in the order of play, for each of them
    members: tuple[tuple[int, ...], ...]  # [B][C] which member of each condition, by block
    names: tuple[str, ...]  # [C] what the person calls each condition
    colours: tuple[str, ...]  # [C]


@dataclass(frozen=True)
class Step:
    """One page, or one game."""

    name: str  # in the data
    kind: Literal["text", "questions", "tutorial", "game", "items"]
    place: int = 0  # of a text
    block: int = -1
    condition: int = -1
    round: int = 0
    seat: int = 0
    order: int = -1  # of a game among all
    met: tuple[int, ...] = ()  # conditions met so far in this block
    questionnaire: Questionnaire | None = None


def assign(
    plan: Plan,
    cell: Cell,
    sizes: tuple[tuple[int, ...], ...],
    used: Iterable[Assignment],
    seed: int,
) -> Assignment:
    """All that is drawn for a person: orders by the cell, members least used first, names.

    sizes: [B][C] how many members each condition has. used: of people who were there before.
    """
    draw = Random(seed)
    conditions, blocks = len(plan.partners), len(plan.blocks)
    fixed = tuple(range(conditions))
    rows = latin_square(conditions)
    by_block = tuple(
        rows[(cell.partners + block) % len(rows)] if plan.order.partners == "balanced" else fixed
        for block in range(blocks)
    )
    order = latin_square(blocks)[cell.blocks] if plan.order.blocks == "balanced" else range(blocks)
    counts = Counter(
        (b, c, member)
        for one in used
        for b, row in enumerate(one.members)
        for c, member in enumerate(row)
    )

    def member(block: int, condition: int) -> int:
        size = max(1, sizes[block][condition])
        least = min(counts[block, condition, m] for m in range(size))
        return draw.choice([m for m in range(size) if counts[block, condition, m] == least])

    return Assignment(
        cell=cell,
        blocks=tuple(order),
        partners=tuple(by_block[block] for block in order),
        members=tuple(tuple(member(b, c) for c in range(conditions)) for b in range(blocks)),
        names=tuple(_draws(draw, NAMES, conditions)),
        colours=tuple(_draws(draw, COLOURS, conditions)),
    )


def _draws(draw: Random, values: tuple[str, ...], count: int) -> list[str]:
    """So many different ones by chance; a second round is numbered."""
    found: list[str] = []
    for again in range(count // len(values) + 1):
        more = draw.sample(values, len(values))
        found += [x if not again or x.startswith("#") else f"{x} {again + 1}" for x in more]
    return found[:count]


def steps_of(plan: Plan, drawn: Assignment) -> tuple[Step, ...]:
    """Everything that a person goes through, in order."""
    steps = [Step(f"text {i + 1}", "text", place=i) for i in range(len(plan.texts.instructions))]
    if plan.questions:
        steps.append(Step("questions", "questions"))
    steps += [Step(f"start/{q.name}", "items", questionnaire=q) for q in plan.asked("start")]
    if plan.tutorial is not None:
        steps.append(Step("tutorial", "tutorial"))
    order = 0
    for block, partners in zip(drawn.blocks, drawn.partners, strict=True):
        label, seats = plan.blocks[block].label, plan.envs[block].spec.num_agents
        for met, condition in enumerate(partners):
            so_far = partners[: met + 1]
            name = plan.partners[condition].name
            for number in range(plan.blocks[block].rounds):
                balanced = plan.order.seat == "balanced"
                seat = (drawn.cell.seat + order) % seats if balanced else int(plan.order.seat)
                where = f"{label}/{name}/{number + 1}"
                game = Step(where, "game", block=block, condition=condition, met=so_far)
                steps.append(replace(game, round=number, seat=seat, order=order))
                order += 1
            asked = Step("", "items", block=block, condition=condition, met=so_far)
            steps += [
                replace(asked, name=f"{label}/{name}/{q.name}", questionnaire=q)
                for q in plan.asked("game")
            ]
        steps += [
            Step(f"{label}/{q.name}", "items", block=block, met=partners, questionnaire=q)
            for q in plan.asked("block")
        ]
    everybody = tuple(range(len(plan.partners)))
    steps += [Step(f"end/{q.name}", "items", met=everybody, questionnaire=q)
              for q in plan.asked("end")]  # fmt: skip
    return tuple(steps)


@dataclass
class Session:
    """A person in a study."""

    who: str
    plan: Plan
    drawn: Assignment
    code: str  # of completion, the person's own
    began: float
    publish: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.steps = steps_of(self.plan, self.drawn)
        self.done: set[str] = set()
        self.tries: Counter[str] = Counter()
        self.goals: set[int] = set()
        self.games: dict[str, str] = {}  # the game of a step that is played
        self.end = ""
        self.left_out = False  # its data are in no export: withdrawn afterwards, or deleted
        self.last = self.began
        for row in self.rows:
            self.take(row)

    @property
    def now(self) -> Step | None:
        """Where the person is; None once all is done or it ended otherwise."""
        if self.end:
            return None
        return next((step for step in self.steps if step.name not in self.done), None)

    @property
    def counts(self) -> bool:
        """True unless the person has left: then its place in the design is free again."""
        return self.end in ("", FINISHED)

    @property
    def bare(self) -> Session:
        """That somebody was there and withdrew, and nothing of what it did."""
        gone = {"kind": "end", "why": WITHDRAWN, "at": self.began, "left_out": True}
        return replace(self, code="", publish=False, rows=[gone])

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return len(self.done) / max(1, len(self.steps))

    def take(self, row: Mapping[str, Any]) -> None:
        """Something happened."""
        kind, step = row.get("kind"), str(row.get("step", ""))
        self.last = max(self.last, float(row.get("at", 0.0)))
        if kind == "done":
            self.done.add(step)
        elif kind == "try":
            self.tries[step] += 1
        elif kind == "goal":
            self.goals.add(int(row["goal"]))
        elif kind == "game":
            self.games[step] = str(row["game"])
        elif kind == "game over":
            self.games.pop(step, None)
        elif kind == "end":
            self.end = str(row["why"])
            self.left_out |= bool(row.get("left_out") or row.get("deleted"))
