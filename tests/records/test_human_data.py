"""Tables of recorded games, written by the reference engine, are read back exactly or refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

import zsc
from tests.oracle import reference
from tests.oracle.record import FIELDS, at
from tests.oracle.record import Record as Reference
from zsc import UserError
from zsc.envs.overcooked import CLASSIC, Overcooked, parse_layout
from zsc.envs.overcooked.observation import CHANNELS
from zsc.records.overcooked_tables import human_games, named_games, reproduced
from zsc.records.table_files import read_table

LENGTHS = (60, 45)
KITCHEN = parse_layout(CLASSIC["cramped_room"], "cramped_room")
ROOM = Overcooked("cramped_room", horizon=60, encoding="grid")
RING = "\n".join(parse_layout(CLASSIC["coordination_ring"], "coordination_ring").rows)
MOVES = ([0, -1], [0, 1], [1, 0], [-1, 0], [0, 0], "interact")
Row = dict[str, Any]


@cache
def games() -> tuple[Reference, ...]:
    """Two games of different length and deeds, played again by the reference engine."""
    cooks = zsc.overcooked_bots(ROOM, ("hog", "greedy_cook"))
    ours = zsc.record(ROOM, (cooks.take([0]), cooks.take([1])), episodes=2)
    mdp = reference.reference_mdp(KITCHEN)
    start = mdp.get_standard_start_state()
    played = []
    for actions, length in zip(ours.action, LENGTHS, strict=True):
        chosen = iter(actions.tolist())
        follow = lambda _, chosen=chosen: next(chosen)
        played.append(reference.play(KITCHEN, mdp, start, follow, length, "cooks"))
    return tuple(played)


def states(game: Reference) -> list[Row]:
    """What the reference engine itself writes of the states before each step."""
    reference.reference_mdp(KITCHEN)  # it keeps cooking times in one place for all its kitchens
    steps = range(len(game.actions))
    return [reference.from_snapshot(KITCHEN, at(game.states, t)).to_dict() for t in steps]


def newer(*, drawn: bool = False) -> pd.DataFrame:
    """JSON, one trial per game, the steps in any order; another kitchen among them."""
    terrain = "\n".join(KITCHEN.rows) if drawn else str(list(KITCHEN.rows))
    rows = []
    for number, game in enumerate(games()):
        for t, state in enumerate(states(game)):
            rows.append(
                {
                    "state": json.dumps(state),
                    "joint_action": json.dumps([MOVES[a] for a in game.actions[t]]),
                    "reward": float(game.sparse[t].sum()),
                    "layout": terrain,
                    "layout_name": "cramped",
                    "trial_id": f"trial {number}",
                    "cur_gameloop": t,
                }
            )
    other = rows[0] | {"layout": RING, "layout_name": "ring", "trial_id": "trial 2"}
    return pd.DataFrame([*rows[::-1], other])


def older() -> pd.DataFrame:
    """Python literals and soups of three values; worker and round tell games apart."""
    rows = []
    for number, game in enumerate(games()):
        for t, state in enumerate(states(game)):
            state["objects"] = {tuple(x["position"]): old_soup(x) for x in state["objects"]}
            for player in state["players"]:
                held = player.pop("held_object")
                if held is not None:
                    player["held_object"] = old_soup(held)
            loud = [MOVES[a] if a < 5 else "INTERACT" for a in game.actions[t]]
            rows.append(
                {
                    "state": str(state),
                    "joint_action": str(loud),
                    "layout": str(list(KITCHEN.rows)),
                    "layout_name": "cramped",
                    "workerid_num": 7,
                    "round_num": number,
                }
            )
    return pd.DataFrame(rows)


def old_soup(item: Row) -> Row:
    """A thing as states of 2019 had it: [kind, how many, ticks since the third onion]."""
    if item["name"] != "soup":
        return item
    onions = len(item["_ingredients"])
    ticks = item["cooking_tick"] if onions == 3 else 0
    return {
        "name": "soup",
        "position": item["position"],
        "state": [item["_ingredients"][0]["name"], onions, ticks],
    }


def as_csv(table: pd.DataFrame, folder: Path) -> Path:
    table.to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


def as_pickle(table: pd.DataFrame, folder: Path) -> Path:
    """As the published files were pickled: texts as objects."""
    plain = table.astype({name: object for name in table.columns if table[name].dtype == "str"})
    plain.columns = pd.Index(list(table.columns), dtype=object)
    plain.to_pickle(folder / "table.pickle")
    return folder / "table.pickle"


Write = Callable[[pd.DataFrame, Path], Path]


# which table, as which file
FILES: dict[str, tuple[Callable[[], pd.DataFrame], Write]] = {
    "newer csv": (newer, as_csv),
    "newer pickle": (newer, as_pickle),
    "newer csv, drawn terrain": (lambda: newer(drawn=True), as_csv),
    "older csv": (older, as_csv),
    "older pickle": (older, as_pickle),
}


def test_the_two_games_have_all_kinds_of_things_in_them() -> None:
    """Else reading them back would show little."""
    for game in games():
        pots, held = game.states, game.states["held"]
        assert {0, 1, 2, 3} <= set(pots["pot_n"].reshape(-1).tolist())
        assert {-1, 1, 19, 20} <= set(pots["pot_tick"].reshape(-1).tolist())
        assert set(held.reshape(-1).tolist()) == {0, 1, 2, 3}
        assert game.sparse.sum() == 20
    assert any(game.states["counter"].any() for game in games())


@pytest.mark.parametrize("kind", FILES)
def test_games_are_read_back_exactly(kind: str, tmp_path: Path) -> None:
    make, write = FILES[kind]
    played = human_games(write(make(), tmp_path), ROOM)
    assert played.length.tolist() == list(LENGTHS)
    shown = jax.tree.map(np.asarray, jax.vmap(jax.vmap(ROOM.snapshot))(played.states))
    assert not shown["time"][:, :-1].any()
    assert played.mask.all()
    for number, (game, length) in enumerate(zip(games(), LENGTHS, strict=True)):
        for name in FIELDS[:-1]:  # all but the time
            np.testing.assert_array_equal(
                shown[name][number, :length], game.states[name][:-1], err_msg=name
            )
            np.testing.assert_array_equal(  # what the last action led to
                shown[name][number, -1], game.states[name][-1], err_msg=name
            )
        np.testing.assert_array_equal(played.action[number, :length], game.actions)
        assert CHANNELS[-1] == "urgency"  # of a clock that stands still
        assert not played.obs[..., -1].any()
        np.testing.assert_array_equal(
            played.obs[number, :length, ..., :-1], game.obs[:-1, ..., :-1]
        )
        team = np.repeat(game.sparse.sum(1)[:, None], 2, axis=1)
        np.testing.assert_array_equal(played.reward[number, :length], team)
        np.testing.assert_array_equal(played.events[number, :length], game.events)
        assert not played.reward[number, length:].any()
        assert not played.events[number, length:].any()
    assert reproduced(ROOM, played) == 1.0


def test_shorter_game_stands_still_where_its_last_action_led(tmp_path: Path) -> None:
    played = human_games(as_csv(newer(), tmp_path), ROOM)
    shown = jax.vmap(ROOM.snapshot)(jax.tree.map(lambda x: x[1], played.states))
    for name in FIELDS[:-1]:
        for state in np.asarray(shown[name])[LENGTHS[1] :]:
            np.testing.assert_array_equal(state, games()[1].states[name][-1], err_msg=name)


def test_pairs_are_told_by_their_number_and_never_by_ids_of_games(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    assert set(named_games(as_csv(older(), tmp_path / "old"), ROOM)[1]) == {"pair 7"}
    found = named_games(as_csv(newer(), tmp_path / "new"), ROOM)[1]
    assert found == tuple(f"pair of game {number}" for number in range(len(found)))


def test_pickle_of_this_pandas_is_read(tmp_path: Path) -> None:
    newer().to_pickle(tmp_path / "table.pickle")
    pd.testing.assert_frame_equal(read_table(tmp_path / "table.pickle"), newer())


def test_altered_state_is_not_reproduced(tmp_path: Path) -> None:
    """A dish that was never put there is wrong before and after it is seen."""
    table = newer()
    row = table.index[(table["trial_id"] == "trial 0") & (table["cur_gameloop"] == 20)][0]
    state = json.loads(table.loc[row, "state"])
    state["objects"].append({"name": "dish", "position": [4, 0]})
    table.loc[row, "state"] = json.dumps(state)
    share = reproduced(ROOM, human_games(as_csv(table, tmp_path), ROOM))
    steps = sum(LENGTHS) - len(LENGTHS)  # the last state of a game has no successor
    assert share == pytest.approx((steps - 2) / steps)


def call(function: str, *arguments: str) -> bytes:
    """A pickle that calls a function when it is read."""
    module, name = function.rsplit(".", 1)
    return f"c{module}\n{name}\n({''.join(arguments)}tR.".encode()


def text(value: object) -> str:
    return f"V{value}\n"


# functions that a pickle may ask for, with arguments that make a file
TRAPS: dict[str, Callable[[Path, Path], bytes]] = {
    "os.system": lambda sprung, _: call("os.system", text(f"touch {sprung}")),
    "builtins.eval": lambda sprung, _: call("builtins.eval", text(f"open({str(sprung)!r}, 'w')")),
    "pandas.read_pickle": lambda _, inner: call("pandas.read_pickle", text(inner)),
    "numpy.load": lambda _, inner: call("numpy.load", text(inner), "N", "I01\n"),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("function", TRAPS)
def test_pickle_that_wants_to_run_something_is_refused(function: str, tmp_path: Path) -> None:
    sprung, inner = tmp_path / "sprung", tmp_path / "inner"
    inner.write_bytes(call("os.system", text(f"touch {sprung}")))
    trap = tmp_path / "table.pickle"
    trap.write_bytes(TRAPS[function](sprung, inner))
    with pytest.raises(UserError, match=f"wants to run {function}, .* nothing was run"):
        read_table(trap)
    assert not sprung.exists()
    pickle.loads(trap.read_bytes())  # the trap is a real one
    assert sprung.exists()


def test_trap_inside_a_table_is_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "sprung",)

    table = newer().astype({"reward": object})
    table.at[3, "reward"] = Trap()
    with pytest.raises(UserError, match="nothing was run"):
        read_table(as_pickle(table, tmp_path))
    assert not (tmp_path / "sprung").exists()


def test_pickle_that_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.pickle"
    path.write_bytes(pickle.dumps({"state": [1, 2]}))
    with pytest.raises(UserError, match="holds a dict, not a table"):
        read_table(path)
    path.unlink()
    whole = as_pickle(newer(), tmp_path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"table\.pickle cannot be read as a table"):
        read_table(path)
    with pytest.raises(UserError, match="is not a file"):
        read_table(tmp_path)


@pytest.mark.parametrize("column", ["state", "joint_action", "layout"])
def test_table_without_a_needed_column_is_refused(column: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"no column '{column}'"):
        read_table(as_csv(newer().drop(columns=column), tmp_path))


def with_cell(table: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    """The table with one other cell."""
    table = table.copy()
    table.loc[table.index[10], column] = value if isinstance(value, str) else json.dumps(value)
    return table


def in_pot(soup: Row) -> Row:
    state = states(games()[0])[0]
    return state | {"objects": [{"name": "soup", "position": [2, 0]} | soup]}


TOMATO = [{"name": "onion", "position": [2, 0]}, {"name": "tomato", "position": [2, 0]}]

# what is wrong with it: (column, value of one cell, words of the message)
BAD_CELLS: dict[str, tuple[str, Callable[[], Any], str]] = {
    "tomato beside an onion": (
        "state",
        lambda: in_pot({"_ingredients": TOMATO, "cooking_tick": -1}),
        "a pot holds tomato",
    ),
    "tomatoes of 2019": ("state", lambda: in_pot({"state": ["tomato", 2, 0]}), "holds tomato"),
    "tomato in a hand": (
        "state",
        lambda: json.loads(
            json.dumps(states(games()[0])[0]).replace("null", json.dumps(TOMATO[1]))
        ),
        "there is a tomato",
    ),
    "action in a word": ("joint_action", lambda: [[0, 0], "jump"], "an action is 'jump'"),
    "action askew": ("joint_action", lambda: [[0, 0], [1, 1]], "an action is"),
    "state that is no text of a state": ("state", lambda: "{half a st", "state"),
}


@pytest.mark.parametrize("fault", BAD_CELLS)
def test_cell_that_cannot_be_is_refused(fault: str, tmp_path: Path) -> None:
    column, value, words = BAD_CELLS[fault]
    with pytest.raises(UserError, match=words):
        human_games(as_csv(with_cell(newer(), column, value()), tmp_path), ROOM)


def test_kitchen_that_is_not_in_the_file_gets_those_that_are(tmp_path: Path) -> None:
    divided = Overcooked("forced_coordination")
    with pytest.raises(UserError, match=r"no game in .*forced.*it has cramped, ring"):
        human_games(as_csv(newer(), tmp_path), divided)
