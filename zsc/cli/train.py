"""zsc train: a population into a run folder."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, field, fields, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from zsc.agents.pool import Pool
from zsc.cli.settings import (
    DATA,
    NETWORKS,
    learner_of,
    loaded,
    network_of,
    options_of,
    parse_settings,
    read_config,
    shown,
    with_settings,
)
from zsc.cli.shared import Game, Machine
from zsc.envs.base import Environment
from zsc.envs.overcooked import Overcooked
from zsc.errors import UserError
from zsc.interrupts import NOTHING
from zsc.machine.cluster import leads
from zsc.populations.recipe import Recipe
from zsc.records.record import load_record
from zsc.train.recipes import RECIPES

_HELD_OUT = 0.2  # of the games of behaviour cloning
_CLONES = "bc"


def command(arguments: list[str]) -> type[Train]:
    """The class behind `zsc train ARGUMENTS`: with the method's own settings as options.

    Raises UserError for an option that belongs to another method.
    """
    method = next((word for word in arguments if word in RECIPES), None)
    if method is None:
        return Train
    options = options_of(RECIPES.get(method))
    known = {option.name for option in options} | {each.name for each in fields(Train)}
    for word in arguments:
        name = word.partition("=")[0].removeprefix("--").replace("-", "_")
        theirs = [m for m in RECIPES if name in {o.name for o in options_of(RECIPES.get(m))}]
        if word.startswith("--") and theirs and name not in known:
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"{option} belongs to {', '.join(theirs)}, not to {method}")
    own = [
        (
            option.name,
            Annotated[option.typed | None, tyro.conf.arg(help=option.help, help_behavior_hint="")],
            None,
        )
        for option in options
    ]
    made = make_dataclass("Train", own, bases=(Train,), frozen=True)
    made.__doc__ = f"{RECIPES.get(method).__doc__}".split("\n\n")[0] + " Written to a run folder."
    return made


@dataclass(frozen=True)
class Train:
    """Train a population and write it to a run folder. `zsc train METHOD --help` lists what the
    method has for settings of its own."""

    method: tyro.conf.Positional[str]
    """The method: METHODS."""
    out: Path | None = None
    """Run folder to make; it must not exist unless --resume."""
    game: Annotated[Game, tyro.conf.arg(name="")] = field(default_factory=Game)
    seed: int = 0
    network: Literal["mlp", "cnn", "gru"] | None = None
    """The game's preset if left out; cnn needs --encoding grid."""
    learner: Literal["ppo", "mappo", "iql", "vdn", "qmix"] | None = None
    """How members learn; the game's preset of PPO if left out."""
    lr: float | None = None
    """Learning rate, short for --set learner.learning_rate=..."""
    entropy: float | None = None
    """Weight of the entropy bonus, short for --set learner.entropy=..."""
    games: int | None = None
    """Games that a member plays at the same time, short for --set learner.envs=..."""
    config: Path | None = None
    """A TOML or JSON file of settings, as --show prints them; what is typed goes before it."""
    set: tuple[str, ...] = ()
    """Any setting: NAME=VALUE ..., e.g. learner.gamma=0.99 partner_learner.envs=16."""
    show: bool = False
    """Print all settings as they would be used, and train nothing."""
    resume: bool = False
    """Go on with the run in --out, given the same settings."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Train, save, say where."""
        if self.method not in RECIPES:
            raise RECIPES.unknown(self.method)
        recipe, env = self._recipe()
        if self.show:
            print(shown(recipe, env.spec))
            return
        if self.out is None:
            raise UserError("say where to: --out FOLDER for the run")
        pool = recipe.train(env, seed=self.seed, out=self.out, resume=self.resume, progress=True)
        if leads():
            print(self._told(pool, self.out))

    def when_stopped(self) -> str:
        """What to say if it was stopped: how to go on, where one can."""
        if self.out is None or not (self.out / "manifest.json").exists() or self.method == _CLONES:
            return NOTHING
        return f"stopped; it goes on with the same command{'' if self.resume else ' and --resume'}"

    def _recipe(self) -> tuple[Recipe, Environment]:
        """The recipe with everything that was asked for, and the game. Raises UserError."""
        kind: Any = RECIPES.get(self.method)
        given = {option.name: getattr(self, option.name) for option in options_of(kind)}
        asked = {name: value for name, value in given.items() if value is not None}
        settings = {} if self.config is None else read_config(self.config)
        settings |= parse_settings(self.set)
        if self.method == _CLONES:
            return self._clones(asked, settings)
        env = self.game.make()
        kinds = {option.name: option.kind for option in options_of(kind)}
        for each in fields(kind):
            if each.init and each.default is MISSING and each.name not in asked:
                raise UserError(f"{self.method} needs --{each.name} FOLDER: the folder of a run")
        own = {name: loaded(kinds[name], value) for name, value in asked.items()}
        # files are given now; the rest goes before what a file of settings says
        recipe = kind(**{n: v for n, v in own.items() if isinstance(v, Pool)})
        if self.learner is not None:
            recipe = replace(recipe, learner=learner_of(self.learner))
        typed = {n: v for n, v in own.items() if not isinstance(v, Pool)}
        short = {
            "network": self.network,
            "learner.learning_rate": self.lr,
            "learner.entropy": self.entropy,
            "learner.envs": self.games,
        }
        typed |= {name: value for name, value in short.items() if value is not None}
        recipe = with_settings(recipe, env.spec, settings | typed)
        if recipe.network is NETWORKS["cnn"] and len(env.spec.obs_shape) != 3:
            how = "add --encoding grid" if isinstance(env, Overcooked) else "use mlp or gru here"
            raise UserError(f"the cnn needs a grid observation: {how}")
        return recipe, env

    def _clones(
        self, asked: dict[str, Any], settings: dict[str, Any]
    ) -> tuple[Recipe, Environment]:
        """Behaviour cloning, in the game that the file was recorded in."""
        data = asked.pop(DATA, None)
        odd = any(x is not None for x in (self.learner, self.lr, self.entropy, self.games))
        if data is None:
            raise UserError("bc learns from recorded games: give it --data FILE")
        if odd or self.resume or self.game != Game():
            raise UserError("bc has no --env, --resume or learner: the file says which game")
        env, games, _ = load_record(data)
        # of a few games none can be spared
        held_out = _HELD_OUT if round(len(games.length) * _HELD_OUT) else 0.0
        network = network_of(self.network) if self.network else None
        kind: Any = RECIPES.get(self.method)
        recipe = kind(games, network=network, **{"held_out": held_out} | asked)
        return with_settings(recipe, env.spec, settings), env

    def _told(self, pool: Pool, out: Path) -> str:
        """What to say of a finished training."""
        if self.method != _CLONES:
            skills = " ".join(f"{label.skill:.3g}" for label in pool.labels)
            return f"{len(pool)} agents in {out / 'pool'}; mean return with themselves: {skills}"
        last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
        right = ", ".join(f"{x:.1%}" for x in last.get("held_out_accuracy", last["accuracy"]))
        where = "games held out" if "held_out_accuracy" in last else "what they learned from"
        return (
            f"{len(pool)} agents in {out / 'pool'}; the most likely action is the recorded\n"
            f"one in {right} of steps ({where})"
        )
