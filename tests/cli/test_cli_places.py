"""What was worked out is kept, whatever becomes of pictures, terminals and names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zsc
from tests.disk import files
from zsc.cli import main, play
from zsc.evaluation import load_crossplay

LEVER = ("--env", "lever", "--members", "2", "--games", "4", "--steps", "16")
CROSS = ("--episodes", "2", "--out", "out")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", "sp", "--out", str(folder), *LEVER]) == 0
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name", ["cost$1_$2", r"$\frac$", "_x", "a\nb", "\x1b[31m", "{}", "ü" * 200]
)
def test_groups_of_any_name_are_played_and_drawn(
    name: str, run: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crossplay", f"{name}={run}", *CROSS]) == 0
    assert set(files(place / "out")) == {
        "crossplay.safetensors", "heatmap.png", "manifest.json", "matrix.csv", "summary.csv"
    }  # fmt: skip
    assert load_crossplay(place / "out").groups == (name, name)
    shown = capsys.readouterr().out
    assert "heatmap: out/heatmap.png" in shown
    assert "\x1b" not in shown


def test_a_picture_that_fails_takes_nothing_with_it_and_is_drawn_the_next_time(
    run: Path, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no room\non the canvas")

    command = ["crossplay", f"a={run}", *CROSS]
    with monkeypatch.context() as broken:
        broken.setattr(play, "save_picture", fail)
        assert main(command) == 0
    shown = capsys.readouterr().out
    assert r"heatmap.png could not be drawn (RuntimeError: no room\non the canvas)" in shown
    assert "XP between" in shown
    kept = files(place / "out")
    assert set(kept) == {"crossplay.safetensors", "manifest.json", "matrix.csv", "summary.csv"}

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the games are there")

    for other in ([f"a={run}", "--seed", "1"], [f"a={run}", "--greedy"], [f"b={run}"]):
        assert main(["crossplay", *other, *CROSS]) == 2
    assert "holds another cross-play" in capsys.readouterr().err
    monkeypatch.setattr(play, "crossplay", never)
    assert main(command) == 0
    assert "heatmap: out/heatmap.png" in capsys.readouterr().out
    now = files(place / "out")
    assert {name: data for name, data in now.items() if name in kept} == kept
    assert len(now["heatmap.png"]) > 2000
    assert main(command) == 2
    assert "already exists" in capsys.readouterr().err


def test_what_a_kill_left_between_games_and_tables_is_completed(run: Path, place: Path) -> None:
    command = ["crossplay", f"a={run}", *CROSS]
    assert main(command) == 0
    whole = files(place / "out")
    for name in ("heatmap.png", "manifest.json", "summary.csv", "matrix.csv"):
        (place / "out" / name).unlink()
    assert main(command) == 0
    assert files(place / "out") == whole


@pytest.mark.parametrize("command", ["crossplay", "render", "record", "score", "report"])
def test_a_place_that_cannot_be_made_is_refused_before_anything_is_played(
    command: str, run: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "file").write_text("mine")
    ends = {"render": ".gif", "report": ".html"}
    assert main([command, f"a={run}", "--out", f"file/new{ends.get(command, '')}"]) == 2
    assert "cannot be made in" in capsys.readouterr().err
    assert files(place) == {"file": b"mine"}


def ascii_only(place: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The command line on a terminal that has no umlauts."""
    command = [sys.executable, "-m", "zsc.cli", *arguments]
    words = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    return subprocess.run(
        command, cwd=place, env=os.environ | words, capture_output=True, check=False
    )


def test_an_ascii_terminal_loses_nothing(run: Path, place: Path) -> None:
    trained = ascii_only(place, "train", "sp", "--out", "für_später", *LEVER)
    assert trained.returncode == 0, trained.stderr
    assert rb"agents in f\xfcr_sp\xe4ter" in trained.stdout
    assert len(zsc.load_pool(place / "für_später")) == 2
    played = ascii_only(place, "crossplay", "ü=für_später", *CROSS)
    assert played.returncode == 0, played.stderr
    assert load_crossplay(place / "out").groups == ("ü", "ü")
    assert (place / "out" / "heatmap.png").exists()
    refused = ascii_only(place, "crossplay", "ö=nirgends", "--out", "neu")
    assert refused.returncode == 2
    assert refused.stderr.decode("ascii").count("\n") == 1


RUN: dict[str, Any] = {
    "format": "zsc-run", "env": "lever", "env_settings": {}, "method": "x", "recipe": {}, "seed": 0
}  # fmt: skip


@pytest.mark.parametrize(
    "manifest",
    [
        {"format": "zsc-run"},
        RUN | {"env": 3},
        RUN | {"env_settings": []},
        RUN | {"env_settings": {"rounds": "2"}},
        RUN | {"env_settings": {"payoffs": [[1], 2]}},
        [],
    ],
    ids=["nothing", "number", "list", "text for a number", "list for a number", "no object"],
)
@pytest.mark.parametrize("command", ["crossplay", "report", "resume", "render"])
def test_a_run_that_says_something_odd_is_refused_with_one_line(
    command: str, manifest: Any, run: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    shutil.copytree(run, place / "run")
    (place / "run" / "manifest.json").write_text(json.dumps(manifest))
    before = files(place)
    arguments = {
        "crossplay": ["crossplay", "run", "--out", "new"],
        "report": ["report", "run", "--out", "new.html"],
        "resume": ["train", "sp", "--out", "run", "--resume", *LEVER],
        "render": ["render", "run", "--out", "new.gif"],
    }[command]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("zsc: ")
    after = {name: data for name, data in files(place).items() if not name.endswith(".lock")}
    assert after == {name: data for name, data in before.items() if not name.endswith(".lock")}


def test_a_report_of_a_stranger_s_matrix_is_refused_where_its_manifest_is_odd(
    run: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crossplay", f"a={run}", *CROSS]) == 0
    told = json.loads((place / "out" / "manifest.json").read_text())
    for odd in (
        {"runs": None},
        {"runs": {"a": 3}},
        {"runs": ["a"]},
        {"bots": "no"},
        {"command": 1},
    ):
        (place / "out" / "manifest.json").write_text(json.dumps(told | odd))
        capsys.readouterr()
        assert main(["report", "out", "--out", "x.html"]) == 2
        assert "manifest.json was altered or cut short (" in capsys.readouterr().err
    assert np.isfinite(load_crossplay(place / "out").values).all()
