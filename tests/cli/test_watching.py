"""Runs watched, compared and drawn; several of them by one command; rosters of one's own."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import zsc
from tests.conftest import Refused
from tests.disk import files
from zsc.cli import main, watch
from zsc.cli.chart import chart, short
from zsc.cli.several import told, trials
from zsc.cli.watched import partners
from zsc.evaluation.heldout import roster

GAME = ("--env", "overcooked/cramped_room", "--horizon", "20")
SMALL = ("--members", "2", "--steps", "500")  # 8 games of 20 steps: 3 updates and a rest


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of one recipe, judged by a bot's pool, and a cross-play of them."""
    folder = tmp_path_factory.mktemp("runs")
    bots = zsc.overcooked_bots(zsc.make(GAME[1], horizon=20), ("hog", "idle"))
    bots.save(folder / "judges")
    judged = ("--validate", str(folder / "judges"), "--validate-every", "160")
    out = str(folder / "sp")
    assert main(["train", "sp", "--seed", "0", "1", "--out", out, *judged, *GAME, *SMALL]) == 0
    runs = [f"A={folder / 'sp' / 'seed-0'}", f"B={folder / 'sp' / 'seed-1'}"]
    assert main(["crossplay", *runs, "--episodes", "2", "--out", str(folder / "xp")]) == 0
    return folder


