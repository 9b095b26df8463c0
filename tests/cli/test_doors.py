"""Small doors of the command line: which commands there are, what they mean, films, names."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import zsc
from tests.evaluation.test_stats import played
from zsc.cli import COMMANDS, demo, main
from zsc.evaluation import CrossPlay, crossplay

KITCHEN = "XXPXX\nO  2O\nX1  X\nXDXSX"


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def test_version_is_told_by_the_package_and_by_the_command_line(capsys: Any) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"zsc {zsc.__version__}\n"
    assert run("zsc", "--version").stdout == f"zsc {zsc.__version__}\n"


def test_a_misspelt_command_gets_the_nearest(capsys: Any) -> None:
    for typed, meant in (("trian", "train"), ("cross-play", "crossplay"), ("rendr", "render")):
        assert main([typed, "sp"]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"did you mean '{meant}'?" in said


def test_the_list_of_commands_is_what_their_classes_say(capsys: Any) -> None:
    assert main(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, command in COMMANDS.items():
        module, _, kind = command.place.partition(":")
        told = getattr(__import__(module, fromlist=[kind]), kind).__doc__
        assert " ".join(told.split()).startswith(command.does)
        assert f"{name} {command.does}" in shown


def test_the_list_of_commands_needs_neither_jax_nor_the_parser() -> None:
    code = (
        "import sys; from zsc.cli import main; main(['--help'])\n"
        "print([m for m in ('jax', 'numpy', 'tyro', 'rich', 'pandas') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.endswith("[]\n")


@pytest.mark.parametrize("arguments", [("--help",), ("train", "--help"), ("envs",)])
def test_whoever_reads_may_have_enough(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "zsc", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        assert program.stderr.read() == b""
    assert program.returncode == 0


def test_zsc_has_all_that_it_says_and_nothing_else() -> None:
    code = (
        "import zsc, sys\n"
        "assert 'jax' not in sys.modules\n"
        "from zsc import *\n"
        "assert all(name in dir(zsc) for name in zsc.__all__)\n"
        "assert make is zsc.make and zsc.make('lever').spec.id == 'lever'\n"
        "assert zsc.agents.pool.Pool is zsc.Pool\n"
        "assert not hasattr(zsc, 'nothing') and not hasattr(zsc, '__path_hooks__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_policies_are_known_to_whoever_imports_a_room_alone(tmp_path: Path) -> None:
    env = zsc.make("lever")
    policy = zsc.with_latent(zsc.latent_policy(env.spec, 1), 1)
    params = jax.vmap(policy.init)(jax.random.split(jax.random.key(0), 2))
    labels = [zsc.Label("x", member=i) for i in range(2)]
    zsc.make_pool(env.spec, policy, params, labels).save(tmp_path / "pool")
    code = "import sys; from zsc.agents.pool import load_pool; print(len(load_pool(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(tmp_path / "pool")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "2\n", done.stderr


def help_of(capsys: Any, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--help"])
    assert caught.value.code == 0
    lines = capsys.readouterr().out.replace("│", " ").splitlines()
    return " ".join(" ".join(lines).split())


def test_help_shows_the_presets_of_the_game_that_is_named(capsys: Any) -> None:
    shown = help_of(capsys, "train", "sp", "--env", "overcooked/counter_circuit")
    assert "--set learner.learning_rate=... (default: 0.003)" in shown
    assert "--set learner.envs=... (default: 32)" in shown
    assert "(default: 2e+06)" in shown
    assert "(default: mlp)" in shown
    shown = help_of(capsys, "train", "fcp", "--env=hanabi/tiny-2p")
    assert "(default: gru)" in shown
    shown = help_of(capsys, "train", "br")
    assert "(default: the game's preset; --env GAME --help shows it)" in shown
    assert "(default: None)" not in shown.partition("--steps")[2].partition("--partners")[0]


def test_help_of_train_lists_the_methods(capsys: Any) -> None:
    assert "One of sp, op, he," in help_of(capsys, "train")


def test_a_kitchen_has_the_name_that_it_is_given() -> None:
    env = zsc.make("overcooked", layout=KITCHEN, name="mine", horizon=20)
    plain = zsc.make("overcooked", layout=KITCHEN, horizon=20)
    assert env.spec.id == "overcooked/mine"
    assert env.spec.obs_id == plain.spec.obs_id
    bots = zsc.overcooked_bots(env, ("hog", "idle"))
    found = crossplay(env, {"b": bots}, episodes=1)
    assert found.heatmap().get_title().startswith("overcooked/mine:")
    again = zsc.envs.registry.rebuild(env.spec.id, zsc.envs.base.settings_of(env))
    assert again == env
    for wrong, words in (
        ({"layout": "cramped_room", "name": "mine"}, "has its name"),
        ({"layout": KITCHEN, "name": "cramped_room"}, "another kitchen"),
        ({"layout": KITCHEN, "name": "a/b"}, "letters, digits"),
    ):
        with pytest.raises(zsc.UserError, match=words):
            zsc.make("overcooked", **wrong)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in a small kitchen."""
    folder = tmp_path_factory.mktemp("runs") / "room"
    game = ("--env", "overcooked/cramped_room", "--horizon", "20")
    small = ("--members", "2", "--steps", "500")
    assert main(["train", "sp", "--out", str(folder), *game, *small]) == 0
    return folder


