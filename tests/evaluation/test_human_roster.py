"""Clones of people as held-out partners: nobody is in both halves, the other half judges."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

import zsc
from tests.by_hand import LEVER, pullers
from tests.conftest import Refused
from tests.records.test_human_data import as_csv, as_pickle, older
from zsc import UserError
from zsc.agents.policy import gru_policy, mlp_policy
from zsc.cli import main
from zsc.cli.watched import partners
from zsc.evaluation.heldout import roster
from zsc.evaluation.human_roster import HELD, LEARNED, Half, halved, human_roster
from zsc.files import read_json, read_rows
from zsc.populations import BehaviourCloning
from zsc.populations.behaviour_cloning import foretold
from zsc.records.published import HALVES_2019, halves_in
from zsc.records.record import Record


def games_of(*pairs: tuple[int, int]) -> Record:
    """A game of lever for each pair of pulls."""
    each = [zsc.record(LEVER, (pullers(a), pullers(b)), episodes=1) for a, b in pairs]
    return jax.tree.map(lambda *x: np.concatenate(x), *each)


WHOSE = (("a", "b"), ("b", "c"), ("d", "e"), ("f", "g"))
GAMES = games_of((3, 3), (1, 3), (2, 4), (5, 5))


def test_halves_share_nobody() -> None:
    one, two = halved(GAMES, WHOSE)
    assert one.whose == (("a", "b"), ("b", "c"), ("f", "g"))
    assert two.whose == (("d", "e"),)
    assert one.games.action[:, 0].tolist() == [[3, 3], [1, 3], [5, 5]]
    assert (one.groups, two.groups) == (2, 1)
    with pytest.raises(UserError, match="all games are joined"):
        halved(GAMES, (("a", "b"),) * 4)


def test_what_the_other_half_foretells_is_counted() -> None:
    """Clones that pull one lever are right as often as people pulled it."""
    assert foretold(LEVER, pullers(3, 5, 9), GAMES).accuracy.tolist() == [3 / 8, 2 / 8, 0]


@pytest.mark.parametrize("network", [mlp_policy, gru_policy])
def test_clones_foretell_what_their_training_said_they_would(network: Any, tmp_path: Path) -> None:
    """The figures of the held-out games in the log of a training are those of `foretold`."""
    env = zsc.make("overcooked/cramped_room", horizon=80)  # longer than a stretch
    cooks = zsc.overcooked_bots(env, ("greedy_cook", "onion_carrier"))
    games = zsc.record(env, (cooks.take([0]), cooks.take([1])), episodes=4)
    recipe = BehaviourCloning(games, members=2, epochs=8, batch=4, stretch=5, held_out=0.5,
                              learning_rate=0.02, network=network)  # fmt: skip
    clones = recipe.train(env, seed=0, out=tmp_path / "run")
    last = [row for row in read_rows(tmp_path / "run" / "metrics.jsonl") if "loss" in row][-1]
    held, _ = recipe.split()
    found = foretold(env, clones, jax.tree.map(lambda x: x[held], games))
    for name, value in (("accuracy", found.accuracy), ("log_likelihood", found.likelihood)):
        np.testing.assert_allclose(value.mean(), np.mean(last[f"held_out_{name}"]), rtol=1e-4)


def test_a_roster_of_people_has_their_clones_and_says_how_good_they_are(tmp_path: Path) -> None:
    halves = Half(games_of((3, 3), (1, 3)), WHOSE[:2]), Half(games_of((3, 5)), WHOSE[2:3])
    clones = pullers(3), pullers(3, 5)
    foretell = lambda pool, games: (float(foretold(LEVER, pool, games).accuracy.mean()), -1.0)
    made = human_roster(LEVER, "lever/people@1", halves, clones, pullers(3, 5), foretell)
    made.save(tmp_path / "mine", {"sources": []})
    held = roster(str(tmp_path / "mine"))
    assert held.names == ("human proxy 0", "human proxy 1")
    assert held.counts.all()
    assert partners(str(tmp_path / "mine"), LEVER).ids == clones[0].ids
    told = read_json(tmp_path / "mine" / "people.json")
    right = {who: row["accuracy"] for who, row in told["foretold"].items()}
    assert right == {
        f"clones of the {LEARNED}, people of the {LEARNED}": 0.75,
        f"clones of the {LEARNED}, people of the {HELD}": 0.5,
        f"frequencies of the {LEARNED}, people of the {HELD}": 0.5,
        f"clones of the {HELD}, people of the {LEARNED}": 0.375,
        f"frequencies of the {HELD}, people of the {LEARNED}": 0.75,  # 3 or 5, and 3 it is
        f"clones of the {HELD}, people of the {HELD}": 0.5,
    }
    earned = {who: row["return"] for who, row in told["beside people"].items()}
    assert earned["people, with people"] == 0.25  # 1/2 those who met one another, 0 the others
    with pytest.raises(UserError, match="a is in both halves"):
        human_roster(LEVER, "x", (halves[0], halves[0]), clones, pullers(3, 5), foretell)


@pytest.mark.parametrize("kind", ["tar", "zip", "folder"])
def test_both_halves_are_found_in_what_a_package_comes_as(kind: str, tmp_path: Path) -> None:
    inside = tmp_path / "package" / "data"
    inside.mkdir(parents=True)
    for name in HALVES_2019:
        (inside / name).write_bytes(name.encode())
    path = {"tar": tmp_path / "x.tar.gz", "zip": tmp_path / "x.whl", "folder": tmp_path}[kind]
    if kind == "tar":
        with tarfile.open(path, "w:gz") as archive:
            archive.add(inside, "../../package/data")  # a name that must not lead anywhere
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in HALVES_2019:
                archive.write(inside / name, f"package/{name}")
    with halves_in(path) as halves:
        assert [half.read_bytes() for half in halves] == [name.encode() for name in HALVES_2019]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table of two pairs, and archives without one."""
    monkeypatch.chdir(tmp_path)
    table = older()
    table["workerid_num"] = table["round_num"]
    as_csv(table, tmp_path)
    as_pickle(table, tmp_path)
    (tmp_path / "bad.tar.gz").write_bytes(b"no archive")
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "table.csv", "table.csv")
    return tmp_path


