"""A tiny study, and people made of code who go through it without a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from zsc.web.server import Place
from zsc.web.study.casting import Casting, find
from zsc.web.study.plan import Plan, Text, read_plan
from zsc.web.study.server import StudyServer
from zsc.web.study.store import Store

PLACE = Place()
ORIGIN = PLACE.url
MONITOR = "experimenter"

TINY = """
format = "zsc-study 1"
id = "tiny"
title = "A tiny study"
contact = "somebody"
attempts = 2

[texts]
consent = "# Take part? <script>alert(1)</script> [x](javascript:alert(1))"
publish = "May it be published?"
instructions = ["Read *this*."]

[[questions]]
text = "How many?"
choices = ["one", "two"]
right = 2

[tutorial]
game = "overcooked/cramped_room"
settings = { horizon = 12 }
tries = 1
goals = [{ text = "Move.", event = "any" }, { text = "Do something.", event = "any" }]

[[blocks]]
game = "overcooked/cramped_room"
name = "room"
settings = { horizon = 12 }

[[blocks]]
game = "overcooked/coordination_ring"
name = "ring"
settings = { horizon = 12 }

[[partners]]
name = "secret hog"
scripted = "hog"

[[partners]]
name = "secret carrier"
scripted = "onion_carrier"
action = "greedy"

[[questionnaires]]
after = "game"
use = "cole"

[[questionnaires]]
after = "block"
use = "ranking"

[[questionnaires]]
after = "end"
name = "words"
items = [{ name = "why", text = "Why?", kind = "text", optional = true }]

[run]
tick = 0.02
countdown = 0.0
patience = 5.0

[platform]
ids = ["PROLIFIC_PID"]
complete = "https://platform.example/done?cc={code}"
"""


def text_of(folder: Path, told: str = TINY) -> Text:
    """The study as if it had been read from a file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "study-as-given.toml"
    path.write_text(told)
    return read_plan(path)


@contextmanager
def study(folder: Path, told: str = TINY) -> Iterator[Study]:
    """A study that runs in a folder."""
    text = text_of(folder, told)
    casting = find(text)
    store = Store(folder / "data", text, casting)
    casting.warm()
    try:
        server = StudyServer(text.plan, casting, store, PLACE, MONITOR)
        with TestClient(server.app(), base_url=ORIGIN) as client:
            yield Study(server, client, text.plan, casting, folder / "data")
    finally:
        store.close()


class Study:
    """A running study, seen from outside."""

    def __init__(
        self, server: StudyServer, client: TestClient, plan: Plan, casting: Casting, folder: Path
    ) -> None:
        self.server, self.client, self.plan = server, client, plan
        self.casting, self.folder = casting, folder

    def person(self) -> Person:
        """Somebody who opens the page."""
        return Person(self)


class Person:
    """A person with a browser of its own."""

    def __init__(self, study: Study) -> None:
        self.study, self.cookie = study, ""
        self.told: list[str] = []  # everything that the server ever sent
        self.kinds: list[str] = []

    def post(self, path: str, told: dict[str, Any], **headers: str) -> Any:
        """Send a form; the answer as it came."""
        client = self.study.client
        client.cookies.clear()
        given = {"origin": ORIGIN} | ({"cookie": self.cookie} if self.cookie else {}) | headers
        answer = client.post(path, json=told, headers=given)
        self.told.append(answer.text)
        cookie = answer.headers.get("set-cookie")
        if cookie:
            assert "HttpOnly" in cookie
            self.cookie = cookie.split(";")[0]
        return answer

    def page(self) -> dict[str, Any]:
        """Where this person is."""
        return self._read(self.post("/api/page", {}))

    def next(self, **what: Any) -> dict[str, Any]:
        """Go on."""
        return self._read(self.post("/api/next", what))

    def agree(self, **more: Any) -> dict[str, Any]:
        """Take part."""
        return self._read(self.post("/api/consent", {"agree": True, **more}))

    def socket(self, **headers: str) -> Any:
        """A connection to the game."""
        self.study.client.cookies.clear()
        given = {"origin": ORIGIN, "cookie": self.cookie} | headers
        return self.study.client.websocket_connect(
            f"ws://{PLACE.host}:{PLACE.port}/socket", headers=given
        )

    def play(self, action: int = 0, until: Callable[[dict[str, Any]], bool] | None = None) -> Any:
        """Play the game that is there, pressing the same key again and again; the last message."""
        with self.socket() as socket:
            while True:
                text = socket.receive_text()
                self.told.append(text)
                message = json.loads(text)
                if message["type"] == "paused" and message["you"]:
                    socket.send_json({"type": "ready"})
                if message["type"] == "state":
                    if not message["done"]:
                        act = {"type": "act", "action": action, "at": 1.0, "seen": message["step"]}
                        socket.send_json(act)
                    drawn = {"type": "drawn", "step": message["step"], "at": 2.0}
                    socket.send_json(drawn)
                if message["type"] in ("over", "nothing") or (until and until(message)):
                    return message

    def walk(self, until: Callable[[dict[str, Any]], bool] = lambda page: False) -> dict[str, Any]:
        """Through the whole study, or until a page is reached."""
        page = self.page()
        if page["kind"] == "consent":
            page = self.agree(publish=True, ids={"PROLIFIC_PID": "abc", "other": "x"})
        while page["kind"] != "end" and not until(page):
            self.kinds.append(page["kind"])
            page = self.do(page)
        return page

    def do(self, page: dict[str, Any]) -> dict[str, Any]:
        """What a page asks for."""
        if page["kind"] in ("game", "tutorial"):
            self.play()
            return self.page()
        if page["kind"] == "questions":
            right = [question.right for question in self.study.plan.questions]
            return self.next(step=page["step"], choices=right)
        if page["kind"] == "items":
            answers = {item["name"]: answer_of(item, page) for item in page["items"]}
            return self.next(step=page["step"], answers=answers, seconds=3.0)
        return self.next(step=page["step"])

    def _read(self, answer: Any) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def answer_of(item: dict[str, Any], page: dict[str, Any]) -> Any:
    """Some answer."""
    ranked = [who["name"] for who in page["ranked"]]
    return {"scale": 3, "choice": 1, "text": "words", "number": 2, "rank": ranked[::-1]}[
        item["kind"]
    ]
