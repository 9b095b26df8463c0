"""A machine that is not what was expected: no home, no GPU, places that cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import zsc
from tests.conftest import Refused
from zsc import UserError
from zsc.cli import main
from zsc.machine import runtime
from zsc.machine.runtime import cache_folder, check_devices


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder, and nothing else that is said about this user."""
    monkeypatch.delenv("ZSC_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(runtime.tempfile, "gettempdir", lambda: str(temporary))
    return tmp_path


def nowhere(*_: object) -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_programs_are_kept_at_home(home: Path) -> None:
    assert cache_folder() == home / "home" / ".cache" / "zsc"


def test_without_a_home_they_are_kept_elsewhere(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.warns(UserWarning, match="there is no home folder: compiled programs are kept in"):
        found = cache_folder()
    assert found == home / "tmp" / f"zsc-{os.getuid()}"
    assert found.stat().st_mode & 0o077 == 0  # nobody else puts a program there


def test_a_folder_that_is_a_file_is_no_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("ZSC_CACHE", str(home / "file"))
    with pytest.warns(UserWarning, match=r"file cannot be written \(File exists\)"):
        assert cache_folder() == home / "tmp" / f"zsc-{os.getuid()}"


def test_programs_of_somebody_else_are_not_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.warns(UserWarning, match="compiled programs are not kept"):
        assert cache_folder() is None


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zsc.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


@pytest.mark.parametrize("name", ["cuda", "nonsense"])
def test_a_device_that_is_not_there_is_a_line(name: str) -> None:
    done = command("envs", JAX_PLATFORMS=name)
    assert done.returncode == 2
    assert done.stderr == (
        f"zsc: JAX_PLATFORMS is '{name}', and there is no such device that jax can use: unset it, "
        "set JAX_PLATFORMS=cpu, or install what the device needs (jax[cuda] for GPUs)\n"
    )


@pytest.mark.parametrize("error", [RuntimeError("driver\nis old"), AssertionError()])
def test_no_device_at_all_is_a_line(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(jax, "devices", fail)
    monkeypatch.setitem(jax.config.values, "jax_platforms", None)
    with pytest.raises(UserError, match=r"^jax finds no device .*: set JAX_PLATFORMS=cpu$"):
        check_devices()


@pytest.mark.parametrize("end", [">&-", "> /dev/full", "| true"])
def test_an_output_that_is_not_there(end: str) -> None:
    line = f"{sys.executable} -m zsc.cli envs {end}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1
    assert done.returncode == (2 if "full" in end else 0)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lever = ("--env", "lever", "--members", "2", "--steps", "64")
    assert main(["train", "sp", *lever, "--out", "run"]) == 0
    return tmp_path


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_played(
    place: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zsc.cli.play.crossplay", lambda *_, **__: pytest.fail("it was played"))
    assert "cannot be made in /proc" in refused("crossplay", "run", "--out", "/proc/new")
    (place / "file").write_text("")
    assert "which is a file" in refused("crossplay", "run", "--out", "file/new")
    monkeypatch.setattr(zsc, "record", lambda *_, **__: pytest.fail("it was played"))
    assert "/proc" in refused("record", "run", "--out", "/proc/new.safetensors")


def test_a_folder_that_is_gone_is_a_line(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    code = f"mkdir {gone}; cd {gone}; rmdir {gone}; {sys.executable} -m zsc.cli"
    path = {"PYTHONPATH": str(Path(zsc.__file__).parent.parent)}
    for arguments, words in (
        ("train sp --env lever --out new", "new cannot be made: No such file or directory"),
        ("crossplay run --out new", "the folder that this was started in is gone"),
    ):
        done = subprocess.run(
            ["bash", "-c", f"{code} {arguments}"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | path,
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert words in done.stderr
