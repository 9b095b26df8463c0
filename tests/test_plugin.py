"""A package outside this one adds a game, a network, a method and partners: the whole way through.

The same story is told twice: in this process, where only the package's entry points are found, and
by the `zsc` of an empty environment into which wheel and plug-in are installed (`make long`).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import zsc
from tests.building import ROOT, built, copy_of_checkout
from tests.test_documents import blocks
from zsc.agents.bots import _BOTS
from zsc.agents.networks import NETWORKS
from zsc.agents.policy import POLICIES
from zsc.cli import main
from zsc.envs.registry import FAMILIES
from zsc.errors import UserError
from zsc.train.recipes import RECIPES
from zsc.train.run import saved_states

PLUGIN = ROOT / "tests" / "plugin"
MEET = ("--env", "meet", "--members", "2", "--games", "8", "--steps", "4800")
TASTES = ("train", "tastes", *MEET, "--network", "linear", "--liking", "0.3")
# saves after every chunk, so that there is something to go on from
OFTEN = (
    "import sys, zsc.populations.stage as stage; stage.SAVE_SECONDS = 0; "
    "from zsc.cli import main; sys.exit(main())"
)

Zsc = Callable[..., tuple[int, str]]  # arguments -> exit code, what was said


def story(zsc: Zsc, folder: Path) -> None:
    """Everything that a user of the package does, in a folder; asserts what comes out."""

    def said(*arguments: str, code: int = 0) -> str:
        got, text = zsc(*arguments)
        assert got == code, text
        return text

    assert {"meet", "meet/long"} <= set(said("envs").split())
    shown = " ".join(said("train", "tastes", "--help").replace("│", " ").split())
    assert "--liking" in shown
    assert "what the liked action is worth, in units of reward. (default: 0.5)" in shown
    tastes, roster = folder / "runs" / "tastes", folder / "roster"
    shown = said(*TASTES, "--show")
    assert 'network = "linear"' in shown
    assert "liking = 0.3" in shown
    said(*TASTES, "--out", str(tastes))
    manifest = json.loads((tastes / "manifest.json").read_text())
    assert (manifest["env"], manifest["method"]) == ("meet", "Tastes")
    assert manifest["recipe"]["liking"] == 0.3
    assert manifest["recipe"]["network"][0] == "linear"
    before = (tastes / "pool" / "manifest.json").read_bytes()
    said(*TASTES, "--out", str(tastes), "--resume")
    assert (tastes / "pool" / "manifest.json").read_bytes() == before
    said("train", "sp", *MEET, "--out", str(folder / "runs" / "sp"))
    runs = [str(folder / "runs" / name) for name in ("tastes", "sp")]
    shown = said("crossplay", *runs, "--bots", "--episodes", "2", "--out", str(folder / "xp"))
    assert all(name in shown for name in ("tastes", "sp", "bots"))
    made = ("--bots", "left", "right", "--steps", "4800", "--episodes", "2", "--out", str(roster))
    assert "4 partners" in said("roster", "make", runs[1], *made)
    shown = said("score", runs[0], "--roster", str(roster), "--episodes", "2")
    assert "left" in shown
    page = folder / "page.html"
    said("report", str(folder / "xp"), "--films", "0", "--out", str(page))
    assert "tastes" in page.read_text()
    assert "did you mean 'linear'" in said(*TASTES, "--network", "linaer", "--show", code=2)
    assert "did you mean 'meet'" in said("train", "sp", "--env", "meat", "--show", code=2)


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plug-in is found as an installed package is, and forgotten afterwards."""
    notes = tmp_path / "site" / "zsc_example_plugin-1.0.dist-info"
    notes.mkdir(parents=True)
    (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: zsc-example-plugin\nVersion: 1.0")
    (notes / "entry_points.txt").write_text(entry_points())
    for folder in (notes.parent, PLUGIN):
        monkeypatch.syspath_prepend(str(folder))
    for registry in (FAMILIES, POLICIES, NETWORKS, RECIPES, _BOTS):
        monkeypatch.setattr(registry, "_known", dict(registry._known))
        monkeypatch.setattr(registry, "_loaded", False)
    yield
    for name in [name for name in sys.modules if name.startswith("zsc_example_plugin")]:
        del sys.modules[name]


def entry_points() -> str:
    """What pyproject.toml offers, as it is installed."""
    import tomllib

    offered = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = []
    for group, points in offered.items():
        lines += [f"[{group}]", *(f"{name} = {place}" for name, place in points.items())]
    return "\n".join(lines)


@pytest.mark.long
def test_a_package_of_ones_own_goes_all_the_way_through(
    plugged: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        try:
            code = main(list(arguments))
        except SystemExit as stop:  # of --help
            code = int(stop.code or 0)
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    story(run, tmp_path)
    zsc.check_environment(zsc.make("meet/long"), games=4)


def test_the_guides_show_what_the_package_has() -> None:
    package = PLUGIN / "zsc_example_plugin"
    for page, module in (("add_a_game.md", "game.py"), ("add_a_method.md", "method.py")):
        shown = blocks(ROOT / "docs" / "guides" / page, "python")[0].text
        classes = re.split(r"\n\n\n(?=class |@dataclass)", (package / module).read_text())[1:]
        assert len(classes) > 1
        for one in classes:
            assert one.partition("\n\n\nFAMILY")[0].strip() in shown


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an empty environment with wheel and plug-in, and what they need."""
    folder = tmp_path_factory.mktemp("environment")
    source = copy_of_checkout(tmp_path_factory.mktemp("source"))
    wheel = built("wheel", source, folder / "dist")
    venv.create(folder, with_pip=False)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet"]
    pinned = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, *pinned, str(wheel), str(PLUGIN)], check=True, cwd=folder)
    return programs


@pytest.mark.long
def test_the_package_beside_the_wheel_in_an_empty_environment(
    installed: Path, tmp_path: Path
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}

    def run(*arguments: str) -> tuple[int, str]:
        command = [str(installed / "zsc"), *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    story(run, tmp_path)
    assert run("--version") == (0, f"zsc {zsc.__version__}\n")

    # killed on the way, and gone on with: the same agents
    longer = [*TASTES, "--steps", "200000", "--out"]
    assert run(*longer, str(tmp_path / "whole"))[0] == 0
    cut = [*longer, str(tmp_path / "cut")]
    command = [str(installed / "python"), "-c", OFTEN, *cut]
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as process:
        while process.poll() is None and not saved_states(tmp_path / "cut" / "state", "main"):
            time.sleep(0.01)
        process.kill()
    assert not (tmp_path / "cut" / "pool").exists()
    code, text = run(*cut, "--resume")
    assert code == 0, text
    pools = [
        json.loads((tmp_path / name / "pool" / "manifest.json").read_text())
        for name in ("whole", "cut")
    ]
    assert pools[0]["sha256"] == pools[1]["sha256"]


def test_a_network_that_is_not_known_says_how_to_add_one() -> None:
    with pytest.raises(UserError, match=r"did you mean 'mlp'.*zsc.register_network"):
        NETWORKS.get("mpl")
    zsc.register_network("mlp", zsc.mlp_policy)  # again is fine
    with pytest.raises(UserError, match="registered already"):
        zsc.register_network("mlp", zsc.gru_policy)
