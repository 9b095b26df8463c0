"""zsc export-page: agents in a page without a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

import zsc
from zsc.agents.pool import Pool
from zsc.cli.shared import check_new, env_of, named, named_pools
from zsc.envs.base import Encoded, Environment
from zsc.errors import UserError
from zsc.files import read_json


@dataclass(frozen=True)
class ExportPage:
    """Write one web page in which anyone plays Overcooked with agents, without a server.

    Rules, observations and networks are in the page, so it can be sent to anybody or put on any web
    space. It makes the agents' weights public: held-out partners are refused.
    """

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run or pool folders whose agents can be played with; NAME=FOLDER gives one a name."""
    out: Path
    """The page to make (.html)."""
    members: tuple[int, ...] = ()
    """Which agents of each folder, by their numbers; all if left out."""
    roster: tuple[str, ...] = ()
    """Rosters of your own (folders) whose agents must not be in the page either."""

    def __call__(self) -> None:
        """Read, check, write."""
        check_new(self.out, (".html", ".htm"))
        pools = named_pools(self.runs)
        folders = [named(run)[1] for run in self.runs]
        if self.members:
            pools = {name: pool.take(self.members) for name, pool in pools.items()}
        own = [
            str(folder.parent) for folder in folders if (folder.parent / "roster.json").is_file()
        ]
        games = [_game(pool, folder) for pool, folder in zip(pools.values(), folders, strict=True)]
        pairs = zip(pools.values(), games, strict=True)
        print(export(self.out, dict(zip(pools, pairs, strict=True)), (*self.roster, *own)))


def export(
    out: Path, entries: dict[str, tuple[Pool, Environment]], rosters: tuple[str, ...] = ()
) -> str:
    """Write the page, see `zsc.web.single_page`; what to say of it."""
    from zsc.web.single_page import write_single_page

    write_single_page(out, [(name, *entry) for name, entry in entries.items()], rosters)
    agents = sum(len(pool) for pool, _ in entries.values())
    who = f"{agents} agent{'s' * (agents != 1)}"
    return f"{out}: {out.stat().st_size / 1e6:.1f} MB, {who}, open it in any browser"


def _game(pool: Pool, folder: Path) -> Environment:
    """The game of a run; of a pool alone, the game by the name that it knows."""
    if read_json(folder / "manifest.json").get("format") == "zsc-run":
        return env_of((folder,))
    try:
        env = zsc.make(pool.home.env)
        return env.encoded(pool.home.obs_id) if isinstance(env, Encoded) else env
    except UserError:
        raise UserError(
            f"{folder} does not say its game's settings ({pool.home.env}): give the run's folder"
        ) from None
