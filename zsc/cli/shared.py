"""What several commands need: games by options, pools by folders."""

from __future__ import annotations

import ast
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax

import zsc
from zsc import interrupts
from zsc.agents.bots import scripted_partners
from zsc.agents.pool import Pool, load_pool
from zsc.envs.base import Environment
from zsc.envs.overcooked.layout_files import read_layout
from zsc.envs.registry import rebuild
from zsc.errors import UserError
from zsc.files import read_json
from zsc.machine import cluster
from zsc.machine.runtime import check_devices
from zsc.train.run import read_manifest

CROSSPLAY_FORMAT = "zsc-crossplay"


@dataclass(frozen=True)
class CrossPlayManifest:
    """The manifest.json beside a stored cross-play: who played."""

    format: Literal["zsc-crossplay"]
    command: str
    bots: bool
    runs: dict[str, str]  # folders by the names of their groups


@dataclass(frozen=True)
class Game:
    """Which game, and how it is seen."""

    env: str | None = None
    """Name of the game, see `zsc envs`."""
    layout: Path | None = None
    """A file with a kitchen drawn in X O D P S, space, 1 and 2, or a .layout file of Overcooked-AI
    (instead of --env)."""
    dynamics: str | None = None
    """Overcooked: the rules of 2019, or those of 2020 (tomatoes, orders; cooking is started)."""
    encoding: str | None = None
    """Overcooked: compact (a vector), or grid (the 26 channels of the reference engine).
    Hanabi: canonical (the reference's bits), or belief."""
    horizon: int | None = None
    """Overcooked: steps per episode."""
    random_starts: bool = False
    """Overcooked: start cells drawn anew for each episode."""
    env_set: tuple[str, ...] = ()
    """Any settings of the game, KEY=VALUE, e.g. --env-set rounds=4 "payoffs=(1.0, 0.9)"."""

    def make(self) -> Environment:
        """The environment. Raises UserError."""
        if (self.env is None) == (self.layout is None):
            raise UserError("name a game by --env ID (see zsc envs) or draw one by --layout FILE")
        settings: dict[str, Any] = {}
        name = self.env or "overcooked"
        if self.layout is not None:
            settings["layout"] = read_layout(self.layout, self.dynamics or "2019")
        for key in ("encoding", "horizon", "dynamics"):
            if getattr(self, key) is not None:
                settings[key] = getattr(self, key)
        if self.random_starts:
            settings["random_starts"] = True
        for key, value in map(_setting, self.env_set):
            if key in settings:
                raise UserError(f"the setting {key} is given twice: give it once")
            settings[key] = value
        return zsc.make(name, **settings)


def _setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE with a value as Python (and JSON) writes it, else as text."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UserError(f"--env-set {text}: write it as KEY=VALUE")
    words = {"true": True, "false": False, "null": None}
    if value in words:
        return key, words[value]
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return key, value


@dataclass(frozen=True)
class Machine:
    """On what to compute."""

    devices: int | None = None
    """Devices that members are dealt to; on a CPU it is split into so many. All if left out."""
    distributed: bool = False
    """One of several processes that the cluster started (Slurm, Open MPI)."""
    coordinator: str | None = None
    """Without a cluster: HOST:PORT of process 0 ..."""
    processes: int | None = None
    """... how many processes there are ..."""
    process: int | None = None
    """... and which one this is, from 0."""

    def start(self) -> None:
        """Meet the other processes, take the devices. Raises UserError."""
        if self.devices is not None and self.devices < 1:
            raise UserError(f"devices is {self.devices}: at least 1 is needed")
        several = self.distributed or self.coordinator is not None
        if several:
            zsc.setup(devices=self.devices or 1)
            cluster.join(self.coordinator, self.processes, self.process)
        else:
            zsc.setup(devices=self.devices)
        check_devices()
        if self.devices is not None and len(jax.local_devices()) != self.devices:
            raise UserError(
                f"{self.devices} devices were asked for, {len(jax.local_devices())} are there: "
                "choose another --devices, or show the program so many (CUDA_VISIBLE_DEVICES)"
            )


