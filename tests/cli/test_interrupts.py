"""Ctrl-C, whenever it comes: one line, exit code 130, advice that can be followed, nothing half."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import zsc
from tests.disk import files
from zsc import interrupts
from zsc.cli import main
from zsc.cli.demo import Demo
from zsc.populations import SelfPlay, stage

ROOM = ("--env", "overcooked/cramped_room", "--horizon", "20")
SMALL = ("--members", "2", "--steps", "500")
NOTHING = "zsc: stopped; nothing was written\n"


#: Starts Python anew. A program of the background is born deaf to Ctrl-C; what this starts is not.
HEEDS = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run and a file of games; nothing may change them."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", "sp", "--out", str(folder / "room"), *ROOM, *SMALL]) == 0
    out = str(folder / "games.safetensors")
    assert main(["record", str(folder / "room"), "--episodes", "5", "--out", out]) == 0
    before = files(folder)
    yield folder
    assert files(folder) == before


@pytest.fixture
def place(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def interrupt(*_: object, **__: object) -> Any:
    raise KeyboardInterrupt


def stopped(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """What is said of a command that Ctrl-C ends; how far it was is not looked at."""
    handler = signal.getsignal(signal.SIGINT)
    capsys.readouterr()
    assert main(list(arguments)) == 130
    assert signal.getsignal(signal.SIGINT) == handler
    lines = capsys.readouterr().err.splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith("zsc: "))


def test_a_training_without_a_state_leaves_nothing(
    place: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "fit", interrupt)
    assert stopped(capsys, "train", "sp", "--out", "new", *ROOM, *SMALL) == NOTHING
    assert not (place / "new").exists()


def test_a_training_that_kept_a_state_goes_on_as_it_says(
    place: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice is followed, and the agents are those of a run that was never stopped."""
    with monkeypatch.context() as patch:
        patch.setattr(stage, "CHUNK", 1)
        patch.setattr(stage, "SAVE_SECONDS", 0.0)
        patch.setattr(stage.Stage, "pool", interrupt)
        said = stopped(capsys, "train", "sp", "--out", "new", *ROOM, *SMALL)
        assert said == "zsc: stopped; it goes on with the same command and --resume\n"
        said = stopped(capsys, "train", "sp", "--out", "new", "--resume", *ROOM, *SMALL)
        assert said == "zsc: stopped; it goes on with the same command\n"
    assert main(["train", "sp", "--out", "new", "--resume", *ROOM, *SMALL]) == 0
    assert zsc.load_pool("new").ids == zsc.load_pool("room").ids


