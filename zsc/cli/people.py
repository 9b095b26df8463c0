"""zsc play, study: games with people."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from zsc.agents.policy import Policy
from zsc.agents.pool import Pool
from zsc.cli.shared import Machine, env_of, named, named_pools
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.machine.progress import say

_EXTRA = "games with people need the extra: pip install 'zsc-toolkit[play]'"


@dataclass(frozen=True)
class Play:
    """Play with agents in a browser: with those of runs, scripted ones, or one another."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Run folders whose agents can be chosen; NAME=FOLDER gives one a name of its own."""
    game: str | None = None
    """A game to get ready before the page is (the runs' own are anyway), see `zsc envs`."""
    port: int = 8000
    host: str = "127.0.0.1"
    """The address to listen on; 0.0.0.0 lets others in, who need the address with its token."""
    out: Path | None = None
    """A folder to keep the games in (JSON lines, written step by step); none are kept without."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Compile, say where, serve."""
        needed()
        import zsc
        from zsc.web.partners import choices
        from zsc.web.play import PlayServer
        from zsc.web.server import Place, listen, serve
        from zsc.web.stage import Cast, warm

        place = Place(self.host, self.port)
        bound = listen(place)
        pools, games = _pools(self.runs)
        if self.game is not None and self.game not in games:
            games[self.game] = zsc.make(self.game)
        for env in games.values():
            kinds: dict[Policy, Pool] = {}
            for choice in choices(env, pools):
                agent = choice.agent(env, False)
                kinds.setdefault(agent.policy, agent)
            say(f"{env.spec.id}: compiling for {len(kinds)} kinds of partners")
            for agent in kinds.values():
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
