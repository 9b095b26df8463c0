"""What a user waits for the compiler: `zsc train` of one update, from the shell and back.

    python -m benchmarks.startup

Cold: the first time on a machine, with an empty cache of compiled programs. Warm: the second time,
with another seed. Beside it Python's own start and the imports (`zsc train --help`). Medians of
three.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zsc
from benchmarks.beside import span
from benchmarks.report import table, write_section
from zsc.populations.presets import preset

REPEATS = 3
COMMANDS = {
    "zsc train sp, cramped_room, 8 members": "overcooked/cramped_room",
    "zsc train sp, hanabi/full-2p, 8 members": "hanabi/full-2p",
}


def spent(folder: Path, *args: str) -> float:
    """Seconds of one call of zsc with its cache in a folder."""
    environment = os.environ | {"ZSC_CACHE": str(folder / "cache")}
    began = time.perf_counter()
    command = [sys.executable, "-m", "zsc.cli", *args]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def train(folder: Path, game: str, seed: int) -> float:
    """Seconds of a training of one update."""
    spec = zsc.make(game).spec
    steps = spec.horizon * preset(spec).learner.envs
    out = str(folder / f"run-{seed}")
    return spent(folder, "train", "sp", "--env", game, "--steps", str(steps), "--seed", str(seed),
                 "--members", "8", "--out", out)  # fmt: skip


def main() -> None:
    text = lambda x: span(x, "{:.1f}", " s")
    rows = []
    for name, game in COMMANDS.items():
        cold, warm = [], []
        for _ in range(REPEATS):
            with tempfile.TemporaryDirectory() as folder:
                cold.append(train(Path(folder), game, seed=0))
                warm.append(train(Path(folder), game, seed=1))
        rows.append([name, text(cold), text(warm)])
        print(rows[-1], flush=True)
    with tempfile.TemporaryDirectory() as folder:
        start = [spent(Path(folder), "train", "--help") for _ in range(REPEATS)]
    rows.append(["zsc train --help", "", text(start)])
    write_section("startup", table(["command", "cold", "warm"], rows))


if __name__ == "__main__":
    main()
