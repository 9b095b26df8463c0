"""A run that is killed from outside goes on as if nothing had happened."""

import subprocess
import sys
import time
from pathlib import Path

import zsc

ARGUMENTS = [
    *("train", "sp", "--env", "overcooked/cramped_room", "--horizon", "40"),
    *("--members", "2", "--steps", "64000", "--out"),
]
# saves after every chunk, so that there is something to go on from
DRIVER = "import sys, populations.stage as s; s.SAVE_SECONDS = 0; from zsc.cli import main; "
DRIVER += "sys.exit(main(sys.argv[1:]))"


def command(out: Path, *more: str) -> list[str]:
    return [sys.executable, "-c", DRIVER, *ARGUMENTS, str(out), *more]


def test_kill_and_resume_equals_never_stopping(tmp_path):
    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    cut = tmp_path / "cut"
    process = subprocess.Popen(command(cut), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while process.poll() is None and len(list((cut / "state").glob("main-*"))) < 2:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not (cut / "pool").exists(), "the run was over before it could be killed"
    subprocess.run(command(cut, "--resume"), check=True, capture_output=True)
    assert zsc.load_pool(cut).ids == zsc.load_pool(tmp_path / "whole").ids
    rows = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("whole", "cut")]
    assert rows[0] == rows[1]
