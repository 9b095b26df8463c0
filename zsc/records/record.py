"""Recorded games: everything that happened in some episodes, kept in memory or in one file.

A file of recorded games is a safetensors file. Its arrays are the fields of `Record` (the states as
"state/NAME", the plain arrays of `env.snapshot`); its header holds the game with all its settings,
and notes: who played, where the games are from.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from zsc.agents.pool import Home
from zsc.envs.base import Environment, settings_of
from zsc.envs.registry import rebuild
from zsc.errors import UserError
from zsc.files import load_arrays, save_arrays
from zsc.types import State

_FORMAT = "zsc-games 1"
_STATE = "state/"
_TABLES = {".csv", ".tsv", ".json", ".pickle", ".pkl"}  # what people's games come as


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
        arrays = {f"{_STATE}{name}": x for name, x in _flat(shown).items()}
        arrays |= {name: np.asarray(getattr(self, name)) for name in self._fields[1:]}
        game = {"home": asdict(Home.of(env.spec)), "settings": settings_of(env)}
        about = {"format": _FORMAT, "game": game, "notes": notes or {}}
        return save_arrays(target, arrays, about)


def load_record(path: str | Path) -> tuple[Environment, Record, dict[str, Any]]:
    """Read a file of recorded games: the game, the games, the notes.

    Raises UserError if it is missing, altered or cut short, or from another version of the game.
    """
    if Path(path).is_file() and {x.lower() for x in Path(path).suffixes} & _TABLES:
        raise UserError(f"{path} is a table of games: make a file of games of it by zsc convert")
    arrays, about = load_arrays(path)
    if about.get("format") != _FORMAT:
        raise UserError(f"{path} holds no recorded games: give a file that zsc record wrote")
    env = rebuild(about["game"]["home"]["env"], about["game"]["settings"])
    if Home(**about["game"]["home"]) != Home.of(env.spec):
        raise UserError(
            f"{path} was recorded in version {about['game']['home']['version']} of {env.spec.id}, "
            f"this is version {env.spec.version}: record it again"
        )
    states = _nested({n[len(_STATE) :]: x for n, x in arrays.items() if n.startswith(_STATE)})
    kept = {name: arrays[name] for name in Record._fields[1:]}
    restored = jax.tree.map(np.asarray, jax.vmap(jax.vmap(env.restore))(states))
    return env, Record(states=restored, **kept), about["notes"]


def _flat(nested: dict[str, Any]) -> dict[str, np.ndarray]:
    """Dictionaries in dictionaries as one, with names like "last/kind"."""
    flat: dict[str, np.ndarray] = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            flat |= {f"{name}/{inner}": x for inner, x in _flat(value).items()}
        else:
            flat[name] = np.asarray(value)
    return flat


def _nested(flat: dict[str, np.ndarray]) -> dict[str, Any]:
    """The inverse of `_flat`."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *outer, last = name.split("/")
        place = nested
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    return nested
