"""Kill a training again and again, go on with it, and compare it with one that nobody killed.

    python -m tests.endurance --kills 50 --seed 0        (make endurance)

Every process is killed (SIGKILL) at a random time after its start; it saves all the time, every
second one onto a slow disk, so that many kills come while a state is being written. In the end
parameters and metrics have to be those of the run that was never killed, bit for bit.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import zsc
from tests.disk import untimed
from zsc.errors import UserError
from zsc.files import load_arrays
from zsc.train.run import saved_states

ARGUMENTS = [
    *("train", "sp", "--env", "overcooked/cramped_room", "--horizon", "40"),
    *("--members", "2", "--games", "4", "--out"),
]
# saves after every chunk, so that there is something to go on from
DRIVER = """
import os, sys, time
import zsc.populations.stage as stage
from zsc.cli import main
stage.SAVE_SECONDS = 0
if sys.argv[1] == "slow":
    through = os.fsync
    os.fsync = lambda file: (time.sleep(0.15), through(file))
sys.exit(main(sys.argv[2:]))
"""


def command(out: Path, steps: float, *more: str, disk: str = "fast") -> list[str]:
    """The training as a process of its own."""
    return [sys.executable, "-c", DRIVER, disk, *ARGUMENTS, str(out), "--steps", str(steps), *more]


def run(out: Path, steps: float, *more: str) -> str:
    """Train to the end; what was printed. Raises AssertionError if it failed."""
    done = subprocess.run(command(out, steps, *more), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def killed(out: Path, steps: float, seconds: float, disk: str) -> bool:
    """Go on with a run and kill it some time after its first sign of life; False if it was over."""
    before = newest(out)
    more = ["--resume"] if (out / "manifest.json").exists() else []
    process = subprocess.Popen(
        command(out, steps, *more, disk=disk), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and newest(out) == before:
        time.sleep(0.005)
    time.sleep(seconds)
    over = process.poll() is not None
    process.kill()
    process.wait()
    return not over


def newest(out: Path) -> list[str]:
    """The names of the newest whole state's files."""
    found = saved_states(out / "state", "main")
    return [path.name for path in found[0]] if found else []


def same(one: Path, other: Path) -> bool:
    """True if two finished runs have the same agents and the same metrics, line by line."""
    rows = [untimed(run / "metrics.jsonl") for run in (one, other)]
    return zsc.load_pool(one).ids == zsc.load_pool(other).ids and rows[0] == rows[1]


def endure(
    folder: Path, steps: float, kills: int, seed: int, say: Callable[[str], object] = print
) -> tuple[int, int]:
    """Kill so often; (kills, kills that left a half-written file). Raises AssertionError."""
    rng = random.Random(seed)
    whole, cut = folder / "whole", folder / "cut"
    run(whole, steps)
    half = finished = done = 0
    while done < kills:
        if not killed(cut, steps, rng.uniform(0, 1.5), "slow" if done % 2 else "fast"):
            finished += 1
            assert same(whole, cut), "a run that was killed and went on is another one"
            shutil.rmtree(cut)
            continue
        done += 1
        half += bool(list(cut.rglob("*.tmp")))
        for path in (cut / "state").glob("*.safetensors"):
            try:
                load_arrays(path)
            except UserError as error:
                raise AssertionError(f"kill {done} left half a state: {error}") from None
        say(f"kill {done}: {', '.join(newest(cut))}")
    run(cut, steps, "--resume")
    assert same(whole, cut), "a run that was killed and went on is another one"
    return done, half


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=float, default=2e6)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done, half = endure(Path(folder), given.steps, given.kills, given.seed)
    print(
        f"{done} kills, {half} of them in the middle of writing a file: same agents, same metrics"
    )


if __name__ == "__main__":
    main()