def check_new(out: Path, ending: tuple[str, ...] = ()) -> None:
    """Raise UserError, before anything is worked out, if a file or folder cannot be made there.

    ending: what its name may end in.
    """
    if out.exists():
        raise UserError(f"{out} already exists: choose another --out or remove it")
    if ending and out.suffix.lower() not in ending:
        raise UserError(f"{out} would not be of the right kind: let the name end in {ending[0]}")
    try:
        above = next(folder for folder in out.absolute().parents if folder.exists())
    except FileNotFoundError:
        raise UserError("the folder that this was started in is gone: start it in one") from None
    if not above.is_dir():
        raise UserError(f"{out} cannot be made in {above}, which is a file: choose another --out")
    try:
        with tempfile.TemporaryFile(dir=above):
            return
    except OSError as error:
        raise UserError(
            f"{out} cannot be made in {above}: {error.strerror}: choose another --out"
        ) from None


@contextmanager
def new_folder(out: Path) -> Iterator[None]:
    """Make a folder to fill; stopped half way, nothing is left of it."""
    out.mkdir(parents=True)
    try:
        yield
    except BaseException as error:
        with interrupts.ignored():
            if isinstance(error, KeyboardInterrupt):
                shutil.rmtree(out, ignore_errors=True)
            elif not any(out.iterdir()):
                out.rmdir()
        raise


def command_line() -> str:
    """What was typed, as a report quotes it."""
    return shlex.join(["zsc", *sys.argv[1:]])


def seated(
    runs: tuple[Path, ...], members: tuple[int, ...]
) -> tuple[Environment, tuple[Pool, ...]]:
    """The game, and one agent per seat: the last run and member take the seats that are left.

    Raises UserError for too many, none, or members that do not exist.
    """
    if not runs or not members:
        raise UserError("nobody to watch: give the folder of a run, and which member of it")
    env = env_of(runs)
    seats = env.spec.num_agents
    if max(len(runs), len(members)) > seats:
        raise UserError(f"{env.spec.id} has {seats} seats: give at most {seats} runs and members")
    each = [(runs[min(s, len(runs) - 1)], members[min(s, len(members) - 1)]) for s in range(seats)]
    return env, tuple(one_of(load_pool(run), member, run) for run, member in each)


def env_of(runs: tuple[Path, ...]) -> Environment:
    """The environment of the first of the folders that is a run. Raises UserError."""
    for run in runs:
        folder = named(run)[1]
        if read_json(folder / "manifest.json").get("format") == "zsc-run":
            manifest = read_manifest(folder)
            return rebuild(manifest.env, manifest.env_settings)
    raise UserError(
        f"{runs[0]} is not the folder of a run, so its game is not known: give at least one "
        "folder that zsc train made"
    )


def named_pools(runs: tuple[Path, ...]) -> dict[str, Pool]:
    """The pools of run or pool folders by name. Raises UserError for two of one name."""
    entries: dict[str, Pool] = {}
    if not runs:
        raise UserError("nobody to play: give the folders of one or more runs")
    for run in runs:
        name, folder = named(run)
        if name in entries:
            raise UserError(f"two runs are called {name!r}: name them, e.g. A={folder}")
        entries[name] = load_pool(folder)
    return entries


def named(run: Path) -> tuple[str, Path]:
    """NAME=FOLDER, or a folder that is called as it is (and may have a = in its own name)."""
    name, _, folder = str(run).partition("=")
    if os.path.exists(run) or not folder:  # asked so, a name that is too long is not there
        return run.name, run
    return name, Path(folder)


def with_bots(pools: dict[str, Pool], env: Environment) -> dict[str, Pool]:
    """The pools and the game's scripted partners. Raises UserError if a run is called like them."""
    if "bots" in pools:
        raise UserError("a run is called 'bots', as the scripted partners are: name it NAME=FOLDER")
    return pools | {"bots": scripted_partners(env)}


def one_of(pool: Pool, member: int, run: Path) -> Pool:
    """One agent of a run. Raises UserError if there is no such member."""
    if not 0 <= member < len(pool):
        raise UserError(f"{run} has members 0 to {len(pool) - 1}, not {member}")
    return pool.take([member])


@contextmanager
def timed(times: dict[str, float], what: str) -> Iterator[None]:
    """Note how many seconds something took."""
    began = time.perf_counter()
    yield
    times[what] = time.perf_counter() - began
