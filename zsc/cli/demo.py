"""zsc demo: three kinds of pools, their cross-play, and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from zsc.agents.bots import overcooked_bots
from zsc.agents.pool import Pool
from zsc.cli.export_page import export
from zsc.cli.games import write_film
from zsc.cli.play import drawn, summary_text, write_crossplay
from zsc.cli.shared import check_new, timed
from zsc.envs.base import Environment
from zsc.envs.overcooked import Overcooked
from zsc.errors import UserError
from zsc.evaluation import CrossPlay, crossplay
from zsc.interrupts import NOTHING
from zsc.populations import FictitiousCoPlay, OtherPlay, Recipe, SelfPlay

LAST = "stranger_pair.gif"  # what is written last
LAYOUT = "overcooked/mirror_ring"
BOTS = ("onion_carrier", "plate_server", "greedy_cook", "hog")


@dataclass(frozen=True)
class Demo:
    """Train self-play, other-play and fictitious co-play pools, let everyone play with everyone,
    and draw what comes out. A few minutes on two cores."""

    out: Path = Path("demo")
    """Folder to make; one that was interrupted is gone on with."""
    seed: int = 0
    scale: float = 1.0
    """Share of the training steps; below 1 the pictures come sooner and show less."""

    def __call__(self) -> None:
        """Train, play, draw, and say what to look at."""
        if not self._interrupted():
            check_new(self.out)
        if not 0 < self.scale <= 100:
            raise UserError(f"scale is {self.scale}: give a share of the steps such as 0.2")
        env = Overcooked(LAYOUT.removeprefix("overcooked/"))
        times: dict[str, float] = {}
        entries: dict[str, Pool] = {}
        for number, (name, recipe) in enumerate(_demo_recipes(self.scale).items()):
            with timed(times, name):
                run = self.out / name.lower()
                entries[name] = recipe.train(
                    env,
                    seed=self.seed + 1000 * number,
                    out=run,
                    resume=(run / "manifest.json").exists(),
                    progress=True,
                )
        with timed(times, "cross-play"):
            entries["bots"] = overcooked_bots(env, BOTS)
            played = crossplay(env, entries, episodes=16, seed=self.seed, progress=True)
        with timed(times, "pictures"):
            told = [write_crossplay(played, self.out)]
            told += [self._page(env, {n: pool for n, pool in entries.items() if n != "bots"})]
            told += self._films(env, entries["SP"], played)
        print("\n" + summary_text(played))
        print("\nwho with whom (mean return; pairs that were trained together left out)")
        print(played.between_groups().map("{:.0f}".format).to_string())
        print("\n" + "   ".join(f"{what} {seconds:.0f} s" for what, seconds in times.items()))
        print(f"pictures and values in {self.out}: heatmap.png, matrix.csv, summary.csv,")
        print("self_play_pair.gif (one agent with itself), stranger_pair.gif (two that never met)")
        print("play.html (cook with all of them yourself, in any browser)")
        for line in told:
            if "could not be drawn" in line:
                print(line)

    def when_stopped(self) -> str:
        """What to say if it was stopped."""
        if not self.out.exists():
            return NOTHING
        return f"stopped; {self.out} keeps what was done: the same command does the rest"

    def _interrupted(self) -> bool:
        """True if the folder holds the beginning of a demo, and not its end."""
        begun = any((self.out / name.lower()).is_dir() for name in _demo_recipes(1.0))
        return begun and not (self.out / LAST).exists()

    def _page(self, env: Environment, entries: dict[str, Pool]) -> str:
        """A page in which anybody plays with the agents."""
        path = self.out / "play.html"
        path.unlink(missing_ok=True)
        return export(path, {name: (pool, env) for name, pool in entries.items()})

    def _films(self, env: Environment, pool: Pool, played: CrossPlay) -> list[str]:
        """The best self-play agent with itself, and the two that understand each other least."""
        own = played.members("SP")
        matrix = played.matrix()[np.ix_(own, own)]
        best = int(np.diag(matrix).argmax())
        both = matrix + matrix.T + np.where(np.eye(len(own)), np.inf, 0)
        one, other = np.unravel_index(both.argmin(), both.shape)
        pairs = {"self_play_pair": (best, best), "stranger_pair": (int(one), int(other))}
        told = []
        for name, (left, right) in pairs.items():
            agents, path = (pool.take([left]), pool.take([right])), self.out / f"{name}.gif"
            path.unlink(missing_ok=True)
            write = partial(write_film, env, agents, path, seed=self.seed, steps=200)
            told.append(drawn(write, path))
        return told


def _demo_recipes(scale: float) -> dict[str, Recipe]:
    return {
        "SP": SelfPlay(members=6, steps=400_000 * scale),
        "OP": OtherPlay(members=6, steps=600_000 * scale),
        "FCP": FictitiousCoPlay(
            members=4, steps=2_400_000 * scale, partners=6, partner_steps=400_000 * scale
        ),
    }
