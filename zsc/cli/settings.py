"""A recipe's settings from text: its own fields as options, `--set`, `--config`, `--show`.

Nothing of a recipe is named here: options are made from the fields of its dataclass and their help
from its docstring, so a method from elsewhere has a command line of its own.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from zsc.agents.networks import NETWORKS
from zsc.agents.pool import Pool, load_pool
from zsc.envs.base import EnvSpec
from zsc.errors import UserError, unknown
from zsc.files import decode_json, encoding_of, read_bytes
from zsc.learn.base import Learner
from zsc.learn.critic import CentralCritic
from zsc.learn.ppo import PPOConfig, ppo
from zsc.learn.q_learning import QConfig, iql, qmix, vdn
from zsc.populations.recipe import Recipe
from zsc.records.record import Record
from zsc.schema import as_type

LEARNERS: dict[str, tuple[Any, Any]] = {  # name: (settings, learner from settings)
    "ppo": (PPOConfig, ppo),
    "mappo": (PPOConfig, partial(ppo, critic=CentralCritic())),
    "iql": (QConfig, iql),
    "vdn": (QConfig, vdn),
    "qmix": (QConfig, qmix),
}
#: Options of their own, and the settings that they are short for.
SHORT = {"lr": "learner.learning_rate", "entropy": "learner.entropy", "games": "learner.envs"}
DATA = "data"  # the option for recorded games
_SIMPLE = (int, float, bool, str)


@dataclass(frozen=True)
class Option:
    """A field of a recipe as an option of the command line."""

    name: str
    kind: Any  # the type of its value
    help: str

    @property
    def typed(self) -> Any:
        """What the command line parses: paths for pools and games."""
        return Path if self.kind in (Pool, Record) else self.kind


def options_of(recipe: type[Recipe]) -> list[Option]:
    """The fields that can be typed; pools and recorded games are given by their paths."""
    hints, told = typing.get_type_hints(recipe), field_help(recipe)
    found = []
    for each in fields(recipe):
        kind = _typed(hints[each.name])
        if each.init and kind is not None:
            text = told.get(each.name, "")
            if each.default is not None and each.default is not MISSING:
                text += f" (default: {_text(each.default)})"
            if kind is Record:
                text = (
                    "A file of games that zsc record or zsc convert wrote; it also says which game."
                )
            found.append(Option(DATA if kind is Record else each.name, kind, text.strip()))
    return found


def field_help(recipe: type) -> dict[str, str]:
    """What the docstrings of a class and its parents say of each field: lines "name: words"."""
    found: dict[str, str] = {}
    for parent in reversed(recipe.__mro__):
        names: list[str] = []
        for line in (parent.__doc__ or "").splitlines():
            start = re.match(r"    ((?:\w+, )*\w+): (.*)", line)
            if start:
                names = start[1].split(", ")
                found |= dict.fromkeys(names, start[2])
            elif names and line.startswith("     "):
                found |= {name: f"{found[name]} {line.strip()}" for name in names}
            else:
                names = []
    return found


def loaded(kind: Any, value: Any) -> Any:
    """A typed value as the recipe wants it: pools and games are read from their paths."""
    if kind is Pool:
        return load_pool(value)
    return value


def read_config(path: Path) -> dict[str, Any]:
    """The settings in a TOML or JSON file, flat: {"learner.entropy": .1, ...}. Raises UserError."""
    try:
        data = read_bytes(path)
        text = data.decode(encoding_of(data))
        json_file = path.suffix.lower() == ".json"
        told = decode_json(text.encode()) if json_file else tomllib.loads(text)
        return _flat(as_type(dict[str, Any], told, "the file"))
    except UserError:
        raise
    except (ValueError, RecursionError) as error:  # both decoders' errors, and text that is none
        raise UserError(f"{path} is no TOML or JSON of NAME = VALUE lines: {error}") from None


def parse_settings(texts: tuple[str, ...]) -> dict[str, Any]:
    """NAME=VALUE texts; values are numbers, lists or words. Raises UserError."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"--set {text}: write NAME=VALUE, e.g. learner.entropy=0.1")
        found[name] = parse_value(value)
    return found


def parse_value(text: str) -> Any:
    """A number, list or word."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return tuple(value) if isinstance(value, list) else value


def with_settings(recipe: Recipe, spec: EnvSpec, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with settings by their dotted names: its own fields, and its learners'.

    "learner.NAME" changes the preset of the last stage, "partner_learner.NAME" of the first one.
    Raises UserError for a name or a value that does not fit.
    """
    own: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    known = {each.name: each for each in fields(recipe) if each.init}
    hints = typing.get_type_hints(type(recipe))
    for name, value in settings.items():
        outer, _, rest = name.partition(".")
        if outer not in known:
            raise unknown(f"setting of {type(recipe).__name__}", name, _names(recipe, spec))
        if rest:
            inner.setdefault(outer, {})[rest] = value
        elif outer.endswith("network"):
            own[outer] = network_of(value)
        elif outer.endswith("learner"):
            own[outer] = learner_of(value)
        else:
            own[outer] = _checked(name, hints[outer], value)
    recipe = replace(recipe, **own)
    for outer, values in inner.items():
        learners = learners_of(recipe, spec)
        if outer not in learners:
            raise unknown(f"setting of {type(recipe).__name__}", outer, _names(recipe, spec))
        changed: dict[str, Any] = {outer: with_values(outer, learners[outer], values)}
        recipe = replace(recipe, **changed)
    return recipe


