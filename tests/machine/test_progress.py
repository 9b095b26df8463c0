"""A log shows that something begins, compiles, goes on and ends, and not more than that."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

import zsc
from tests.disk import untimed
from zsc import PPOConfig
from zsc.cli import main
from zsc.evaluation import crossplay
from zsc.files import read_rows
from zsc.machine.progress import Lines, say
from zsc.populations import FictitiousCoPlay, SelfPlay
from zsc.train.sinks import JsonLines, Progress, ProgressLines

ENV = zsc.make("lever")
SMALL = {"members": 2, "steps": 64 * 8, "learner": PPOConfig(envs=64, segments=1, epochs=1)}


class Clock:
    """Time that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def lines_of(seconds: float, total: int) -> list[str]:
    """What is said of `total` parts that take so long each."""
    clock, said = Clock(), list[str]()
    lines = Lines("work", total, clock=clock, say=said.append)
    lines.start("much to do")
    for done in range(1, total + 1):
        clock.now += seconds
        lines.move(done, "all well")
    lines.end()
    return said


def test_a_long_work_has_a_line_for_each_tenth() -> None:
    said = lines_of(1.0, 1000)
    assert said[0] == "work: much to do; compiling"
    assert said[1] == "work: 0%, compiled and begun in 1 s, all well"
    assert said[-1] == "work: done in 1000 s"
    assert 11 <= len(said) <= 13


def test_a_short_work_is_not_talked_about() -> None:
    assert len(lines_of(0.001, 1000)) == 3


def test_a_very_long_work_is_heard_of_every_five_minutes() -> None:
    said = lines_of(60.0, 1000)
    assert 1000 / 5 - 5 <= len(said) <= 1000 / 5 + 5


def test_work_that_was_cut_off_says_where() -> None:
    said = list[str]()
    lines = Lines("work", 4, clock=Clock(), say=said.append)
    lines.start("something", done=1)
    lines.move(2)
    lines.end()
    assert said[-1] == "work: stopped at 50% in 0 s"


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("closed"), OSError(28, "full")])
def test_nobody_who_listens_is_no_fault(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(io.StringIO):
        def write(self, text: str) -> int:
            raise error

    monkeypatch.setattr(sys, "stderr", Deaf())
    say("hello")


def test_a_training_without_a_terminal_says_how_far_it_is(capsys: pytest.CaptureFixture) -> None:
    SelfPlay(**SMALL).train(ENV, progress=True)
    shown = capsys.readouterr()
    first, second, *_, last = shown.err.splitlines()
    assert first == "training: members 2, updates 8; compiling"
    assert second.startswith("training: 62%, compiled and begun in ")
    assert "steps/s, return " in second
    assert last.startswith("training: done in ")
    assert shown.out == ""
    SelfPlay(**SMALL).train(ENV)
    assert capsys.readouterr().err == ""


@pytest.mark.long
def test_cross_play_score_and_report_say_how_far_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    room = ("--env", "overcooked/cramped_room", "--members", "2", "--steps", "3200")
    assert main(["train", "sp", *room, "--out", "run"]) == 0
    capsys.readouterr()
    assert main(["crossplay", "run", "--episodes", "2", "--out", "played"]) == 0
    said = capsys.readouterr().err
    assert "cross-play: 8 games, kinds of pairs: 1; compiling" in said
    assert "cross-play: done in " in said
    assert main(["score", "run", "--episodes", "1"]) == 0
    said = capsys.readouterr().err
    for what in ("score: ", "best responses: "):
        assert f"{what}done in" in said
    assert main(["report", "run", "--episodes", "2", "--films", "4", "--out", "page.html"]) == 0
    said = capsys.readouterr().err
    assert "cross-play: done in" in said
    assert "films: 4 episodes to watch; compiling" in said
    assert "films: done in" in said


def test_in_python_nobody_is_told_unasked(capsys: pytest.CaptureFixture) -> None:
    pool = SelfPlay(**SMALL).train(ENV)
    crossplay(ENV, {"SP": pool}, episodes=2)
    assert capsys.readouterr().err == ""
    crossplay(ENV, {"SP": pool}, episodes=2, progress=True)
    assert "cross-play: done in" in capsys.readouterr().err


def row(update: int) -> dict[str, object]:
    return {"update": update, "steps": update, "return": np.zeros(1)}


def seconds(path: Path) -> list[float]:
    return [row["seconds"] for row in read_rows(path)]


def test_seconds_count_from_the_beginning_and_go_on_after_a_stop(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    file = JsonLines(path)
    file.start(Progress(0, 9, 1, 1))
    file.write([row(1), row(2)], 4.0)
    file.write([row(3)], 1.0)
    assert seconds(path) == [2.0, 4.0, 5.0]
    again = JsonLines(path)
    again.start(Progress(2, 9, 1, 1))  # the third update is done again
    again.write([row(3), row(4)], 3.0)
    assert seconds(path) == [2.0, 4.0, 5.5, 7.0]
    assert untimed(path)[2] == {"update": 3, "steps": 3, "return": [0.0]}


def test_metrics_of_versions_without_seconds_are_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"update": 1, "return": [0.0]}\n')
    file = JsonLines(path)
    file.start(Progress(1, 9, 1, 1))
    file.write([row(2)], 3.0)
    assert [row.get("seconds") for row in read_rows(path)] == [None, 3.0]


@pytest.mark.long
def test_the_second_stage_goes_on_where_the_first_one_ended(tmp_path: Path) -> None:
    recipe = FictitiousCoPlay(
        members=1, partners=1, steps=64 * 4, partner_steps=64 * 4, blocks=1,
        learner=SMALL["learner"], partner_learner=SMALL["learner"],
    )  # fmt: skip
    recipe.train(ENV, out=tmp_path / "run")
    first, second = (seconds(tmp_path / "run" / f"metrics{n}.jsonl") for n in ("-partners", ""))
    assert first[0] > 0
    assert first == sorted(first)
    assert first[-1] < second[0]
    assert second == sorted(second)


def test_a_training_that_goes_on_says_from_where(capsys: pytest.CaptureFixture) -> None:
    lines = ProgressLines("training")
    lines.start(Progress(6, 10, 100, 8))
    lines.write([{"return": np.arange(8.0)}], 0.05)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "training: members 8, updates 10 from update 6 on; compiling"
    assert said[1].startswith("training: 70%")
    assert said[1].endswith("16k steps/s, return 0 1 2 3 4 5 ...")
