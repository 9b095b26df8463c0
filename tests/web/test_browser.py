"""A study in real browsers, driven by key events: run with ZSC_BROWSER=1."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.browser import browser
from tests.disk import files
from tests.web.studies import TINY
from zsc.files import read_rows
from zsc.web.log import read_game
from zsc.web.study.export import export
from zsc.web.study.pilot import Walker
from zsc.web.study.plan import plan_of, tomllib

pytestmark = pytest.mark.skipif(not os.environ.get("ZSC_BROWSER"), reason="ZSC_BROWSER=1 runs it")

RING = """[[blocks]]
game = "overcooked/coordination_ring"
name = "ring"
settings = { horizon = 12 }
"""
PERSON = """[[partners]]
name = "secret person"
people = 2

"""
STUDY = (
    TINY.replace(RING, "")
    .replace("tick = 0.02", "tick = 0.06\nwaiting_room = 60.0")
    .replace("[[questionnaires]]", f"{PERSON}[[questionnaires]]", 1)
    .replace("horizon = 12", "horizon = 200", 1)  # of the tutorial
    .replace("horizon = 12", "horizon = 60")
)
PERSON_PLACE = 2  # among the partners
PLAN = plan_of(tomllib.loads(STUDY))


class Server:
    """`zsc study run` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        (folder / "study.toml").write_text(STUDY)
        self.start()

    def start(self) -> None:
        """Start it, on the same port again."""
        port = self.port or free_port()
        command = [sys.executable, "-m", "zsc.cli", "study", "run", str(self.folder / "study.toml"),
                   "--out", str(self.folder / "data"), "--port", str(port)]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("ready:")
        self.port = port

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def data(self) -> Path:
        return self.folder / "data"


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("study"))
    yield running
    running.kill()


