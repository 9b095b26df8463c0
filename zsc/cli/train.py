"""zsc train: a population into a run folder."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

import zsc
from zsc.agents.policy import cnn_policy
from zsc.agents.pool import Pool
from zsc.cli.settings import (
    DATA,
    SHORT,
    learner_of,
    loaded,
    network_of,
    options_of,
    parse_settings,
    read_config,
    shown,
    usual_settings,
    with_settings,
)
from zsc.cli.several import Trial, table_text, told, trials
from zsc.cli.shared import Game, Machine
from zsc.cli.watched import Watched
from zsc.envs.base import Environment
from zsc.envs.overcooked import Overcooked
from zsc.errors import UserError
from zsc.interrupts import NOTHING
from zsc.machine.cluster import leads
from zsc.populations.recipe import Recipe
from zsc.records.record import load_record
from zsc.records.whose import groups_of, whose_games
from zsc.train.recipes import RECIPES
from zsc.train.validation import Validation

_HELD_OUT = 0.2  # of the games of behaviour cloning
_CLONES = "bc"
_PRESET = ("network", "learner", "lr", "entropy", "games")


def named_game(arguments: list[str]) -> str | None:
    """The game that is named among what was typed."""
    for word, after in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == "--env":
            return value if equals else after
    return None


def preset_hints(kind: Any, game: str | None) -> dict[str, str]:
    """What stands behind each option that the game's preset decides: its value, if the game is
    named and can be made as it is."""
    names = [option.name for option in options_of(kind) if option.name.endswith("steps")]
    names += _PRESET if "steps" in names else ()  # clones learn in their own way
    try:
        usual = usual_settings(kind(), zsc.make(game).spec) if game else {}
    except (UserError, TypeError):  # a game that needs settings, a recipe that needs a pool
        usual = {}
    unsaid = "the game's preset" + ("" if game else "; --env GAME --help shows it")
    return {name: f"(default: {usual.get(name, unsaid)})" for name in names}


def _listed() -> str:
    return ", ".join(RECIPES)


def print_leading(text: str) -> None:
    """Say it once, however many processes there are."""
    if leads():
        print(text)


def command(arguments: list[str]) -> type[Train]:
    """The class behind `zsc train ARGUMENTS`: with the method's own settings as options.

    Raises UserError for an option that belongs to another method.
    """
    method = next((word for word in arguments if word in RECIPES), None)
    if method is None:
        word: Any = Annotated[str, tyro.conf.Positional, tyro.conf.arg(help=f"One of {_listed()}.")]
        made = make_dataclass("Train", [("method", word)], bases=(Train,), frozen=True)
        made.__doc__ = Train.__doc__
        return made
    options = options_of(RECIPES.get(method))
    known = {option.name for option in options} | {each.name for each in fields(Train)}
    for word in arguments:
        name = word.partition("=")[0].removeprefix("--").replace("-", "_")
        if not word.startswith("--") or name in known:
            continue
        theirs = [m for m in RECIPES if name in {o.name for o in options_of(RECIPES.get(m))}]
        if theirs:
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"{option} belongs to {', '.join(theirs)}, not to {method}")
    hints = preset_hints(RECIPES.get(method), named_game(arguments))
    own = [
        (
            option.name,
            Annotated[
                option.typed | None,
                tyro.conf.arg(help=option.help, help_behavior_hint=hints.get(option.name, "")),
            ],
            None,
        )
        for option in options
    ]
    types = typing.get_type_hints(Train)
    own += [
        (each, Annotated[types[each], tyro.conf.arg(help_behavior_hint=hint)], None)
        for each, hint in hints.items()
        if each not in {option.name for option in options}
    ]
    made = make_dataclass("Train", own, bases=(Train,), frozen=True)
    made.__doc__ = f"{RECIPES.get(method).__doc__}".split("\n\n")[0] + " Written to a run folder."
    return made


@dataclass(frozen=True)
class Train:
    """Train a population and write it to a run folder. `zsc train METHOD --help` lists what the
    method has for settings of its own."""

    method: tyro.conf.Positional[str]
    """The method."""
    out: Path | None = None
    """Run folder to make; it must not exist unless --resume."""
    game: Annotated[Game, tyro.conf.arg(name="")] = field(default_factory=Game)
    seed: tuple[int, ...] = (0,)
    """Several are trained one after the other, each in a folder seed-N of --out."""
    sweep: tuple[str, ...] = ()
    """NAME=VALUE,VALUE ...: a run for every value (for every combination of several lists), in
    folders of --out, and a table at the end; e.g. --sweep learner.entropy=0.01,0.1"""
    network: str | None = None
    """mlp, cnn, gru, or one that an installed package offers; the game's preset if left out; cnn
    needs --encoding grid."""
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
    watched: Annotated[Watched, tyro.conf.arg(name="")] = field(default_factory=Watched)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Train, save, say where."""
        if self.method not in RECIPES:
            raise RECIPES.unknown(self.method)
        plan = trials(self.sweep, self.seed, self.out)
        recipes = [self._recipe(dict(trial.settings)) for trial in plan]  # a fault is said at once
        if self.show:
            print(shown(recipes[0][0], recipes[0][1].spec))
            return
        if self.out is None:
            raise UserError("say where to: --out FOLDER for the run")
        validation = self.watched.validation(recipes[0][1])
        self.watched.sinks(self.out)
        if len(plan) == 1:
            pool = self._trained(plan[0], *recipes[0], validation)
            print_leading(self._told(pool, self.out))
            return
        self._check_folders(plan)
        results = []
        for number, (trial, (recipe, env)) in enumerate(zip(plan, recipes, strict=True), 1):
            print_leading(f"run {number} of {len(plan)}: {trial.out}")
            pool = self._trained(trial, recipe, env, validation)
            results.append((trial, [float(label.skill or 0.0) for label in pool.labels]))
        print_leading(table_text(told(results)))

    def _trained(
        self, trial: Trial, recipe: Recipe, env: Environment, validation: Validation | None
    ) -> Pool:
        """The agents of one run, which is gone on with if it was begun and that is asked for."""
        # of several runs those that were not begun are begun
        resume = self.resume and (trial.out == self.out or (trial.out / "manifest.json").exists())
        return recipe.train(
            env,
            seed=trial.seed,
            out=trial.out,
            resume=resume,
            progress=True,
            sinks=self.watched.sinks(trial.out),
            validation=validation,
        )

    def _check_folders(self, plan: list[Trial]) -> None:
        """Raise UserError, before the first run, for one whose folder is taken."""
        for trial in plan:
            if trial.out.exists() and not self.resume:
                raise UserError(
                    f"{trial.out} already exists: choose another --out, or go on by --resume"
                )

    def when_stopped(self) -> str:
        """What to say if it was stopped: how to go on, where one can."""
        if self.out is None or not (self.out / "manifest.json").exists() or self.method == _CLONES:
            return NOTHING
        return f"stopped; it goes on with the same command{'' if self.resume else ' and --resume'}"

    def _recipe(self, swept: Mapping[str, Any]) -> tuple[Recipe, Environment]:
        """The recipe with everything that was asked for, and the game. Raises UserError.

        swept: settings of one of several runs; they go before all others.
        """
        kind: Any = RECIPES.get(self.method)
        given = {option.name: getattr(self, option.name) for option in options_of(kind)}
        asked = {name: value for name, value in given.items() if value is not None}
        settings = {} if self.config is None else read_config(self.config)
        settings |= parse_settings(self.set) | dict(swept)
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
        short = {name: getattr(self, option) for option, name in SHORT.items()}
        short |= {"network": self.network}
        typed |= {name: value for name, value in short.items() if value is not None}
        recipe = with_settings(recipe, env.spec, settings | typed | dict(swept))
        if recipe.network is cnn_policy and len(env.spec.obs_shape) != 3:
            how = "add --encoding grid" if isinstance(env, Overcooked) else "use mlp or gru here"
            raise UserError(f"the cnn needs a grid observation: {how}")
        return recipe, env

    def _clones(
        self, asked: dict[str, Any], settings: dict[str, Any]
    ) -> tuple[Recipe, Environment]:
        """Behaviour cloning, in the game that the file was recorded in."""
        data = asked.pop(DATA, None)
        self.watched.check_clones()
        odd = any(x is not None for x in (self.learner, self.lr, self.entropy, self.games))
        if data is None:
            raise UserError("bc learns from recorded games: give it --data FILE")
        if odd or self.resume or self.game != Game():
            raise UserError("bc has no --env, --resume or learner: the file says which game")
        env, games, notes = load_record(data)
        whose = whose_games(notes, len(games.length), env.spec.num_agents)
        # of a few games, or people, none can be spared
        several = round(len(games.length) * _HELD_OUT)
        if whose is not None:
            several = len(np.unique(groups_of(whose))) - 1
        held_out = _HELD_OUT if several else 0.0
        network = network_of(self.network) if self.network else None
        kind: Any = RECIPES.get(self.method)
        recipe = kind(games, network=network, whose=whose, **{"held_out": held_out} | asked)
        return with_settings(recipe, env.spec, settings), env

    def _told(self, pool: Pool, out: Path) -> str:
        """What to say of a finished training."""
        if self.method != _CLONES:
            skills = " ".join(f"{label.skill:.3g}" for label in pool.labels)
            return f"{len(pool)} agents in {out / 'pool'}; mean return with themselves: {skills}"
        last = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
        right = ", ".join(f"{x:.1%}" for x in last.get("held_out_accuracy", last["accuracy"]))
        where = "games held out" if "held_out_accuracy" in last else "what they learned from"
        likely = last.get("held_out_log_likelihood", [-x for x in last["loss"]])
        return (
            f"{len(pool)} agents in {out / 'pool'}; the most likely action is the recorded\n"
            f"one in {right} of steps ({where}),\n"
            f"mean log likelihood {', '.join(f'{x:.3f}' for x in likely)} a step"
        )
