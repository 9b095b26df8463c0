"""Which form a file of people's Hanabi games has, and its games by the toolkit's rules."""

from __future__ import annotations

from pathlib import Path

from zsc.errors import UserError
from zsc.files import decode_json
from zsc.records.hanabi_data import LICENCE, read_hanabi_data
from zsc.records.hanabi_games import Converted, converted
from zsc.records.hanabi_others import game_of, read_ah2ac2, read_hanabi_live


def hanabi_of(path: Path, encoding: str | None = None) -> Converted | None:
    """The games of a file or folder, or None if its name is that of something else.

    A folder or .log is HanabiData's, .safetensors AH2AC2's, .json hanabi.live's unless it has
    trajectories of Overcooked-AI. Raises UserError for one of another form.
    """
    seen = encoding or "canonical"
    ending = path.suffix.lower()
    if path.is_dir() or ending == ".log":
        games, bad = read_hanabi_data(path)
        return converted(game_of(2, seen), games, bad)
    if not path.exists():
        raise UserError(f"{path} is not there: give a file of games that people played")
    if ending == ".safetensors":
        players, games = read_ah2ac2(path)
        return converted(game_of(players, seen), games)
    if ending == ".json" and not _trajectories(path):
        players, games, bad = read_hanabi_live(path)
        return converted(game_of(players, seen), games, bad)
    return None


def source_of(path: Path) -> str:
    """Where games are from, with the licence where there is one."""
    return LICENCE if path.is_dir() or path.suffix.lower() == ".log" else path.name


def _trajectories(path: Path) -> bool:
    """Whether a JSON file has trajectories of Overcooked-AI, by its names."""
    try:
        told = decode_json(path.read_bytes())
    except (ValueError, RecursionError):
        return True  # the reader of tables says what is wrong with it
    return isinstance(told, dict) and ("ep_states" in told or "deck" not in told)
