"""What a browser is told of each page of a study: texts, questions, and never who a partner is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import quote

from markdown_it import MarkdownIt

from zsc.web.study.plan import Plan, Platform, Question, Texts, Tutorial
from zsc.web.study.session import (
    FINISHED,
    SCREENED,
    TIMEOUT,
    WITHDRAWN,
    Session,
    Step,
)

OWN_COLOUR = "#2563b0"


def tint(colour: str, times: int) -> str:
    """A colour, lighter by a third for each time: several partners of one kind.

    >>> tint("#30609a", 0), tint("#30609a", 1)
    ('#30609a', '#7595bc')
    """
    parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - (255 - part) * (2 / 3) ** times):02x}" for part in parts)


@cache
def html(text: str) -> str:
    """Markdown as HTML; HTML in it stays text, and no link runs a script."""
    return str(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))


def consent_page(plan: Plan) -> dict[str, Any]:
    """The first page, before which nothing is stored."""
    texts = plan.texts
    return _page(plan, "consent", 0.0) | {
        "html": html(texts.consent),
        "publish": html(texts.publish) if texts.publish else "",
        "minutes": plan.minutes,
        "pay": plan.pay,
        "ids": list(plan.platform.ids),
    }


def refused_page(plan: Plan) -> dict[str, Any]:
    """For those who do not want to take part."""
    page = _page(plan, "refused", 0.0) | {"html": html(plan.texts.refused)}
    return page | {"link": plan.platform.refused}


def page_of(session: Session) -> dict[str, Any]:
    """Where a person is."""
    step = session.now
    if step is None:
        return _end(session)
    page = _page(session.plan, step.kind, session.share) | {"step": session.steps.index(step)}
    return page | _OF[step.kind](session, step)


def _page(plan: Plan, kind: str, share: float) -> dict[str, Any]:
    return {"kind": kind, "title": plan.title, "contact": plan.contact, "share": round(share, 3)}


def _text(session: Session, step: Step) -> dict[str, Any]:
    return {"html": html(session.plan.texts.instructions[step.place])}


def _questions(session: Session, step: Step) -> dict[str, Any]:
    plan = session.plan
    return {
        "questions": [{"text": q.text, "choices": list(q.choices)} for q in plan.questions],
        "left": plan.attempts - session.tries[step.name],
    }


def wrong_answers(questions: Sequence[Question], choices: Sequence[Any]) -> list[dict[str, Any]]:
    """The questions that were answered wrongly, with their explanations."""
    return [
        {"question": place, "explain": question.explain}
        for place, question in enumerate(questions)
        if place >= len(choices) or choices[place] != question.right
    ]


def _tutorial(session: Session, step: Step) -> dict[str, Any]:
    told = session.plan.tutorial or Tutorial("", ())
    tries = session.tries[step.name]
    return {
        "html": html(told.text),
        "goals": [goal.text for goal in told.goals],
        "reached": len(session.goals),
        "tries": tries,
        "may_skip": tries >= told.tries,
    }


def _game(session: Session, step: Step) -> dict[str, Any]:
    games = [each for each in session.steps if each.kind == "game"]
    return _who(session, step.condition) | {
        "number": step.order + 1,
        "of": len(games),
        "with_people": session.plan.partners[step.condition].people > 1,
    }


def _items(session: Session, step: Step) -> dict[str, Any]:
    asked = step.questionnaire
    if asked is None:
        return {}
    items = [
        {
            "name": item.name,
            "text": item.text,
            "kind": item.kind,
            "points": item.points,
            "low": item.low,
            "high": item.high,
            "choices": list(item.choices),
            "optional": item.optional,
        }
        for item in asked.items
    ]
    about = _who(session, step.condition) if step.condition >= 0 else {}
    return {"heading": asked.title, "items": items, "ranked": ranking(session, step)} | about


def ranking(session: Session, step: Step) -> list[dict[str, Any]]:
    """The partners to put in order: as they were ranked last in this block, the new ones last."""
    plan, asked = session.plan, step.questionnaire
    before: list[str] = []
    for row in session.rows:
        same = row.get("kind") == "done" and row.get("block") == step.block
        if asked is not None and same and row.get("questionnaire") == asked.name:
            before = next(
                (row["answers"][item.name] for item in asked.items if item.kind == "rank"), before
            )
    places = {condition.name: place for place, condition in enumerate(plan.partners)}
    old = [places[name] for name in before if places[name] in step.met]
    new = [condition for condition in step.met if condition not in old]
    return [_who(session, c) | {"new": c in new and bool(old)} for c in (*old, *new)]


def condition_of(session: Session, alias: Any) -> str:
    """The condition that a person knows by a name; the name itself if it is none."""
    names = dict(zip(session.drawn.names, session.plan.partners, strict=True))
    found = names.get(alias) if isinstance(alias, str) else None
    return str(alias) if found is None else found.name


def _who(session: Session, condition: int) -> dict[str, Any]:
    return {"name": session.drawn.names[condition], "colour": session.drawn.colours[condition]}


def _end(session: Session) -> dict[str, Any]:
    plan = session.plan
    texts, platform = plan.texts, plan.platform
    why = session.end or FINISHED
    told, link = _ends(texts, platform)[why]
    page = _page(plan, "end", 1.0) | {"why": why, "html": html(told), "code": ""}
    if why == FINISHED:
        page["code"] = session.code
    page["later"] = "" if session.left_out else page["code"] or session.who
    return page | {"link": link.replace("{code}", quote(session.code))}


def _ends(texts: Texts, platform: Platform) -> dict[str, tuple[str, str]]:
    return {
        FINISHED: (texts.debrief, platform.complete),
        WITHDRAWN: (texts.withdrawn, platform.withdrawn),
        SCREENED: (texts.screened_out, platform.screened_out),
        TIMEOUT: (texts.timeout, platform.timeout),
    }


_OF = {
    "text": _text,
    "questions": _questions,
    "tutorial": _tutorial,
    "game": _game,
    "items": _items,
}
