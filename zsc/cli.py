"""The command line: demo, envs, train, crossplay, render. The roof of the house: it may use all
three packages, and nothing imports it."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

import zsc
from evaluation import CrossPlay, crossplay
from evaluation.plots import save_picture
from populations import RECIPES
from zsc.bots import overcooked_bots, scripted_partners
from zsc.envs.base import Environment
from zsc.envs.overcooked import Overcooked
from zsc.envs.registry import rebuild
from zsc.errors import UserError, unknown
from zsc.policy import cnn_policy, gru_policy, mlp_policy
from zsc.pool import Pool
from zsc.store import load_pool, read_json

NETWORKS = {"mlp": mlp_policy, "cnn": cnn_policy, "gru": gru_policy}
DEMO_LAYOUT = "overcooked/mirror_ring"
DEMO_BOTS = ("onion_carrier", "plate_server", "greedy_cook", "hog")


@dataclass(frozen=True)
class Demo:
    """Train self-play, other-play and fictitious co-play pools, let everyone play with everyone,
    and draw what comes out. A few minutes on two cores."""

    out: Path = Path("demo")
    """Folder to make; it must not exist."""
    seed: int = 0
    scale: float = 1.0
    """Share of the training steps; below 1 the pictures come sooner and show less."""

    def __call__(self) -> None:
        """Train, play, draw, and say what to look at."""
        if self.out.exists():
            raise UserError(f"{self.out} already exists: choose another --out or remove it")
        if not 0 < self.scale <= 100:
            raise UserError(f"scale is {self.scale}: give a share of the steps such as 0.2")
        env = Overcooked(DEMO_LAYOUT.removeprefix("overcooked/"))
        times: dict[str, float] = {}
        entries: dict[str, Pool] = {}
        for number, (name, recipe) in enumerate(_demo_recipes(self.scale).items()):
            with _timed(times, name):
                entries[name] = recipe.train(
                    env,
                    seed=self.seed + 1000 * number,
                    out=self.out / name.lower(),
                    progress=True,
                )
        with _timed(times, "cross-play"):
            entries["bots"] = overcooked_bots(env, DEMO_BOTS)
            played = crossplay(env, entries, episodes=16, seed=self.seed)
        with _timed(times, "pictures"):
            write_crossplay(played, self.out)
            self._films(env, entries["SP"], played)
        print("\n" + summary_text(played))
        print("\nwho with whom (mean return; pairs that were trained together left out)")
        print(played.between_groups().map("{:.0f}".format).to_string())
        print("\n" + "   ".join(f"{what} {seconds:.0f} s" for what, seconds in times.items()))
        print(f"pictures and values in {self.out}: heatmap.png, matrix.csv, summary.csv,")
        print("self_play_pair.gif (one agent with itself), stranger_pair.gif (two that never met)")

    def _films(self, env: Environment, pool: Pool, played: CrossPlay) -> None:
        """The best self-play agent with itself, and the two that understand each other least."""
        own = played.members("SP")
        matrix = played.matrix()[np.ix_(own, own)]
        best = int(np.diag(matrix).argmax())
        both = matrix + matrix.T + np.where(np.eye(len(own)), np.inf, 0)
        one, other = np.unravel_index(both.argmin(), both.shape)
        pairs = {"self_play_pair": (best, best), "stranger_pair": (int(one), int(other))}
        for name, (left, right) in pairs.items():
            agents = pool.take([left]), pool.take([right])
            write_film(env, agents, self.out / f"{name}.gif", seed=self.seed, steps=200)


def _demo_recipes(scale: float) -> dict[str, Any]:
    return {
        "SP": RECIPES["sp"](members=6, steps=400_000 * scale),
        "OP": RECIPES["op"](members=6, steps=600_000 * scale),
        "FCP": RECIPES["fcp"](
            members=4, steps=1_500_000 * scale, partners=6, partner_steps=400_000 * scale
        ),
    }


_FREE = {
    "overcooked": "any kitchen: --layout FILE",
    "hanabi": 'any size: in Python, zsc.make("hanabi", colours=4, ...)',
}


@dataclass(frozen=True)
class Envs:
    """List the games."""

    def __call__(self) -> None:
        """Print a line per game."""
        for name in zsc.list_envs():
            if name in _FREE:
                print(f"{name:34s} {_FREE[name]}")
                continue
            env = zsc.make(name)
            spec = env.spec
            facts = f"{spec.num_agents} agents, {spec.num_actions} actions, horizon {spec.horizon}"
            print(f"{name:34s} {facts}, {len(env.symmetry())} symmetries")


@dataclass(frozen=True)
class Game:
    """Which game, and how it is seen."""

    env: str | None = None
    """Name of the game, see `zsc envs`."""
    layout: Path | None = None
    """A file with a kitchen drawn in X O D P S, space, 1 and 2 (instead of --env)."""
    encoding: str | None = None
    """Overcooked: compact (a vector), or grid (the 26 channels of the reference engine).
    Hanabi: canonical (the reference's bits), or belief."""
    horizon: int | None = None
    """Overcooked: steps per episode."""
    random_starts: bool = False
    """Overcooked: start cells drawn anew for each episode."""

    def make(self) -> Environment:
        """The environment. Raises UserError."""
        if (self.env is None) == (self.layout is None):
            raise UserError("name a game by --env ID (see zsc envs) or draw one by --layout FILE")
        settings: dict[str, Any] = {}
        name = self.env or "overcooked"
        if self.layout is not None:
            if not self.layout.is_file():
                raise UserError(f"{self.layout} is not a file: give a drawing of a kitchen")
            settings["layout"] = self.layout.read_text("utf-8", errors="replace")
        for key in ("encoding", "horizon"):
            if getattr(self, key) is not None:
                settings[key] = getattr(self, key)
        if self.random_starts:
            settings["random_starts"] = True
        return zsc.make(name, **settings)


@dataclass(frozen=True)
class Train:
    """Train a population and write it to a run folder."""

    method: tyro.conf.Positional[str]
    """sp (self-play), op (other-play), he (high entropy) or fcp (fictitious co-play)."""
    out: Path
    """Run folder to make; it must not exist unless --resume."""
    game: Annotated[Game, tyro.conf.arg(name="")] = field(default_factory=Game)
    members: int = 8
    """Agents trained at the same time."""
    steps: float | None = None
    """Environment steps per member, e.g. 3e6; the game's preset if left out."""
    seed: int = 0
    network: Literal["mlp", "cnn", "gru"] | None = None
    """The game's preset if left out; cnn needs --encoding grid."""
    partners: int | None = None
    """fcp: self-play seeds per best response."""
    partner_steps: float | None = None
    """fcp: environment steps per partner."""
    lr: float | None = None
    """Learning rate (fcp: of the best response); the game's preset if left out."""
    entropy: float | None = None
    """Weight of the entropy bonus; the game's preset if left out."""
    games: int | None = None
    """Games that a member plays at the same time; the game's preset if left out."""
    resume: bool = False
    """Go on with the run in --out, given the same settings."""

    def __call__(self) -> None:
        """Train, save, say where."""
        if self.method not in RECIPES:
            raise unknown("method", self.method, RECIPES)
        env = self.game.make()
        settings: dict[str, Any] = {
            "members": self.members,
            "steps": self.steps,
            "policy": NETWORKS[self.network] if self.network else None,
        }
        if self.network == "cnn" and len(env.spec.obs_shape) != 3:
            how = "add --encoding grid" if isinstance(env, Overcooked) else "use mlp or gru here"
            raise UserError(f"the cnn needs a grid observation: {how}")
        extra = {"partners": self.partners, "partner_steps": self.partner_steps}
        for name, value in extra.items():
            if value is not None and self.method != "fcp":
                raise UserError(f"--{name.replace('_', '-')} belongs to fcp, not to {self.method}")
            if value is not None:
                settings[name] = value
        recipe = self._tuned(RECIPES[self.method](**settings), env)
        pool = recipe.train(env, seed=self.seed, out=self.out, resume=self.resume, progress=True)
        skills = " ".join(f"{label.skill:.3g}" for label in pool.labels)
        print(f"{len(pool)} agents in {self.out / 'pool'}; mean return with themselves: {skills}")

    def _tuned(self, recipe: Any, env: Environment) -> Any:
        """The recipe with what was asked for in place of its own settings."""
        asked = {"learning_rate": self.lr, "entropy": self.entropy, "envs": self.games}
        given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        if not given:
            return recipe
        # the last stage is the one that makes the agents
        usual = recipe.plans(env.spec)[-1].ppo
        return replace(recipe, ppo=replace(usual, **given))


@dataclass(frozen=True)
class CrossPlayRuns:
    """Let the pools of several runs play each other."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run or pool folders; NAME=FOLDER gives a pool a name of its own."""
    out: Path
    """Folder to make: values, matrix.csv, summary.csv, heatmap.png."""
    episodes: int = 32
    """Episodes per cell and seating."""
    seed: int = 0
    greedy: bool = False
    """Most likely actions instead of sampled ones."""
    bots: bool = False
    """Invite the game's scripted partners too."""

    def __call__(self) -> None:
        """Play, write, print the table."""
        if self.out.exists():
            raise UserError(f"{self.out} already exists: choose another --out")
        entries = _named_pools(self.runs)
        env = env_of(self.runs)
        if self.bots:
            entries["bots"] = scripted_partners(env)
        began = time.perf_counter()
        played = crossplay(env, entries, episodes=self.episodes, seed=self.seed, greedy=self.greedy)
        seconds = time.perf_counter() - began
        write_crossplay(played, self.out)
        print(summary_text(played))
        size = len(played)
        print(f"{size} x {size} policies in {seconds:.1f} s; heatmap: {self.out / 'heatmap.png'}")


@dataclass(frozen=True)
class Render:
    """Write a GIF of one episode."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """One run (an agent with itself), or one per seat."""
    out: Path
    """The GIF to write; it must not exist."""
    members: tuple[int, ...] = (0,)
    """Which member of each run."""
    seed: int = 0
    steps: int | None = None
    """Show only the first steps."""

    def __call__(self) -> None:
        """Play and write."""
        if self.out.exists():
            raise UserError(f"{self.out} already exists: choose another --out")
        if self.out.suffix.lower() != ".gif":
            raise UserError(f"{self.out} would not be a GIF: let the name end in .gif")
        if self.steps is not None and self.steps < 1:
            raise UserError(f"steps is {self.steps}: show at least 1")
        if not self.runs or not self.members:
            raise UserError("nobody to watch: give the folder of a run, and which member of it")
        env = env_of(self.runs)
        seats = env.spec.num_agents
        if max(len(self.runs), len(self.members)) > seats:
            raise UserError(
                f"{env.spec.id} has {seats} seats: give at most {seats} runs and members"
            )
        runs = [self.runs[min(s, len(self.runs) - 1)] for s in range(seats)]
        members = [self.members[min(s, len(self.members) - 1)] for s in range(seats)]
        agents = tuple(_one(load_pool(r), m, r) for r, m in zip(runs, members, strict=True))
        earned = write_film(env, agents, self.out, seed=self.seed, steps=self.steps)
        print(f"{self.out}: return {earned:g}")


def write_crossplay(played: CrossPlay, folder: Path) -> None:
    """values, matrix.csv, summary.csv and heatmap.png of a cross-play."""
    import matplotlib

    matplotlib.use("Agg")
    played.save(folder)
    played.matrix_frame().to_csv(folder / "matrix.csv")
    played.summary().to_csv(folder / "summary.csv")
    save_picture(played.heatmap(), folder / "heatmap.png")


def write_film(
    env: Environment, agents: tuple[Pool, ...], path: Path, *, seed: int, steps: int | None
) -> float:
    """A captioned GIF of an episode; returns what was earned."""
    frames, earned = zsc.film(env, agents, seed=seed, steps=steps)
    captions = [f"step {t:3d}   return {r:g}" for t, r in enumerate(earned)]
    # a turn has to be read, a step only seen
    pace, scale = (900, 1.0) if env.spec.turns else (90, 0.75)
    zsc.save_gif(path, frames, captions=captions, milliseconds=pace, scale=scale)
    return float(earned[-1])


def summary_text(played: CrossPlay) -> str:
    """The summary as a table of plain text: means with their 95 % intervals."""
    table = played.summary()
    digits = 0 if table["SP"].max() > 30 else 2
    lines = [f"{'':>10s} {'policies':>8s} {'SP':>16s} {'XP within':>18s} {'XP between':>18s}"]
    for group, row in table.iterrows():
        cells = [f"{group!s:>10s} {int(row['policies']):8d}"]
        for name, width in (("SP", 16), ("XP within", 18), ("XP between", 18)):
            mean, low, high = row[name], row[f"{name} low"], row[f"{name} high"]
            text = "-" if np.isnan(mean) else f"{mean:.{max(digits, 1)}f}"
            text += "" if np.isnan(low) else f" [{low:.{digits}f}, {high:.{digits}f}]"
            cells.append(f"{text:>{width}s}")
        lines.append(" ".join(cells))
    lines.append("means of true returns; 95 % intervals by resampling policies (node bootstrap)")
    return "\n".join(lines)


def env_of(runs: tuple[Path, ...]) -> Environment:
    """The environment of the first of the folders that is a run. Raises UserError."""
    for run in runs:
        manifest = read_json(_named(run)[1] / "manifest.json")
        if manifest.get("format") == "zsc-run":
            return rebuild(manifest["env"], manifest["env_settings"])
    raise UserError(
        f"{runs[0]} is not the folder of a run, so its game is not known: give at least one "
        "folder that zsc train made"
    )


def _named_pools(runs: tuple[Path, ...]) -> dict[str, Pool]:
    entries: dict[str, Pool] = {}
    if not runs:
        raise UserError("nobody to play: give the folders of one or more runs")
    for run in runs:
        name, folder = _named(run)
        if name in entries:
            raise UserError(f"two runs are called {name!r}: name them, e.g. A={folder}")
        entries[name] = load_pool(folder)
    return entries


def _named(run: Path) -> tuple[str, Path]:
    """NAME=FOLDER, or a folder that is called as it is."""
    name, _, folder = str(run).rpartition("=")
    return name or Path(folder).name, Path(folder)


def _one(pool: Pool, member: int, run: Path) -> Pool:
    if not 0 <= member < len(pool):
        raise UserError(f"{run} has members 0 to {len(pool) - 1}, not {member}")
    return pool.take([member])


@contextmanager
def _timed(times: dict[str, float], what: str) -> Any:
    began = time.perf_counter()
    yield
    times[what] = time.perf_counter() - began


COMMANDS: dict[str, Callable[..., Any]] = {
    "demo": Demo,
    "envs": Envs,
    "train": Train,
    "crossplay": CrossPlayRuns,
    "render": Render,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (2 for input that cannot be used)."""
    command = tyro.extras.subcommand_cli_from_dict(
        COMMANDS, args=arguments, prog="zsc", description="Zero-shot coordination toolkit."
    )
    warnings.showwarning = lambda message, *_, **__: print(f"note: {message}", file=sys.stderr)
    try:
        if not 0 <= getattr(command, "seed", 0) < 2**31:
            raise UserError(f"seed is {command.seed}: use one from 0 to {2**31 - 1}")
        zsc.setup()
        command()
    except UserError as error:
        print(f"zsc: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "zsc: stopped; a training goes on with the same command and --resume", file=sys.stderr
        )
        return 130
    except OSError as error:  # no space, no permission, a file where a folder should be
        print(f"zsc: {error.filename}: {error.strerror}: choose another path", file=sys.stderr)
        return 2
    return 0
