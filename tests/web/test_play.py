"""`zsc play` without a browser: what can be chosen, who plays with whom, what is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import zsc
from tests.web.studies import ORIGIN, PLACE
from zsc.agents.bots import scripted_partners
from zsc.web.log import read_game
from zsc.web.play import KITCHEN, PERSON, PlayServer
from zsc.web.server import Place
from zsc.web.stage import Cast, Stage
from zsc.web.study.export import export
from zsc.web.views import View, register_view, script_of, view_of

ROOM = zsc.make("overcooked/cramped_room", horizon=12)
LINE = "XXPXX\nO1 2O\nXDXSX"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server that keeps its games, and knows one pool as if it had been trained."""
    folder = tmp_path_factory.mktemp("play")
    bots = scripted_partners(ROOM)
    server = PlayServer({"mine": bots.take([4])}, {ROOM.spec.id: ROOM}, PLACE, folder)
    with TestClient(server.app(), base_url=ORIGIN) as client:
        client.folder = folder  # type: ignore[attr-defined]
        yield client


def ask(client: TestClient, path: str, cookie: str = "", **told: Any) -> Any:
    client.cookies.clear()
    headers = {"origin": ORIGIN} | ({"cookie": cookie} if cookie else {})
    return client.post(path, json=told, headers=headers)


def enter(client: TestClient) -> str:
    return str(ask(client, "/api/enter").headers["set-cookie"]).split(";")[0]


def play(client: TestClient, cookie: str, action: int = 0) -> list[dict[str, Any]]:
    """Everything that is told until the game is over."""
    told = []
    client.cookies.clear()
    where = f"ws://{PLACE.host}:{PLACE.port}/socket"
    with client.websocket_connect(where, headers={"origin": ORIGIN, "cookie": cookie}) as socket:
        while not told or told[-1]["type"] != "over":
            told.append(message := json.loads(socket.receive_text()))
            if message["type"] == "paused" and message["you"]:
                socket.send_json({"type": "ready"})
            if message["type"] == "state":
                legal = message["state"].get("legal") or [action]
                chosen = {"type": "act", "action": legal[0], "seen": message["step"]}
                socket.send_json(chosen)
    return told


def start(client: TestClient, cookie: str, **wish: Any) -> Any:
    return ask(client, "/api/start", cookie, **wish)


def test_all_games_of_several_can_be_chosen_those_of_runs_first(client: TestClient) -> None:
    cookie = enter(client)
    games = ask(client, "/api/games", cookie).json()["games"]
    names = [game["id"] for game in games]
    assert names[0] == ROOM.spec.id
    assert {"overcooked/coordination_ring", "hanabi/full-3p", "lever", KITCHEN} <= set(names)
    assert len(set(names)) == len(names)
    answer = ask(client, "/api/partners", cookie, game=ROOM.spec.id).json()
    keys = [one["key"] for one in answer["partners"]]
    assert keys[0] == "mine/0"
    assert {"scripted/4", PERSON} <= set(keys)
    assert any(key.startswith("roster overcooked/cramped_room@") for key in keys)


def test_a_game_is_played_kept_and_exported(client: TestClient, tmp_path: Path) -> None:
    cookie = enter(client)
    answer = start(client, cookie, game=ROOM.spec.id, others=["mine/0"], seat=1, tick=0.02)
    assert answer.json() == {"waiting": False}
    told = play(client, cookie)
    (scene,) = (message for message in told if message["type"] == "scene")
    assert (scene["view"], scene["seat"], scene["names"][1]) == ("overcooked", 1, "You")
    folder: Path = client.folder  # type: ignore[attr-defined]
    played = [read_game(path) for path in (folder / "games").glob("*")][-1]
    assert played.header.agents[0].method == "greedy_cook"
    assert played.header.settings["horizon"] == 12
    assert len(played.steps) == 12
    done = export(folder, tmp_path / "out")
    assert (done.games, done.differ) == (1, ())


