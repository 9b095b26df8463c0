"""Several processes on one machine train one population and play one matrix."""

import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import zsc
from tests.disk import untimed
from zsc import UserError
from zsc.evaluation import load_crossplay
from zsc.machine.cluster import join
from zsc.train.run import saved_states

DRIVER = "import sys, zsc.populations.stage as s; s.SAVE_SECONDS = 0; from zsc.cli import main; "
DRIVER += "sys.exit(main(sys.argv[1:]))"
TRAIN = [
    *("train", "sp", "--env", "overcooked/cramped_room", "--horizon", "20"),
    *("--members", "4", "--games", "4"),
]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(processes: int, *arguments: str) -> list[subprocess.Popen]:
    """So many processes with one device each, that meet on the loopback address."""
    meet = ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", str(processes)]
    one = [sys.executable, "-c", DRIVER, *arguments, *meet, "--devices", "1", "--process"]
    return [
        subprocess.Popen([*one, str(i)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for i in range(processes)
    ]


def finish(running: list[subprocess.Popen]) -> list[str]:
    """Wait for all; what each printed. Fails if one failed."""
    said = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [0] * len(running), said
    return [out + err for out, err in said]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same training by one process."""
    out = tmp_path_factory.mktemp("alone") / "run"
    arguments = [*TRAIN, "--steps", "16000", "--out", str(out), "--devices", "1"]
    subprocess.run([sys.executable, "-c", DRIVER, *arguments], check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run of four processes, of which number 2 was killed; what the others said."""
    out = tmp_path_factory.mktemp("cluster") / "run"
    running = start(4, *TRAIN, "--steps", "16000", "--out", str(out))
    while not saved_states(out / "state", "main") and all(x.poll() is None for x in running):
        time.sleep(0.02)
    running[2].kill()
    said = [process.communicate(timeout=240) for process in running]
    codes = [process.returncode for process in running]
    return out, [err for _, err in said], codes


@pytest.mark.long
def test_a_process_that_dies_ends_the_run_and_is_named(stopped):
    out, said, codes = stopped
    assert not (out / "pool").exists(), "the run was over before it could be killed"
    assert codes == [3, 3, -9, 3]
    for i in (0, 1, 3):
        line = said[i].strip().splitlines()[-1]
        assert line.startswith("zsc: process 2 (process ")
        assert "process 0" not in line
        assert "died: the run is stopped; go on with --resume" in line


@pytest.mark.long
def test_it_goes_on_with_another_number_of_processes_to_the_same_end(stopped, alone):
    out, _, _ = stopped
    first = saved_states(out / "state", "main")[0]
    assert [path.name.split(".")[1] for path in first] == ["0of4", "1of4", "2of4", "3of4"]
    said = finish(start(2, *TRAIN, "--steps", "16000", "--out", str(out), "--resume"))
    assert zsc.load_pool(out).ids == zsc.load_pool(alone).ids
    assert untimed(out / "metrics.jsonl") == untimed(alone / "metrics.jsonl")
    assert "4 agents in" in said[0]
    assert "agents in" not in said[1]  # the first process speaks for all


def test_devices_do_not_change_the_result(alone, tmp_path):
    arguments = [*TRAIN, "--steps", "16000", "--out", str(tmp_path / "run"), "--devices", "2"]
    subprocess.run([sys.executable, "-c", DRIVER, *arguments], check=True, capture_output=True)
    one, two = (jax.tree.leaves(zsc.load_pool(x).params) for x in (alone, tmp_path / "run"))
    for x, y in zip(one, two, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


@pytest.mark.long
def test_a_matrix_over_two_processes_is_that_of_one(alone, tmp_path):
    arguments = ["crossplay", str(alone), "--episodes", "3", "--out"]
    subprocess.run(
        [sys.executable, "-c", DRIVER, *arguments, str(tmp_path / "one")],
        check=True,
        capture_output=True,
    )
    finish(start(2, *arguments, str(tmp_path / "two")))
    one, two = (load_crossplay(tmp_path / name) for name in ("one", "two"))
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.events, two.events)


def test_members_that_cannot_be_shared_are_refused(tmp_path):
    running = start(
        2, *TRAIN[:-4], "--members", "3", "--steps", "16000", "--out", str(tmp_path / "x")
    )
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [2, 2]
    assert all("3 members cannot be shared evenly by 2 processes" in text for text in said)


def test_folder_in_the_way_stops_all_processes_and_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("all of it")
    running = start(2, *TRAIN, "--steps", "16000", "--out", str(tmp_path / "mine"))
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [2, 2]
    assert "already exists: choose another --out" in said[0]
    assert "the first process could not make the run folder" in said[1]
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("127.0.0.1:1", None, None), "together, or none"),
        ((None, 2, 0), "together, or none"),
        (("127.0.0.1:1", 2, 2), "count from 0 to 1"),
    ],
)
def test_processes_that_cannot_meet_are_told_why(settings, words):
    with pytest.raises(UserError, match=words):
        join(*settings)
