"""A study's folder: who took part, what they did, and apart from it what could name them.

study.toml, study.json        the text as it was, its hash, the ids of all agents
participants/ID.jsonl         a person's lines, to which is only added
games/ID.jsonl                a game's lines
private/tokens.jsonl          hashes of the tokens by which browsers come back
private/platform.jsonl        ids of the recruiting platform, if the study asks for them
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from zsc.errors import UserError
from zsc.files import (
    as_json,
    damaged,
    library_versions,
    read_json,
    read_rows,
    write_json,
    write_text,
)
from zsc.schema import MisfitError, as_fields, as_type
from zsc.version import __version__
from zsc.web.log import Header, Lines
from zsc.web.study.casting import Casting
from zsc.web.study.order import Cell
from zsc.web.study.plan import Plan, Text, read_plan
from zsc.web.study.session import WITHDRAWN, Assignment, Session

FORMAT = "zsc-study-data 1"
_DRAWN = ("blocks", "partners", "members", "names", "colours")


class Store:
    """The folder of a study that runs. One server writes to it at a time."""

    def __init__(self, folder: Path, text: Text, casting: Casting) -> None:
        """Make it, or go on with it. Raises UserError for the folder of another study, or one that
        a server is at work on."""
        self.folder, self.plan = folder, text.plan
        for part in ("participants", "games", "private"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "private").chmod(0o700)
        self._lock = locked(folder)
        self.hash = text.hash
        try:
            self._freeze(text, casting)
        except BaseException:
            self._lock.close()
            raise
        self._files: dict[str, Lines] = {}
        self._tokens = Lines(folder / "private" / "tokens.jsonl", again=True)

    def _freeze(self, text: Text, casting: Casting) -> None:
        about = {
            "format": FORMAT,
            "id": text.plan.id,
            "hash": text.hash,
            "agents": casting.ids(),
            "toolkit": __version__,
            "libraries": library_versions(),
        }
        path = self.folder / "study.json"
        if not path.exists():
            write_text(self.folder / "study.toml", text.text)
            write_json(path, about)
            return
        found = read_json(path)
        if (found.get("hash"), found.get("agents")) != (about["hash"], about["agents"]):
            raise UserError(
                f"{self.folder} holds the data of another study, or of other agents: choose "
                "another --out, since what people did must stay comparable"
            )

    def sessions(self) -> dict[str, Session]:
        """Everybody who took part so far, by id."""
        return {one.who: one for one in _sessions(self.folder, self.plan).values()}

    def tokens(self) -> dict[str, str]:
        """Ids by the hashes of tokens."""
        rows = read_rows(self._tokens.path)
        return {str(row["token"]): str(row["who"]) for row in rows}

    def admit(self, session: Session, token: str, platform: dict[str, str]) -> None:
        """Keep a new person. Nothing was stored of this person before."""
        row = {
            "kind": "participant",
            "who": session.who,
            "study": self.plan.id,
            "hash": self.hash,
            "at": session.began,
            "publish": session.publish,
            "code": session.code,
            "drawn": asdict(session.drawn) | {"cell": session.drawn.cell._asdict()},
        }
        if platform:
            with contextlib.closing(self._private("platform.jsonl")) as lines:
                lines.add({"who": session.who, "ids": platform}, through=True)
        self._tokens.add({"who": session.who, "token": token_hash(token)}, through=True)
        self._of(session.who).add(row, through=True)

    def add(self, session: Session, kind: str, **what: Any) -> None:
        """Write that something happened to a person, and let it have happened."""
        row = {"kind": kind, "at": time.time()} | what
        self._of(session.who).add(row, through=True)
        session.rows.append(row)
        session.take(row)

    def game(self, header: Header) -> Lines:
        """The file of a new game."""
        lines = Lines(self.game_path(header.game))
        lines.add(asdict(header), through=True)
        return lines

    def game_path(self, game: str) -> Path:
        """Where a game is. Its name is one that the server drew."""
        return game_path(self.folder, game)

    def forget(self, session: Session) -> None:
        """Delete what a person did; that somebody was there and left stays."""
        lines = self._files.pop(session.who, None)
        if lines is not None:
            lines.close()
        erase(self.folder, self._path(session.who), session)

    def close(self) -> None:
        """Everything on the disk, and the folder free for another server."""
        for lines in (*self._files.values(), self._tokens):
            lines.close()
        self._lock.close()

    def _private(self, name: str) -> Lines:
        return Lines(self.folder / "private" / name, again=True)

    def _of(self, who: str) -> Lines:
        if who not in self._files:
            self._files[who] = Lines(self._path(who), again=True)
        return self._files[who]

    def _path(self, who: str) -> Path:
        return self.folder / "participants" / f"{who}.jsonl"


def people_of(folder: Path) -> tuple[Plan | None, dict[Path, Session]]:
    """The study of a folder, and who took part, by their files; None for games of `zsc play`.

    Raises UserError for another folder, or a study or a person that was altered.
    """
    if not (folder / "games").is_dir():
        raise UserError(f"{folder} is no folder of a study: give the --out of zsc study run")
    if not (folder / "study.json").exists():
        return None, {}
    text = read_plan(folder / "study.toml")
    if read_json(folder / "study.json").get("hash") != text.hash:
        raise UserError(f"{folder / 'study.toml'} was altered: restore it from a copy")
    return text.plan, _sessions(folder, text.plan)


def _sessions(folder: Path, plan: Plan) -> dict[Path, Session]:
    paths = sorted((folder / "participants").glob("*.jsonl"))
    found = {path: session_of(path, plan) for path in paths}
    return {path: one for path, one in found.items() if one is not None}


def game_path(folder: Path, game: str) -> Path:
    """Where a game of a study's folder is."""
    return folder / "games" / f"{game}.jsonl"


