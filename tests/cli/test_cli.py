"""The command line refuses bad input in one line, with exit code 2, and writes nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Refused
from tests.disk import files, flip
from zsc.cli import main

ROOM = ("--env", "overcooked/cramped_room", "--horizon", "20")
SMALL = ("--members", "2", "--steps", "500")  # 8 games of 20 steps: 3 updates and a rest
DRAWING = "XXPXX\nO  2O\nX1? X\nXDXSX\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two runs of cramped_room and one of the lever game; nothing may change them."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", "sp", "--out", str(folder / "room"), *ROOM, *SMALL]) == 0
    lever = ("--env", "lever", "--members", "2", "--steps", "64")
    assert main(["train", "sp", "--out", str(folder / "lever"), *lever]) == 0
    before = files(folder)
    yield folder
    assert files(folder) == before


@pytest.fixture
def place(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with copies of the runs."""
    monkeypatch.chdir(tmp_path)
    for run in trained.iterdir():
        shutil.copytree(run, tmp_path / run.name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    return tmp_path


# what is wrong with it: (arguments after `train METHOD`, words of the message)
BAD_TRAININGS = {
    "misspelt game": (("--env", "overcooked/crampd_room"), "mean 'overcooked/cramped_room'"),
    "no game": ((), "name a game by --env"),
    "two games": ((*ROOM, "--layout", "kitchen.txt"), "name a game by --env"),
    "kitchen without layout": (("--env", "overcooked"), "needs a layout"),
    "setting of another game": (("--env", "lever", "--horizon", "3"), "setting of lever"),
    "limit of a game without one": (
        ("--env", "hanabi/tiny-2p", "--horizon", "3"),
        "setting of hanabi/tiny-2p",
    ),
    "encoding of another game": (("--env", "hanabi/tiny-2p", "--encoding", "grid"), "canonical"),
    "no steps in an episode": ((*ROOM, "--horizon", "0"), "horizon is 0"),
    "odd symbol": (("--layout", "kitchen.txt"), "'?' in row 3, column 3"),
    "drawing that is no text": (("--layout", "bytes"), "row 1, column 1"),
    "drawing not there": (("--layout", "nowhere.txt"), "nowhere.txt is not a file"),
    "drawing is a folder": (("--layout", "empty"), "empty is not a file"),
    "nobody": ((*ROOM, "--members", "0"), "members is 0"),
    "less than nobody": ((*ROOM, "--members", "-3"), "members is -3"),
    "too few steps": ((*ROOM, "--steps", "159"), "159 steps are fewer than one update"),
    "negative steps": ((*ROOM, "--steps", "-1e6"), "fewer than one update"),
    "steps that are no number": ((*ROOM, "--steps", "nan"), "steps is nan"),
    "endless steps": ((*ROOM, "--steps", "inf"), "steps is inf"),
    "no games": ((*ROOM, "--games", "0"), "envs is 0"),
    "odd games": ((*ROOM, "--games", "3"), "multiple of minibatches"),
    "seed too large": ((*ROOM, *SMALL, "--seed", str(2**31)), "seed is 2147483648"),
    "negative seed": ((*ROOM, *SMALL, "--seed", "-1"), "seed is -1"),
    "partners without fcp": ((*ROOM, "--partners", "2"), "--partners belongs to fcp"),
    "no devices": ((*ROOM, "--devices", "0"), "devices is 0"),
    "other devices than there are": ((*ROOM, "--devices", "5"), "5 devices were asked for, 2 are"),
    "half a cluster": ((*ROOM, "--coordinator", "127.0.0.1:1"), "together, or none of them"),
    "cnn without grid": ((*ROOM, "--network", "cnn"), "--encoding grid"),
    "unknown setting": ((*ROOM, "--set", "learner.entropi=1"), "did you mean 'entropy'"),
    "setting without value": ((*ROOM, "--set", "members"), "write NAME=VALUE"),
    "word for a number": ((*ROOM, "--set", "members=many"), "members is 'many'"),
    "settings that are not there": ((*ROOM, "--config", "nowhere.toml"), "is not there"),
    "settings that are no text": ((*ROOM, "--config", "bytes"), "no TOML or JSON"),
}


@pytest.mark.parametrize("fault", BAD_TRAININGS)
def test_training_that_cannot_be_is_refused(fault: str, place: Path, refused: Refused) -> None:
    (place / "kitchen.txt").write_text(DRAWING)
    (place / "bytes").write_bytes(b"\xff\xfe\x00\n\x01\xff\xfe\n")
    arguments, words = BAD_TRAININGS[fault]
    assert words in refused("train", "sp", "--out", "new", *arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--members", "0"), "members is 0"),
        (("--partners", "0"), "partners is 0"),
        (("--steps", "10"), "10 steps are fewer"),
        (("--partner-steps", "10"), "10 steps are fewer"),
    ],
)
def test_fictitious_co_play_is_refused_before_its_partners_are_trained(
    arguments: tuple[str, ...], words: str, refused: Refused
) -> None:
    assert words in refused("train", "fcp", "--out", "new", *ROOM, *arguments)


def test_unknown_method_gets_the_known_ones(refused: Refused) -> None:
    line = refused("train", "spp", "--out", "new", *ROOM)
    assert "; did you mean 'sp'?" in line


