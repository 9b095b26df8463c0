"""What is installed: wheel and sdist hold the packages with all of their data, and nothing else."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.building import FOLDERS, ROOT, built, copy_of_checkout
from zsc.version import __version__


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_checkout(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", checkout, tmp_path_factory.mktemp("wheel") / "dist")


@pytest.fixture(scope="module")
def sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", checkout, tmp_path_factory.mktemp("sdist") / "dist")


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel, without the notes about itself."""
    with zipfile.ZipFile(wheel) as archive:
        every = {name: archive.read(name) for name in archive.namelist()}
    return {name: data for name, data in every.items() if ".dist-info/" not in name}


def own_files() -> dict[str, bytes]:
    """The files of the three packages by where they are installed."""
    found = {}
    for folder in FOLDERS:
        above = Path() if folder == "zsc" else Path("zsc")
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found[(above / path.relative_to(ROOT)).as_posix()] = path.read_bytes()
    return found


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"zsc_toolkit-{__version__}-py3-none-any.whl"
    assert contents(wheel) == own_files()
    for name in ("web/pages/game.js", "evaluation/report/report.html", "populations/self_play.py",
                 "evaluation/rosters/hanabi/tiny-2p/v1/roster.json", "py.typed"):  # fmt: skip
        assert f"zsc/{name}" in contents(wheel)


def test_the_sdist_makes_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert source.name == f"zsc_toolkit-{__version__}"
    assert {path.name for path in source.iterdir() if path.is_dir()} == {
        "zsc",
        "zsc_toolkit.egg-info",
    }
    assert contents(built("wheel", source, tmp_path / "dist")) == contents(wheel)