def test_a_whole_study_in_two_browsers(server: Server, tmp_path: Path) -> None:
    with ExitStack() as stack:
        one, two = (stack.enter_context(browser(width, 900)) for width in (1280, 1024))
        _refuse(server, two)
        _into_game(server, one)
        _hold_a_key(one)
        _look_away(one)
        _reload(server, one)
        _second_tab(one)
        _kill(server, one)
        walkers = [Walker(PLAN, 1), Walker(PLAN, 2)]
        two.get(server.url + "?PROLIFIC_PID=somebody")
        pairs = zip(walkers, (one, two), strict=True)
        threads = [threading.Thread(target=_walk, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert all(re.fullmatch("[0-9A-F]{8}", walker.code) for walker in walkers)
        assert walkers[0].code != walkers[1].code
        for session in (one, two):
            faults = [entry for entry in session.get_log("browser") if entry["level"] == "SEVERE"]
            assert [x for x in faults if "ERR_" not in x["message"]
                    and "WebSocket" not in x["message"]] == []  # fmt: skip
            wide = session.execute_script("return document.documentElement.scrollWidth")
            assert wide <= session.execute_script("return innerWidth")
    _look_at_the_data(server, tmp_path)


def _walk(walker: Walker, session: Any) -> None:
    until = time.monotonic() + 55
    while not walker.code and time.monotonic() < until:
        walker.page(session)


def wait(session: Any, script: str, seconds: float = 15.0) -> Any:
    """Wait until a script says something true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = session.execute_script(script)
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {script}")


def kind(session: Any, name: str) -> None:
    wait(session, f"return document.body?.dataset.kind === '{name}'")


VEIL = "return document.querySelector('.veil:not([hidden])')?.textContent || ''"


def _refuse(server: Server, session: Any) -> None:
    before = files(server.data)
    session.get(server.url)
    kind(session, "consent")
    session.execute_script("document.getElementById('consent').click()")
    assert "tick the box" in wait(session, "return document.querySelector('.fault').textContent")
    session.execute_script("document.getElementById('refuse').click()")
    kind(session, "refused")
    assert session.get_cookies() == []
    assert files(server.data) == before


def _into_game(server: Server, session: Any) -> None:
    walker = Walker(PLAN, 0)
    while True:
        session.get(server.url)
        kind(session, "consent")
        walker.page(session)
        kind(session, "text")
        if _rows(server)[0]["drawn"]["partners"][0][0] != PERSON_PLACE:
            break
        # somebody who would wait for another person first leaves, and the next one comes
        session.execute_script("document.getElementById('leave').click()")
        session.execute_script("document.getElementById('leave-delete').click()")
        kind(session, "end")
        session.delete_all_cookies()
    for page in ("text", "questions"):
        kind(session, page)
        walker.page(session)
    kind(session, "tutorial")
    walker.page(session)  # does what it is asked to
    kind(session, "game")


def _now(server: Server) -> dict[str, Any]:
    """The last game of the person who came last."""
    return [row for row in _rows(server) if row["kind"] == "game"][-1]


def _rows(server: Server) -> list[dict[str, Any]]:
    """The lines of the person who came last."""
    people = [read_rows(path) for path in (server.data / "participants").glob("*")]
    return max((rows for rows in people if rows), key=lambda rows: rows[0]["at"])


def _played(server: Server) -> Any:
    return read_game(server.data / "games" / f"{_now(server)['game']}.jsonl")


def _key(session: Any, code: str, *, again: bool = False) -> None:
    event = {"type": "rawKeyDown", "code": code, "key": code, "windowsVirtualKeyCode": 38}
    session.execute_cdp_cmd("Input.dispatchKeyEvent", event | {"autoRepeat": again})


def _start(session: Any) -> None:
    wait(session, "return document.querySelector('.veil:not([hidden]) button')")
    session.execute_script("document.querySelector('.veil button').click()")
    wait(session, "return document.querySelector('.veil').hidden")


def _hold_a_key(session: Any) -> None:
    _start(session)
    _key(session, "ArrowUp")
    for _ in range(20):  # what an operating system does while a key is held
        _key(session, "ArrowUp", again=True)
        time.sleep(0.02)


def _look_away(session: Any) -> None:
    session.execute_script("dispatchEvent(new Event('blur'))")
    assert "paused" in wait(session, VEIL)


def _reload(server: Server, session: Any) -> None:
    played = _played(server)
    pressed = [step["keys"]["0" if "0" in played.header.people else "1"]["action"]
               for step in played.steps if step["keys"]]  # fmt: skip
    assert pressed == [0]  # held for half a second, and it counts once
    assert "focus lost" in [event["event"] for event in played.events]
    game = _now(server)["game"]
    session.refresh()
    kind(session, "game")
    assert _now(server)["game"] == game
    _start(session)
    assert len(_played(server).steps) >= len(played.steps)


def _second_tab(session: Any) -> None:
    first = session.current_window_handle
    address = session.current_url
    session.switch_to.new_window("tab")
    session.get(address)
    wait(session, VEIL)
    second = session.current_window_handle
    session.switch_to.window(first)
    assert "another tab" in wait(session, "return document.querySelector('.veil').textContent")
    session.close()
    session.switch_to.window(second)
    _start(session)


def _kill(server: Server, session: Any) -> None:
    game = _now(server)["game"]
    server.kill()
    before = _played(server)
    assert before.end is None
    assert "connection was lost" in wait(session, VEIL)
    server.start()
    _start(session)
    assert _now(server)["game"] == game
    after = _played(server)
    assert after.actions[: len(before.steps)] == before.actions
    assert "resumed" in [event["event"] for event in after.events]


def _look_at_the_data(server: Server, folder: Path) -> None:
    done = export(server.data, folder / "out")
    assert done.differ == ()
    people = pd.read_csv(folder / "out" / "participants.csv")
    people = people[people["end"] != "withdrawn"]
    assert list(people["end"]) == ["finished"] * 2
    assert people["order_room"].nunique() == 2
    rounds = pd.read_csv(folder / "out" / "rounds.csv")
    rounds = rounds[~rounds["practice"]]
    assert len(rounds) == 6
    assert set(rounds["end"]) == {"finished"}
    assert set(rounds["steps"]) == {60}
    together = rounds[rounds["people"] == 2]
    assert together["game"].nunique() == 1
    assert sorted(together["seat"]) == [0, 1]
    assert set(together["with"]) == set(people["participant"])
    assert rounds["resumed"].sum() == 1
    assert rounds["second_tabs"].sum() >= 1
    told = (server.data / "private" / "platform.jsonl").read_text()
    assert json.loads(told)["ids"] == {"PROLIFIC_PID": "somebody"}