# command: (arguments, what Ctrl-C falls into)
COMMANDS = {
    "bc": (("train", "bc", "--data", "games.safetensors"), "behaviour_cloning.to_host"),
    "bc at the end": (
        ("train", "bc", "--data", "games.safetensors", "--members", "2"),
        "behaviour_cloning.make_pool",
    ),
    "crossplay": (("crossplay", "room", "--episodes", "1"), "play.crossplay"),
    "score": (("score", "room", "--episodes", "1"), "judge.score"),
    "report": (("report", "room", "--episodes", "1"), "judge.write_report"),
    "report while writing": (
        ("report", "room", "--episodes", "1", "--films", "0"),
        "page.write_text",
    ),
    "render": (("render", "room", "--steps", "3"), "film.write_atomically"),
    "record": (("record", "room"), "record.save_arrays"),
    "convert": (("convert", "table.csv", *ROOM), "games.named_games"),
}
MODULES = {
    "behaviour_cloning": "zsc.populations.behaviour_cloning",
    "play": "zsc.cli.play",
    "games": "zsc.cli.games",
    "judge": "zsc.cli.judge",
    "page": "zsc.evaluation.report.page",
    "film": "zsc.play.film",
    "record": "zsc.records.record",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_ends_in_a_line_and_leaves_nothing(
    name: str, place: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, where = COMMANDS[name]
    module, function = where.split(".")
    (place / "table.csv").write_text("state,joint_action,layout\n")
    before = files(place)
    ending = {"report": ".html", "render": ".gif", "record": ".safetensors"}.get(arguments[0], "")
    monkeypatch.setattr(f"{MODULES[module]}.{function}", interrupt)
    assert stopped(capsys, *arguments, "--out", f"new{ending}") == NOTHING
    assert files(place) == before
    assert not (place / f"new{ending}").exists()


def test_a_score_that_is_being_written_leaves_nothing(
    place: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zsc.evaluation.heldout.Score.by_partner", interrupt)
    assert stopped(capsys, "score", "room", "--episodes", "1", "--out", "new") == NOTHING
    assert not (place / "new").exists()


def test_a_cross_play_that_is_being_drawn_keeps_its_games(
    place: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("crossplay", "room", "--episodes", "1", "--out", "new")
    with monkeypatch.context() as patched:
        patched.setattr("zsc.cli.play.save_picture", interrupt)
        said = stopped(capsys, *command)
    assert said == "zsc: stopped; new keeps the games: the same command does the rest\n"
    games = (place / "new" / "crossplay.safetensors").read_bytes()
    assert main(list(command)) == 0
    assert (place / "new" / "heatmap.png").exists()
    assert (place / "new" / "crossplay.safetensors").read_bytes() == games


def test_a_demo_says_what_is_in_the_way(
    place: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(self: SelfPlay, env: Any, *, out: Path, **_: Any) -> None:
        out.mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(SelfPlay, "train", train)
    said = stopped(capsys, "demo", "--out", "shown")
    assert said == ("zsc: stopped; shown keeps what was done: the same command does the rest\n")
    assert Demo(out=Path("elsewhere")).when_stopped() == interrupts.NOTHING


def test_a_training_that_fails_at_once_is_not_in_the_way(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("something that nobody thought of")

    monkeypatch.setattr(stage, "fit", fail)
    with pytest.raises(RuntimeError):
        SelfPlay(members=2, steps=500).train(zsc.make("lever"), out=place / "new")
    assert not (place / "new").exists()


def test_while_it_is_imported_and_twice(tmp_path: Path) -> None:
    """Signals as soon as the first module of ours is there, which takes no time, and again."""
    watched = tmp_path / "imported"
    # tells the test that the import has begun: jax comes after the first line of zsc
    (tmp_path / "jax.py").write_text(
        f"import pathlib, time\npathlib.Path({str(watched)!r}).touch()\ntime.sleep(60)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(zsc.__file__).parent.parent)])
    with subprocess.Popen(
        [sys.executable, "-c", HEEDS, "-m", "zsc.cli", "envs"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    ) as program:
        while not watched.exists() and program.poll() is None:
            time.sleep(0.01)
        for _ in range(3):
            program.send_signal(signal.SIGINT)
        out, said = program.communicate(timeout=30)
    assert (program.returncode, out, said) == (130, "", NOTHING)


def test_other_programs_keep_their_own_ctrl_c() -> None:
    code = "import signal, zsc; print(signal.getsignal(signal.SIGINT).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "default_int_handler\n"


def test_while_it_works_and_twice(tmp_path: Path) -> None:
    """A second Ctrl-C while the first one is being answered changes nothing."""
    out = tmp_path / "run"
    command = ["-m", "zsc.cli", "train", "sp", *ROOM, "--members", "2", "--steps", "1e9"]
    with subprocess.Popen(
        [sys.executable, "-c", HEEDS, *command, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stderr is not None
        try:
            first = program.stderr.readline()
            assert first.startswith("training: members 2")
            for _ in range(3_000):
                if program.poll() is not None:
                    break
                program.send_signal(signal.SIGINT)
                time.sleep(0.02)
        finally:
            program.kill()  # without end, it would outlive a test that fails
        said = program.stderr.read()
    assert program.returncode == 130
    assert [line for line in said.splitlines() if not line.startswith("training: ")] == [
        NOTHING.strip()
    ]
    assert not out.exists()
