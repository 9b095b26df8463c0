"""`zsc play` and `zsc study` refuse what cannot be in one line, before anything is written."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.conftest import Refused
from tests.web.studies import TINY


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)
    (tmp_path / "games").mkdir()
    return tmp_path


def test_a_port_in_use_is_told(place: Path, refused: Refused) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for command in (("play",), ("study", "run", "tiny.toml", "--out", "data")):
            assert "choose another --port" in refused(*command, "--port", port)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("play", "nowhere"), "nowhere"),
        (("play", "--host", "999.1.1.1"), "choose another --port"),
        (("play", "--port", "70000"), "choose another --port"),
        (("study", "run", "nowhere.toml"), "nowhere.toml is not there"),
        (("study", "check", "games"), "games is not there"),
        (("study", "export", "nowhere", "--out", "x"), "is no folder of a study"),
        (("study", "export", ".", "--out", "x"), "holds no games of people"),
        (("study", "export", ".", "--out", "games"), "already exists"),
        (("study", "withdraw", "nowhere", "AB12"), "is no folder of a study"),
        (("study", "withdraw", "games", "AB12", "--erase"), "is no folder of a study"),
        (("study", "pilot", "tiny.toml", "--people", "0"), "at least one"),
        (("study", "walk", "tiny.toml"), "unknown action of zsc study 'walk'"),
    ],
)
def test_what_cannot_be_is_refused(
    place: Path, refused: Refused, arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused(*arguments)