def test_a_drawn_kitchen_is_played(client: TestClient) -> None:
    cookie = enter(client)
    wish: dict[str, Any] = {"game": KITCHEN, "others": ["scripted/1"], "tick": 0.02}
    for kitchen, words in (("", "draw a kitchen"), ("XX\nXX", "layout"), ("X" * 70_000, "large")):
        assert words in start(client, cookie, kitchen=kitchen, **wish).json()["error"]
    assert start(client, cookie, kitchen=LINE, **wish).json() == {"waiting": False}
    client.cookies.clear()
    where = f"ws://{PLACE.host}:{PLACE.port}/socket"
    with client.websocket_connect(where, headers={"origin": ORIGIN, "cookie": cookie}) as socket:
        scene = socket.receive_json()["scene"]
        assert (scene["width"], scene["height"]) == (5, 3)
        socket.send_json({"type": "leave"})
        while socket.receive_json()["type"] != "over":
            pass


def test_two_people_and_an_agent_in_one_game(client: TestClient) -> None:
    """The third seat of Hanabi is an agent's; two people meet in the waiting room."""
    env = zsc.make("hanabi/full-3p")
    register = {"game": env.spec.id, "others": [PERSON, "scripted/1"], "greedy": False}
    one, two = enter(client), enter(client)
    told: dict[str, list[dict[str, Any]]] = {}
    assert start(client, one, **register).json() == {"waiting": True}
    threads = []
    for who in (one, two):
        thread = threading.Thread(target=lambda who=who: told.update({who: _some(client, who)}))
        thread.start()
        threads.append(thread)
        if who == one:
            continue
        assert start(client, two, **register).json() == {"waiting": True}
    for thread in threads:
        thread.join(60)
    scenes = {who: next(m for m in told[who] if m["type"] == "scene") for who in (one, two)}
    assert {scene["seat"] for scene in scenes.values()} == {0, 1}
    assert all(scene["names"].count("You") == 1 for scene in scenes.values())
    seen = [next(m for m in told[who] if m["type"] == "state")["state"] for who in (one, two)]
    own = [scenes[who]["seat"] for who in (one, two)]
    assert "card" not in seen[0]["hands"][own[0]][0]
    assert seen[0]["hands"][own[1]][0]["card"]
    assert seen[0]["hands"][2] == seen[1]["hands"][2]


def _some(client: TestClient, cookie: str) -> list[dict[str, Any]]:
    """What is told until three moves were made, then leave."""
    told: list[dict[str, Any]] = []
    where = f"ws://{PLACE.host}:{PLACE.port}/socket"
    headers = {"origin": ORIGIN, "cookie": cookie}
    with client.websocket_connect(where, headers=headers) as socket:
        while not told or told[-1]["type"] != "over":
            told.append(message := json.loads(socket.receive_text()))
            if message["type"] == "paused" and message["you"]:
                socket.send_json({"type": "ready"})
            if message["type"] == "state" and message["step"] > 3:
                socket.send_json({"type": "leave"})
            if message["type"] in ("state", "go"):
                state = [m for m in told if m["type"] == "state"][-1]
                if state["state"]["legal"]:
                    move = {"action": state["state"]["legal"][0], "seen": state["step"]}
                    socket.send_json({"type": "act"} | move)
    return told


