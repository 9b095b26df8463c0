"""Kitchens: the classic ones against the reference's files, drawings that are refused, starts."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zsc
from tests.oracle.kitchens import generate_layouts, within_reach
from zsc.envs.overcooked import CLASSIC, LAYOUTS, MIRRORED, Overcooked, parse_layout
from zsc.envs.overcooked.drawings import named_layout
from zsc.envs.overcooked.layouts import DISHES, ONIONS, POT, SERVING

# (width, height), start of player 1 and of player 2 as (x, y), by hand from the drawings
GEOMETRY = {
    "cramped_room": ((5, 4), (1, 2), (3, 1)),
    "asymmetric_advantages": ((9, 5), (6, 2), (1, 3)),
    "coordination_ring": ((5, 5), (2, 1), (1, 2)),
    "forced_coordination": ((5, 5), (3, 1), (1, 2)),
    "counter_circuit": ((8, 5), (3, 3), (3, 1)),
}
REFERENCE_FILES = {name: name for name in CLASSIC} | {"counter_circuit": "counter_circuit_o_1order"}

# what is wrong with it: (drawing, words that have to stand in the message)
BAD_DRAWINGS = {
    "unknown symbol": ("XXPXX\nO 12O\nX  ?X\nXDXSX", ("'?'", "row 3, column 4")),
    "tomatoes": ("XXPXX\nO 12O\nT   X\nXDXSX", ("'T'", "row 3, column 1", "tomatoes")),
    "player five": ("XXPXX\nO 12O\nX 5 X\nXDXSX", ("'5'", "row 3, column 3", "at most 4")),
    "player four but not three": ("XXPXX\nO 12O\nX 4 X\nXDXSX", ("0 starts for player 3",)),
    "short row": ("XXPXX\nO 12O\nX  X\nXDXSX", ("row 3", "4 cells", "row 1 has 5")),
    "long row": ("XXPXX\nO 12O\nX   XX\nXDXSX", ("row 3", "6 cells", "row 1 has 5")),
    "hole in the bottom": ("XXPXX\nO 12O\nX   X\nXD SX", ("border", "close it with X")),
    "hole in the top": ("XX XX\nO 12O\nX   X\nXDPSX", ("border", "close it with X")),
    "start in the border": ("XXPXX\nO 1 O\n2   X\nXDXSX", ("border", "close it with X")),
    "hole in the side": ("XXPXX\nO 12O\n    X\nXDXSX", ("row 3", "borders are X")),
    "nobody": ("XXPXX\nO   O\nX   X\nXDXSX", ("0 starts for player 1", "'1'")),
    "only player 1": ("XXPXX\nO 1 O\nX   X\nXDXSX", ("0 starts for player 2", "'2'")),
    "player 1 twice": ("XXPXX\nO 12O\nX 1 X\nXDXSX", ("2 starts for player 1", "exactly one")),
    "player 2 twice": ("XXPXX\nO 12O\nX 2 X\nXDXSX", ("2 starts for player 2", "exactly one")),
    "no pot": ("XXXXX\nO 12O\nX   X\nXDXSX", ("no pot", "'P'")),
    "no onions": ("XXPXX\nX 12X\nX   X\nXDXSX", ("no onion dispenser", "'O'")),
    "no dishes": ("XXPXX\nO 12O\nX   X\nXXXSX", ("no dish dispenser", "'D'")),
    "no window": ("XXPXX\nO 12O\nX   X\nXDXXX", ("no serving window", "'S'")),
    "pot in a corner": ("PXPXX\nO 12O\nX   X\nXDXSX", ("pot in row 1, column 1", "reached")),
    "pot walled off": ("XXPXXPX\nO12XX X\nX   XXX\nXDXSXXX", ("pot in row 1, column 6", "reached")),
    "onions in a corner": ("XXPXO\nX 12X\nX   X\nXDXSX", ("onion dispenser", "reached")),
    "dishes in a corner": ("DXPXX\nO 12O\nX   X\nXXXSX", ("dish dispenser", "reached")),
    "window in a corner": ("XXPXX\nO 12O\nX   X\nXDXXS", ("serving window", "reached")),
    "too large": ("\n".join(["X" * 16] * 16), ("256 cells", "255")),
    "empty": ("", ("empty", "X O D P S")),
    "blank lines": (" \n   \n", ("empty", "X O D P S")),
}

LEFT, RIGHT = {6, 11, 16}, {8, 13, 18}  # the two halves of forced_coordination, cells by hand


def reference_grid(name: str) -> list[str]:
    """The grid of a layout file of the reference package, without importing the package."""
    spec = importlib.util.find_spec("overcooked")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "data" / "layouts" / f"{REFERENCE_FILES[name]}.layout"
    grid = ast.literal_eval(file.read_text())["grid"]
    return [line.strip() for line in grid.splitlines()]


def refusal(drawing: str) -> str:
    with pytest.raises(zsc.UserError) as caught:
        parse_layout(drawing)
    return str(caught.value)


@pytest.mark.parametrize("name", CLASSIC)
def test_classic_kitchen_has_the_size_and_starts_of_its_drawing(name: str) -> None:
    layout = named_layout(name)
    size, *starts = GEOMETRY[name]
    assert (layout.width, layout.height) == size
    assert layout.starts == tuple(y * layout.width + x for x, y in starts)


@pytest.mark.parametrize("name", CLASSIC)
def test_classic_kitchen_is_the_reference_file(name: str) -> None:
    assert named_layout(name).text().split("\n") == reference_grid(name)


@pytest.mark.parametrize("name", MIRRORED)
def test_mirrored_kitchen_is_its_own_mirror_image_with_the_players_exchanged(name: str) -> None:
    lines = named_layout(name).text().split("\n")
    swap = str.maketrans("12", "21")
    assert [line[::-1].translate(swap) for line in lines] == lines


def test_tiles_are_where_the_drawing_has_them() -> None:
    layout = named_layout("cramped_room")
    found = [layout.cells(kind).tolist() for kind in (POT, ONIONS, DISHES, SERVING)]
    assert found == [[2], [5, 9], [16], [18]]
    assert layout.floor.tolist() == [6, 7, 8, 11, 12, 13]


def test_counters_that_can_be_reached_come_first() -> None:
    layout = named_layout("cramped_room")
    count = layout.num_reachable_counters
    assert sorted(layout.counters[:count].tolist()) == [1, 3, 10, 14, 17]
    assert sorted(layout.counters[count:].tolist()) == [0, 4, 15, 19]


@pytest.mark.parametrize("fault", BAD_DRAWINGS)
def test_bad_drawing_is_refused_in_one_line_that_names_the_place_or_the_remedy(fault: str) -> None:
    drawing, words = BAD_DRAWINGS[fault]
    message = refusal(drawing)
    assert "\n" not in message
    assert [word for word in words if word not in message] == [], message


def test_environment_refuses_a_bad_drawing_before_anything_is_compiled() -> None:
    with pytest.raises(zsc.UserError, match="row 3, column 1"):
        zsc.make("overcooked", layout=BAD_DRAWINGS["tomatoes"][0])


def test_one_dispenser_out_of_reach_is_allowed_while_another_is_in_reach() -> None:
    assert parse_layout("OXPXX\nO 12O\nX   X\nXDXSX").cells(ONIONS).tolist() == [0, 5, 9]


def test_indentation_and_blank_lines_around_a_drawing_do_not_matter() -> None:
    drawing = LAYOUTS["coordination_ring"]
    plain = "\n".join(line.strip() for line in drawing.split("\n") if line)
    for text in (drawing, plain, f"\n\n{plain}\n\n", plain.replace("\n", "\r\n")):
        assert parse_layout(text, "ring") == parse_layout(plain, "ring")


def test_unknown_layout_gets_the_nearest_name() -> None:
    with pytest.raises(zsc.UserError, match=r"unknown layout.*did you mean 'coordination_ring'"):
        Overcooked(layout="cordination_ring")


def test_unknown_environment_gets_the_nearest_name() -> None:
    with pytest.raises(zsc.UserError, match=r"environment.*mean 'overcooked/forced_coordination'"):
        zsc.make("overcooked/forced_cordination")


def test_unknown_setting_gets_the_nearest_name() -> None:
    with pytest.raises(zsc.UserError, match=r"setting of overcooked/cramped_room.*mean 'horizon'"):
        zsc.make("overcooked/cramped_room", horizn=20)


def test_unknown_encoding_gets_the_nearest_name() -> None:
    with pytest.raises(zsc.UserError, match=r"encoding.*did you mean 'compact'"):
        Overcooked(encoding="compat")


def test_layout_of_a_named_kitchen_cannot_be_changed() -> None:
    with pytest.raises(zsc.UserError, match="unknown setting"):
        zsc.make("overcooked/cramped_room", layout="coordination_ring")


def test_overcooked_without_a_layout_says_how_to_give_one() -> None:
    with pytest.raises(zsc.UserError, match="needs a layout"):
        zsc.make("overcooked")


def test_halves_of_forced_coordination_are_closed_off() -> None:
    layout = named_layout("forced_coordination")
    assert (layout.component(layout.starts[0]), layout.component(layout.starts[1])) == (RIGHT, LEFT)


def test_random_starts_keep_the_agents_in_their_own_halves_and_cover_every_pair() -> None:
    env = Overcooked("forced_coordination", horizon=20, random_starts=True)
    keys = jax.random.split(jax.random.key(0), 400)
    state, shown = jax.jit(jax.vmap(env.reset))(keys)
    drawn = {(int(a), int(b)) for a, b in np.asarray(state.cell)}
    assert drawn == {(a, b) for a in RIGHT for b in LEFT}
    assert len(np.unique(np.asarray(shown.obs).reshape(400, -1), axis=0)) == 9


def test_random_starts_cover_every_pair_of_different_cells_of_an_open_kitchen() -> None:
    env = Overcooked("cramped_room", horizon=20, random_starts=True)
    floor = env.kitchen.floor.tolist()
    every = {(a, b) for a in floor for b in floor if a != b}
    assert {tuple(pair) for pair in env.kitchen.start_pairs.tolist()} == every
    state, _ = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(1), 600))
    assert {(int(a), int(b)) for a, b in np.asarray(state.cell)} == every


def test_fixed_starts_do_not_depend_on_the_key() -> None:
    env = Overcooked("counter_circuit", horizon=20)
    state, _ = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(2), 5))
    assert np.asarray(state.cell).tolist() == [list(env.kitchen.starts)] * 5


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_layout_survives_being_written_and_read(seed: int) -> None:
    layout = generate_layouts(seed, 1)[0]
    again = parse_layout(layout.text(), layout.name)
    assert again == layout
    assert (again.kinds == layout.kinds).all()
    assert parse_layout(layout.text().replace("\n", "\n    ")).text() == layout.text()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_every_accepted_kitchen_can_make_soup(seed: int) -> None:
    layout = generate_layouts(seed, 1)[0]
    reach = within_reach(layout, layout.starts[0]) | within_reach(layout, layout.starts[1])
    assert set(layout.pots.tolist()) <= reach
    for kind in (ONIONS, DISHES, SERVING):
        assert reach & set(layout.cells(kind).tolist())
