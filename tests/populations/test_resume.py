"""A run that is killed, locked, out of room or damaged: nothing is lost, and it says what to do."""

import errno
import json
import subprocess
import sys
import threading
from typing import NamedTuple

import numpy as np
import pytest

import zsc
from tests.disk import files, flip
from tests.endurance import endure, same
from zsc import PPOConfig, UserError
from zsc import files as store
from zsc.cli import main
from zsc.populations import SelfPlay
from zsc.train.run import RunFolder, Saver, saved_states
from zsc.train.sinks import JsonLines


class Counted(NamedTuple):
    """As much of a training state as saving needs."""

    update: np.ndarray
    x: np.ndarray


ENV = zsc.make("overcooked/cramped_room", horizon=40)
SMALL = SelfPlay(members=2, steps=40 * 4 * 30, learner=PPOConfig(envs=4, segments=4, epochs=1))


@pytest.fixture
def often(monkeypatch):
    """Save after every chunk."""
    monkeypatch.setattr("zsc.populations.stage.SAVE_SECONDS", 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "whole"
    SMALL.train(ENV, seed=0, out=out)
    return out


@pytest.fixture
def cut(tmp_path, often):
    """A run that was stopped half way: states of updates 10 and 15."""

    class EnoughError(Exception):
        pass

    def stop(self, rows, seconds):
        real(self, rows, seconds)
        if rows[-1]["update"] > 15:
            raise EnoughError

    out, real = tmp_path / "cut", JsonLines.write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JsonLines, "write", stop)
        with pytest.raises(EnoughError):
            SMALL.train(ENV, seed=0, out=out)
    states = saved_states(out / "state", "main")
    assert [path[0].name for path in states] == [
        "main-00000015.safetensors",
        "main-00000010.safetensors",
    ]
    return out


@pytest.mark.long
def test_killed_at_a_random_time_and_gone_on_with_equals_never_stopping(tmp_path):
    done, _ = endure(tmp_path, steps=1e5, kills=1, seed=1, say=lambda text: None)
    assert done == 1


def test_stopped_run_goes_on_to_the_same_end_and_clears_away_what_was_half_written(whole, cut):
    (cut / "state/.main-00000020.safetensors.1234.tmp").write_bytes(b"half")
    SMALL.train(ENV, seed=0, out=cut, resume=True)
    assert same(whole, cut)
    assert not list(cut.rglob(".*.tmp"))


def test_a_run_is_not_gone_on_with_under_other_presets(cut):
    path = cut / "manifest.json"
    manifest = json.loads(path.read_text())
    epochs = manifest["learning"]["stage 1"]["epochs"]
    manifest["learning"]["stage 1"]["epochs"] = epochs + 1
    path.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=f"started with epochs {epochs + 1}, not {epochs}"):
        SMALL.train(ENV, seed=0, out=cut, resume=True)


@pytest.mark.parametrize("harm", ["flipped", "short", "empty"])
def test_damaged_state_is_named_and_the_one_before_it_used(whole, cut, capsys, harm):
    newest = cut / "state/main-00000015.safetensors"
    if harm == "flipped":
        flip(newest, newest.stat().st_size // 2)
    else:
        newest.write_bytes(newest.read_bytes()[: 1000 if harm == "short" else 0])
    SMALL.train(ENV, seed=0, out=cut, resume=True)
    told = capsys.readouterr().err
    assert "main-00000015.safetensors was altered or cut short" in told
    assert "going back to the state before it" in told
    assert same(whole, cut)


def test_without_a_good_state_it_says_so_and_touches_nothing(cut):
    for path in (cut / "state").iterdir():
        path.write_bytes(b"")
    before = files(cut)
    with pytest.raises(UserError, match=r"no state .* can be read: start the run anew"):
        SMALL.train(ENV, seed=0, out=cut, resume=True)
    after = files(cut)
    assert {name: data for name, data in after.items() if ".process" not in name} == {
        name: data for name, data in before.items() if ".process" not in name
    }


def test_full_disk_stops_the_run_with_one_line_and_keeps_the_last_state(whole, cut):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(UserError, match=r"cannot be written: No space left on device"):
            SMALL.train(ENV, seed=0, out=cut, resume=True)
    assert not list(cut.rglob("*.tmp"))
    SMALL.train(ENV, seed=0, out=cut, resume=True)
    assert same(whole, cut)


def test_folder_that_cannot_be_written_is_refused():
    assert main(["train", "sp", "--env", "lever", "--out", "/proc/zsc"]) == 2


def test_second_process_on_a_run_is_refused_and_the_first_goes_on(cut):
    code = "import sys; from zsc.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["train", "sp", "--env", "lever", "--out", str(cut), "--resume"]
    held = RunFolder.open(cut)
    other = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert other.returncode == 2
    assert f"{cut} is in use by process" in other.stderr
    assert "wait until it is done, or stop it" in other.stderr
    held.lock.drop()  # as when the process ends, however it ends
    RunFolder.open(cut).lock.drop()


def test_state_on_disk_is_that_of_its_update_however_long_writing_takes(tmp_path, monkeypatch):
    gate, real = threading.Event(), store.save_arrays

    def slow(path, arrays, notes):
        assert gate.wait(20)
        return real(path, arrays, notes)

    monkeypatch.setattr("zsc.train.run.save_arrays", slow)
    state = Counted(np.int32(1), np.arange(3, dtype=np.float32))
    saver = Saver(tmp_path, "main")
    saver.save(state)
    state.x[:] = 7  # what the device does while the file is written
    gate.set()
    saver.close()
    (kept,) = saved_states(tmp_path, "main")
    np.testing.assert_array_equal(store.load_parts(kept, state).x, [0, 1, 2])
