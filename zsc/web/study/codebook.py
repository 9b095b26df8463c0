"""What every column of an export means, as a page beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zsc.web.study.plan import Plan

_TABLES = {
    "participants": "one row for each person who agreed to take part",
    "rounds": "one row for each person in each game",
    "answers": "one row for each answer; of a ranking one for each partner",
    "events": "one row for each thing that happened around the steps of a game",
    "keys": "one row for each key that was used in a step",
}
_COLUMNS = {
    "participant": "random id of the person; it names nobody outside this study",
    "game": "random id of the game; the same for both people of a game",
    "began": "seconds since 1970",
    "at": "server time, seconds since 1970",
    "minutes": "from consent to the last thing that was done",
    "end": "how it ended: finished, left, absent, idle, withdrawn, timeout, screened out, error, "
    "unfinished (the server was stopped)",
    "left_out": "the person withdrew, and nothing else of it is in these tables",
    "publish": "the person allowed the publication of games and answers",
    "cell_partners": "row of the balanced Latin square of partners",
    "cell_blocks": "row of that of blocks",
    "cell_seat": "seat in the first game; seats alternate from game to game",
    "blocks": "blocks in the order of play",
    "names": "what the person called each kind of partner",
    "question_tries": "how often the questions of comprehension were answered",
    "questions_passed": "all answers were right in the end",
    "tutorial_tries": "games of the tutorial that did not reach its end",
    "tutorial_skipped": "the person left the tutorial before its end",
    "problems": "what the person wrote about things that did not work",
    "env": "the game",
    "block": "the block of the study",
    "condition": "the kind of partner",
    "order": "place among the person's games, from 0",
    "practice": "a game of the tutorial",
    "seat": "the person's seat, from 0",
    "people": "people in the game",
    "with": "the other people in it",
    "agent": "id of the agent: a hash of its kind and weights",
    "agent_pool": "where the agent is from",
    "agent_method": "how it was trained, or the name of the script",
    "agent_seed": "seed of its training",
    "agent_member": "its place in the pool",
    "agent_action": "sampled or greedy",
    "start_seed": "the game is episode 0 of this seed",
    "tick": "seconds a step; empty where the game waits for people",
    "steps": "steps played",
    "return": "what was earned, true rewards only",
    "presses": "steps in which a key of the person was used",
    "idle_share": "share of steps in which the person did nothing",
    "focus_lost": "how often the page lost the person's attention",
    "pauses": "how often the game stood still",
    "resumed": "how often it went on after the server was stopped",
    "second_tabs": "how often it was opened once more",
    "late_ms_median": "how late steps were on the server, median",
    "late_ms_p99": "and 99th percentile",
    "missed": "whole periods that were left out because the server was busy",
    "round_trip_ms": "median time of a message to the browser and back",
    "record": "file and place of the game among the record files, empty if the rules do not lead "
    "to the recorded states",
    "flag_unfinished": "did not come to its end",
    "flag_nothing_earned": "the return is 0",
    "flag_idle": "nothing was done in 95 % of the steps or more",
    "flag_away": "attention was lost, or the game stood still more than 3 times",
    "flag_late": "99th percentile of lateness above 50 ms, or periods left out",
    "flag_differs": "the rules do not lead to the recorded states: look into it",
    "flag_questions": "the questions of comprehension were never all answered rightly",
    "flag_tutorial": "the tutorial was skipped",
    "questionnaire": "which one",
    "item": "which question",
    "answer": "a point of the scale or a choice from 1, a number, words; a place from 1 in a "
    "ranking; empty if it was left out",
    "kind": "scale, choice, text, number, rank",
    "points": "points of the scale",
    "reverse": "a high answer says little of what is measured: turn it round before summing",
    "text": "the question",
    "seconds": "time on the page",
    "event": "what happened",
    "step": "the step, from 0",
    "detail": "more of it, as JSON",
    "action": "the action of the key",
    "pressed_ms": "when the key was pressed, by the browser's clock, ms since 1970",
    "got": "when the server had it, seconds since 1970",
    "seen_step": "the newest step that the browser had drawn then",
    "used": "when the step was done",
    "late_ms": "how late the step was",
    "drawn_step": "the newest step that the browser said it had drawn",
    "drawn_ms": "when it was drawn, by the browser's clock",
}


def codebook(plan: Plan | None, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The page, in Markdown."""
    lines = ["# Codebook", ""]
    if plan is not None:
        lines += [f"{plan.title} (`{plan.id}`). `study.toml` is the study as it was run.", ""]
    lines += [
        "Record files in `games/` are read by `zsc.load_record`. Flags mark what to look at; "
        "nothing was left out because of them.",
    ]
    for name, rows in tables.items():
        lines += ["", f"## {name}.csv", "", f"{_TABLES[name]}.", ""]
        for column in rows[0] if rows else ():
            lines.append(f"- `{column}`: {_meaning(column)}")
    if plan is not None:
        lines += ["", "## Kinds of partners", ""]
        lines += [f"- `{one.name}`: {one.scripted or one.roster or one.pool or 'people'}, "
                  f"{one.action}" for one in plan.partners]  # fmt: skip
        for asked in plan.questionnaires:
            lines += ["", f"## Questionnaire {asked.questionnaire.name}", ""]
            source = asked.questionnaire.source
            lines += [f"After {source}.", ""] if source else []
            lines += [
                f"- `{item.name}` ({item.kind}{', reverse' if item.reverse else ''}): {item.text}"
                for item in asked.questionnaire.items
            ]
    return "\n".join(lines) + "\n"


def _meaning(column: str) -> str:
    if column.startswith("own_"):
        return f"how often the person did: {column.removeprefix('own_')}"
    if column.startswith("order_"):
        return f"kinds of partners in the order of play, in {column.removeprefix('order_')}"
    return _COLUMNS[column]
