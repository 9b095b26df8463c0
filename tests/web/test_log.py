"""A game's file: whole after a kill, and never something else than was written."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from zsc import UserError
from zsc.web.log import Agent, Header, Lines, read_game

AGENT = Agent(1, "runs/a", "abc", "self_play", 3, 0, "final", "greedy")
HEADER = Header(
    game="g", env="lever", version=1, settings={}, seed=5, people={"0": "p"}, agents=(AGENT,),
    tick=0.15, began=1.0, study="s", order=2,
)  # fmt: skip


def step(number: int) -> dict[str, object]:
    return {"kind": "step", "step": number, "action": [1, 2], "reward": [0.0, 0.0], "mark": "0" * 8,
            "at": 2.0}  # fmt: skip


def written(path: Path, steps: int) -> Path:
    with closing(Lines(path)) as log:
        log.add(asdict(HEADER))
        for number in range(steps):
            log.add(step(number))
    return path


def test_what_was_added_is_in_the_file_at_once(tmp_path: Path) -> None:
    log = Lines(tmp_path / "games" / "g.jsonl")
    log.add(asdict(HEADER))
    for number in range(3):
        log.add(step(number))
        assert len(read_game(log.path).steps) == number + 1
    log.add({"kind": "event", "event": "focus lost"})
    log.add({"kind": "end", "why": "finished", "steps": 3}, through=True)
    log.close()
    found = read_game(log.path)
    assert found.header == HEADER
    assert found.actions == [[1, 2]] * 3
    assert [event["event"] for event in found.events] == ["focus lost"]
    assert found.end is not None
    assert found.end["why"] == "finished"


def test_a_line_that_a_kill_cut_short_is_cut_off_and_the_game_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path / "g.jsonl", 2)
    whole = path.read_bytes()
    for cut in range(1, 30):
        path.write_bytes(whole + json.dumps(step(2)).encode()[:cut])
        assert len(read_game(path).steps) == 2
        log = Lines(path, again=True)
        log.add(step(2))
        assert len(read_game(path).steps) == 3
        log.close()


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = written(tmp_path / "g.jsonl", 1)
    with pytest.raises(UserError, match="already exists"):
        Lines(path)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (0, {"format": "zsc-game 1"}),
        (0, {"format": "another"}),
        (1, {"kind": "step", "step": 1}),
        (1, step(1)),
        (2, step(1) | {"action": "left"}),
        (2, step(1) | {"action": [1]}),
    ],
)
def test_an_altered_file_is_refused_in_one_line(tmp_path: Path, place: int, line: object) -> None:
    path = written(tmp_path / "g.jsonl", 2)
    lines = path.read_text().splitlines()
    lines[place] = json.dumps(line)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=r"g\.jsonl was altered or cut short"):
        read_game(path)
    path.write_text("")
    with pytest.raises(UserError, match="altered or cut short"):
        read_game(path)