def erase(folder: Path, path: Path, session: Session) -> None:
    """Delete what a person did, games with others too; that somebody was there and left stays.

    path: the person's file. It is the last to go: what is cut short can be done again.
    """
    for row in session.rows:
        if row["kind"] == "game":
            game_path(folder, str(row["game"])).unlink(missing_ok=True)
    first = read_rows(path)[0] | {"publish": False, "code": ""}
    gone = {"kind": "end", "why": WITHDRAWN, "at": time.time(), "deleted": True}
    write_rows(path, [first, gone])
    session.rows = [gone]
    session.take(gone)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """A file of JSON lines anew, in one go."""
    write_text(path, "".join(f"{as_json(row)}\n" for row in rows))


def session_of(path: Path, plan: Plan) -> Session | None:
    """The person of a file, None if it was cut short before its first line was whole.

    Raises UserError for an altered one.
    """
    rows = read_rows(path)
    if not rows:
        return None
    try:
        for row in rows[1:]:
            as_type(_Row, row, "a line")
        first = rows[0]
        drawn: Any = as_type(dict[str, Any], first.get("drawn"))
        cell = as_type(dict[str, int], drawn.get("cell"))
        told: dict[str, Any] = as_fields(Assignment, drawn, names=_DRAWN)
        return Session(
            who=as_type(str, first.get("who")),
            plan=plan,
            drawn=Assignment(cell=Cell(**cell), **told),
            code=as_type(str, first.get("code")),
            began=as_type(float, first.get("at")),
            publish=as_type(bool, first.get("publish")),
            rows=rows[1:],
        )
    except (MisfitError, KeyError, IndexError, ValueError, TypeError) as error:
        raise damaged(path, str(error)) from None


@dataclass(frozen=True)
class _Row:
    """What every line about a person has to say, and what else it may."""

    kind: str
    at: float
    step: str = ""
    game: str = ""
    text: str = ""
    questionnaire: str = ""
    condition: str = ""
    block: int = -1
    answers: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    left_out: bool = False
    deleted: bool = False


def token_hash(token: str) -> str:
    """What is kept of a token: who reads the folder cannot come in by it."""
    return hashlib.sha256(token.encode()).hexdigest()


def locked(folder: Path) -> IO[bytes]:
    """Hold a folder until the file is closed. Raises UserError if another server does."""
    file = (folder / "private" / "lock").open("ab")
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # a system without locks: nobody else is assumed
        pass
    except OSError:
        file.close()
        raise UserError(
            f"a server is at work in {folder}: stop it, or choose another --out"
        ) from None
    os.set_inheritable(file.fileno(), False)
    return file
