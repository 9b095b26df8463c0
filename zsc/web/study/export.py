"""`zsc study export`: record files, flat tables, a codebook; flags, and nobody left out by them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from zsc.envs.base import Environment
from zsc.errors import UserError, shorten
from zsc.files import damaged, write_text
from zsc.records.record import Record
from zsc.web.log import Played, read_game
from zsc.web.study.codebook import codebook
from zsc.web.study.replay import env_of_header, joined, record_of
from zsc.web.study.session import Session
from zsc.web.study.store import people_of

_IDLE = 0.95  # share of a person's steps without anything done
_AWAY = 3  # pauses in a game
_LATE = 50.0  # ms, 99th percentile of ticks


@dataclass(frozen=True)
class Exported:
    """What was written, in numbers."""

    folder: Path
    people: int
    games: int
    differ: tuple[str, ...]  # games that the rules do not lead to again
    left_out: int = 0  # people who withdrew, whose data are not in it


def export(folder: Path, out: Path, *, publishable: bool = False) -> Exported:
    """Write everything of a study's folder, or of the games that `zsc play --out` kept.

    Of people who withdrew afterwards, or had everything deleted, only that they did is in it; games
    that others played with them are left out too. publishable: only people who allowed it. Raises
    UserError for a folder that is neither, and for a file in it that was altered; nothing is
    written then.
    """
    plan, people = people_of(folder)
    games = {path: read_game(path) for path in sorted((folder / "games").glob("*.jsonl"))
             if path.stat().st_size}  # fmt: skip
    gone = {session.who for session in people.values() if session.left_out}
    games = {p: game for p, game in games.items() if gone.isdisjoint(game.header.people.values())}
    people = {path: one.bare if one.who in gone else one for path, one in people.items()}
    if publishable:
        people = {path: session for path, session in people.items() if session.publish}
        known = {session.who for session in people.values()}
        games = {p: game for p, game in games.items() if {*game.header.people.values()} <= known}
    if not games and not people:
        raise UserError(f"{folder} holds no games of people: give the --out folder of a study")
    labels = [block.label for block in plan.blocks] if plan is not None else []
    rounds, files = _games(games, labels)
    tables = {"rounds": rounds, "events": _all(_events, games), "keys": _all(_keys, games)}
    if plan is not None:
        tables["participants"] = _all(lambda session: [_person(session)], people)
        tables["answers"] = _all(_answers, people)
    _write(out, files, tables, codebook(plan, tables))
    if plan is not None:
        write_text(out / "study.toml", (folder / "study.toml").read_text())
    differ = tuple(row["game"] for row in rounds if row["flag_differs"])
    return Exported(out, len(people), len(games), tuple(dict.fromkeys(differ)), len(gone))


def _write(
    out: Path, files: list[_File], tables: dict[str, list[dict[str, Any]]], book: str
) -> None:
    out.mkdir(parents=True)
    for file in files:
        file.record.save(out / "games" / f"{file.name}.safetensors", file.env, notes=file.notes)
    for name, rows in tables.items():
        write_text(out / f"{name}.csv", pd.DataFrame(rows).to_csv(index=False))
    write_text(out / "codebook.md", book)


def _all(
    rows_of: Callable[[Any], Iterable[dict[str, Any]]], things: Mapping[Path, Any]
) -> list[Any]:
    """The rows of all games or people. Raises UserError that names the file of a bad one."""
    return [row for path, thing in things.items() for row in _of(path, rows_of, thing)]


def _of(path: Path, call: Callable[..., Iterable[Any]], *given: Any) -> list[Any]:
    try:
        return list(call(*given))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # lines that say something else can be odd in any way
        raise damaged(path, shorten(f"{type(error).__name__}: {error}", 200)) from None


# ---- games


@dataclass(frozen=True)
class _File:
    """A record file to be written."""

    name: str
    env: Environment
    record: Record
    notes: dict[str, Any]


def _games(
    games: dict[Path, Played], labels: list[str]
) -> tuple[list[dict[str, Any]], list[_File]]:
    """A row for each person of each game, and a record file for each kind of game."""
    kinds: defaultdict[str, dict[Path, Played]] = defaultdict(dict)
    for path, game in games.items():
        head = game.header
        kind = json.dumps([head.env, head.version, head.settings, head.practice], sort_keys=True)
        kinds[kind][path] = game
    rows: list[dict[str, Any]] = []
    files: list[_File] = []
    for alike in kinds.values():
        path, first = next(iter(alike.items()))
        (env,) = _of(path, lambda head: [env_of_header(head)], first.header)
        played = [_of(path, lambda game: [record_of(env, game)], game)[0]  # noqa: B023
                  for path, game in alike.items()]  # fmt: skip
        name = _file_name(first, {file.name for file in files})
        good = [game for game, (_, same) in zip(alike.values(), played, strict=True) if same]
        if good:
            whole = joined([record for record, same in played if same])
            files.append(_File(name, env, whole, _notes(good)))
        for (path, game), (record, same) in zip(alike.items(), played, strict=True):
            block = game.header.block
            label = labels[block] if 0 <= block < len(labels) else ""
            known = {"block": label, "record": f"{name}:{good.index(game)}" if same else ""}
            rows += _of(path, _rounds, env, game, record, known)
    return sorted(rows, key=lambda row: (row["participant"], row["began"])), files


def _file_name(game: Played, taken: set[str]) -> str:
    base = game.header.env.replace("/", "-")
    base = "".join(c if c.isalnum() or c in "-_" else "_" for c in base)[:80]
    base = f"practice-{base}" if game.header.practice else base
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def _notes(games: list[Played]) -> dict[str, Any]:
    """What a record file says of its games: who played."""
    about = [
        {
            "game": game.header.game,
            "people": game.header.people,
            "condition": game.header.condition,
            "agents": [asdict(agent) for agent in game.header.agents],
            "end": (game.end or {}).get("why", "unfinished"),
        }
        for game in games
    ]
    study = {"study": games[0].header.study, "hash": games[0].header.study_hash}
    return study | {"players": "people", "games": about}


def _rounds(
    env: Environment, game: Played, record: Record, known: dict[str, str]
) -> Iterable[dict[str, Any]]:
    head, events = game.header, game.events
    agent = head.agents[0] if head.agents else None
    late = [float(row.get("late", 0.0)) for row in game.steps] or [0.0]
    for seat, who in head.people.items():
        own = int(seat)
        mine = [event for event in events if event.get("seat") in (own, None)]
        trips = [event["ms"] for event in mine if event["event"] == "round trip"]
        count = lambda name, mine=mine: sum(event["event"] == name for event in mine)
        row: dict[str, Any] = {
            "participant": who,
            "game": head.game,
            "began": round(head.began, 3),
            "env": head.env,
            "block": known["block"],
            "condition": head.condition,
            "order": head.order,
            "practice": head.practice,
            "seat": own,
            "people": len(head.people),
            "with": " ".join(other for s, other in head.people.items() if s != seat),
            "agent": agent.id if agent else "",
            "agent_pool": agent.pool if agent else "",
            "agent_method": agent.method if agent else "",
            "agent_seed": agent.seed if agent else None,
            "agent_member": agent.member if agent else None,
            "agent_action": agent.action if agent else "",
            "start_seed": head.seed,
            "tick": head.tick,
            "steps": len(game.steps),
            "return": float(sum(step["reward"][own] for step in game.steps)),
            "end": (game.end or {}).get("why", "unfinished"),
            "presses": sum(str(own) in step.get("keys", {}) for step in game.steps),
            "idle_share": _idle(env, game, own),
            "focus_lost": count("focus lost"),
            "pauses": count("paused"),
            "resumed": count("resumed"),
            "second_tabs": count("second tab"),
            "late_ms_median": round(float(np.median(late)), 2),
            "late_ms_p99": round(float(np.percentile(late, 99)), 2),
            "missed": sum(int(step.get("missed", 0)) for step in game.steps),
            "round_trip_ms": round(float(np.median(trips)), 1) if trips else None,
            "record": known["record"],
        }
        for number, name in enumerate(env.spec.event_names):
            row[f"own_{name}"] = int(record.events[0, : len(game.steps), own, number].sum())
        yield row | _flags(row)


def _idle(env: Environment, game: Played, seat: int) -> float | None:
    idle = env.spec.idle_action
    if idle is None or env.spec.turns or not game.steps:
        return None
    return round(float(np.mean([step["action"][seat] == idle for step in game.steps])), 4)


def _flags(row: dict[str, Any]) -> dict[str, bool]:
    """What a researcher may want to look at. Nothing is left out because of it."""
    return {
        "flag_unfinished": row["end"] != "finished",
        "flag_nothing_earned": row["return"] == 0,
        "flag_idle": row["idle_share"] is not None and row["idle_share"] >= _IDLE,
        "flag_away": row["focus_lost"] > 0 or row["pauses"] > _AWAY,
        "flag_late": row["late_ms_p99"] > _LATE or row["missed"] > 0,
        "flag_differs": row["record"] == "",
    }


def _events(game: Played) -> Iterable[dict[str, Any]]:
    people = game.header.people
    known = ("kind", "event", "step", "at", "seat")
    for event in game.events:
        seat = event.get("seat")
        more = {name: value for name, value in event.items() if name not in known}
        yield {
            "game": game.header.game,
            "participant": people.get(str(seat), "") if seat is not None else "",
            "event": event["event"],
            "step": event.get("step"),
            "at": event.get("at"),
            "detail": json.dumps(more) if more else "",
        }


def _keys(game: Played) -> Iterable[dict[str, Any]]:
    for step in game.steps:
        for seat, key in step.get("keys", {}).items():
            drawn = step.get("drawn", {}).get(seat) or [None, None]
            yield {
                "game": game.header.game,
                "participant": game.header.people.get(seat, ""),
                "step": step["step"],
                "action": key["action"],
                "pressed_ms": key["at"],
                "got": key["got"],
                "seen_step": key["seen"],
                "used": step["at"],
                "late_ms": step.get("late"),
                "drawn_step": drawn[0],
                "drawn_ms": drawn[1],
            }


# ---- people


def _person(session: Session) -> dict[str, Any]:
    rows, plan = session.rows, session.plan
    done = {row["step"]: row for row in rows if row["kind"] == "done"}
    drawn = session.drawn
    orders = {
        f"order_{plan.blocks[block].label}": " > ".join(plan.partners[c].name for c in order)
        for block, order in zip(drawn.blocks, drawn.partners, strict=True)
    }
    skipped = bool(done.get("tutorial", {}).get("skipped", False))
    passed = done.get("questions", {}).get("passed")
    end = session.end or "unfinished"
    return {
        "participant": session.who,
        "began": round(session.began, 3),
        "minutes": None if session.left_out else round((session.last - session.began) / 60, 2),
        "end": end,
        "left_out": session.left_out,
        "publish": session.publish,
        "cell_partners": drawn.cell.partners,
        "cell_blocks": drawn.cell.blocks,
        "cell_seat": drawn.cell.seat,
        "blocks": " > ".join(plan.blocks[block].label for block in drawn.blocks),
        **orders,
        "names": " ".join(
            f"{condition.name}={name}"
            for condition, name in zip(plan.partners, drawn.names, strict=True)
        ),
        "question_tries": session.tries["questions"],
        "questions_passed": passed,
        "tutorial_tries": session.tries["tutorial"],
        "tutorial_skipped": skipped,
        "problems": " | ".join(row["text"] for row in rows if row["kind"] == "problem"),
        "flag_unfinished": end != "finished",
        "flag_questions": passed is False,
        "flag_tutorial": skipped,
    }


def _answers(session: Session) -> Iterable[dict[str, Any]]:
    plan = session.plan
    asked = {step.name: step for step in session.steps if step.questionnaire is not None}
    for row in session.rows:
        step = asked.get(str(row.get("step")))
        if row["kind"] != "done" or step is None or step.questionnaire is None:
            continue
        block = plan.blocks[step.block].label if step.block >= 0 else ""
        for item in step.questionnaire.items:
            given = row["answers"].get(item.name)
            about = {
                "participant": session.who,
                "questionnaire": step.questionnaire.name,
                "item": item.name,
                "block": block,
                "condition": row["condition"],
                "answer": given,
                "kind": item.kind,
                "points": item.points if item.kind == "scale" else None,
                "reverse": item.reverse,
                "text": item.text,
                "seconds": row.get("seconds"),
                "at": row["at"],
            }
            if item.kind == "rank":  # a row for each partner, its place as the answer
                for place, condition in enumerate(given if isinstance(given, list) else [], 1):
                    yield about | {"condition": condition, "answer": place}
            else:
                yield about
