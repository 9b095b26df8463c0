"""Layout files of Overcooked-AI: the kitchen that the reference reads, or one line that says why
not. All files of the reference's package are read."""

from __future__ import annotations

import ast
import codecs
import importlib.util
import warnings
from pathlib import Path

import pytest

import zsc
from tests.oracle import reference
from zsc import UserError
from zsc.envs.overcooked import CLASSIC, Overcooked, parse_layout, read_layout
from zsc.envs.overcooked.drawings import named_layout

SPEC = importlib.util.find_spec("overcooked")
assert SPEC is not None
assert SPEC.origin is not None
FILES = sorted((Path(SPEC.origin).parent / "data" / "layouts").glob("*.layout"))
GRID = CLASSIC["cramped_room"].strip("\n")
PLAIN = f'"grid": """{GRID}"""'
SOUP = {"ingredients": ["onion"] * 3}


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "kitchen.layout"
    path.write_bytes(text.encode(encoding))
    return path


def test_there_are_files_to_read() -> None:
    assert len(FILES) > 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_a_file_of_the_reference_is_its_kitchen_or_is_refused_in_a_line(path: Path) -> None:
    try:
        env = Overcooked(read_layout(path))
    except UserError as error:
        said = str(error)
    else:
        said = ""
    assert "\n" not in said
    assert len(said) < 300
    if said:
        return
    told = ast.literal_eval(path.read_text())
    rows = [row.strip() for row in told["grid"].split("\n")]
    assert env.kitchen.text().split("\n") == rows
    assert "T" not in told["grid"]
    mdp = reference.reference_mdp(env.kitchen)
    assert mdp.height * mdp.width == len(env.kitchen.kinds)


@pytest.mark.parametrize("name", ["cramped_room", "coordination_ring", "forced_coordination"])
def test_classic_kitchens_come_out_of_their_files(name: str) -> None:
    path = next(path for path in FILES if path.stem == name)
    assert parse_layout(read_layout(path)).rows == named_layout(name).rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", [GRID, f"{{{PLAIN}}}"], ids=["drawing", "dictionary"])
def test_byte_order_marks_are_no_cells(tmp_path: Path, encoding: str, text: str) -> None:
    path = written(tmp_path, text.replace("\n", "\r\n"), encoding)
    if encoding == "utf-8-sig":
        assert path.read_bytes().startswith(codecs.BOM_UTF8)
    assert parse_layout(read_layout(path)).rows == named_layout("cramped_room").rows


def test_text_of_a_file_is_a_layout_too() -> None:
    env = zsc.make("overcooked", layout=f"{{{PLAIN}, 'rew_shaping_params': None}}")
    assert env.kitchen.rows == named_layout("cramped_room").rows


# what is asked for beside the grid: words of the message
OTHER_RULES = {
    '"cook_time": 5': "cook_time 5, this game has 20",
    '"delivery_reward": 10': "delivery_reward 10, this game has 20",
    '"num_items_for_soup": 2': "num_items_for_soup 2, this game has 3",
    '"onion_value": 21, "tomato_value": 13': "onion_value 21 for each of 3 onions",
    f'"start_all_orders": [{SOUP}], "recipe_times": [5]': "recipe_times of 5",
    f'"start_all_orders": [{SOUP}], "recipe_values": [10]': "recipe_values of 10",
    '"start_all_orders": [{"ingredients": ["tomato"]}]': "orders no soup of three onions",
    f'"start_bonus_orders": [{SOUP}]': "pays a bonus",
    '"start_all_orders": ["onion"]': "without ingredients",
    '"start_state": {"players": []}': "start_state",
    '"start_order_list": ["onion", "onion"]': "start_order_list",
    '"cook_time": __import__("os").getpid()': "not made of plain values",
}


@pytest.mark.parametrize("rule", OTHER_RULES)
def test_rules_of_another_game_are_refused(rule: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"{{{PLAIN}, {rule}}}")
    with pytest.raises(UserError, match=OTHER_RULES[rule]) as said:
        read_layout(path)
    assert str(said.value).startswith(str(path))


@pytest.mark.parametrize(
    "rule",
    [
        '"cook_time": 20, "delivery_reward": 20, "num_items_for_soup": 3, "start_order_list": None',
        f'"start_all_orders": [{{"ingredients": ["tomato"]}}, {SOUP}], "recipe_values": [5, 20]',
        '"rew_shaping_params": {"PLACEMENT_IN_POT_REW": 3, "POT_DISTANCE_REW": 0}',
    ],
)
def test_rules_of_this_game_are_taken_in_silence(rule: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_layout(written(tmp_path, f"{{{PLAIN}, {rule}}}"))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('"rew_shaping_params": {"PLACEMENT_IN_POT_REW": 1}', "shaped rewards of its own"),
        ('"counter_goals": []', "counter_goals: not used"),
    ],
)
def test_what_changes_no_return_is_named(rule: str, words: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=words):
        read_layout(written(tmp_path, f"{{{PLAIN}, {rule}}}"))


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "not made of plain values"), ("{}", 'no "grid"'), ('{"grid": 3}', 'no "grid"')],
)
def test_a_dictionary_without_a_kitchen_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        read_layout(written(tmp_path, text))


def test_one_line_in_a_file_is_a_drawing_and_no_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="row 1, column 1"):
        Overcooked(read_layout(written(tmp_path, "cramped_room")))


def test_the_path_of_a_file_is_not_taken_for_a_name() -> None:
    with pytest.raises(UserError, match=r"read_layout\('my.layout'\)"):
        Overcooked("my.layout")
