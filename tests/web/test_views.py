"""What pages are sent of kitchens: all that a person may see, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import zsc
from tests.browser import browser
from tests.web.test_browser import VEIL, _key, _start, free_port, wait
from zsc.envs.overcooked_v2 import OvercookedV2
from zsc.envs.overcooked_v2.layouts import BUTTON, GOAL, INDICATOR, PILE, PLATES, POT, WALL
from zsc.envs.overcooked_v2.observation import channels
from zsc.envs.overcooked_v2.state import COOKED, INTERACT, PLATE
from zsc.web.log import read_game
from zsc.web.stage import Cast, Stage
from zsc.web.views import view_of
from zsc.web.views.overcooked_v2 import in_view

in_browser = pytest.mark.skipif(not os.environ.get("ZSC_BROWSER"), reason="ZSC_BROWSER=1 runs it")
CHOOSE = """const box = document.getElementById('game'); box.value = arguments[0];
box.dispatchEvent(new Event('change'))"""
PAINTED = "return document.querySelector('canvas').toDataURL()"
TILES = {"wall": WALL, "goal": GOAL, "pot": POT, "indicator": INDICATOR, "button": BUTTON,
         "plates": PLATES}  # fmt: skip
NEAR = OvercookedV2("grounded_coord_simple", view=2, encoding="grid", random_starts=True,
                    indicate_successful_delivery=True, sample_recipe_on_delivery=True)  # fmt: skip


def stages(env: OvercookedV2, games: int = 3, steps: int = 40) -> Iterator[Stage]:
    """Games of random cooks from random starts, step by step."""
    draw = np.random.default_rng(0)
    for seed in range(games):
        stage = Stage(Cast(env), seed)
        for _ in range(steps):
            yield stage
            weights = [0.16] * 4 + [0.06, 0.3]
            stage.step(draw.choice(6, 2, p=weights).tolist())


def item(bits: int, what: str, number: int | None) -> int:
    if what == "count":
        return bits >> (2 + 2 * (number or 0)) & 3
    return int(bool(bits & {"plate": PLATE, "cooked": COOKED}[what]))


def told(env: OvercookedV2, scene: dict[str, Any], state: dict[str, Any], seat: int) -> np.ndarray:
    """[H, W, C] the reference's channels of what a page is told, 0 where it is not in view."""
    size = scene["height"] * scene["width"]
    cell = lambda cook: cook[1] * scene["width"] + cook[0]
    lies = dict(state["lies"]) | {c: bits for c, bits, _ in state["pots"]}
    left = {c: more for c, _, more in state["pots"]}
    cooks = {"self": state["cooks"][seat], "others": state["cooks"][1 - seat]}
    found = np.zeros((size, len(channels(env.kitchen, delivery=True))), int)
    for place, (subject, _, what, number) in enumerate(channels(env.kitchen, delivery=True)):
        layer = found[:, place]
        if subject in cooks and cooks[subject] is not None:
            one = cooks[subject]
            own = {"at": lambda: 1, "faces": lambda one=one, n=number: int(one[2] == n)}
            layer[cell(one)] = own[what]() if what in own else item(one[3], what, number)
        elif subject == "tile":
            layer[:] = np.array(scene["kinds"]) == TILES.get(what, PILE + (number or 0))
        elif subject == "lies":
            for c, bits in lies.items():
                layer[c] = item(bits, what, number)
        elif subject == "recipe":
            layer[state["shows"]] = item(state["recipe"], what, number)
        elif subject == "pot":
            layer[list(left)] = list(left.values())
        elif subject == "goal":
            layer[state["thanks"]] = 1
    return found.reshape(scene["height"], scene["width"], -1)


def window(env: OvercookedV2, whole: np.ndarray, place: Any) -> np.ndarray:
    """What is around a cook, zeros off the map."""
    assert env.view is not None
    padded = np.pad(whole, ((env.view,) * 2, (env.view,) * 2, (0, 0)))
    x, y = (int(p) for p in place)
    return padded[y : y + 2 * env.view + 1, x : x + 2 * env.view + 1]


