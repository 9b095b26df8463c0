"""Study files with faults are refused in one line; orders are balanced, counted."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from tests.web.studies import TINY, text_of
from zsc import UserError
from zsc.cli import main
from zsc.web.study.casting import find
from zsc.web.study.order import Cell, latin_square, least_used, sizes
from zsc.web.study.plan import read_plan
from zsc.web.study.session import assign, steps_of

#: what is wrong: (old text, new text, words of the message)
FAULTS = {
    "format": ('format = "zsc-study 1"', 'format = "zsc-study 9"', 'write format = "zsc-study 1"'),
    "no TOML": ('title = "A tiny study"', "title = ", "is no TOML"),
    "misspelt name": ("attempts = 2", "atempts = 2", "mean 'attempts'"),
    "misspelt inner name": ("tick = 0.02", "tik = 0.02", "mean 'tick'"),
    "misspelt name in a list": ('scripted = "hog"', 'script = "hog"', "mean 'scripted'"),
    "type": ("attempts = 2", 'attempts = "two"', "attempts is 'two', not int"),
    "missing": ('title = "A tiny study"', "", "no 'title'"),
    "id": ('id = "tiny"', 'id = "../tiny"', "use letters"),
    "game": ('game = "overcooked/coordination_ring"', 'game = "overcooked/x"', "unknown"),
    "setting": ("settings = { horizon = 12 }\n\n[[partners]]",
                "settings = { horizn = 12 }\n\n[[partners]]", "mean 'horizon'"),
    "two of one name": ('name = "ring"', 'name = "room"', "two blocks are called 'room'"),
    "partner of nobody": ('scripted = "hog"', "", "give one of scripted, roster, pool"),
    "partner of two": ('scripted = "hog"', 'scripted = "hog"\nroster = "x"', "give one of"),
    "action": ('action = "greedy"', 'action = "greed"', "'greed'"),
    "answer": ("right = 2", "right = 3", "its choices are 1 to 2"),
    "event": ('event = "any" }, {', 'event = "onion_pickp" }, {', "mean 'onion_pickup'"),
    "questionnaire": ('use = "cole"', 'use = "coal"', "mean 'cole'"),
    "moment": ('after = "end"', 'after = "ends"', "'ends'"),
    "question kind": ('kind = "text"', 'kind = "txt"', "'txt'"),
    "tick": ("tick = 0.02", "tick = 0.0001", "seconds from 0.02"),
}  # fmt: skip
#: faults that are found when the agents are looked for
WHO = {
    "script": ('scripted = "hog"', 'scripted = "hogg"', "mean 'hog'"),
    "roster": ('scripted = "hog"', 'roster = "self-play 99"', "unknown roster partner"),
    "pool": ('scripted = "hog"', 'pool = "nowhere"', "there is no pool in"),
    "pool of some games": ('scripted = "hog"',
                           'pool = { "overcooked/cramped_room" = "x" }', "x"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_study_with_a_fault_is_refused_in_one_line(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, words = FAULTS[fault]
    assert old in TINY
    path = tmp_path / "study.toml"
    path.write_text(TINY.replace(old, new))
    assert main(["study", "check", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith(f"zsc: {path}")
    assert words in said


@pytest.mark.parametrize("fault", WHO)
def test_agents_that_are_not_there_are_named(fault: str, tmp_path: Path) -> None:
    old, new, words = WHO[fault]
    with pytest.raises(UserError, match=words) as error:
        find(text_of(tmp_path, TINY.replace(old, new)))
    assert "secret hog" in str(error.value)


def test_the_example_is_a_study_that_can_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "check", "cooking"]) == 0
    told = capsys.readouterr().out
    assert "6 games" in told
    assert "6 of partners, 2 of blocks, 2 first seats" in told


def test_the_example_is_copied_to_be_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    assert main(["study", "new", str(path)]) == 0
    assert read_plan(path).plan.id == "cooking-together"
    assert main(["study", "new", str(path)]) == 2
    assert main(["study", "rum", str(path)]) == 2
    assert "mean 'run'" in capsys.readouterr().err


@pytest.mark.parametrize("size", range(1, 9))
def test_rows_of_the_square_are_balanced(size: int) -> None:
    rows = latin_square(size)
    assert len(rows) == (size if size % 2 == 0 or size == 1 else 2 * size)
    places = Counter((place, value) for row in rows for place, value in enumerate(row))
    assert set(places.values()) == {len(rows) // size}
    followers = Counter(pair for row in rows for pair in pairwise(row))
    if size > 1:
        assert len(followers) == size * (size - 1)
        assert len(set(followers.values())) == 1


def test_the_next_person_gets_a_cell_that_was_used_least() -> None:
    limits = sizes(4, 3, 2)
    assert limits == Cell(4, 6, 2)
    used: list[Cell] = []
    for people in range(1, 97):
        used.append(least_used(limits, used, Random(people)))
        for part in zip(*used, strict=True):
            counts = Counter(part)
            assert max(counts.values()) - min(counts.get(x, 0) for x in counts) <= 1
    for part, limit in zip(zip(*used, strict=True), limits, strict=True):
        assert set(Counter(part).values()) == {96 // limit}
    seats = Counter((cell.partners, cell.seat) for cell in used)
    assert set(seats.values()) == {12}


def test_those_who_leave_are_replaced() -> None:
    limits, draw = sizes(4, 2, 2), Random(0)
    here: list[Cell] = []
    for _ in range(60):
        here.append(least_used(limits, here, draw))
        if draw.random() < 0.3:  # somebody leaves
            here.pop(draw.randrange(len(here)))
    while len(here) % 16:
        here.append(least_used(limits, here, draw))
    for part, limit in zip(zip(*here, strict=True), limits, strict=True):
        counts = Counter(part)
        assert len(counts) == limit
        assert max(counts.values()) - min(counts.values()) <= 3


def test_partners_seats_and_members_are_balanced_over_people(tmp_path: Path) -> None:
    plan = text_of(tmp_path).plan
    limits, draw = sizes(2, 2, 2), Random(1)
    drawn = []
    for person in range(16):
        cell = least_used(limits, [one.cell for one in drawn], draw)
        drawn.append(assign(plan, cell, ((3, 1), (3, 1)), drawn, person))
    met = Counter()
    for one in drawn:
        for step in steps_of(plan, one):
            if step.kind == "game":
                met[step.block, step.condition, step.order, step.seat] += 1
    # two blocks, two partners: every one in every place and every seat, equally often
    assert len(met) == 2 * 2 * 4 * 2
    assert max(met.values()) - min(met.values()) <= 2
    members = Counter(one.members[0][0] for one in drawn)
    assert sorted(members.values()) == [5, 5, 6]
    assert len({one.names for one in drawn}) > 8
    assert len({one.colours for one in drawn}) > 4
