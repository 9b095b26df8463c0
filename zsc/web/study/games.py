"""The games of a study: begun, gone on with after a stop, and told to the people's files."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from zsc.envs.base import settings_of
from zsc.errors import UserError
from zsc.files import library_versions
from zsc.machine.progress import say
from zsc.version import __version__
from zsc.web.game import BROKEN, LEFT, Game, Player
from zsc.web.guard import new_id
from zsc.web.hub import Hub
from zsc.web.log import Agent, Header, Lines, Played, read_game
from zsc.web.stage import Cast, Shown, Stage
from zsc.web.study.casting import Casting
from zsc.web.study.pages import OWN_COLOUR, tint
from zsc.web.study.plan import ANY, Plan
from zsc.web.study.session import Session, Step
from zsc.web.study.store import Store
from zsc.web.views import view_of

LEARNED, NOBODY_CAME, STOPPED = "learned", "nobody came", "server stopped"
_SOON = 200  # hundredths of a second


@dataclass
class Games:
    """All games of a study that are played now."""

    plan: Plan
    casting: Casting
    store: Store
    hub: Hub
    sessions: dict[str, Session]
    _pairing: set[str] = field(default_factory=set)
    _steps: dict[str, str] = field(default_factory=dict)  # which step's game a person plays

    async def ensure(self, session: Session, step: Step) -> None:
        """Let a person's game be there: the one that was begun, or a new one.

        In games of several people it begins when all are there.
        """
        who = session.who
        if who in self.hub.games and self._steps.get(who) != step.name:
            await self.leave(who, LEFT)  # a tutorial that was skipped writes its last line
        if who in self.hub.games or who in self._pairing or self.hub.rooms.waits(who):
            return
        begun = session.games.get(step.name)
        if begun is not None and step.kind == "game":
            await self._go_on(session, step, begun)
        if session.now is not step or who in self.hub.games:
            return
        if begun is not None and step.kind == "tutorial":
            self.store.add(session, "game over", step=step.name, game=begun, why=STOPPED)
        people = 1 if step.kind == "tutorial" else self.plan.partners[step.condition].people
        if people == 1:
            await self._begin({who: step})
        else:
            self._wait(session, step, people)

    async def leave(self, who: str, why: str) -> None:
        """End what a person plays or waits for, and wait until its last line is written."""
        self.hub.rooms.leave(who)
        game = self.hub.games.get(who)
        if game is None:
            return
        game.stop(why)
        for _ in range(_SOON):
            if self.hub.games.get(who) is not game:
                return
            await asyncio.sleep(0.01)

    # ---- several people

    def _wait(self, session: Session, step: Step, people: int) -> None:
        what = (step.block, step.condition, step.round)
        self.hub.rooms.enter(
            session.who,
            what,
            people,
            self._together,
            limit=self.plan.run.waiting_room,
            late=lambda: self._nobody(session, step),
        )
        if session.who in self.hub.lines:
            self.hub.rooms.arrive(session.who, self.hub.lines[session.who])

    def _together(self, people: tuple[str, ...]) -> None:
        steps = {who: step for who in people if (step := self.sessions[who].now) is not None}
        self._pairing.update(people)

        async def begin() -> None:
            try:
                await self._begin(steps)
            finally:
                self._pairing.difference_update(people)

        task = asyncio.ensure_future(begin())
        task.add_done_callback(_report)

    def _nobody(self, session: Session, step: Step) -> None:
        self._over(session, step, "", NOBODY_CAME)
        line = self.hub.lines.get(session.who)
        if line is not None:
            line.send("over", why=NOBODY_CAME, score=0.0, text="Nobody else came in time.")

    # ---- a new game

    async def _begin(self, steps: dict[str, Step]) -> None:
        """Begin a game of these people, who are at these steps."""
        first = next(iter(steps))
        step, session = steps[first], self.sessions[first]
        practice = step.kind == "tutorial"
        if practice:
            cast, agents = self.casting.tutorial()
        else:
            env = self.plan.envs[step.block]
            seats = tuple((step.seat + i) % env.spec.num_agents for i in range(len(steps)))
            member = session.drawn.members[step.block][step.condition]
            cast, agents = self.casting.cast(step.block, step.condition, member, seats)
        order = cast.people if practice or len(steps) == 1 else seats
        seated = dict(zip(order, steps, strict=True))
        header = self._header(cast, agents, session, step, seated)
        stage = await self._staged(cast, header.seed)
        log = self.store.game(header)
        for who, own in steps.items():
            self.store.add(self.sessions[who], "game", step=own.name, game=header.game)
        self._play(stage, header, log, steps)

    def _header(
        self,
        cast: Cast,
        agents: tuple[Agent, ...],
        session: Session,
        step: Step,
        seated: dict[int, str],
    ) -> Header:
        practice, spec = step.kind == "tutorial", cast.env.spec
        waits = spec.turns or self.plan.run.waits
        return Header(
            game=new_id(),
            env=spec.id,
            version=spec.version,
            settings=settings_of(cast.env),
            seed=secrets.randbelow(2**31),
            people={str(seat): who for seat, who in seated.items()},
            agents=agents,
            tick=None if waits else self.plan.run.tick,
            began=time.time(),
            study=self.plan.id,
            study_hash=self.store.hash,
            session=session.who,
            order=step.order,
            block=step.block,
            condition="" if practice else self.plan.partners[step.condition].name,
            practice=practice,
            toolkit=__version__,
            libraries=library_versions(),
        )

    async def _staged(self, cast: Cast, seed: int) -> Stage:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.hub.worker, Stage, cast, seed)

    def _play(
        self,
        stage: Stage,
        header: Header,
        log: Lines,
        steps: dict[str, Step],
        *,
        played: Played | None = None,
    ) -> None:
        players = [
            self._player(self.sessions[who], steps[who], int(seat), stage.cast)
            for seat, who in header.people.items()
        ]
        one = steps[players[0].who]
        watch = self._lesson(self.sessions[players[0].who]) if one.kind == "tutorial" else None
        game = Game(
            stage,
            view_of(stage.cast.env),
            players,
            log,
            self.plan.run.terms(len(players)),
            self.hub.worker,
            watch=watch,
            resumed=played is not None,
        )
        if played is not None:
            for seat in game.score:
                game.score[seat] = sum(float(row["reward"][seat]) for row in played.steps)

        self._steps |= {who: step.name for who, step in steps.items()}

        def after(game: Game) -> None:
            for who, step in steps.items():
                score = game.score[game.players[who].seat]
                self._over(self.sessions[who], step, header.game, game.why, score=score)

        self.hub.begin(game, after)

    def _player(self, session: Session, step: Step, seat: int, cast: Cast) -> Player:
        """A person, and what the others are called by it: neutral names, in neutral colours."""
        drawn, seats = session.drawn, cast.env.spec.num_agents
        if step.kind == "tutorial":
            name, colour = "Partner", "#7a8794"
        else:
            name, colour = drawn.names[step.condition], drawn.colours[step.condition]
        others = [s for s in range(seats) if s != seat]
        many = len(others) > 1
        names = {s: f"{name} {i + 1}" if many else name for i, s in enumerate(others)}
        return Player(
            session.who,
            seat,
            [names.get(s, "You") for s in range(seats)],
            [tint(colour, others.index(s)) if s in names else OWN_COLOUR for s in range(seats)],
        )

    def _over(
        self, session: Session, step: Step, game: str, why: str, *, score: float = 0.0
    ) -> None:
        """A game has ended, in whatever way: the person goes on, except in a tutorial."""
        if session.end:
            return
        told = {"step": step.name, "game": game, "why": why}
        self.store.add(session, "game over", **told, score=score)
        if step.name in session.done:  # a tutorial that was skipped
            return
        if step.kind == "game" or why == LEARNED:
            self.store.add(session, "done", step=step.name, block=step.block)
        else:
            self.store.add(session, "try", step=step.name)

    # ---- after a stop

    async def _go_on(self, session: Session, step: Step, game: str) -> None:
        """Go on with a game that a stopped server left, or say how it ended."""
        try:
            played = read_game(self.store.game_path(game))
        except UserError:  # it was stopped before the header was written
            self.store.add(session, "game over", step=step.name, game=game, why=STOPPED)
            return
        if played.end is not None:
            why = str(played.end.get("why"))
            self._over(session, step, game, why)
            return
        people = {int(seat): who for seat, who in played.header.people.items()}
        steps = {who: now for who in people.values() if (now := self._at(who, game)) is not None}
        member = session.drawn.members[step.block][step.condition]
        if played.header.agents:
            member = self._member(step, played.header.agents[0].id, member)
        cast, _ = self.casting.cast(step.block, step.condition, member, tuple(people))
        try:
            if len(steps) < len(people):
                raise UserError("somebody who played has left the study")
            stage = await self._staged(cast, played.header.seed)
            loop = asyncio.get_running_loop()
            replay = lambda: stage.replay(played.actions, played.marks)
            await loop.run_in_executor(self.hub.worker, replay)
        except UserError as error:
            say(f"game {game} cannot go on: {error}")
            self._over(session, step, game, BROKEN)
            return
        if session.who in self.hub.games:  # the other player's page was faster
            return
        log = Lines(self.store.game_path(game), again=True)
        self._play(stage, played.header, log, steps, played=played)

    def _at(self, who: str, game: str) -> Step | None:
        """The step at which a person plays a game."""
        session = self.sessions.get(who)
        step = session.now if session is not None else None
        return step if session and step and session.games.get(step.name) == game else None

    def _member(self, step: Step, id: str, default: int) -> int:
        found = self.casting.agents[step.block][step.condition]
        return next((i for i, choice in enumerate(found) if choice.label.id == id), default)

    # ---- the tutorial

    def _lesson(self, session: Session) -> Callable[[Game, Shown], None]:
        """Looks for what the person is asked to do: one thing after the other."""
        told, env = self.plan.tutorial, self.plan.practice
        if told is None or env is None:
            raise UserError("the study has no tutorial")
        spec, counts = env.spec, [0] * len(told.goals)

        def watch(game: Game, shown: Shown) -> None:
            place = len(session.goals)
            if place >= len(told.goals):
                return
            goal = told.goals[place]
            if goal.event == ANY:
                happened = int(shown.action[told.seat]) != spec.idle_action
            else:
                happened = bool(shown.events[told.seat][spec.event_names.index(goal.event)])
            counts[place] += happened
            if counts[place] < goal.count:
                return
            self.store.add(session, "goal", goal=place)
            line = game.players[session.who].line
            if line is not None:
                line.send("goal", reached=len(session.goals))
            if len(session.goals) == len(told.goals):
                game.stop(LEARNED)

        return watch


def _report(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        say(f"a game could not begin: {task.exception()}")