def with_values(
    outer: str, learner: PPOConfig | Learner, values: Mapping[str, Any]
) -> PPOConfig | Learner:
    """A learner with some of its settings changed. Raises UserError."""
    config = config_of(learner)
    hints = typing.get_type_hints(type(config))
    for name in values:
        if name not in hints:
            raise unknown(f"setting of {outer}", name, hints)
    right = {n: _checked(f"{outer}.{n}", hints[n], value) for n, value in values.items()}
    changed = replace(config, **right)
    return LEARNERS[learner.name][1](changed) if isinstance(learner, Learner) else changed


def config_of(learner: PPOConfig | Learner) -> Any:
    """The settings of a learner that the command line can make. Raises UserError for another."""
    if not isinstance(learner, Learner):
        return learner
    if learner.name not in LEARNERS:
        raise UserError(f"the settings of {learner.name!r} cannot be typed: give them in Python")
    config = learner.config
    return config[0] if isinstance(config, tuple) else config


def learners_of(recipe: Recipe, spec: EnvSpec) -> dict[str, PPOConfig | Learner]:
    """Each field of a recipe that is a learner, as it would learn in a game."""
    stages = recipe.stages(spec)
    names = [f.name for f in fields(recipe) if f.init and f.name.endswith("learner")]
    place = {name: -1 if name == "learner" else 0 for name in names}
    return {name: stages[place[name]].learner for name in names} if stages else {}


def learner_of(name: Any) -> PPOConfig | Learner:
    """The learner of that name with its usual settings. Raises UserError."""
    if not isinstance(name, str) or name not in LEARNERS:
        raise unknown("learner", name, LEARNERS)
    settings, make = LEARNERS[name]
    return settings() if name == "ppo" else make(settings())


def network_of(name: Any) -> Any:
    """The maker of networks of that name. Raises UserError."""
    return NETWORKS.get(name if isinstance(name, str) else repr(name))


def network_name(make: Any) -> str | None:
    """The name of a maker of networks, None if it has none."""
    return next((name for name in NETWORKS if NETWORKS.get(name) is make), None)


def shown(recipe: Recipe, spec: EnvSpec) -> str:
    """All settings as they would be used in a game: TOML that `--config` reads."""
    lines, stages = [], recipe.stages(spec)
    for each in fields(recipe):
        value = getattr(recipe, each.name)
        if not each.init or each.name.endswith("learner") or isinstance(value, (Pool, Record)):
            continue
        if each.name.endswith("steps") and value is None and stages:
            value = stages[-1 if each.name == "steps" else 0].steps
        if each.name.endswith("steps") and value is not None:
            value = float(value)
        if each.name.endswith("network"):
            usual = stages[-1].network if stages and each.name == "network" else None
            value = network_name(value or usual)
        text = "# " if value is None else ""
        lines.append(f"{text}{each.name} = {_text(value)}")
    for name, learner in learners_of(recipe, spec).items():
        if isinstance(learner, Learner):
            lines.insert(0, f"# {name}: {learner.name}")
        lines += ["", f"[{name}]"]
        for each in fields(config_of(learner)):
            value = getattr(config_of(learner), each.name)
            text = "# " if value is None else ""
            lines.append(f"{text}{each.name} = {_text(value)}")
    return "\n".join(lines)


def usual_settings(recipe: Recipe, spec: EnvSpec) -> dict[str, Any]:
    """What the options stand for that are left out, by their names."""
    stages = recipe.stages(spec)
    if not stages:
        return {}
    first, last = stages[0], stages[-1]
    network = network_name(last.network)
    found: dict[str, Any] = {
        "steps": f"{last.steps:g}",
        "partner_steps": f"{first.steps:g}",
        "learner": getattr(last.learner, "name", "ppo"),
    }
    found |= {} if network is None else {"network": network}
    config = config_of(last.learner)
    for option, name in SHORT.items():
        value = getattr(config, name.removeprefix("learner."), None)
        found |= {} if value is None else {option: value}
    return found


def _names(recipe: Recipe, spec: EnvSpec) -> list[str]:
    """Every setting by its dotted name."""
    names = [each.name for each in fields(recipe) if each.init]
    for outer, learner in learners_of(recipe, spec).items():
        names += [f"{outer}.{each.name}" for each in fields(config_of(learner))]
    return names


def _typed(hint: Any) -> Any:
    """The type to parse a field as, or None for what cannot be typed."""
    inner = [part for part in _union(hint) if part is not type(None)]
    if len(inner) != 1:
        return None
    kind = inner[0]
    if kind in _SIMPLE or kind in (Pool, Record):
        return kind
    if typing.get_origin(kind) is tuple and all(
        part in _SIMPLE for part in typing.get_args(kind) if part is not Ellipsis
    ):
        return kind
    return None


def _union(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _checked(name: str, hint: Any, value: Any) -> Any:
    """A value as its field's type. Raises UserError."""
    allowed = _union(hint)
    if value is None and type(None) in allowed:
        return None
    if isinstance(value, list):
        value = tuple(value)
    for kind in allowed:
        if typing.get_origin(kind) is tuple and isinstance(value, tuple):
            return value
        if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if kind is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if (
            isinstance(kind, type)
            and isinstance(value, kind)
            and (kind is bool or not isinstance(value, bool))
        ):
            return value
    wanted = " or ".join(getattr(kind, "__name__", str(kind)) for kind in allowed)
    raise UserError(
        f"{name} is {value!r}: give a value of type {wanted.replace('NoneType', 'None')}"
    )


def _flat(told: Mapping[str, Any], outer: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in told.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{outer}{name}.")
        else:
            found[f"{outer}{name}"] = value
    return found


def _text(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, str):
        return json.dumps(value)
    return "the usual" if value is None else str(value)