@pytest.mark.parametrize("taken", ["room", "file", "file/new"])
def test_run_is_not_written_where_something_is(taken: str, refused: Refused) -> None:
    assert "choose another --out" in refused("train", "sp", "--out", taken, *ROOM, *SMALL)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--members", "3"), "members 2, not 3"),
        (("--seed", "1"), "seed 0, not 1"),
        (("--steps", "1000"), "steps 500.0, not 1000.0"),
        (("--lr", "0.1"), "learner None, not"),
        (("--horizon", "40"), "horizon 20, not 40"),
    ],
)
def test_run_is_not_resumed_with_other_settings(
    change: tuple[str, ...], words: str, refused: Refused
) -> None:
    line = refused("train", "sp", "--out", "room", "--resume", *ROOM, *SMALL, *change)
    assert words in line


def test_run_is_not_resumed_by_another_method(refused: Refused) -> None:
    line = refused("train", "he", "--out", "room", "--resume", *ROOM, *SMALL)
    assert "method SelfPlay, not HighEntropy" in line


@pytest.mark.parametrize("folder", ["empty", "nowhere", "file", "room/pool"])
def test_folder_that_is_no_run_is_not_resumed(folder: str, refused: Refused) -> None:
    assert folder in refused("train", "sp", "--out", folder, "--resume", *ROOM, *SMALL)


# what is wrong with it: (arguments after `crossplay`, words of the message)
BAD_CROSSPLAYS = {
    "nobody": (("--out", "new"), "nobody to play"),
    "folder without a pool": (("empty", "--out", "new"), "no pool in empty"),
    "folder not there": (("nowhere", "--out", "new"), "no pool in nowhere"),
    "two games": (("room", "lever", "--out", "new"), "made for lever"),
    "one name twice": (("room", "room", "--out", "new"), "two runs are called 'room'"),
    "given name twice": (("A=room", "A=lever", "--out", "new"), "two runs are called 'A'"),
    "folder to write is there": (("room", "--out", "empty"), "empty already exists"),
    "folder to write is a run": (("room", "--out", "room"), "room already exists"),
    "no episodes": (("room", "--out", "new", "--episodes", "0"), "0 episodes"),
    "cooks in the lever game": (("lever", "--out", "new", "--bots"), "leave out --bots"),
}


@pytest.mark.parametrize("fault", BAD_CROSSPLAYS)
def test_cross_play_that_cannot_be_is_refused(fault: str, refused: Refused) -> None:
    arguments, words = BAD_CROSSPLAYS[fault]
    assert words in refused("crossplay", *arguments)


def test_cross_play_of_an_altered_pool_is_refused(place: Path, refused: Refused) -> None:
    flip(next((place / "room" / "pool").glob("*.safetensors")), -1)
    assert "altered or cut short" in refused("crossplay", "room", "--out", "new")
    assert "altered or cut short" in refused("render", "room", "--out", "new.gif")


# what is wrong with it: (arguments after `render`, words of the message)
BAD_FILMS = {
    "member too high": (("room", "--out", "new.gif", "--members", "2"), "members 0 to 1, not 2"),
    "negative member": (("room", "--out", "new.gif", "--members", "-1"), "not -1"),
    "second member": (("room", "--out", "new.gif", "--members", "0", "7"), "0 to 1, not 7"),
    "two games": (("room", "lever", "--out", "new.gif"), "made for lever"),
    "no run": (("empty", "--out", "new.gif"), "empty"),
    "file for a run": (("file", "--out", "new.gif"), "file"),
    "nobody": (("--out", "new.gif"), "nobody to watch"),
    "no steps": (("room", "--out", "new.gif", "--steps", "0"), "steps is 0"),
    "negative steps": (("room", "--out", "new.gif", "--steps", "-5"), "steps is -5"),
    "no gif": (("room", "--out", "new.png"), "end in .gif"),
    "film is there": (("room", "--out", "file"), "file already exists"),
    "film below a file": (("room", "--out", "file/new.gif"), "cannot be made in"),
}


@pytest.mark.parametrize("fault", BAD_FILMS)
def test_film_that_cannot_be_is_refused(fault: str, refused: Refused) -> None:
    arguments, words = BAD_FILMS[fault]
    assert words in refused("render", *arguments)


@pytest.mark.parametrize("arguments", [("train", "sp", "--members", "x"), ("envs", "x"), ()])
def test_arguments_that_do_not_parse_end_with_code_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2


def test_a_command_loads_only_what_it_needs() -> None:
    code = (
        "import sys; from zsc.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: print([m for m in ('evaluation', 'seaborn') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.endswith("[]\n")


def test_a_reader_that_has_enough_is_no_fault() -> None:
    command = [sys.executable, "-m", "zsc.cli", "envs"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == b""
    assert listing.returncode == 0


def test_settings_that_are_shown_can_be_read_again(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--set", "learner.gamma=0.9", "partner_learner.envs=4", "--priority", "1")
    assert main(["train", "fcp", *ROOM, *asked, "--show"]) == 0
    first = capsys.readouterr().out
    assert "gamma = 0.9" in first
    assert "priority = 1.0" in first
    Path("settings.toml").write_text(first)
    assert main(["train", "fcp", *ROOM, "--config", "settings.toml", "--show"]) == 0
    assert capsys.readouterr().out == first


def test_without_a_place_to_write_nothing_is_trained(refused: Refused) -> None:
    assert "--out FOLDER" in refused("train", "sp", *ROOM, *SMALL)


def test_other_learners_are_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "sp", "--env", "lever", "--learner", "vdn", "--show"]) == 0
    shown = capsys.readouterr().out
    assert "vdn" in shown
    assert "capacity = 512" in shown