@pytest.mark.parametrize(
    ("rules", "kitchen", "seats", "family"),
    [
        ("2019", "XXXPXXX\nO1   2O\nX  3  X\nD    4S\nXXXXXXX", 4, "overcooked"),
        ("2020", "XXPXX\nO1 2T\nX 3 X\nXDXSX", 3, "overcooked"),
        ("v2", "WWPWW\n0A A1\nW   R\nWBWXW", 2, "overcooked_v2"),
    ],
)
def test_drawn_kitchens_of_all_rules_and_up_to_four_cooks_are_played(
    client: TestClient, rules: str, kitchen: str, seats: int, family: str
) -> None:
    cookie = enter(client)
    drawn = {"game": KITCHEN, "kitchen": kitchen, "rules": rules}
    answer = ask(client, "/api/partners", cookie, **drawn).json()
    assert answer["seats"] == seats
    assert {"scripted/0", "scripted/1"} <= {one["key"] for one in answer["partners"]}
    others = ["scripted/1"] * (seats - 1)
    assert start(client, cookie, **drawn, others=others, tick=0.02).json() == {"waiting": False}
    client.cookies.clear()
    where = f"ws://{PLACE.host}:{PLACE.port}/socket"
    with client.websocket_connect(where, headers={"origin": ORIGIN, "cookie": cookie}) as socket:
        told = socket.receive_json()
        assert told["view"] == family
        assert len(set(told["names"])) == len(set(told["colours"])) == seats
        assert ("orders" in told["scene"]) is (rules == "2020")
        state = socket.receive_json()
        assert len(state["state"]["cooks"]) == seats
        socket.send_json({"type": "leave"})
        while socket.receive_json()["type"] != "over":
            pass


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"game": "overcooked/crampd", "others": [PERSON]}, "mean 'overcooked/cramped_room'"),
        ({"game": ROOM.spec.id, "others": []}, "has 2 seats"),
        ({"game": ROOM.spec.id, "others": [PERSON], "seat": 2}, "has 2 seats"),
        ({"game": ROOM.spec.id, "others": ["../../etc/0"]}, "unknown partner"),
        ({"game": ROOM.spec.id, "others": [PERSON], "tick": 0}, "0.02 to 5 seconds"),
        ({"game": 5, "others": [PERSON]}, "game is 5"),
        ({"game": KITCHEN, "kitchen": LINE, "others": [PERSON], "rules": "2021"}, "rules"),
        ({}, "no 'game'"),
    ],
)
def test_bad_wishes_get_one_line(client: TestClient, wish: dict[str, Any], words: str) -> None:
    answer = start(client, enter(client), **wish)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_on_a_public_address_only_who_knows_the_token_comes_in() -> None:
    place = Place("0.0.0.0", 8_000)
    server = PlayServer({}, {}, place, token="secret")
    with TestClient(server.app(), base_url=ORIGIN) as client:
        for token in ("", "secre", None, ["secret"]):
            assert ask(client, "/api/enter", token=token).status_code == 401
        assert ask(client, "/api/games").status_code == 401
        cookie = ask(client, "/api/enter", token="secret").headers["set-cookie"].split(";")[0]
        assert ask(client, "/api/games", cookie).status_code == 200
        client.cookies.clear()
        assert client.post("/api/games", json={}, headers={"cookie": cookie}).status_code == 403


def test_a_game_of_another_family_says_how_it_is_drawn(tmp_path: Path) -> None:
    lever = zsc.make("lever")
    plain = view_of(lever)
    assert plain.name == "plain"
    stage = Stage(Cast(lever, (), ()), 0)
    json.dumps([plain.scene(lever), plain.state(lever, stage.shown, 0)])
    script = tmp_path / "view.js"
    script.write_text("export const mount = () => {};")
    own = View("levers", script, lambda env: {"levers": 10}, lambda env, shown, seat: {})
    register_view("lever", own)
    try:
        assert view_of(lever) is own
        assert script_of("levers") == script
        assert script_of("../x") is None
    finally:
        from zsc.web.views import VIEWS

        VIEWS._known.pop("lever")


def test_every_listed_game_can_be_shown() -> None:
    for name in (
        "overcooked/trio_ring_tomato",
        "overcooked/kitchens",
        "dual_destination",
        "hanabi/mini-2p",
        "lever/iterated",
    ):
        env = zsc.make(name)
        view = view_of(env)
        stage = Stage(Cast(env), 1)
        for seat in range(env.spec.num_agents):
            shown = [view.scene(env), view.state(env, stage.shown, seat),
                     view.story(env, stage.shown)]  # fmt: skip
            assert len(json.dumps(shown)) < 20_000
