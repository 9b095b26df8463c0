"""The command line at its smallest: train, cross-play, film, and what they leave on the disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import zsc
from tests.disk import files
from zsc.cli import main
from zsc.evaluation import load_crossplay

ROOM = ("--env", "overcooked/cramped_room", "--horizon", "20")
SMALL = ("--members", "2", "--steps", "500")  # 8 games of 20 steps: 3 updates and a rest
BOTS = ("random", "idle", "onion_carrier", "plate_server", "greedy_cook", "hog")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of cramped_room."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", "sp", "--out", str(folder / "room"), *ROOM, *SMALL]) == 0
    return folder


@pytest.fixture
def place(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a copy of the run."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained / "room", tmp_path / "room")
    return tmp_path


def test_run_says_what_it_was_and_how_it_went(trained: Path) -> None:
    manifest = json.loads((trained / "room" / "manifest.json").read_text())
    assert (manifest["format"], manifest["method"], manifest["seed"]) == ("zsc-run", "SelfPlay", 0)
    assert (manifest["recipe"]["members"], manifest["recipe"]["steps"]) == (2, 500)
    assert manifest["recipe"]["network"][0] == "mlp"
    assert (manifest["env"], manifest["env_settings"]["horizon"]) == (ROOM[1], 20)
    assert {"jax", "flax", "numpy"} <= manifest["libraries"].keys()
    lines = (trained / "room" / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["update"], row["steps"]) for row in rows] == [(1, 160), (2, 320), (3, 480)]
    for row in rows:
        columns = [value for name, value in row.items() if isinstance(value, list)]
        assert row.keys() - {"update", "steps", "seconds"} == {
            name for name, value in row.items() if isinstance(value, list)
        }
        assert {len(column) for column in columns} == {2}
        assert np.isfinite(columns).all()
    assert len({row["entropy"][0] for row in rows} | {row["entropy"][1] for row in rows}) == 6


def test_run_leaves_a_pool_of_its_members(trained: Path) -> None:
    pool = zsc.load_pool(trained / "room")
    assert [(x.method, x.member, x.step, x.checkpoint) for x in pool.labels] == [
        ("self_play", 0, 480, "final"),
        ("self_play", 1, 480, "final"),
    ]
    assert len(set(pool.ids)) == 2


def test_finished_run_is_resumed_without_change(place: Path) -> None:
    before = files(place)
    assert main(["train", "sp", "--out", "room", "--resume", *ROOM, *SMALL]) == 0
    assert files(place) == before


def test_cross_play_writes_matrix_summary_and_picture(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(place / "room", place / "twin")
    arguments = ["room", "B=twin", "--bots", "--episodes", "2", "--out", "matrix"]
    assert main(["crossplay", *arguments]) == 0
    played = load_crossplay(place / "matrix")
    names = ["room/0", "room/1", "B/0", "B/1", *(f"bots/{name}" for name in BOTS)]
    table = pd.read_csv(place / "matrix" / "matrix.csv", index_col=0)
    assert list(table.columns) == list(table.index) == list(played.names) == names
    np.testing.assert_allclose(table.to_numpy(), played.matrix(), rtol=1e-6)
    same = played.values[:2]  # the twin is the same two agents
    np.testing.assert_array_equal(same[:, :2], same[:, 2:4])
    summary = pd.read_csv(place / "matrix" / "summary.csv", index_col=0)
    assert summary["policies"].to_dict() == {"room": 2, "B": 2, "bots": 6}
    with Image.open(place / "matrix" / "heatmap.png") as picture:
        assert min(picture.size) > 300
        assert len(picture.convert("RGB").getcolors(2**24) or []) > 10
    shown = capsys.readouterr().out
    assert "10 x 10 policies" in shown
    assert "XP between" in shown


def test_film_is_a_gif_with_a_frame_per_step(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["room", "--members", "0", "1", "--steps", "12", "--out", "films/pair.gif"]
    assert main(["render", *arguments]) == 0
    with Image.open(place / "films" / "pair.gif") as film:
        assert film.format == "GIF"
        assert 1 < film.n_frames <= 13  # equal frames may be merged
        assert film.info["loop"] == 0
    assert "films/pair.gif: return" in capsys.readouterr().out


def test_list_of_games_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["envs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(zsc.list_envs())
    assert any("lever " in line and "10 actions" in line for line in lines)


@pytest.mark.long
def test_hanabi_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A game of turns with settings that are no text: trained, matched with rule bots, filmed."""
    monkeypatch.chdir(tmp_path)
    game = ("--env", "hanabi/tiny-2p", "--members", "2", "--games", "8", "--steps", "200")
    assert main(["train", "he", "--out", "run", *game]) == 0
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["method"], manifest["env"]) == ("HighEntropy", "hanabi/tiny-2p")
    assert zsc.load_pool("run").policy.name == "greedy"
    ppo = manifest["recipe"]["learner"]
    assert (ppo["envs"], ppo["entropy"], ppo["lam"]) == (8, 0.05, 0.9)
    assert main(["crossplay", "run", "--bots", "--episodes", "2", "--out", "matrix"]) == 0
    played = load_crossplay(tmp_path / "matrix")
    assert played.names[:3] == ("run/0", "run/1", "bots/random")
    assert len(played) == 2 + 8
    assert main(["render", "run", "--members", "0", "1", "--out", "film.gif"]) == 0
    with Image.open("film.gif") as film:
        assert film.n_frames > 2
        assert film.info["duration"] > 500
    capsys.readouterr()
