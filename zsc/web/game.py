"""A game while it is played: the clock, whose key counts, who is there, what is written and shown.

The order of a step is fixed: wait for the deadline, take one key of each person, let the rules and
the agents do the step, write it, and only then show it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Protocol

from zsc.schema import MisfitError
from zsc.web.clock import TICK, Clock, Tick
from zsc.web.guard import Act, Drawn, Focus, Leave, Message, Pong, Ready
from zsc.web.line import Line
from zsc.web.stage import NOBODY, Shown, Stage, mark
from zsc.web.views import View

FINISHED, LEFT, ABSENT, IDLE, BROKEN = "finished", "left", "absent", "idle", "error"
_PING = 5.0  # seconds


class Log(Protocol):
    """To what a game is written."""

    def add(self, row: dict[str, Any], *, through: bool = False) -> None:
        """Write a line; through: to the disk itself."""

    def close(self) -> None:
        """No more of it."""


class NoLog:
    """For games that nobody asked to keep."""

    def add(self, row: dict[str, Any], *, through: bool = False) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Terms:
    """How a game is run. Times are in seconds."""

    tick: float | None = TICK  # None: a step when all people have chosen
    countdown: float = 3.0
    patience: float = 120.0  # how long somebody who is gone is waited for
    pauses: int = 10  # looking away stops a game alone with agents no more often than this
    think: tuple[float, float] = (0.6, 1.4)  # how long an agent takes for a turn
    idle: float = 600.0  # without a choice of somebody who is there


@dataclass
class Player:
    """A person in a seat."""

    who: str  # a participant's id
    seat: int
    names: list[str]  # [A] what this person calls each seat
    colours: list[str]  # [A] and its colour
    line: Line | None = None
    ready: bool = False
    focus: bool = True
    slot: Act | None = None  # the newest key since the last step; older ones are gone
    got: float = 0.0  # when it came
    drawn: tuple[int, float] | None = None
    pinged: dict[int, float] = field(default_factory=dict)


class Game:
    """One game, from the first click to its end. All methods belong to the event loop."""

    def __init__(
        self,
        stage: Stage,
        view: View,
        players: list[Player],
        log: Log,
        terms: Terms,
        worker: Executor,
        *,
        watch: Callable[[Game, Shown], None] | None = None,
        resumed: bool = False,
    ) -> None:
        """watch: told of every step, e.g. by a tutorial. resumed: it was played in part before."""
        self.stage, self.view, self.log, self.terms = stage, view, log, terms
        self.players = {player.who: player for player in players}
        self.score = {player.seat: 0.0 for player in players}
        self.why = ""  # how it ended
        self.message = ""  # what the people are told of that
        self._worker, self._watch, self._resumed = worker, watch, resumed
        self._changed = asyncio.Event()
        self._pauses = 0
        self._stop = ""
        self._running = False
        self._held = False  # a page came or went, so all have to be ready once more
        self._story: list[Any] = []
        self._tell_story()

    # ---- what sockets call

    def join(self, who: str, line: Line) -> None:
        """A person's page is open: again, or for the first time."""
        player = self.players[who]
        if player.line is not None and player.line is not line:
            self._note("second tab", player)
        player.line, player.ready, player.focus, player.slot = line, False, True, None
        self._held = True
        self._note("joined", player)
        self._scene(player)
        self._changed.set()

    def part(self, who: str, line: Line) -> None:
        """A person's socket is closed."""
        player = self.players[who]
        if player.line is line:
            player.line, player.ready, player.slot = None, False, None
            self._held = True
            self._note("gone", player)
            self._changed.set()

    def hear(self, who: str, message: Message) -> None:
        """A message of a person. Raises MisfitError for an action that does not exist."""
        player = self.players[who]
        if isinstance(message, Act):
            self._press(player, message)
        elif isinstance(message, Drawn):
            player.drawn = (message.step, message.at)
        elif isinstance(message, Focus):
            if message.has != player.focus:
                self._note("focus" if message.has else "focus lost", player, client=message.at)
            player.focus = message.has
            player.slot = player.slot if message.has else None
        elif isinstance(message, Pong):
            sent = player.pinged.pop(message.number, None)
            if sent is not None:
                ms = round(1_000 * (time.monotonic() - sent), 1)
                self._note("round trip", player, ms=ms)
        elif isinstance(message, Ready):
            player.ready = True
        elif isinstance(message, Leave):
            self.stop(LEFT)
        self._changed.set()

    def stop(self, why: str) -> None:
        """End the game before its time."""
        self._stop = self._stop or why
        self._changed.set()

    # ---- the game

    async def run(self) -> str:
        """Play to the end; how it ended. Cancelled, the file stays open for another time."""
        pings = asyncio.create_task(self._ping())
        try:
            self.why = await self._play()
        except asyncio.CancelledError:
            self.log.add({"kind": "event", "event": "server stopped", "at": time.time()})
            self.log.close()
            raise
        except Exception as error:
            self.log.add({"kind": "event", "event": "error", "what": repr(error)[:500]})
            self.why = BROKEN
            raise
        finally:
            pings.cancel()
            if self.why:
                self._end()
        return self.why

    async def _play(self) -> str:
        if self._resumed:
            self._note("resumed", step=self.stage.time)
        clock = Clock(self.terms.tick or 0.0)
        while not self.stage.shown.done:
            if self._stop:
                return self._stop
            if not self._running or self._interrupted():
                why = await self._pause()
                if why:
                    return why
                clock.restart()
            waited = await self._turn() if self._waits() else await clock.tick()
            if isinstance(waited, str):
                return waited
            if not (self._stop or self._interrupted()):
                await self._step(waited)
        return FINISHED

    def _waits(self) -> bool:
        return self.terms.tick is None or self.stage.cast.env.spec.turns

    async def _step(self, tick: Tick) -> None:
        """Keys, rules, file, screen."""
        given = [NOBODY] * self.stage.cast.env.spec.num_agents
        keys, drawn = {}, {}
        for player in self.players.values():
            given[player.seat] = self._choice(player)
            if player.slot is not None:
                key = player.slot
                keys[player.seat] = {
                    "action": key.action,
                    "at": key.at,
                    "got": player.got,
                    "seen": key.seen,
                }
            if player.drawn is not None:
                drawn[player.seat] = list(player.drawn)
            player.slot = None
        loop = asyncio.get_running_loop()
        shown = await loop.run_in_executor(self._worker, self.stage.step, given)
        row = {
            "kind": "step",
            "step": self.stage.time - 1,
            "action": shown.action.tolist(),
            "reward": shown.reward.tolist(),
            "mark": mark(shown.snapshot),
            "at": time.time(),
            "late": round(1_000 * tick.late, 2),
            "missed": tick.missed,
            "keys": keys,
            "drawn": drawn,
        }
        self.log.add(row)
        for seat in self.score:
            self.score[seat] += float(shown.reward[seat])
        self._tell_story()
        for player in self.players.values():
            self._show(player)
        if self._watch is not None:
            self._watch(self, shown)

    def _choice(self, player: Player) -> int:
        """What a person does in this step: the newest key, or nothing."""
        mask = self.stage.shown.mask[player.seat]
        if player.slot is not None and mask[player.slot.action]:
            return player.slot.action
        idle = self.stage.cast.env.spec.idle_action
        return int(mask.argmax()) if idle is None or not mask[idle] else idle

    async def _turn(self) -> Tick | str:
        """Wait until everybody who has a choice has made it; agents take their time."""
        mask = self.stage.shown.mask
        choosing = [p for p in self.players.values() if mask[p.seat].sum() > 1]
        if not choosing:
            # drawn by the game, so that it is the same for all who see it
            draw = random.Random(f"{self.stage.seed} {self.stage.time}")
            await asyncio.sleep(draw.uniform(*self.terms.think))
            return Tick(0.0, 0)
        for player in choosing:  # a key from before this turn was not meant for it
            player.slot = None
        began = time.monotonic()
        while any(player.slot is None for player in choosing):
            if self._stop or self._interrupted():
                return Tick(0.0, 0)
            if not await self._change(began + self.terms.idle - time.monotonic()):
                return IDLE
        return Tick(0.0, 0)

    def _press(self, player: Player, key: Act) -> None:
        if not 0 <= key.action < self.stage.cast.env.spec.num_actions:
            raise MisfitError(f"action {key.action}")
        stale = self._waits() and key.seen != self.stage.time
        legal = bool(self.stage.shown.mask[player.seat][key.action])
        if self._running and legal and not stale:
            player.slot, player.got = key, time.time()

    # ---- who is there

    def _missing(self) -> list[Player]:
        """Who has to come back before it goes on."""
        gone = [p for p in self.players.values() if p.line is None or not p.ready]
        alone = len(self.players) == 1 and not self._waits()
        if gone or not alone or self._pauses > self.terms.pauses:
            return gone
        return [p for p in self.players.values() if not p.focus]

    def _interrupted(self) -> bool:
        """True if the game has to stand still until all are ready."""
        return self._held or bool(self._missing())

    async def _pause(self) -> str:
        """Wait for those who are missing, then count down. In words why it ends instead, or ""."""
        began, was_running = time.monotonic(), self._running
        self._running = False
        if was_running:
            self._pauses += 1
            self._note("paused", missing=[p.seat for p in self._missing()])
        while self._missing():
            self._say("paused", began=was_running, seconds=round(self.terms.patience))
            if self._stop:
                return self._stop
            if not await self._change(began + self.terms.patience - time.monotonic()):
                return ABSENT
        self._held = False
        await self._countdown()
        if self._interrupted():
            return await self._pause()
        self._running = True
        self._note("going", step=self.stage.time)
        self._say("go")
        return self._stop

    async def _countdown(self) -> None:
        left = self.terms.countdown
        while left > 0 and not self._missing() and not self._stop:
            self._say("countdown", seconds=left)
            await asyncio.sleep(min(1.0, left))
            left -= 1.0
        for player in self.players.values():
            player.slot = None

    async def _change(self, seconds: float) -> bool:
        """Wait until something happens; False if nothing did for so long."""
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), max(0.0, seconds))
        except TimeoutError:
            return False
        return True

    async def _ping(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(_PING)
            number += 1
            for player in self.players.values():
                if player.line is not None:
                    player.pinged = {number: time.monotonic()}
                    player.line.send("ping", number=number)

    # ---- what is told

    def _scene(self, player: Player) -> None:
        """Everything that a page needs to draw the game, from nothing."""
        if player.line is None:
            return
        env = self.stage.cast.env
        player.line.send(
            "scene",
            view=self.view.name,
            scene=self.view.scene(env),
            seat=player.seat,
            names=player.names,
            colours=player.colours,
            horizon=env.spec.horizon,
            tick=None if self._waits() else self.terms.tick,
            turns=env.spec.turns,
            begun=self.stage.time > 0,
            story=self._story,
        )
        self._show(player)
        if self._missing():
            self._say("paused", began=self.stage.time > 0, seconds=round(self.terms.patience))

    def _show(self, player: Player) -> None:
        if player.line is None:
            return
        shown = self.stage.shown
        player.line.state(
            step=self.stage.time,
            state=self.view.state(self.stage.cast.env, shown, player.seat),
            score=self.score[player.seat],
            story=self._story[-1:],
            told=len(self._story),
            done=shown.done,
        )

    def _say(self, kind: str, **what: Any) -> None:
        for player in self.players.values():
            if player.line is None:
                continue
            own = {} if kind != "paused" else {"you": player in self._missing()}
            player.line.send(kind, **what, **own)

    def _tell_story(self) -> None:
        told = self.view.story(self.stage.cast.env, self.stage.shown)
        if told is not None:
            self._story.append(told)

    def _note(self, event: str, player: Player | None = None, **what: Any) -> None:
        row = {"kind": "event", "event": event, "step": self.stage.time, "at": time.time()}
        self.log.add(row | ({} if player is None else {"seat": player.seat}) | what)

    def _end(self) -> None:
        self._running = False
        scores = {str(seat): score for seat, score in self.score.items()}
        end = {"kind": "end", "why": self.why, "at": time.time(), "steps": self.stage.time}
        self.log.add(end | {"score": scores}, through=True)
        self.log.close()
        for player in self.players.values():
            if player.line is not None:
                player.line.send("over", why=self.why, score=self.score[player.seat])
