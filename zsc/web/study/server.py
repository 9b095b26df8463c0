"""`zsc study run`: people's pages, each following from the person's own file."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from zsc.errors import UserError
from zsc.schema import as_type
from zsc.web.guard import Rates, new_id, new_token, same
from zsc.web.hub import Hub
from zsc.web.server import (
    Place,
    TurnedAwayError,
    api,
    make_app,
    page,
    set_token,
    socket_route,
)
from zsc.web.study.casting import Casting
from zsc.web.study.games import Games
from zsc.web.study.order import least_used, sizes
from zsc.web.study.pages import (
    condition_of,
    consent_page,
    page_of,
    refused_page,
    wrong_answers,
)
from zsc.web.study.plan import Plan
from zsc.web.study.session import (
    FINISHED,
    SCREENED,
    TIMEOUT,
    WITHDRAWN,
    Session,
    Step,
    assign,
)
from zsc.web.study.store import Store, token_hash
from zsc.web.views import PAGES

_LONGEST_ID = 100  # characters of a platform's id
_LONGEST_WORDS = 4_000


@dataclass
class StudyServer:
    """A study that runs."""

    plan: Plan
    casting: Casting
    store: Store
    place: Place
    monitor: str  # the experimenter's token
    hub: Hub = field(default_factory=Hub)

    def __post_init__(self) -> None:
        self.sessions = self.store.sessions()
        self._tokens = self.store.tokens()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.games = Games(self.plan, self.casting, self.store, self.hub, self.sessions)
        self._admitting = Rates(0.5, 40.0)

    def app(self) -> Starlette:
        """The application."""
        rates = Rates(10.0, 120.0)

        async def monitor(request: Request) -> Response:
            return FileResponse(PAGES / "monitor.html", media_type="text/html")

        routes = [
            page("study.html"),
            Route("/monitor", monitor),
            Route("/api/page", api(self._page, rates), methods=["POST"]),
            Route("/api/consent", api(self._consent, rates), methods=["POST"]),
            Route("/api/next", api(self._next, rates), methods=["POST"]),
            Route("/api/withdraw", api(self._withdraw, rates), methods=["POST"]),
            Route("/api/problem", api(self._problem, rates), methods=["POST"]),
            Route("/api/monitor", api(self._monitor, rates), methods=["POST"]),
            socket_route(self.hub, self._who, self.place.hosts),
        ]
        return make_app(routes, self.hub, self.place)

    # ---- who asks

    def _who(self, connection: HTTPConnection) -> str | None:
        token = connection.cookies.get(self.place.cookie, "")
        who = self._tokens.get(token_hash(token))
        return who if who in self.sessions else None

    def _session(self, request: Request) -> Session:
        who = self._who(request)
        if who is None:
            raise TurnedAwayError(401, "this page is not known any more: reload it")
        return self.sessions[who]

    # ---- consent

    async def _consent(self, request: Request, told: dict[str, Any]) -> Response:
        """Let a person in; or store nothing at all."""
        if self._who(request) is not None:
            return JSONResponse(await self._shown(self._session(request)))
        if told.get("agree") is not True:
            return JSONResponse(refused_page(self.plan))
        if not self._admitting.take(request.client.host if request.client else ""):
            raise TurnedAwayError(429, "too many people at once: try again in a minute")
        here = [session for session in self.sessions.values() if session.counts]
        if self.plan.most and len(here) >= self.plan.most:
            raise UserError("this study has all the people it needs. Thank you!")
        session = self._new(told.get("publish") is True, here)
        token = new_token()
        self.store.admit(session, token, self._platform(told.get("ids")))
        self._tokens[token_hash(token)] = session.who
        self.sessions[session.who] = session
        answer = JSONResponse(await self._shown(session))
        set_token(answer, self.place, token)
        return answer

    def _new(self, publish: bool, here: list[Session]) -> Session:
        plan = self.plan
        draw = Random(secrets.randbits(64))
        seats = min(env.spec.num_agents for env in plan.envs)
        limits = sizes(
            len(plan.partners) if plan.order.partners == "balanced" else 1,
            len(plan.blocks) if plan.order.blocks == "balanced" else 1,
            seats if plan.order.seat == "balanced" else 1,
        )
        cell = least_used(limits, [one.drawn.cell for one in here], draw)
        members = tuple(tuple(map(len, row)) for row in self.casting.agents)
        before = [one.drawn for one in here]
        drawn = assign(plan, cell, members, before, secrets.randbits(63))
        code = secrets.token_hex(4).upper()
        return Session(new_id(), plan, drawn, code, time.time(), publish)

    def _platform(self, ids: Any) -> dict[str, str]:
        """The ids that the study asks for, of those that came with the address."""
        found = ids if isinstance(ids, dict) else {}
        return {
            name: str(found[name])[:_LONGEST_ID]
            for name in self.plan.platform.ids
            if isinstance(found.get(name), str) and found[name]
        }

    # ---- pages

    async def _page(self, request: Request, told: dict[str, Any]) -> Any:
        who = self._who(request)
        return consent_page(self.plan) if who is None else await self._shown(self.sessions[who])

    async def _shown(self, session: Session) -> dict[str, Any]:
        """The person's page; a game that belongs to it is there when this returns."""
        async with self._locks[session.who]:
            limit = 60 * self.plan.limit
            playing = session.who in self.hub.games
            if limit and session.now and not playing and time.time() - session.began > limit:
                self.store.add(session, "end", why=TIMEOUT)
            step = session.now
            if step is not None and step.kind in ("game", "tutorial"):
                await self.games.ensure(session, step)
            if session.now is None and not session.end:
                self.store.add(session, "end", why=FINISHED)
            return page_of(session)

    async def _next(self, request: Request, told: dict[str, Any]) -> Any:
        """The person is done with a page. Twice the same press does it once."""
        session = self._session(request)
        step = session.now
        if step is None or told.get("step") != session.steps.index(step):
            return await self._shown(session)
        extra = _DONE[step.kind](self, session, step, told)
        return await self._shown(session) | (extra or {})

    def _text(self, session: Session, step: Step, told: dict[str, Any]) -> None:
        self.store.add(session, "done", step=step.name)

    def _questions(
        self, session: Session, step: Step, told: dict[str, Any]
    ) -> dict[str, Any] | None:
        choices = as_type(list[int], told.get("choices"))
        wrong = wrong_answers(self.plan.questions, choices)
        self.store.add(session, "try", step=step.name, choices=choices, wrong=len(wrong))
        left = self.plan.attempts - session.tries[step.name]
        if not wrong or (left <= 0 and self.plan.failed == "go on"):
            self.store.add(session, "done", step=step.name, passed=not wrong)
            return None
        if left <= 0:
            self.store.add(session, "end", why=SCREENED)
            return None
        return {"wrong": wrong}

    def _tutorial(self, session: Session, step: Step, told: dict[str, Any]) -> None:
        tutorial = self.plan.tutorial
        may = tutorial is not None and session.tries[step.name] >= tutorial.tries
        if told.get("skip") is True and may:
            self.store.add(session, "done", step=step.name, skipped=True)

    def _game(self, session: Session, step: Step, told: dict[str, Any]) -> None:
        """A game ends by itself, never by this."""

    def _items(self, session: Session, step: Step, told: dict[str, Any]) -> None:
        asked, given = step.questionnaire, told.get("answers")
        if asked is None or not isinstance(given, dict):
            raise UserError("there are no answers: reload the page")
        met = [self.plan.partners[condition].name for condition in step.met]
        named = {
            name: [condition_of(session, alias) for alias in value]
            if isinstance(value, list)
            else value
            for name, value in given.items()
        }
        answers = asked.answers(named, met)
        self.store.add(
            session,
            "done",
            step=step.name,
            questionnaire=asked.name,
            block=step.block,
            condition="" if step.condition < 0 else self.plan.partners[step.condition].name,
            answers=answers,
            seconds=round(float(told.get("seconds") or 0.0), 1)
            if isinstance(told.get("seconds"), int | float)
            else None,
        )

    # ---- leaving, trouble, watching

    async def _withdraw(self, request: Request, told: dict[str, Any]) -> Any:
        """The person leaves; what it did is kept or deleted, as it wants."""
        session = self._session(request)
        if session.end != WITHDRAWN:
            if not session.end or session.end == FINISHED:
                self.store.add(session, "end", why=WITHDRAWN)
            await self.games.leave(session.who, "withdrawn")
            if told.get("keep") is not True:
                self.store.forget(session)
        return page_of(session)

    async def _problem(self, request: Request, told: dict[str, Any]) -> Any:
        """Something did not work, in the person's words."""
        session = self._session(request)
        words = as_type(str, told.get("text"))[:_LONGEST_WORDS]
        self.store.add(session, "problem", text=words)
        return {}

    async def _monitor(self, request: Request, told: dict[str, Any]) -> Any:
        """How far everybody is, for the experimenter."""
        given = told.get("token")
        if not same(given if isinstance(given, str) else "", self.monitor):
            raise TurnedAwayError(401, "open the address that the terminal shows")
        rows = [
            {
                "who": session.who,
                "began": session.began,
                "last": session.last,
                "share": session.share,
                "at": session.end or (session.now.name if session.now else FINISHED),
                "here": session.who in self.hub.lines,
                "plays": session.who in self.hub.games,
            }
            for session in self.sessions.values()
        ]
        return {"title": self.plan.title, "people": sorted(rows, key=lambda row: -row["began"])}


_DONE = {
    "text": StudyServer._text,
    "questions": StudyServer._questions,
    "tutorial": StudyServer._tutorial,
    "game": StudyServer._game,
    "items": StudyServer._items,
}
