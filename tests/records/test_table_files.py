"""Games of people in every dress that the field's files wear, and what no game of ours can be."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Refused
from tests.records import test_human_data as human
from zsc import UserError
from zsc.envs.overcooked import Overcooked
from zsc.records.overcooked_tables import games_of, human_games
from zsc.records.table_files import read_table

ROOM = human.ROOM
Row = dict[str, Any]


def zipped(data: bytes, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("people.csv", data)
        archive.writestr("__MACOSX/._people.csv", b"a Mac was here")


def csv(table: pd.DataFrame, **how: Any) -> bytes:
    return table.to_csv(index=False, **how).encode()


# how a file is called: what is in it
DRESSES: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "PEOPLE.CSV": csv,
    "people.csv": lambda table: b"\xef\xbb\xbf" + csv(table),
    "people.tsv": lambda table: csv(table, sep="\t"),
    "semicolons.csv": lambda table: csv(table, sep=";"),
    "windows.csv": lambda table: csv(table).decode().encode("utf-16"),
    "people.csv.gz": lambda table: gzip.compress(csv(table)),
    "people.csv.bz2": lambda table: bz2.compress(csv(table)),
    "people.CSV.XZ": lambda table: lzma.compress(csv(table)),
    "forgotten.csv": lambda table: gzip.compress(csv(table)),  # compressed and not called so
}


def check(path: Path) -> None:
    """The file holds the two games."""
    played = human_games(path, ROOM)
    assert played.length.tolist() == list(human.LENGTHS)
    for number, game in enumerate(human.games()):
        length = human.LENGTHS[number]
        np.testing.assert_array_equal(played.action[number, :length], game.actions)


@pytest.mark.parametrize("name", DRESSES)
def test_a_table_is_read_in_any_dress(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(DRESSES[name](human.newer()))
    check(tmp_path / name)


def test_a_table_is_read_out_of_an_archive_and_a_compressed_pickle(tmp_path: Path) -> None:
    zipped(csv(human.newer()), tmp_path / "people.zip")
    (tmp_path / "people.csv.zip").write_bytes((tmp_path / "people.zip").read_bytes())
    check(tmp_path / "people.csv.zip")
    whole = human.as_pickle(human.newer(), tmp_path).read_bytes()
    (tmp_path / "people.pickle.gz").write_bytes(gzip.compress(whole))
    check(tmp_path / "people.pickle.gz")


def trajectories(*, numbers: bool = False) -> Row:
    """The two games as Overcooked-AI writes trajectories; numbers: actions as ZSC-Eval's pages."""
    act = int if numbers else (lambda a: human.MOVES[a])
    return {
        "ep_states": [human.states(game) for game in human.games()],
        "ep_actions": [
            [[act(a) for a in joint] for joint in game.actions.tolist()] for game in human.games()
        ],
        "ep_rewards": [game.sparse.sum(1).tolist() for game in human.games()],
        "mdp_params": [
            {"layout_name": "cramped", "terrain": [list(row) for row in human.KITCHEN.rows]}
        ]
        * 2,
    }


def written(told: Any, folder: Path, name: str = "people.json") -> Path:
    (folder / name).write_text(json.dumps(told))
    return folder / name


@pytest.mark.parametrize("numbers", [False, True], ids=["directions", "numbers"])
def test_trajectories_are_read(numbers: bool, tmp_path: Path) -> None:
    check(written(trajectories(numbers=numbers), tmp_path))


def test_a_kitchen_that_is_only_named_is_todays(tmp_path: Path) -> None:
    told = trajectories() | {"mdp_params": {"layout_name": "simple"}}  # its name in 2019
    check(written(told, tmp_path))
    with pytest.raises(UserError, match="it has cramped_room"):
        human_games(tmp_path / "people.json", Overcooked("forced_coordination"))


def test_one_episode_alone_is_read(tmp_path: Path) -> None:
    told = {name: value[0] for name, value in trajectories().items()}
    played = human_games(written(told, tmp_path), ROOM)
    assert played.length.tolist() == [human.LENGTHS[0]]


def test_a_game_of_the_demo_is_read(tmp_path: Path) -> None:
    rows = human.newer().to_dict("records")
    (tmp_path / "result.pkl").write_bytes(pickle.dumps({"uid": "a1", "trajectory": rows}))
    check(tmp_path / "result.pkl")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ep_states": None}, "no lists of episodes"),
        ({"mdp_params": None}, "do not say in which kitchen"),
        ({"mdp_params": [{}]}, "do not say in which kitchen"),
    ],
)
def test_trajectories_that_lack_something_are_refused(
    change: Row, words: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=words):
        read_table(written(trajectories() | change, tmp_path))


def test_states_and_actions_of_another_number_are_refused(tmp_path: Path) -> None:
    told = trajectories()
    told["ep_actions"][1].pop()
    told["ep_actions"][1].pop()
    with pytest.raises(UserError, match="episode 1 has 45 states and 43 actions"):
        read_table(written(told, tmp_path))


@pytest.mark.parametrize("text", ["[1, 2]", "{}", '"hello"', "{half"])
def test_json_that_is_no_trajectory_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "people.json").write_text(text)
    with pytest.raises(UserError, match=r"ep_states|cannot be read as a table"):
        read_table(tmp_path / "people.json")


