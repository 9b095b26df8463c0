"""A study whose server is killed again and again: no shown step is lost, all games replay.

python -m tests.web.kills --times 20 --seed 0
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.clients import STUDY, Client, free_port
from zsc.files import read_rows
from zsc.web.log import read_game
from zsc.web.study.export import export
from zsc.web.study.store import token_hash


def main() -> None:
    """Kill, and look at what is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    draw = random.Random(told.seed)
    with tempfile.TemporaryDirectory() as place:
        folder, port = Path(place), free_port()
        (folder / "study.toml").write_text(STUDY.format(tick=0.05, steps=200))
        clients = [Client(f"http://127.0.0.1:{port}", number) for number in range(told.people)]
        for _ in range(told.times):
            once(folder, port, clients, draw.uniform(0.5, 4.0))
            check(folder, clients)
        done = export(folder / "data", folder / "out")
        steps = sum(len(read_game(path).steps) for path in games_in(folder))
        print(
            f"{told.times} kills, {done.games} games, {steps:,} steps: none lost that was shown, "
            f"{len(done.differ)} games do not replay"
        )
        assert not done.differ


def once(folder: Path, port: int, clients: list[Client], seconds: float) -> None:
    """Start the server, play for some seconds, kill it."""
    command = ["-m", "zsc.cli", "study", "run", str(folder / "study.toml")]
    where = ["--out", str(folder / "data"), "--port", str(port)]
    with subprocess.Popen(
        [sys.executable, *command, *where], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("ready")
        asyncio.run(play(clients, server, seconds))


async def play(clients: list[Client], server: subprocess.Popen[str], seconds: float) -> None:
    until = time.monotonic() + seconds + 30
    playing = [asyncio.create_task(client.run(until)) for client in clients]
    await asyncio.sleep(seconds)
    server.send_signal(signal.SIGKILL)
    server.wait()
    for task in playing:
        task.cancel()
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await task


def check(folder: Path, clients: list[Client]) -> None:
    """Every step that a client was shown is in the file of its own game."""
    tokens = {row["token"]: row["who"] for row in read_rows(folder / "data/private/tokens.jsonl")}
    for client in clients:
        who = tokens.get(token_hash(client.cookie.partition("=")[2]))
        if who is None or not client.shown:
            continue
        rows = read_rows(folder / "data" / "participants" / f"{who}.jsonl")
        game = [row["game"] for row in rows if row["kind"] == "game"][-1]
        played = read_game(folder / "data" / "games" / f"{game}.jsonl")
        assert len(played.steps) >= client.shown, (who, len(played.steps), client.shown)


def games_in(folder: Path) -> list[Path]:
    """The files of games that have a header."""
    return [p for p in (folder / "data" / "games").glob("*.jsonl") if b"\n" in p.read_bytes()]


if __name__ == "__main__":
    main()
