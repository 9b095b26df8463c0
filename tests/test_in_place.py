"""No file is written under the name by which others read it, but moved there when it is whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

DRIVER = """
import json, os, sys
opened = []

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR):
            opened.append((os.path.abspath(arguments[0]), bool(arguments[2] & os.O_APPEND)))

sys.addaudithook(watch)
import zsc.populations.stage as stage
stage.SAVE_SECONDS = 0
import zsc
from zsc.cli import main
lever = ["--env", "lever", "--members", "2", "--games", "4", "--steps", "64"]
assert main(["train", "sp", "--out", "run", *lever]) == 0
assert main(["crossplay", "a=run", "--out", "matrix", "--episodes", "2"]) == 0
assert main(["report", "matrix", "--out", "page.html"]) == 0
assert main(["render", "run", "--out", "pair.gif"]) == 0
assert main(["record", "run", "--out", "games.safetensors"]) == 0
zsc.load_pool("run").save("pool")
from zsc.evaluation.heldout import Score
from zsc.cli import judge
import numpy as np
judge.score = lambda *_, **__: Score(
    np.ones((2, 1, 2, 3)), np.ones((1, 2)), np.ones((1, 2), bool), ("a", "b"), ("a", "a"), ("p",),
    "r", 0, False)
judge.roster = lambda name: type("R", (), {"env": None})
assert main(["score", "run", "--out", "scores"]) == 0
json.dump(opened, sys.__stderr__)
"""


def test_every_file_is_moved_into_its_place(tmp_path: Path) -> None:
    """Locks are held and metrics grow; whoever reads those expects it."""
    command = [sys.executable, "-W", "ignore", "-c", DRIVER]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    made = {str(path) for path in tmp_path.rglob("*") if path.is_file()}
    assert len(made) > 14
    opened = json.loads(done.stderr.splitlines()[-1])
    in_place = {(path, grows) for path, grows in opened if path in made}
    assert {(Path(path).name, grows) for path, grows in in_place} == {
        (".process-0.lock", False),
        ("metrics.jsonl", True),
    }
    assert [path for path in made if path.endswith(".tmp")] == []
