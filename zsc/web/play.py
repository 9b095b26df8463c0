"""`zsc play`: a page on which one plays any game with any agent, or with one another."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import zsc
from zsc.agents.pool import Pool
from zsc.envs.base import Environment, settings_of
from zsc.errors import UserError, unknown
from zsc.files import library_versions
from zsc.schema import as_type
from zsc.version import __version__
from zsc.web.clock import TICK
from zsc.web.game import Game, Log, NoLog, Player, Terms
from zsc.web.guard import Rates, new_id, new_token, same
from zsc.web.hub import Hub
from zsc.web.log import Header, Lines
from zsc.web.partners import Choice, choices
from zsc.web.server import (
    Place,
    TurnedAwayError,
    api,
    make_app,
    page,
    set_token,
    socket_route,
)
from zsc.web.stage import Cast, Stage, warm
from zsc.web.views import view_of

PERSON = "person"  # the choice of another person instead of an agent
KITCHEN = "own kitchen"  # the choice of a kitchen that is drawn on the page
#: By which rules an own kitchen is played: a game and its settings.
RULES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "2019": ("overcooked", {}),
    "2020": ("overcooked", {"dynamics": "2020"}),
    "v2": ("overcooked_v2", {}),
}
OWN_COLOUR = "#2563b0"
COLOURS = ("#c95025", "#2f8f6b", "#8a5aa8", "#b0812a", "#b03a6a", "#6a6f76")
_PAIR = 30.0  # seconds that another person is waited for


@dataclass(frozen=True)
class Wish:
    """What was chosen on the page."""

    game: str
    others: tuple[str, ...]  # who has the other seats, in their order
    seat: int = 0
    greedy: bool = False
    tick: float | None = TICK
    kitchen: str = ""
    rules: str = "2019"  # of an own kitchen, see RULES


@dataclass
class PlayServer:
    """The state of `zsc play`.

    pools: of the runs, by name. games: of the runs, by id, as they were trained. out: a folder to
    write games to, None to keep none. token: what has to be known to come in, "" for nothing.
    """

    pools: Mapping[str, Pool]
    games: Mapping[str, Environment]
    place: Place
    out: Path | None = None
    token: str = ""
    hub: Hub = field(default_factory=Hub)
    people: dict[str, str] = field(default_factory=dict)  # ids by tokens

    def app(self) -> Starlette:
        """The application."""
        rates = Rates(5.0, 60.0)
        self._listed  # noqa: B018  some games take a while to make, which no page should wait for
        routes = [
            page("play.html"),
            Route("/api/enter", api(self._enter, rates), methods=["POST"]),
            Route("/api/games", api(self._games, rates), methods=["POST"]),
            Route("/api/partners", api(self._partners, rates), methods=["POST"]),
            Route("/api/start", api(self._start, rates), methods=["POST"]),
            socket_route(self.hub, self._person, self.place.hosts),
        ]
        return make_app(routes, self.hub, self.place)

    # ---- who asks

    def _person(self, connection: HTTPConnection) -> str | None:
        return self.people.get(connection.cookies.get(self.place.cookie, ""))

    def _known(self, request: Request) -> str:
        who = self._person(request)
        if who is None:
            raise TurnedAwayError(401, "open the address that the terminal shows once more")
        return who

    async def _enter(self, request: Request, told: dict[str, Any]) -> Response:
        """Give the browser its cookie; on a public address only with the token."""
        given = told.get("token", "")
        if self._person(request) is not None:
            return JSONResponse({})
        if self.token and not same(given if isinstance(given, str) else "", self.token):
            raise TurnedAwayError(401, "open the address that the terminal shows once more")
        token = new_token()
        self.people[token] = new_id()
        answer = JSONResponse({})
        set_token(answer, self.place, token)
        return answer

    # ---- what there is to choose

    async def _games(self, request: Request, told: dict[str, Any]) -> Any:
        self._known(request)
        return {"games": self._listed, "recorded": self.out is not None}

    @cached_property
    def _listed(self) -> list[dict[str, Any]]:
        """Every game of two or more: those of the runs first, then all that are known by name."""
        found: dict[str, dict[str, Any]] = {}
        for name in (*self.games, *zsc.list_envs()):
            try:
                spec = self.env(name).spec
            except UserError:  # needs a setting
                continue
            about = {"id": name, "seats": spec.num_agents, "turns": spec.turns}
            if spec.num_agents > 1 and spec.id == name:
                found.setdefault(name, about | {"own": name in self.games})
        own = {"id": KITCHEN, "seats": 2, "turns": False, "own": False}
        return [*found.values(), own]

    async def _partners(self, request: Request, told: dict[str, Any]) -> Any:
        self._known(request)
        asked = [told.get("game"), told.get("kitchen", ""), told.get("rules", "2019")]
        env = self.env(*as_type(tuple[str, str, str], asked))
        known = await asyncio.to_thread(choices, env, self.pools)
        found = [{"key": c.key, "title": c.title, "source": c.source} for c in known]
        person = {"key": PERSON, "title": "another person (they open this page too)", "source": ""}
        return {"partners": [*found, person], "seats": env.spec.num_agents}

    def env(self, game: str, kitchen: str = "", rules: str = "2019") -> Environment:
        """The game of that name. Raises UserError."""
        if game == KITCHEN:
            if not kitchen.strip():
                raise UserError("draw a kitchen first, in the symbols that stand below it")
            if rules not in RULES:
                raise unknown("rules of a kitchen", rules, RULES)
            family, settings = RULES[rules]
            text = kitchen.strip("\n")
            return zsc.make(family, layout=text if "\n" in text else f"{text}\n", **settings)
        return self.games.get(game) or zsc.make(game)

    # ---- a game

    async def _start(self, request: Request, told: dict[str, Any]) -> Any:
        """Begin a game, or wait for others who want the same."""
        who = self._known(request)
        wish = as_type(Wish, told)
        env = self.env(wish.game, wish.kitchen, wish.rules)
        cast, agents = self._cast(env, wish)
        if wish.tick is not None and not 0.02 <= wish.tick <= 5:
            raise UserError("a step takes 0.02 to 5 seconds")
        if who in self.hub.games:
            self.hub.games[who].stop("left")
        await asyncio.to_thread(warm, cast)
        if len(cast.people) == 1:
            await self._begin(cast, agents, wish, (who,))
            return {"waiting": False}
        begin = lambda people: self._begin_soon(cast, agents, wish, people)
        key = (
            wish.game,
            wish.kitchen,
            wish.rules,
            wish.tick,
            wish.greedy,
            cast.seats,
            tuple(agents),
        )
        self.hub.rooms.enter(who, key, len(cast.people), begin)
        if who in self.hub.lines:
            self.hub.rooms.arrive(who, self.hub.lines[who])
        return {"waiting": True}

    def _cast(self, env: Environment, wish: Wish) -> tuple[Cast, list[Any]]:
        """Who plays: agents in the seats that no person has. Raises UserError."""
        seats = env.spec.num_agents
        if not 0 <= wish.seat < seats or len(wish.others) != seats - 1:
            raise UserError(f"{env.spec.id} has {seats} seats: choose one, and who has the others")
        known: dict[str, Choice] = {choice.key: choice for choice in choices(env, self.pools)}
        places = [seat for seat in range(seats) if seat != wish.seat]
        chosen = []
        for seat, key in zip(places, wish.others, strict=True):
            if key == PERSON:
                continue
            if key not in known:
                raise unknown("partner", key, [*known, PERSON])
            chosen.append((seat, known[key]))
        cast = Cast(
            env,
            tuple(choice.agent(env, wish.greedy) for _, choice in chosen),
            tuple(seat for seat, _ in chosen),
        )
        return cast, [choice.named(seat, wish.greedy) for seat, choice in chosen]

    def _begin_soon(
        self, cast: Cast, agents: list[Any], wish: Wish, people: tuple[str, ...]
    ) -> None:
        task = asyncio.ensure_future(self._begin(cast, agents, wish, people))
        task.add_done_callback(lambda done: done.exception())

    async def _begin(
        self, cast: Cast, agents: list[Any], wish: Wish, people: tuple[str, ...]
    ) -> None:
        seed = secrets.randbelow(2**31)
        loop = asyncio.get_running_loop()
        stage = await loop.run_in_executor(self.hub.worker, Stage, cast, seed)
        titles = {agent.seat: agent.method.replace("_", " ") for agent in agents}
        seated = dict(zip(cast.people, people, strict=True))
        players = [
            Player(who, seat, *_names(cast.env.spec.num_agents, seat, titles))
            for seat, who in seated.items()
        ]
        game = new_id()
        header = Header(
            game=game,
            env=cast.env.spec.id,
            version=cast.env.spec.version,
            settings=settings_of(cast.env),
            seed=seed,
            people={str(seat): who for seat, who in seated.items()},
            agents=tuple(agents),
            tick=None if cast.env.spec.turns else wish.tick,
            began=time.time(),
            toolkit=__version__,
            libraries=library_versions(),
        )
        alone = len(people) == 1
        terms = Terms(tick=wish.tick, patience=600.0 if alone else _PAIR)
        self.hub.begin(Game(stage, view_of(cast.env), players, self._log(header), terms,
                            self.hub.worker))  # fmt: skip

    def _log(self, header: Header) -> Log:
        return NoLog() if self.out is None else new_log(self.out, header)


def new_log(folder: Path, header: Header) -> Lines:
    """The file of a new game, with its header on the disk."""
    log = Lines(folder / "games" / f"{header.game}.jsonl")
    log.add(asdict(header), through=True)
    return log


def _names(seats: int, own: int, titles: Mapping[int, str]) -> tuple[list[str], list[str]]:
    names, colours, others = [], [], iter(COLOURS * 2)
    for seat in range(seats):
        names.append("You" if seat == own else titles.get(seat, "Partner"))
        colours.append(OWN_COLOUR if seat == own else next(others))
    return _told_apart(names), colours


def _told_apart(names: list[str]) -> list[str]:
    """Names that come more than once get numbers."""
    return [
        f"{name} {names[: place + 1].count(name)}" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]
