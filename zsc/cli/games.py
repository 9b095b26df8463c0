"""zsc envs, render, record, convert: games, watched and kept."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

import zsc
from zsc.agents.pool import Pool
from zsc.agents.views import agents_of
from zsc.cli.shared import Game, check_new, seated
from zsc.envs.base import Environment
from zsc.envs.overcooked import Overcooked
from zsc.errors import UserError
from zsc.play.film import captions, in_words
from zsc.records.hanabi_files import hanabi_of, source_of
from zsc.records.overcooked_tables import check_reproduced, named_games

_FREE = {
    "overcooked": "any kitchen: --layout FILE",
    "hanabi": 'any size: in Python, zsc.make("hanabi", colours=4, ...)',
}


@dataclass(frozen=True)
class Envs:
    """List the games, or draw kitchens that are made by chance."""

    generate: int | None = None
    """How many kitchens to draw on one sheet instead."""
    seed: int = 0
    """Of the kitchens."""
    size: Annotated[str, tyro.conf.arg(metavar="ROWSxCOLUMNS")] = "7x8"
    """The largest that they may be."""
    out: Path = Path("kitchens.png")
    """The sheet; it must not exist."""

    def __call__(self) -> None:
        """Print a line per game, or per kitchen."""
        if self.generate is not None:
            from zsc.cli.kitchens import generated  # pictures are loaded only here

            print(generated(self.generate, self.seed, _size(self.size), self.out))
            return
        for name in zsc.list_envs():
            if name in _FREE:
                print(f"{name:34s} {_FREE[name]}")
                continue
            try:
                env = zsc.make(name)
            except UserError as error:  # of a game from elsewhere, which needs a setting, say
                print(f"{name:34s} {error}")
                continue
            spec = env.spec
            facts = f"{spec.num_agents} agents, {spec.num_actions} actions, horizon {spec.horizon}"
            print(f"{name:34s} {facts}, {len(env.symmetry())} symmetries")


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,2})x([1-9]\d{0,2})", text)
    if found is None:
        raise UserError(f"--size {text}: give rows and columns, such as 7x8")
    return int(found[1]), int(found[2])


@dataclass(frozen=True)
class Render:
    """Write a film of one episode."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """One run (an agent with itself), or one per seat."""
    out: Path
    """The .gif to write, or .mp4 where ffmpeg is installed; it must not exist."""
    members: tuple[int, ...] = (0,)
    """Which member of each run."""
    seed: int = 0
    episode: int = 0
    """Which of the seed's episodes, from 0: the very ones that zsc crossplay counts."""
    greedy: bool = False
    """Most likely actions instead of sampled ones."""
    steps: int | None = None
    """Show only the first steps."""

    def __call__(self) -> None:
        """Play and write."""
        check_new(self.out, (".gif", ".mp4"))
        if self.out.suffix.lower() == ".mp4" and shutil.which("ffmpeg") is None:
            raise UserError("an mp4 needs ffmpeg, which is not installed: write a .gif")
        if self.steps is not None and self.steps < 1:
            raise UserError(f"steps is {self.steps}: show at least 1")
        env, agents = seated(self.runs, self.members)
        agents = tuple(agents_of(pool, env, self.greedy) for pool in agents)
        earned = write_film(
            env, agents, self.out, seed=self.seed, steps=self.steps, episode=self.episode
        )
        print(f"{self.out}: {earned}")


@dataclass(frozen=True)
class RecordGames:
    """Keep whole games in a file: states, observations, actions, rewards, events."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """One run (an agent with itself), or one per seat."""
    out: Path
    """The file to write (.safetensors); it must not exist."""
    members: tuple[int, ...] = (0,)
    """Which member of each run."""
    episodes: int = 16
    seed: int = 0

    def __call__(self) -> None:
        """Play and write."""
        check_new(self.out)
        env, agents = seated(self.runs, self.members)
        played = zsc.record(env, agents, episodes=self.episodes, seed=self.seed)
        ids = [agent.ids[0] for agent in agents]
        played.save(self.out, env, notes={"players": ids, "seed": self.seed})
        print(f"{self.out}: {len(played.length)} games, {int(played.length.sum())} steps")


@dataclass(frozen=True)
class Convert:
    """Turn games that people played into a file of games: Overcooked-AI's tables; Hanabi of
    HanabiData, AH2AC2 or hanabi.live."""

    table: tyro.conf.Positional[Path]
    """Overcooked: a table with one row per step (CSV, pickle), or trajectories (JSON), compressed
    or not; a pickle that asks to run anything is refused. Hanabi: HanabiData's folder log/ or a
    .log of it, AH2AC2's .safetensors, JSON as hanabi.live exports it."""
    out: Path
    """The file to write (.safetensors); it must not exist."""
    game: Annotated[Game, tyro.conf.arg(name="")] = field(default_factory=Game)

    def __call__(self) -> None:
        """Read, check against the rules, write."""
        check_new(self.out)
        found = None if self._overcooked else hanabi_of(self.table, self.game.encoding)
        if found is not None:
            size = f"{len(found.record.length)} games, {int(found.record.length.sum())} moves"
            notes = {"source": source_of(self.table), "players": "human", "games": found.games,
                     "left_out": found.left_out}  # fmt: skip
            found.record.save(self.out, found.env, notes=notes)
            print(f"{self.out}: {size} of {found.env.spec.id}; {found.told()}")
            return
        env = self.game.make()
        if not isinstance(env, Overcooked):
            raise UserError(
                f"{env.spec.id} is not Overcooked: no other tables can be read; files of Hanabi "
                "say themselves which game it is, leave --env out"
            )
        played, pairs = named_games(self.table, env)
        share = check_reproduced(env, played, str(self.table))
        games = [{"people": dict.fromkeys(map(str, range(env.spec.num_agents)), pair)}
                 for pair in pairs]  # fmt: skip
        notes = {"source": self.table.name, "players": "human", "games": games}
        played.save(self.out, env, notes=notes)
        size = f"{len(played.length)} games, {int(played.length.sum())} steps"
        print(f"{self.out}: {size}; the rules lead to {share:.2%} of the recorded states")

    @property
    def _overcooked(self) -> bool:
        return self.game.env is not None or self.game.layout is not None


def write_film(
    env: Environment,
    agents: tuple[Pool, ...],
    path: Path,
    *,
    seed: int,
    steps: int | None,
    episode: int = 0,
) -> str:
    """A captioned film of an episode, as its name ends; what was earned in words."""
    frames, earned = zsc.film(env, agents, seed=seed, steps=steps, episode=episode)
    # a turn has to be read, a step only seen
    pace, scale = (900, 1.0) if env.spec.turns else (90, 0.75)
    save = zsc.save_mp4 if path.suffix.lower() == ".mp4" else zsc.save_gif
    save(path, frames, captions=captions(earned), milliseconds=pace, scale=scale)
    return in_words(earned[-1])