def test_a_person_sees_what_the_cook_in_that_seat_is_shown_number_by_number() -> None:
    view, seen = view_of(NEAR), np.zeros(8, int)
    scene = view.scene(NEAR)
    for stage in stages(NEAR):
        for seat in range(2):
            state = json.loads(json.dumps(view.state(NEAR, stage.shown, seat)))
            place = stage.shown.snapshot["pos"][seat]
            here = window(NEAR, told(NEAR, scene, state, seat), place)
            np.testing.assert_array_equal(here, stage.shown.obs[seat])
            things = ("lies", "pots", "shows", "thanks")
            seen[:4] += [len(state[name]) > 0 for name in things]
            seen[4:6] += [state["cooks"][1 - seat] is None, state["recipe"] > 0]
    assert (seen[[0, 1, 2, 4, 5]] > 10).all()


def test_what_is_out_of_view_is_not_sent() -> None:
    """Whatever changes there, the page is told the same."""
    view = view_of(NEAR)
    for stage in stages(NEAR, games=2):
        for seat in range(2):
            now = jax.tree.map(np.array, stage.shown.snapshot)
            sees = in_view(NEAR, now["pos"], seat)
            before = view.state(NEAR, stage.shown, seat)
            grid = now["grid"].reshape(-1, 3)
            grid[~sees, 1:] = 77
            if before["cooks"][1 - seat] is None:
                now["dir"][1 - seat], now["inventory"][1 - seat] = 3, 77
            if not before["shows"]:
                now["recipe"] = np.int32(77)
            assert view.state(NEAR, stage.shown._replace(snapshot=now), seat) == before
            assert "77" not in json.dumps(before)


def test_without_a_view_all_of_it_is_seen() -> None:
    env = OvercookedV2("cramped_room_v2", encoding="grid", indicate_successful_delivery=True)
    view = view_of(env)
    for stage in stages(env, games=1):
        state = view.state(env, stage.shown, 0)
        assert None not in state["cooks"]
        whole = told(env, view.scene(env), state, 0)
        np.testing.assert_array_equal(whole, stage.shown.obs[0])


def test_keys_do_what_they_say() -> None:
    env = zsc.make("overcooked_v2/cramped_room")
    keys = view_of(env).scene(env)["keys"]
    ways = {"ArrowUp": (0, -1), "ArrowDown": (0, 1), "ArrowLeft": (-1, 0), "ArrowRight": (1, 0)}
    for key, way in ways.items():
        stage = Stage(Cast(env), 0)
        stage.step([keys[key], 4])
        facing = int(stage.shown.snapshot["dir"][0])
        assert ((0, -1), (0, 1), (1, 0), (-1, 0))[facing] == way
    assert keys["Space"] == keys["KeyE"] == INTERACT


def test_a_kitchen_of_2020_tells_what_is_ordered() -> None:
    env = zsc.make("overcooked/cramped_room_tomato", dynamics="2020")
    scene = view_of(env).scene(env)
    paid = {tuple(order[:2]): order[2] for order in scene["orders"]}
    assert set(paid) == {(3, 0), (0, 3), (1, 1)}
    assert paid[3, 0] == 45
    assert "orders" not in view_of(zsc.make("overcooked/cramped_room")).scene(
        zsc.make("overcooked/cramped_room")
    )


@in_browser
def test_somebody_plays_overcooked_v2_in_a_browser(tmp_path: Path) -> None:
    game = "overcooked_v2/grounded_coord_simple"
    port = free_port()
    command = [sys.executable, "-m", "zsc.cli", "play", "--game", game, "--env-set", "view=2",
               "horizon=60", "--port", str(port), "--out", str(tmp_path)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("ready:")
            with browser(1280, 900) as session:
                session.get(f"http://127.0.0.1:{port}/")
                wait(session, "return !document.getElementById('start').disabled", 30)
                session.execute_script(CHOOSE, game)
                wait(session, "return document.querySelector('#others select').value")
                session.execute_script("document.getElementById('start').click()")
                _start(session)
                for code in ("ArrowUp", "ArrowDown", "ArrowRight", "ArrowLeft", "Space"):
                    _key(session, code)
                    time.sleep(0.4)
                assert "ingredients" in wait(session, "return document.querySelector("
                                             "'.screen [role=status]').textContent")  # fmt: skip
                assert len(session.execute_script(PAINTED)) > 10_000
                assert "over" in wait(session, VEIL)
                faults = [x for x in session.get_log("browser") if x["level"] == "SEVERE"]
                assert faults == []
        finally:
            server.kill()
    (path,) = (tmp_path / "games").glob("*.jsonl")
    pressed = [step["keys"]["0"]["action"] for step in read_game(path).steps if step["keys"]]
    assert pressed == [3, 1, 0, 2, INTERACT]
