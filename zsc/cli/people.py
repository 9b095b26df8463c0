"""zsc play, study: games with people."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from zsc.agents.policy import Policy
from zsc.agents.pool import Pool
from zsc.cli.shared import Game, Machine, check_new, env_of, named, named_pools
from zsc.envs.base import Environment
from zsc.errors import UserError, unknown
from zsc.machine.progress import say

_EXTRA = (
    "games with people need the extra [play]: pip install starlette uvicorn websockets "
    "markdown-it-py"
)


@dataclass(frozen=True)
class Play:
    """Play with agents in a browser: with those of runs, scripted ones, or one another."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Run folders whose agents can be chosen; NAME=FOLDER gives one a name of its own."""
    game: str | None = None
    """A game to get ready before the page is (the runs' own are anyway), see `zsc envs`."""
    env_set: tuple[str, ...] = ()
    """Settings of that game, KEY=VALUE, e.g. --env-set view=2."""
    port: int = 8000
    host: str = "127.0.0.1"
    """The address to listen on; 0.0.0.0 lets others in, who need the address with its token."""
    out: Path | None = None
    """A folder to keep the games in (JSON lines, written step by step); none are kept without."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Compile, say where, serve."""
        needed()
        from zsc.web.partners import choices
        from zsc.web.play import PlayServer
        from zsc.web.server import Place, listen, serve
        from zsc.web.stage import Cast, warm

        place = Place(self.host, self.port)
        with listen(place) as bound:  # a port in use is told before anything is compiled
            pools, games = _pools(self.runs)
            if self.game is not None and self.game not in games:
                games[self.game] = Game(env=self.game, env_set=self.env_set).make()
            elif self.env_set:
                raise UserError("--env-set is of a game: name it by --game")
            for env in games.values():
                agents = _kinds([choice.agent(env, False) for choice in choices(env, pools)])
                say(f"{env.spec.id}: compiling for {len(agents)} kinds of partners")
                for agent in agents:
                    seats = env.spec.num_agents
                    warm(Cast(env, (agent,) * (seats - 1), tuple(range(1, seats))))
            token = secrets.token_urlsafe(16) if place.public else ""
            server = PlayServer(pools, games, place, self.out, token)
            link = f"{place.url}/#{token}" if token else f"{place.url}/"
            kept = f"games go to {self.out}" if self.out else "no games are kept (--out FOLDER)"
            serve(server.app(), bound, lambda: print(f"ready: {link}  {kept}", flush=True))

    def when_stopped(self) -> str:
        """What to say if it was stopped."""
        return f"stopped; the games are in {self.out}" if self.out else "stopped"


def _kinds(agents: list[Pool]) -> list[Pool]:
    """One agent of each kind: its members share what is compiled."""
    found: dict[Policy, Pool] = {}
    for agent in agents:
        found.setdefault(agent.policy, agent)
    return list(found.values())


def _pools(runs: tuple[Path, ...]) -> tuple[dict[str, Pool], dict[str, Environment]]:
    """The pools of runs by name, and their games by id."""
    if not runs:
        return {}, {}
    games: dict[str, Environment] = {}
    for run in runs:
        try:
            env = env_of((named(run)[1],))
        except UserError:  # a pool alone does not say its game's settings
            continue
        games.setdefault(env.spec.id, env)
    return named_pools(runs), games


def needed() -> None:
    """Raise UserError if what a server needs is not installed."""
    try:
        import starlette
        import uvicorn
        import websockets  # noqa: F401
    except ImportError as error:
        raise UserError(f"{_EXTRA} ({error.name} is missing)") from None
    del starlette, uvicorn


_ACTIONS = ("run", "check", "pilot", "export", "new", "withdraw")
_EXAMPLE = "cooking"


@dataclass(frozen=True)
class _Named:
    """A study by its file; `cooking` is the one that comes with the toolkit."""

    action: tyro.conf.Positional[str]
    study: tyro.conf.Positional[Path]
    """The study's file (TOML); `cooking` is the example that comes with the toolkit."""

    def path(self) -> Path:
        """The file."""
        if self.study.exists() or str(self.study) != _EXAMPLE:
            return self.study
        from zsc.web.study import plan

        return Path(plan.__file__).parent / "example" / f"{_EXAMPLE}.toml"