def film_of(room: Path, out: Path, *arguments: str) -> bytes:
    assert main(["render", str(room), "--members", "0", "1", "--out", str(out), *arguments]) == 0
    return out.read_bytes()


def test_films_of_other_episodes_and_of_likely_actions_are_others(
    room: Path, tmp_path: Path, capsys: Any
) -> None:
    plain = film_of(room, tmp_path / "a.gif")
    assert film_of(room, tmp_path / "b.gif", "--episode", "0") == plain
    other = film_of(room, tmp_path / "c.gif", "--episode", "2")
    greedy = film_of(room, tmp_path / "d.gif", "--greedy")
    assert len({plain, other, greedy}) == 3
    env = zsc.make("overcooked/cramped_room", horizon=20)
    pair = tuple(zsc.load_pool(room).take([m]) for m in (0, 1))
    third = zsc.record(env, pair, first=2)
    np.testing.assert_array_equal(third.action[0], zsc.record(env, pair, episodes=3).action[2])
    assert main(["render", str(room), "--out", str(tmp_path / "e.gif"), "--episode", "-1"]) == 2
    assert "the first one is 0" in capsys.readouterr().err


def test_an_mp4_is_what_ffmpeg_makes_of_all_frames(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """ffmpeg is played by a script that counts the bytes and writes down its arguments."""
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, sys\n"
        "data = sys.stdin.buffer.read()\n"
        "open(sys.argv[-1], 'w').write(json.dumps([len(data), sys.argv]))\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    size, told = json.loads(film_of(room, tmp_path / "a.mp4"))
    width, height = map(int, told[told.index("-s") + 1].split("x"))
    assert width % 2 == height % 2 == 0
    assert size == 21 * width * height * 3
    assert "libx264" in told
    monkeypatch.setenv("PATH", "")
    assert main(["render", str(room), "--out", str(tmp_path / "b.mp4")]) == 2
    assert "needs ffmpeg" in capsys.readouterr().err
    with pytest.raises(zsc.UserError, match="needs ffmpeg"):
        zsc.save_mp4(tmp_path / "c.mp4", [np.zeros((4, 4, 3), np.uint8)])


def test_an_interrupted_demo_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The stages are replaced by stand-ins: what counts is which of them are done again."""
    monkeypatch.chdir(tmp_path)
    calls: list[tuple[str, bool]] = []
    fail = {"op"}

    def train(self: Any, env: Any, *, out: Path, resume: bool, **_: Any) -> zsc.Pool:
        calls.append((out.name, resume))
        out.mkdir(parents=True, exist_ok=True)
        (out / "manifest.json").write_text("{}")
        if out.name in fail:
            raise KeyboardInterrupt
        return zsc.overcooked_bots(env, ("hog", "idle"))

    def play(env: Any, entries: Any, **_: Any) -> CrossPlay:
        return played(np.eye(8), tuple(name for name in entries for _ in range(2)))

    monkeypatch.setattr("zsc.populations.recipe.Recipe.train", train)
    monkeypatch.setattr(demo, "crossplay", play)
    monkeypatch.setattr(demo, "BOTS", ("hog", "idle"))
    monkeypatch.setattr(demo, "write_film", lambda env, agents, path, **_: path.write_text("x"))
    pages: list[list[str]] = []  # who is in them
    monkeypatch.setattr(demo, "export", lambda path, entries: pages.append([*entries]) or str(path))
    assert main(["demo"]) == 130
    assert "the same command does the rest" in capsys.readouterr().err
    fail.clear()
    assert main(["demo"]) == 0
    assert calls == [("sp", False), ("op", False), ("sp", True), ("op", True), ("fcp", False)]
    assert (tmp_path / "demo" / "stranger_pair.gif").exists()
    assert pages == [["SP", "OP", "FCP"]]
    assert main(["demo"]) == 2
    assert "already exists" in capsys.readouterr().err
