"""`zsc study withdraw`: who wants its data left out after the study is over."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from zsc.errors import UserError
from zsc.files import read_rows
from zsc.web.log import Lines, read_game
from zsc.web.study import store
from zsc.web.study.session import WITHDRAWN, Session


@dataclass(frozen=True)
class Withdrawn:
    """Whose data are left out."""

    who: str
    games: int  # that the person played
    shared: int  # of these, played with other people


def withdraw(folder: Path, code: str, *, erase: bool = False) -> Withdrawn:
    """Mark that a person withdrew: exports have no more of it than that.

    code: the completion code, the id of the participant, or its id on the recruiting platform.
    erase: delete the games, the answers, and what lets its browser come back or names it.
    Raises UserError if nobody or more than one has the code, if a server is at work in the folder,
    and for a folder of something else.
    """
    if not (folder / "study.json").exists():
        raise UserError(f"{folder} is no folder of a study: give the --out of zsc study run")
    (folder / "private").mkdir(exist_ok=True)
    with store.locked(folder):
        _, people = store.people_of(folder)
        path, session = _whose(folder, people, code)
        done = _played(folder, session)
        if erase:
            _forget_names(folder, session.who)
            store.erase(folder, path, session)
        elif not session.left_out:
            row = {"kind": "end", "why": WITHDRAWN, "at": time.time(), "left_out": True}
            with contextlib.closing(Lines(path, again=True)) as lines:
                lines.add(row, through=True)
        return done


def _whose(folder: Path, people: dict[Path, Session], code: str) -> tuple[Path, Session]:
    """A person's file and the person. Raises UserError unless the code is one person's."""
    wanted = code.strip()
    named = {
        str(row.get("who"))
        for row in _private(folder, "platform.jsonl")
        if isinstance(ids := row.get("ids"), dict) and wanted in ids.values()
    }
    found = [
        (path, one)
        for path, one in people.items()
        if wanted and (wanted.upper() == one.code or wanted.lower() == one.who or one.who in named)
    ]
    if not found:
        raise UserError(
            f"nobody in {folder} has the code {code!r}: give the completion code, the id in "
            "participants/, or the id on the recruiting platform"
        )
    if len(found) > 1:
        ids = ", ".join(one.who for _, one in found)
        raise UserError(f"{code!r} took part {len(found)} times: give one of the ids {ids}")
    return found[0]


def _played(folder: Path, session: Session) -> Withdrawn:
    """How many games there are, and how many with others."""
    paths = {store.game_path(folder, str(row["game"]))
             for row in session.rows if row["kind"] == "game"}  # fmt: skip
    there = [path for path in paths if path.exists()]
    shared = 0
    for path in there:
        with contextlib.suppress(UserError):  # a game that cannot be read goes all the same
            shared += len(read_game(path).header.people) > 1
    return Withdrawn(session.who, len(there), shared)


def _forget_names(folder: Path, who: str) -> None:
    """Leave out a person from the files that could name it."""
    for name in ("platform.jsonl", "tokens.jsonl"):
        rows = _private(folder, name)
        kept = [row for row in rows if row.get("who") != who]
        if len(kept) < len(rows):
            store.write_rows(folder / "private" / name, kept)


def _private(folder: Path, name: str) -> list[dict[str, object]]:
    path = folder / "private" / name
    return read_rows(path) if path.exists() else []
