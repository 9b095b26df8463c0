"""The documents are true: links lead somewhere, code runs, commands parse, names exist.

Code blocks of a page run one after the other in one namespace and a folder of their own, at a tiny
size: two members, one update, short games. A block that is not to be run has a comment before it:
<!-- not run: why -->.
"""

from __future__ import annotations

import importlib.util
import pkgutil
import re
import shlex
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import pytest

import zsc
import zsc.evaluation
from zsc.agents.bots import _BOTS
from zsc.agents.networks import NETWORKS
from zsc.agents.policy import POLICIES
from zsc.cli import _parsed
from zsc.envs.overcooked import CLASSIC, MIRRORED
from zsc.envs.registry import FAMILIES
from zsc.evaluation import heldout
from zsc.populations import BehaviourCloning, Recipe
from zsc.train.recipes import RECIPES

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", *DOCS]
LINKED = [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"))]
#: Pages of the site that lie outside docs/, by where they are in it.
BROUGHT = {
    "results.md": ROOT / "benchmarks" / "RESULTS.md",
    "changelog.md": ROOT / "CHANGELOG.md",
    "contributing.md": ROOT / "CONTRIBUTING.md",
    **{f"tutorials/{path.stem}.md": path for path in (ROOT / "notebooks").glob("*.ipynb")},
}
FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```", re.M | re.S)
NOT_RUN = re.compile(r"<!-- not run: \S.* -->\n\Z")
LINK = re.compile(r"\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
#: Pages whose code is run each time; that of the others takes minutes and is for `make long`.
SHORT = {"README.md", "docs/index.md", "docs/first_steps.md", "docs/adapters.md"}
HORIZON = 20
KITCHENS = tuple(f"overcooked/{name}" for name in (*CLASSIC, *MIRRORED))
TINY = zsc.PPOConfig(envs=2, segments=1, epochs=1, minibatches=1, shaping_steps=0)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    kind: str
    text: str
    run: bool
    line: int


def blocks(page: Path, kind: str) -> list[Block]:
    text = page.read_text()
    return [
        Block(
            kind,
            found["text"],
            NOT_RUN.search(text[: found.start()]) is None,
            text[: found.start()].count("\n") + 1,
        )
        for found in FENCE.finditer(text)
        if found["kind"] == kind
    ]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# links


def anchors(page: Path) -> set[str]:
    """The headings of a page as the site names them."""
    heads = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.M)
    return {slug(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head)) for head in heads}


def slug(head: str) -> str:
    plain = unicodedata.normalize("NFKD", head).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


@pytest.mark.parametrize("page", LINKED, ids=named)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    broken = []
    for found in LINK.finditer(FENCE.sub("", page.read_text())):
        path, _, anchor = found["target"].partition("#")
        if ":" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target)
        ):
            broken.append(found["target"])
    assert broken == []


def navigation() -> set[str]:
    return set(re.findall(r"(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))


def test_the_navigation_has_every_page_and_no_other() -> None:
    there = {page.relative_to(ROOT / "docs").as_posix() for page in DOCS}
    brought = {name for name, path in BROUGHT.items() if path.is_file()}
    assert navigation() == there | brought


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        pytest.skip("the extra [docs] is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# code


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Trainings of one update for two members, short games, few episodes."""
    make, train = zsc.make, Recipe.train

    def small_game(name: str, **settings: Any) -> Any:
        env = make(name, **settings)
        if name in KITCHENS and not settings:  # all in one, so that they share programs
            return make("overcooked/mirror_ring", horizon=HORIZON)
        return replace(env, horizon=HORIZON) if name.startswith(("overcooked", "dual")) else env

    def small_training(recipe: Recipe, env: Any, **settings: Any) -> zsc.Pool:
        return train(small(recipe, env.spec.horizon), env, **settings)

    monkeypatch.setattr(zsc, "make", small_game)
    monkeypatch.setattr(Recipe, "train", small_training)
    monkeypatch.setattr(zsc.evaluation, "crossplay", few(zsc.evaluation.crossplay, 2))
    monkeypatch.setattr(heldout, "score", few(heldout.score, 1))
    for registry in (FAMILIES, NETWORKS, POLICIES, RECIPES, _BOTS):
        monkeypatch.setattr(registry, "_known", dict(registry._known))
    yield
    plt.close("all")


def small(recipe: Recipe, horizon: int) -> Recipe:
    """The recipe at a tiny size; clones have no steps."""
    wanted: dict[str, Any] = {"members": min(recipe.members, 2)}
    if not isinstance(recipe, BehaviourCloning):
        steps = TINY.envs * horizon
        wanted |= {"steps": steps, "learner": TINY, "partner_steps": steps}
        wanted |= {"partner_learner": TINY, "partners": 2, "blocks": 2, "snapshots": 1}
    own = {each.name for each in fields(recipe) if each.init}
    return replace(recipe, **{name: value for name, value in wanted.items() if name in own})


def few(play: Callable[..., Any], episodes: int) -> Callable[..., Any]:
    return lambda *args, **settings: play(*args, **settings | {"episodes": episodes})


def with_code() -> list[Any]:
    """The pages with code; most are for `make long`."""
    found = [page for page in PAGES if blocks(page, "python")]
    return [
        pytest.param(p, marks=[pytest.mark.long] * (named(p) not in SHORT), id=named(p))
        for p in found
    ]


@pytest.mark.parametrize("page", with_code())
def test_code_of_a_page_runs(
    page: Path, tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # dataclasses and registries ask where a class is from
    name = f"page_{page.stem}"
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    for block in blocks(page, "python"):
        if block.run:
            code = compile("\n" * block.line + block.text, str(page), "exec")
            exec(code, module.__dict__)


def test_few_blocks_are_not_run() -> None:
    left_out = [
        f"{named(page)}:{b.line}" for page in PAGES for b in blocks(page, "python") if not b.run
    ]
    assert len(left_out) <= 8, left_out


# commands


def commands(page: Path) -> list[str]:
    """The zsc commands in a page's blocks of shell, without what they are redirected to."""
    lines = "\n".join(block.text for block in blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line.split(" > ")[0].split(" #")[0] for line in lines if line.startswith("zsc ")]


COMMANDS = sorted({command for page in PAGES for command in commands(page)})


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command: str) -> None:
    assert _parsed(shlex.split(command)[1:]) is not None


# names


def referenced(page: str) -> list[str]:
    return re.findall(r"^::: (\S+)$", (ROOT / "docs" / "reference" / page).read_text(), re.M)


@pytest.mark.parametrize("page", ["zsc.md", "populations.md", "evaluation.md"])
def test_the_reference_names_what_exists(page: str) -> None:
    for name in referenced(page):
        assert pkgutil.resolve_name(name).__doc__


@pytest.mark.parametrize("module", ["zsc", "zsc.populations", "zsc.evaluation"])
def test_the_reference_has_every_public_name(module: str) -> None:
    public = pkgutil.resolve_name(module).__all__
    page = f"{module.removeprefix('zsc.')}.md"
    elsewhere = {"__version__"} | ({"Method"} if module == "zsc.populations" else set())
    assert {f"{module}.{name}" for name in set(public) - elsewhere} <= set(referenced(page))
