"""People made of code: a page's side of a game, without a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import zsc
from zsc.agents.bots import scripted_partners
from zsc.web.game import Game, Player, Terms
from zsc.web.guard import Act, Message, Ready
from zsc.web.line import Line
from zsc.web.log import Header, Played, read_game
from zsc.web.play import new_log
from zsc.web.stage import Cast, Stage, partner, warm
from zsc.web.views import view_of

ROOM = zsc.make("overcooked/cramped_room", horizon=12)
BOTS = scripted_partners(ROOM)
FAST = Terms(tick=0.01, countdown=0.0, patience=5.0, think=(0.0, 0.0), idle=5.0)
NAMES = (["You", "Partner", "Other"], ["#000", "#111", "#222"])


def room_cast(env: zsc.Environment = ROOM, place: int = 4, people: int = 1) -> Cast:
    """A cook in seat 1, or nobody."""
    if people == 2:
        return Cast(env)
    return Cast(env, (partner(scripted_partners(env), place, env, greedy=False),), (1,))


class Page:
    """What a browser would be: it keeps what it is sent, and starts the game when it may."""

    def __init__(self, eager: bool = True) -> None:
        self.told: list[dict[str, Any]] = []
        self.line = Line(self)
        self.closed: tuple[int, str | None] | None = None
        self.eager = eager
        self.game: Game | None = None
        self.who = ""
        self._task = asyncio.ensure_future(self.line.run())

    async def send_text(self, data: str) -> None:
        message = json.loads(data)
        self.told.append(message)
        if self.eager and message["type"] == "paused" and message["you"]:
            self.say(Ready())

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        self.closed = (code, reason)

    def open(self, game: Game, who: str) -> Page:
        """Connect to a game."""
        self.game, self.who = game, who
        game.join(who, self.line)
        return self

    def say(self, message: Message) -> None:
        """Send a message."""
        assert self.game is not None
        self.game.hear(self.who, message)

    def press(self, action: int) -> None:
        """Press a key."""
        assert self.game is not None
        self.say(Act(action, 123.0, self.game.stage.time))

    def kinds(self) -> list[str]:
        """The types of the messages but states, in order."""
        return [m["type"] for m in self.told if m["type"] != "state"]


def run_game(
    cast: Cast,
    folder: Path,
    play: Callable[[Game, ThreadPoolExecutor], Awaitable[Any]],
    *,
    terms: Terms = FAST,
    seed: int = 3,
) -> Played:
    """Play a game by a script; what its file says afterwards."""
    warm(cast)

    async def whole() -> Path:
        people = {seat: f"p{seat}" for seat in cast.people}
        header = Header(
            game="g", env=cast.env.spec.id, version=1, settings={}, seed=seed,
            people={str(seat): who for seat, who in people.items()}, agents=(), tick=terms.tick,
            began=0.0,
        )  # fmt: skip
        log = new_log(folder, header)
        with ThreadPoolExecutor(1) as worker:
            players = [Player(who, seat, *NAMES) for seat, who in people.items()]
            game = Game(Stage(cast, seed), view_of(cast.env), players, log, terms, worker)
            await play(game, worker)
        return log.path

    return read_game(asyncio.run(whole()))


async def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.002)