def test_rosters_are_made_of_tables_and_scored_with(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one table the pairs are halved. Partners respond to themselves: nothing is trained."""
    respond = lambda pool, **_: SimpleNamespace(train=lambda *_, **__: pool)
    monkeypatch.setattr("zsc.cli.people_rosters.BestResponse", respond)
    earned = lambda *_, **__: np.array([[20.0, 0.0]])
    monkeypatch.setattr("zsc.evaluation.human_roster.own_returns", earned)
    monkeypatch.setattr("zsc.evaluation.human_roster._EPISODES", 2)
    monkeypatch.setattr("zsc.cli.people_rosters.gru_policy", mlp_policy)  # compiles sooner
    command = ["roster", "people", "table.csv", "--kitchens", "cramped_room", "--members", "1",
               "--epochs", "1", "--out", "people"]  # fmt: skip
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "1 clones of 1 pairs in people/cramped_room; in games of 1 others" in said
    assert "without their consent" in said
    held = roster("people/cramped_room")
    assert held.counts.tolist() == [[True, False]]
    told = read_json(place / "people" / "cramped_room" / "people.json")
    assert [half["games"] for half in told["halves"].values()] == [1, 1]
    assert len(told["sources"][0]["sha256"]) == 64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.csv",), "nowhere.csv is not a file"),
        (("bad.tar.gz",), "cannot be unpacked"),
        (("other.tar.gz",), "has no clean_train_trials.pickle"),
        ((".",), "has no clean_train_trials.pickle"),
        (("table.csv", "table.pickle"), "is in both halves"),
        (("table.csv",) * 3, "one or two tables"),
        (("table.csv", "--kitchens", "cramped_rom"), "did you mean"),
        (("table.csv", "--kitchens", "cramped_room_tomato"), "no kitchen of one soup"),
        (("table.csv", "--kitchens", "coordination_ring"), "has no game in"),
    ],
)
def test_what_is_no_roster_of_people_is_told(
    place: Path, refused: Refused, arguments: tuple[str, ...], words: str
) -> None:
    more = () if "--kitchens" in arguments else ("--kitchens", "cramped_room")
    assert words in refused("roster", "people", *arguments, *more, "--out", "new")