@dataclass(frozen=True)
class StudyRun(_Named):
    """Run a study: people open the address, everything goes to a folder. It goes on with the same
    command after a stop."""

    out: Path | None = None
    """The folder for the data; the study's id and -data if left out."""
    port: int = 8000
    host: str = "127.0.0.1"
    """The address to listen on; 0.0.0.0 lets others in."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Compile, say where, serve."""
        needed()
        from zsc.web.server import Place, listen, serve
        from zsc.web.study.casting import find
        from zsc.web.study.plan import read_plan
        from zsc.web.study.server import StudyServer
        from zsc.web.study.store import Store

        text = read_plan(self.path())
        place = Place(self.host, self.port)
        with listen(place) as bound:  # a port in use is told before anything is compiled
            casting = find(text)
            out = self.out or Path(f"{text.plan.id}-data")
            store = Store(out, text, casting)
            try:
                say(f"{text.plan.title}: compiling {len(casting.casts())} games")
                casting.warm()
                token = secrets.token_urlsafe(16)
                server = StudyServer(text.plan, casting, store, place, token)
                watch = f"who is where: {place.url}/monitor#{token}"
                ready = f"ready: {place.url}/\n{watch}\ndata: {out}"
                serve(server.app(), bound, lambda: print(ready, flush=True))
            finally:
                store.close()

    def when_stopped(self) -> str:
        """What to say if it was stopped."""
        return "stopped; the same command goes on, people come back to where they were"


@dataclass(frozen=True)
class StudyCheck(_Named):
    """Read a study and find its agents, and say what people will go through."""

    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Read, find, tell."""
        from zsc.web.study.casting import find
        from zsc.web.study.check import told_of
        from zsc.web.study.plan import read_plan

        text = read_plan(self.path())
        print(told_of(text.plan, find(text)))


@dataclass(frozen=True)
class StudyPilot(_Named):
    """Let people made of code walk through the whole study, each in a real browser."""

    out: Path | None = None
    """The folder for what they do; thrown away if left out."""
    people: int = 2
    speed: float = 5.0
    """So many times as fast as the study's own ticks."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Serve, walk, tell."""
        needed()
        from zsc.web.study.pilot import pilot
        from zsc.web.study.plan import read_plan

        for line in pilot(read_plan(self.path()), self.people, self.speed, self.out):
            print(line, flush=True)


@dataclass(frozen=True)
class StudyExport:
    """Write a study's data as record files and flat tables with a codebook."""

    action: tyro.conf.Positional[str]
    folder: tyro.conf.Positional[Path]
    """The folder that zsc study run (or zsc play) wrote to."""
    out: Path
    """The folder to make."""
    publishable: bool = False
    """Only people who allowed publication."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Replay, write, tell."""
        from zsc.web.study.export import export

        check_new(self.out)
        done = export(self.folder, self.out, publishable=self.publishable)
        print(
            f"{self.out}: {done.people} people, {done.games} games, codebook.md says what is in it"
        )
        if done.left_out:
            print(f"{done.left_out} withdrawn, whose games and answers are left out")
        if done.differ:
            print(
                f"{len(done.differ)} games are not what the rules lead to: {', '.join(done.differ)}"
            )


@dataclass(frozen=True)
class StudyNew:
    """Copy the example study, to be made your own."""

    action: tyro.conf.Positional[str]
    path: tyro.conf.Positional[Path]
    """The file to make."""

    def __call__(self) -> None:
        """Write it."""
        from zsc.files import write_text

        check_new(self.path, (".toml",))
        write_text(self.path, _Named("new", Path(_EXAMPLE)).path().read_text(), new=True)
        print(f"{self.path}: change it, then zsc study check {self.path}")


@dataclass(frozen=True)
class StudyWithdraw:
    """Leave a person out of all exports from now on, or delete everything that it did.

    The server has to be stopped meanwhile.
    """

    action: tyro.conf.Positional[str]
    folder: tyro.conf.Positional[Path]
    """The folder that zsc study run wrote to."""
    code: tyro.conf.Positional[str]
    """The person's completion code, its id in the data, or its id on the recruiting platform."""
    erase: bool = False
    """Delete games, answers, and what could name the person, for good."""

    def __call__(self) -> None:
        """Find the person, mark or delete, tell."""
        from zsc.web.study.withdrawal import withdraw

        done = withdraw(self.folder, self.code, erase=self.erase)
        what = "deleted" if self.erase else "left out of every export from now on"
        print(f"participant {done.who}: answers and {done.games} games are {what}")
        if done.shared:
            print(f"{done.shared} of the games were played with other people, who lose them too")
        print("copies and exports that were made before still have them")


def study(arguments: list[str]) -> type:
    """Studies with people: new, check, pilot, run, export, withdraw.

    The class behind `zsc study ACTION ...`. Raises UserError for another action.
    """
    classes = (StudyRun, StudyCheck, StudyPilot, StudyExport, StudyNew, StudyWithdraw)
    kinds = dict(zip(_ACTIONS, classes, strict=True))
    action = next((word for word in arguments if not word.startswith("-")), None)
    if action is None:
        return StudyRun
    if action not in kinds:
        raise unknown("action of zsc study", action, kinds)
    return kinds[action]
