"""From the command line: games recorded, imitated, scored and told of on one page, or refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import zsc
from tests.conftest import Refused
from tests.disk import files
from tests.records import test_human_data as human
from zsc.cli import main
from zsc.evaluation import load_crossplay
from zsc.records.record import load_record

ROOM = ("--env", "overcooked/cramped_room", "--horizon", "20")
SMALL = ("--members", "2", "--steps", "500")
GAMES, HORIZON = 5, 20  # the last of the games is held out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs of cramped_room and of the lever game, and a file of games; nothing may change them."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", "sp", "--out", str(folder / "room"), *ROOM, *SMALL]) == 0
    lever = ("--env", "lever", "--members", "2", "--steps", "64")
    assert main(["train", "sp", "--out", str(folder / "lever"), *lever]) == 0
    games = ("--members", "0", "1", "--episodes", str(GAMES))
    out = str(folder / "games.safetensors")
    assert main(["record", str(folder / "room"), *games, "--out", out]) == 0
    before = files(folder)
    yield folder
    assert files(folder) == before


@pytest.fixture
def place(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with copies of all that was made."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "page.html").write_text("mine")
    return tmp_path


def page_data(page: Path) -> dict[str, Any]:
    """The values that a report carries."""
    text = page.read_text("utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_recorded_games_are_those_that_the_agents_play(place: Path, capsys: Any) -> None:
    arguments = ["room", "--members", "0", "1", "--episodes", "2", "--seed", "0"]
    assert main(["record", *arguments, "--out", "new/two.safetensors"]) == 0
    assert capsys.readouterr().out == "new/two.safetensors: 2 games, 40 steps\n"
    env, played, notes = load_record("new/two.safetensors")
    pool = zsc.load_pool("room")
    assert (env.spec.id, env.spec.horizon) == ("overcooked/cramped_room", HORIZON)
    assert notes == {"players": list(pool.ids), "seed": 0}
    again = zsc.record(env, (pool.take([0]), pool.take([1])), episodes=2, seed=0)
    more = load_record("games.safetensors")[1]  # episode e of a seed is always the same
    for name in ("obs", "action", "reward", "events"):
        np.testing.assert_array_equal(getattr(played, name), getattr(again, name))
        np.testing.assert_array_equal(getattr(played, name), getattr(more, name)[:2])
    assert len(more.length) == GAMES


def test_games_are_imitated_and_clones_meet_bots_on_a_page(place: Path, capsys: Any) -> None:
    bc = ["train", "bc", "--data", "games.safetensors", "--members", "2", "--seed", "3"]
    assert main([*bc, "--out", "clones"]) == 0
    last = json.loads((place / "clones" / "metrics.jsonl").read_text().splitlines()[-1])
    right = ", ".join(f"{share:.1%}" for share in last["held_out_accuracy"])
    likely = ", ".join(f"{x:.3f}" for x in last["held_out_log_likelihood"])
    assert capsys.readouterr().out == (
        "2 agents in clones/pool; the most likely action is the recorded\n"
        f"one in {right} of steps (games held out),\n"
        f"mean log likelihood {likely} a step\n"
    )
    manifest = json.loads((place / "clones" / "manifest.json").read_text())
    assert (manifest["method"], manifest["seed"]) == ("BehaviourCloning", 3)
    assert manifest["env_settings"]["horizon"] == HORIZON
    assert {x.method for x in zsc.load_pool("clones").labels} == {"behaviour_cloning"}

    crossplay = ["crossplay", "BC=clones", "room", "--bots", "--episodes", "2"]
    assert main([*crossplay, "--out", "matrix"]) == 0
    played = load_crossplay("matrix")
    assert played.names[:5] == ("BC/0", "BC/1", "room/0", "room/1", "bots/random")
    assert played.methods[:2] == ("behaviour_cloning",) * 2
    told = json.loads((place / "matrix" / "manifest.json").read_text())
    assert (told["runs"], told["bots"]) == ({"BC": "clones", "room": "room"}, True)
    capsys.readouterr()

    assert main(["report", "matrix", "--films", "3", "--out", "pages/all.html"]) == 0
    size = (place / "pages" / "all.html").stat().st_size / 1e6
    shown = capsys.readouterr().out
    assert shown == f"pages/all.html: {size:.1f} MB, open it in any browser\n"
    data = page_data(place / "pages" / "all.html")
    assert data["names"] == list(played.names)
    np.testing.assert_allclose(data["metrics"]["return"][0], played.matrix(), atol=1e-3)
    assert list(data["curves"]) == ["room"]  # clones never played to learn
    assert data["command"] == told["command"]
    facts = {entry["title"]: entry["facts"] for entry in data["provenance"]}
    assert facts["BC"]["method"] == "BehaviourCloning"
    assert facts["room"]["method"] == "SelfPlay"
    assert facts["BC"]["folder"] == "clones"
    assert data["score"] is None

    shutil.rmtree(place / "clones")
    assert main(["report", "matrix", "--out", "again.html"]) == 2
    shown = capsys.readouterr().err
    assert "clones, which played in matrix, is not there" in shown


def test_pools_are_scored_with_the_roster_of_their_game(place: Path, capsys: Any) -> None:
    """In the roster's kitchen and its 400 steps, whatever they were trained in."""
    arguments = ["SP=room", "--roster", "overcooked/cramped_room", "--episodes", "2"]
    assert main(["score", *arguments, "--out", "scores"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "tables in scores"
    assert sorted(files(place / "scores")) == ["cells.csv", "partners.csv", "score.csv"]
    cells = pd.read_csv("scores/cells.csv")
    partners = pd.read_csv("scores/partners.csv", index_col=0)
    counted = cells[cells["counts"]]
    per_agent = int(cells["counts"].sum()) // 2
    head = rf"overcooked/cramped_room@\d+: {per_agent} cells \(partner and seat\), 2 episodes each"
    assert re.match(head, lines[0])
    assert lines[0].endswith("sampled actions, seed 0")
    assert sorted(cells["agent"].unique()) == ["SP/0", "SP/1"]
    assert len(cells) == 2 * 2 * len(partners)
    table = pd.read_csv("scores/score.csv", index_col=0)
    assert table.loc["SP", "agents"] == 2
    assert table.loc["SP", "score"] == pytest.approx(counted["return"].mean(), rel=1e-5)
    lost = (counted["best response"] - counted["return"]).mean()
    assert table.loc["SP", "regret"] == pytest.approx(lost, rel=1e-5)
    for partner, row in partners.iterrows():
        own = counted.loc[counted["partner"] == partner, "return"]
        assert row["SP"] == pytest.approx(own.mean(), nan_ok=True)
        assert row["seats"] == len(own) / 2


def test_table_of_people_becomes_a_file_of_games(place: Path, capsys: Any) -> None:
    human.as_csv(human.newer(), place)
    game = ("--env", "overcooked/cramped_room", "--encoding", "grid", "--horizon", "60")
    assert main(["convert", "table.csv", *game, "--out", "people.safetensors"]) == 0
    assert capsys.readouterr().out == (
        f"people.safetensors: 2 games, {sum(human.LENGTHS)} steps; "
        "the rules lead to 100.00% of the recorded states\n"
    )
    env, played, notes = load_record("people.safetensors")
    assert env == human.ROOM
    assert (notes["source"], notes["players"]) == ("table.csv", "human")
    assert [game["people"]["0"] for game in notes["games"]] == ["pair of game 0", "pair of game 1"]
    assert played.length.tolist() == list(human.LENGTHS)
    np.testing.assert_array_equal(played.action[0], human.games()[0].actions)


GAME_FILE = ("--data", "games.safetensors")

# what is wrong with it: (arguments, words of the message)
BAD_COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "file of games is there": (("record", "room", "--out", "file"), "file already exists"),
    "member that is not there": (
        ("record", "room", "--members", "5", "--out", "new"),
        "members 0 to 1, not 5",
    ),
    "too many seats": (("record", "room", "room", "room", "--out", "new"), "2 seats"),
    "no games to record": (("record", "room", "--episodes", "0", "--out", "new"), "0 episodes"),
    "bc without games": (("train", "bc", "--out", "new"), "give it --data FILE"),
    "bc with a game": (("train", "bc", *ROOM, "--out", "new"), "give it --data FILE"),
    "games for another method": (
        ("train", "sp", *GAME_FILE, "--out", "new"),
        "--data belongs to bc",
    ),
    "bc with steps": (
        ("train", "bc", *GAME_FILE, "--steps", "500", "--out", "new"),
        "--steps belongs to",
    ),
    "bc with games and a game": (
        ("train", "bc", *GAME_FILE, *ROOM, "--out", "new"),
        "the file says which game",
    ),
    "bc resumed": (("train", "bc", *GAME_FILE, "--resume", "--out", "room"), "bc has no"),
    "nobody to imitate": (
        ("train", "bc", *GAME_FILE, "--members", "0", "--out", "new"),
        "members is 0",
    ),
    "clones where a run is": (("train", "bc", *GAME_FILE, "--out", "room"), "room already exists"),
    "file that holds no games": (("train", "bc", "--data", "file", "--out", "new"), "file"),
    "games not there": (("train", "bc", "--data", "nowhere", "--out", "new"), "nowhere"),
    "score of a game without a roster": (("score", "lever"), "roster"),
    "roster that is not there": (
        ("score", "room", "--roster", "overcooked/cramped_rom"),
        "overcooked/cramped_room",
    ),
    "score of another game": (
        ("score", "lever", "--roster", "overcooked/cramped_room"),
        "made for lever",
    ),
    "score without episodes": (("score", "room", "--episodes", "0"), "0 episodes"),
    "scores are there": (("score", "room", "--out", "empty"), "empty already exists"),
    "page is there": (("report", "room", "--out", "page.html"), "page.html already exists"),
    "page that is none": (("report", "room", "--out", "new.txt"), "let the name end in .html"),
    "page about nothing": (("report", "--out", "new.html"), "nothing to report"),
    "page about an empty folder": (("report", "empty", "--out", "new.html"), "empty"),
    "page with a score that cannot be": (
        ("report", "lever", "--score", "--films", "0", "--out", "new.html"),
        "no roster for lever",
    ),
    "converted file is there": (("convert", "file", *ROOM, "--out", "file"), "already exists"),
    "table not there": (("convert", "nowhere", *ROOM, "--out", "new"), "nowhere is not a file"),
    "table that is none": (("convert", "file", *ROOM, "--out", "new"), "cannot be read"),
    "table of another game": (
        ("convert", "file", "--env", "lever", "--out", "new"),
        "lever is not Overcooked",
    ),
}


@pytest.mark.parametrize("fault", BAD_COMMANDS)
def test_command_that_cannot_be_is_refused(fault: str, refused: Refused) -> None:
    arguments, words = BAD_COMMANDS[fault]
    assert words in refused(*arguments)