def test_broken_compression_and_archives_of_several_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(csv(human.newer()))[:-20])
    with pytest.raises(UserError, match="compression is broken"):
        read_table(tmp_path / "cut.csv.gz")
    with zipfile.ZipFile(tmp_path / "two.csv.zip", "w") as archive:
        archive.writestr("a.csv", b"")
        archive.writestr("b.csv", b"")
    with pytest.raises(UserError, match="has 2 files"):
        read_table(tmp_path / "two.csv.zip")


def test_what_would_fill_the_memory_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSC_MEMORY", "4M")
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"0" * 2**21))
    with pytest.raises(UserError, match=r"larger than 1.0 MiB"):
        read_table(tmp_path / "bomb.csv.gz")


def altered(change: Callable[[Row], None], column: str = "state") -> pd.DataFrame:
    """The table with something changed in its eleventh row, which is of game 1, step 34."""
    table = human.newer()
    cell = json.loads(table.loc[10, column])
    change(cell)
    return human.with_cell(table, column, cell)


def placed(cook: int, *position: int) -> Callable[[Row], None]:
    return lambda state: state["players"][cook].update(position=list(position))


def add(item: Row) -> Callable[[Row], None]:
    return lambda state: state["objects"].append(item)


def pot(onions: int, tick: int, **more: Any) -> Callable[[Row], None]:
    made = [{"name": "onion", "position": [2, 0]}] * onions
    soup = {"name": "soup", "position": [2, 0], "_ingredients": made, "cooking_tick": tick} | more
    return lambda state: state.update(objects=[soup])


STATES: dict[str, tuple[Callable[[Row], None], str]] = {
    "absent cook": (placed(1, -1, -1), r"cook 2 is at \[-1, -1\], as absent ones are"),
    "cook in a wall": (placed(0, 0, 0), r"cook 1 is at \[0, 0\], where no floor is"),
    "cook outside": (placed(0, 7, 1), r"at \[7, 1\], outside of the kitchen of 5x4"),
    "three cooks": (lambda s: s["players"].append(s["players"][0]), "there are 3 cooks"),
    "one cook": (lambda s: s["players"].pop(), "there are 1 cooks"),
    "two on a cell": (
        lambda s: s["players"][0].update(position=s["players"][1]["position"]),
        "cooks 1 and 2 are both at",
    ),
    "thing on the floor": (add({"name": "dish", "position": [2, 2]}), "where no counter is"),
    "thing outside": (add({"name": "dish", "position": [-1, 2]}), r"something is at \[-1, 2\]"),
    "pot that waits": (pot(3, -1), "3 onions waits to be started, as by the rules of 2020"),
    "pot of one that cooks": (pot(1, 4), "1 onions cooks, as by the rules of 2020"),
    "other cooking time": (pot(3, 4, cook_time=5), "a soup cooks 5 steps"),
    "too many onions": (pot(4, 4), "a pot holds 4 onions"),
    "small soup": (
        add({"name": "soup", "position": [4, 0], "_ingredients": [{"name": "onion"}]}),
        "a soup of 1 onions",
    ),
}


@pytest.mark.parametrize("fault", STATES)
def test_a_state_that_cannot_be_is_named_by_its_row(fault: str) -> None:
    change, words = STATES[fault]
    with pytest.raises(UserError, match=f"row 11 of the table: .*{words}"):
        games_of(altered(change), ROOM)


@pytest.mark.parametrize("count", [1, 3])
def test_actions_of_one_or_three_are_refused(count: int) -> None:
    change = lambda joint: joint.append([0, 0]) if count == 3 else joint.pop()
    with pytest.raises(UserError, match=f"row 11 of the table: there are {count} actions"):
        games_of(altered(change, "joint_action"), ROOM)


def test_steps_that_come_twice_are_refused() -> None:
    """As in raw files, which hold each game once for each of its players."""
    table = human.newer()
    with pytest.raises(UserError, match=r"row \d+ of the table has step \d+ .* second time"):
        games_of(pd.concat([table, table]), ROOM)


def test_a_kitchen_of_the_same_name_and_another_drawing_is_said_to_be_one() -> None:
    table = human.newer()
    table["layout"] = table["layout"].str.replace("XDXSX", "XXDXSXX")
    table["layout_name"] = "cramped_room"
    with pytest.raises(UserError, match="another kitchen that is called cramped_room, too"):
        games_of(table, ROOM)


def test_rows_of_cells_are_a_kitchen_as_well() -> None:
    table = human.newer()
    rows = human.KITCHEN.rows
    cells = json.dumps([list(row) for row in rows])
    table["layout"] = table["layout"].replace(str(list(rows)), cells)
    assert (table["layout"] == cells).any()
    assert games_of(table, ROOM).length.tolist() == list(human.LENGTHS)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


GAME = ("--env", "overcooked/cramped_room", "--horizon", "60")


def test_games_by_other_rules_are_not_converted(place: Path, refused: Refused) -> None:
    table = human.newer()
    trial = table["trial_id"] == "trial 0"
    table.loc[trial, "joint_action"] = table.loc[trial, "joint_action"].sample(
        frac=1, random_state=0
    ).to_numpy()  # fmt: skip
    table.loc[~trial, "joint_action"] = json.dumps(["interact", [0, -1]])
    (place / "people.csv").write_bytes(csv(table))
    line = refused("convert", "people.csv", *GAME, "--out", "new.safetensors")
    assert "of the states in people.csv only" in line


def test_a_table_where_a_file_of_games_should_be_gets_the_command(
    place: Path, refused: Refused
) -> None:
    (place / "people.csv").write_bytes(csv(human.newer()))
    assert "zsc convert" in refused("train", "bc", "--data", "people.csv", "--out", "new")