@pytest.fixture
def place(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_seeds_have_a_folder_each_and_are_what_they_are_alone(place: Path, capsys: Any) -> None:
    one = ("--validate", "judges", "--validate-every", "160")
    assert main(["train", "sp", "--seed", "1", "--out", "alone", *one, *GAME, *SMALL]) == 0
    assert zsc.load_pool("alone").ids == zsc.load_pool("sp/seed-1").ids
    assert zsc.load_pool("sp/seed-0").ids != zsc.load_pool("sp/seed-1").ids
    rows = (place / "sp/seed-0/validation.jsonl").read_text().splitlines()
    assert [json.loads(row)["update"] for row in rows] == [3]  # chunks of five updates
    assert set(json.loads(rows[0])) >= {"with hog", "with idle"}
    assert len(zsc.load_pool("sp/seed-0/best")) == 2


def test_a_sweep_is_a_run_for_each_value_and_a_table(place: Path, capsys: Any) -> None:
    sweep = ("--sweep", "steps=320,500")  # of one program
    game = (*GAME, "--members", "2")
    assert main(["train", "sp", *sweep, "--out", "swept", *game]) == 0
    shown = capsys.readouterr().out
    for value, done in ((320, 320), (500, 480)):
        run = place / "swept" / f"steps={value}"
        assert json.loads((run / "manifest.json").read_text())["recipe"]["steps"] == value
        assert {label.step for label in zsc.load_pool(run).labels} == {done}
        assert f"steps={value}" in shown
    assert zsc.load_pool("swept/steps=500").ids == zsc.load_pool("sp/seed-0").ids
    before = files(place / "swept")
    shutil.rmtree(place / "swept" / "steps=500")
    assert main(["train", "sp", *sweep, "--out", "swept", "--resume", *game]) == 0
    again = files(place / "swept")
    pools = [name for name in before if "pool" in name and name.endswith("safetensors")]
    assert len(pools) == 2
    assert {name: again[name] for name in pools} == {name: before[name] for name in pools}


def test_all_combinations_are_tried_with_all_seeds() -> None:
    plan = trials(["lr=0.1,0.2", "weights=(1,2),(3,4)"], [5, 6], Path("out"))
    assert len(plan) == 8
    assert plan[1].seed == 6
    assert dict(plan[-1].settings) == {"learner.learning_rate": 0.2, "weights": (3, 4)}
    assert plan[0].out == Path("out/learner.learning_rate=0.1 weights=(1,2)/seed-5")
    assert len({trial.out for trial in plan}) == 8
    assert trials([], [3], Path("out"))[0].out == Path("out")


def test_the_table_of_a_sweep_takes_runs_as_units() -> None:
    plan = trials(["lr=0.1,0.2"], [0, 1, 2], Path("o"))
    skills = [[1.0, 3], [2, 4], [3, 5], [9, 9], [9, 9], [9, 9]]
    table = told(zip(plan, skills, strict=True))
    first = table.loc["learner.learning_rate=0.1"]
    assert (first["runs"], first["agents"], first["SP"]) == (3, 6, 3.0)
    assert (first["least"], first["largest"]) == (1, 5)
    half = 4.303 * 1.0 / np.sqrt(3)  # Student's t of three runs whose deviation is 1
    assert first["SP high"] - first["SP"] == pytest.approx(half, rel=0.05)


BAD = {
    "sweep without values": (("--sweep", "lr"), "write NAME=VALUE,VALUE"),
    "sweep with a hole": (("--sweep", "lr=1,,2"), "write NAME=VALUE,VALUE"),
    "value twice": (("--sweep", "lr=1,1.0"), "given twice"),
    "setting twice": (("--sweep", "lr=1,2", "learner.learning_rate=3"), "swept twice"),
    "unknown setting": (("--sweep", "learner.entropi=1,2"), "did you mean 'entropy'"),
    "seed twice": (("--seed", "1", "1"), "seed is given twice"),
    "bad seed": (("--seed", "1", "-1"), "seed is -1"),
    "no judges": (("--patience", "3"), "say who by --validate"),
    "judges that are not there": (("--validate", "nowhere"), "nowhere"),
    "patience of nothing": (("--validate", "judges", "--patience", "0"), "patience of a"),
    "program that is not here": (("--track", "wandb"), "pip install wandb"),
}


@pytest.mark.parametrize("fault", BAD)
def test_what_cannot_be_trained_is_refused_before_the_first_run(
    fault: str, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # as if it were not there
    arguments, words = BAD[fault]
    assert words in refused("train", "sp", "--out", "new", *GAME, *SMALL, *arguments)


def test_a_folder_that_is_taken_is_noticed_before_the_first_run(refused: Refused) -> None:
    assert "sp/seed-1 already exists" in refused(
        "train", "sp", "--out", "sp", "--seed", "7", "1", *GAME, *SMALL
    )


def test_watching_draws_the_curves_and_says_how_far_it_is(place: Path, capsys: Any) -> None:
    assert main(["watch", "sp/seed-0", "--once"]) == 0
    shown = capsys.readouterr().out
    assert "seed-0: SelfPlay in overcooked/cramped_room, 480 of 500 steps, return" in shown
    assert "finished" in shown
    assert "seed-0 with others" in shown
    shutil.rmtree(place / "sp/seed-0/pool")
    assert watch.in_words(place / "sp/seed-0").endswith("s to go")
    (place / "sp/seed-0/metrics.jsonl").write_text("")
    assert main(["watch", "sp/seed-0", "--once"]) == 0
    assert "not begun" in capsys.readouterr().out


def test_watching_ends_with_the_run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """On a terminal it looks again and again, until the agents are there."""
    from rich.console import Console

    pool, away = place / "sp/seed-0/pool", place / "away"
    pool.rename(away)
    looks: list[float] = []

    def wait(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            away.rename(pool)

    monkeypatch.setattr(watch.time, "sleep", wait)
    monkeypatch.setattr("rich.get_console", lambda: Console(force_terminal=True))
    assert main(["watch", "sp/seed-0", "--every", "0.5"]) == 0
    assert looks == [0.5] * 3


def test_runs_are_told_apart_by_their_paths(place: Path) -> None:
    shutil.copytree(place / "sp", place / "op")
    found = watch.named_runs((Path("sp/seed-0"), Path("op/seed-0"), Path("x=sp/seed-1")))
    assert list(found) == ["sp/seed-0", "op/seed-0", "x"]
    assert list(watch.named_runs((Path("sp/seed-0"), Path("sp/seed-1")))) == ["seed-0", "seed-1"]


def test_comparing_shows_what_differs(place: Path, capsys: Any) -> None:
    assert main(["compare", "sp/seed-0", "sp/seed-1"]) == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.strip()}
    assert rows["seed"] == ["0", "1"]
    assert rows["steps"] == ["480", "480"]
    assert "method" not in rows  # the same
    assert main(["compare", "sp/seed-0", "sp/seed-1", "--all"]) == 0
    assert "recipe.members" in capsys.readouterr().out
    mean, least, most = watch.final_return(place / "sp/seed-0")
    last = json.loads((place / "sp/seed-0/metrics.jsonl").read_text().splitlines()[-1])["return"]
    assert (mean, least, most) == pytest.approx((np.mean(last), min(last), max(last)))


@pytest.mark.parametrize("command", ["watch", "compare", "plot"])
def test_what_is_no_run_is_refused(command: str, refused: Refused) -> None:
    out = ("--out", "new.png") if command == "plot" else ()
    assert "judges" in refused(command, "judges", *out)
    assert "nowhere" in refused(command, "nowhere", *out)
    assert "given twice" in refused(command, "sp/seed-0", "sp/seed-0", *out)


def test_curves_and_matrices_are_drawn_and_tables_written(place: Path, capsys: Any) -> None:
    assert main(["plot", "sp/seed-0", "sp/seed-1", "--metric", "entropy", "--out", "a.png"]) == 0
    with Image.open("a.png") as picture:
        assert round(picture.info["dpi"][0]) == 300
    assert main(["plot", "xp", "--labels", "groups", "--cmap", "cividis", "--out", "b.pdf"]) == 0
    assert (place / "b.pdf").read_bytes().startswith(b"%PDF")
    for ending in (".md", ".tex", ".csv"):
        assert main(["plot", "xp", "--out", f"t{ending}"]) == 0
    assert (place / "t.md").read_text().startswith("| group")
    assert r"\toprule" in (place / "t.tex").read_text()
    summary = pd.read_csv("xp/summary.csv", index_col=0)
    pd.testing.assert_frame_equal(pd.read_csv("t.csv", index_col=0), summary)
    for arguments, words in (
        (("sp/seed-0", "--metric", "entropi", "--out", "x.png"), "did you mean 'entropy'"),
        (("xp", "--metric", "returns", "--out", "x.png"), "did you mean 'return'"),
        (("xp", "--cmap", "makko", "--out", "x.png"), "did you mean 'mako'"),
        (("sp/seed-0", "--out", "x.md"), "end in .png"),
        (("xp", "--out", "x.doc"), "end in .png"),
    ):
        assert main(["plot", *arguments]) == 2
        assert words in capsys.readouterr().err
        assert not Path(arguments[-1]).exists()


def test_a_roster_of_ones_own_scores_and_refuses_as_a_named_one(place: Path, capsys: Any) -> None:
    """The agents answer themselves, so that nothing has to be trained."""
    lever = ("--env", "lever", "--members", "3", "--games", "16", "--steps", "960")
    assert main(["train", "sp", *lever, "--seed", "4", "--out", "run"]) == 0
    for name, pulls in (("others", (0, 3)), ("judges2", (1,))):
        labels = [zsc.Label(f"lever {x}") for x in pulls]
        spec, policy = zsc.make("lever").spec, zsc.constant_policy(num_actions=10)
        zsc.make_pool(spec, policy, np.array(pulls, np.int32), labels).save(name)
    capsys.readouterr()
    make = ["roster", "make", "run", "--responses", "run", "--name", "lever/mine@1"]
    assert main([*make, "--validation", "run", "--out", "mine"]) == 2
    assert "a validation partner is a partner" in capsys.readouterr().err
    assert not Path("mine").exists()
    assert main([*make, "--validation", "judges2", "--out", "mine"]) == 0
    assert "lever/mine@1: 3 partners in mine" in capsys.readouterr().out
    held = roster("mine")
    assert held.names == ("run/0", "run/1", "run/2")
    assert (held.scripted, held.counts.all()) == (None, True)
    assert main(["score", "others", "--roster", "mine", "--episodes", "2"]) == 0
    assert "lever/mine@1: 6 cells" in capsys.readouterr().out
    assert main(["score", "run", "--roster", "mine"]) == 2
    assert "score others" in capsys.readouterr().err
    (judge,) = partners("mine", zsc.make("lever")).labels
    assert judge.method == "lever 1"
    (place / "mine/partners/manifest.json").write_text("{}")
    assert main(["score", "others", "--roster", "mine"]) == 2


def test_a_roster_has_the_scripted_partners_that_are_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    pool = zsc.load_pool("sp/seed-1")
    zsc.agents.pool.join([pool, pool]).save("four")
    make = ("roster", "make", "sp/seed-0", "--responses", "four", "--out", "new")
    assert "did you mean 'hog'" in refused(*make, "--bots", "hogg")
    assert "4 responses for 3 partners" in refused(*make, "--bots", "hog")
    assert "--out FOLDER" in refused("roster", "make", "sp/seed-0")
    earned = np.array([[9.0, 0.0], [20, 20], [5, 5], [0.5, 1.5]])
    monkeypatch.setattr("zsc.cli.rosters.own_returns", lambda *_, **__: earned)
    assert main([*make, "--bots", "hog", "idle"]) == 0
    held = roster("new")
    assert held.names == ("hog", "idle", "seed-0/0", "seed-0/1")
    assert held.counts.tolist() == [[1, 0], [1, 1], [1, 1], [0, 1]]  # from 1 on


def test_a_chart_goes_through_its_points() -> None:
    text = chart({"up": (np.array([0, 50, 100]), np.array([0.0, 5, 10]))}, width=50, height=10)
    lines = text.plain.splitlines()
    assert lines[0].strip().startswith("10 ┤")
    assert lines[9].strip().startswith("0 ┤")
    first = [next(i for i, c in enumerate(x[10:]) if c != "⠀") for x in lines[:10] if "┤" in x]
    assert first == sorted(first, reverse=True)  # further up, further right
    assert "100 steps" in lines[11]
    assert "up" in lines[-1]
    assert chart({}).plain == "nothing to draw yet"
    holes = chart({"x": (np.arange(3), np.array([np.nan, 1, np.nan]))})
    assert "x" in holes.plain
    assert short(1234) == "1.23k"
