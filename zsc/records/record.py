"""Recorded games: everything that happened in some episodes, kept in memory or in one file.

A file of recorded games is a safetensors file. Its arrays are the fields of `Record` (the states as
"state/NAME", the plain arrays of `env.snapshot`); its header holds the game with all its settings,
and notes: who played, where the games are from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from zsc.agents.pool import Home
from zsc.envs.base import Environment, settings_of
from zsc.envs.registry import rebuild
from zsc.errors import UserError, shorten
from zsc.files import Arrays, damaged, fitted, load_arrays, save_arrays
from zsc.schema import ArrayKind, MisfitError, check_arrays
from zsc.types import State

_FORMAT = "zsc-games 1"
_STATE = "state/"
_TABLES = {".csv", ".tsv", ".json", ".pickle", ".pkl"}  # what people's games come as


@dataclass(frozen=True)
class _Game:
    """Which game was recorded."""

    home: Home
    settings: dict[str, Any]


@dataclass(frozen=True)
class _About:
    """The notes of a file of recorded games: what is read is checked against it."""

    format: Literal["zsc-games 1"]
    game: _Game
    notes: dict[str, Any]


class Record(NamedTuple):
    """E episodes of T steps; after the end of a game its state stands still."""

    states: State  # [E, T+1, ...]
    obs: np.ndarray  # [E, T, A, ...] what the agents saw
    mask: np.ndarray  # [E, T, A, N] what they were allowed to do
    action: np.ndarray  # [E, T, A]
    reward: np.ndarray  # [E, T, A]
    events: np.ndarray  # [E, T, A, F]
    playing: np.ndarray  # [E, T] bool, the game was not over before this step

    @property
    def length(self) -> np.ndarray:
        """[E] steps played."""
        return self.playing.sum(1)

    def save(
        self, path: str | Path, env: Environment, *, notes: dict[str, Any] | None = None
    ) -> Path:
        """Write one file of recorded games. Raises UserError if a file is there already."""
        target = Path(path)
        if target.exists():
            raise UserError(f"{target} already exists: choose another place or remove it")
        shown: Any = jax.vmap(jax.vmap(env.snapshot))(self.states)
        arrays = {f"{_STATE}{name}": np.asarray(x) for name, x in _leaves(shown)}
        arrays |= {name: np.asarray(getattr(self, name)) for name in self._fields[1:]}
        game = {"home": asdict(Home.of(env.spec)), "settings": settings_of(env)}
        about = {"format": _FORMAT, "game": game, "notes": notes or {}}
        return save_arrays(target, arrays, about, new=True)


def load_record(path: str | Path) -> tuple[Environment, Record, dict[str, Any]]:
    """Read a file of recorded games: the game, the games, the notes.

    Raises UserError if it is missing, altered or cut short, or from another version of the game.
    """
    if Path(path).is_file() and {x.lower() for x in Path(path).suffixes} & _TABLES:
        raise UserError(f"{path} is a table of games: make a file of games of it by zsc convert")
    arrays, notes = load_arrays(path)
    if notes.get("format") != _FORMAT:
        raise UserError(f"{path} holds no recorded games: give a file that zsc record wrote")
    about = fitted(_About, notes, Path(path))
    home = about.game.home
    env = rebuild(home.env, about.game.settings)
    if home != Home.of(env.spec):
        raise UserError(
            f"{path} was recorded in version {home.version} of {env.spec.id}, this is version "
            f"{env.spec.version}: record it again"
        )
    try:
        return env, _record(env, arrays), about.notes
    except MisfitError as error:
        raise damaged(Path(path), str(error)) from None


def _record(env: Environment, arrays: Arrays) -> Record:
    """The games that arrays hold. Raises MisfitError for arrays of another game."""
    spec = env.spec
    shown = jax.eval_shape(lambda key: env.snapshot(env.reset(key)[0]), jax.random.key(0))
    states = _leaves(shown)
    wanted = {
        "playing": ArrayKind("b", ("E", "T")),
        "obs": ArrayKind(_like(np.dtype(spec.obs_dtype)), ("E", "T", "A", *spec.obs_shape)),
        "mask": ArrayKind("b", ("E", "T", "A", spec.num_actions)),
        "action": ArrayKind("iu", ("E", "T", "A")),
        "reward": ArrayKind("f", ("E", "T", "A")),
        "events": ArrayKind("b", ("E", "T", "A", len(spec.event_names))),
    }
    check_arrays(arrays, wanted, {"A": spec.num_agents})
    if not arrays["playing"].size:
        raise MisfitError("there are no games in it")
    if not np.isin(arrays["action"], np.arange(spec.num_actions)).all():
        raise MisfitError(f"there are actions beyond {spec.num_actions - 1}")
    games, steps = arrays["playing"].shape
    check_arrays(
        arrays,
        {
            f"{_STATE}{n}": ArrayKind(_like(x.dtype), (games, steps + 1, *x.shape))
            for n, x in states
        },
        {},
    )
    plain = _nested({name: arrays[f"{_STATE}{name}"] for name, _ in states})
    try:
        restored = jax.tree.map(np.asarray, jax.vmap(jax.vmap(env.restore))(plain))
    except Exception as error:  # with values that are not its own, a game can fail in any way
        raise MisfitError(f"no states of {spec.id}: {shorten(str(error), 200)}") from None
    return Record(states=restored, **{name: arrays[name] for name in wanted})


def _leaves(nested: dict[str, Any]) -> list[tuple[str, Any]]:
    """The leaves of dictionaries in dictionaries, with names like "last/kind"."""
    found: list[tuple[str, Any]] = []
    for name, value in nested.items():
        inner = _leaves(value) if isinstance(value, dict) else [("", value)]
        found += [(f"{name}/{rest}" if rest else name, x) for rest, x in inner]
    return found


def _like(dtype: np.dtype) -> str:
    """The kinds of arrays that may stand for a type: whole numbers of any width for each other."""
    return "iu" if dtype.kind in "iu" else dtype.kind


def _nested(flat: dict[str, np.ndarray]) -> dict[str, Any]:
    """The inverse of `_leaves`."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *outer, last = name.split("/")
        place = nested
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    return nested
