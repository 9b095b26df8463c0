"""Scripted people on the loopback address: how late ticks are, whether anything is lost.

    python -m benchmarks.clients --people 30 --seconds 60

Each plays games of a study on the wall clock, one after the other, over real sockets, pressing a
key in half of the steps. Afterwards every log is replayed by the rules.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import connect

import zsc
from zsc.web.log import read_game
from zsc.web.study.export import export

STUDY = """
format = "zsc-study 1"
id = "clients"
title = "Clients"
texts = {{ consent = "Yes?" }}
blocks = [{{ game = "overcooked/cramped_room", rounds = 50, settings = {{ horizon = {steps} }} }}]
partners = [{{ name = "cook", scripted = "greedy_cook" }}]
run = {{ tick = {tick}, countdown = 0.0 }}
"""


class Client:
    """A person made of code."""

    def __init__(self, url: str, number: int) -> None:
        self.url, self.draw, self.cookie = url, random.Random(number), ""
        self.delays: list[float] = []  # seconds from one state to the next, as a browser sees them
        self.games = 0
        self.shown = 0  # the newest step of the game that is played

    def ask(self, path: str, told: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.url}/api/{path}",
            json.dumps(told).encode(),
            {"Origin": self.url, "Cookie": self.cookie},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            cookie = answer.headers.get("Set-Cookie")
            self.cookie = cookie.split(";")[0] if cookie else self.cookie
            return json.load(answer)

    async def run(self, until: float) -> None:
        await asyncio.sleep(self.draw.uniform(0, 1))
        await asyncio.to_thread(self.ask, "consent", {"agree": True})
        while time.monotonic() < until:
            await asyncio.to_thread(self.ask, "page", {})
            await self.play(until)

    async def play(self, until: float) -> None:
        headers = {"Cookie": self.cookie}
        where = self.url.replace("http", "ws") + "/socket"
        last: float | None = None
        self.shown = 0
        async with connect(where, origin=self.url, additional_headers=headers) as socket:
            async for text in socket:
                told = json.loads(text)
                kind = told["type"]
                if kind == "paused" and told["you"]:
                    await socket.send('{"type": "ready"}')
                elif kind == "ping":
                    await socket.send(json.dumps({"type": "pong", "number": told["number"]}))
                elif kind == "state":
                    now = time.monotonic()
                    self.shown = told["step"]
                    if last is not None and told["step"] > 1:
                        self.delays.append(now - last)
                    last = now
                    drawn = {"type": "drawn", "step": told["step"], "at": 1_000 * time.time()}
                    await socket.send(json.dumps(drawn))
                    if self.draw.random() < 0.5:
                        act = {"type": "act", "action": self.draw.randrange(6)}
                        more = {"at": 1_000 * time.time(), "seen": told["step"]}
                        await socket.send(json.dumps(act | more))
                elif kind == "over":
                    self.games += 1
                    return
                if time.monotonic() > until + 5:
                    return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--tick", type=float, default=0.150)
    told = parser.parse_args()
    zsc.setup()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "study.toml").write_text(STUDY.format(tick=told.tick, steps=told.steps))
        with server_of(folder) as url:
            clients = [Client(url, number) for number in range(told.people)]
            asyncio.run(_all(clients, time.monotonic() + told.seconds))
        _tell(folder, clients, told.tick)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server_of(folder: Path) -> Iterator[str]:
    """`zsc study run` as a process of its own; its address."""
    port = str(free_port())
    study, data = str(folder / "study.toml"), str(folder / "data")
    command = ["-m", "zsc.cli", "study", "run", study, "--out", data, "--port", port]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        print(server.stdout.readline().strip())
        yield f"http://127.0.0.1:{port}"
        server.send_signal(signal.SIGINT)
        server.wait(20)


async def _all(clients: list[Client], until: float) -> None:
    await asyncio.gather(*(client.run(until) for client in clients))


def _tell(folder: Path, clients: list[Client], tick: float) -> None:
    games = [read_game(path) for path in (folder / "data" / "games").glob("*.jsonl")]
    late = np.array([row["late"] for game in games for row in game.steps])
    missed = sum(row["missed"] for game in games for row in game.steps)
    whole = [game for game in games if game.end and game.end["why"] == "finished"]
    lost = sum(len(game.steps) != game.end["steps"] for game in whole)  # type: ignore[index]
    gaps = 1_000 * (np.concatenate([client.delays for client in clients]) - tick)
    done = export(folder / "data", folder / "out")
    print(f"{len(clients)} people, {len(games)} games, {len(late):,} steps of {tick * 1e3:.0f} ms")
    print(
        f"tick lateness: median {np.median(late):.2f} ms, 99th percentile "
        f"{np.percentile(late, 99):.2f} ms, worst {late.max():.1f} ms; {missed} periods left out"
    )
    print(
        f"from state to state as clients see it: 99th percentile {np.percentile(gaps, 99):+.1f} ms"
    )
    print(f"steps lost: {lost}; games that do not replay: {len(done.differ)} of {done.games}")


if __name__ == "__main__":
    main()
