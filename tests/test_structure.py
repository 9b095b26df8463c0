"""How the packages hang together, read from their source."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("zsc", "populations", "evaluation")
FORBIDDEN = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve",
             "orbax"}  # fmt: skip
RUNS_CODE = {"eval", "exec"}


#: The rooms from the ground up: each may import those above it in this list, never one below.
ROOMS = (
    "types", "version", "errors", "interrupts", "checks", "keys", "switches", "schema", "files",
    "registry",
    "machine", "nets", "envs", "agents", "records", "play", "adapters", "learn", "train", "public",
    "evaluation", "populations", "web", "cli", "__main__",
)  # fmt: skip
ROOFS = {("cli", ""), ("web", "")}
#: Rooms of one height, which do not know each other.
APART = {("evaluation", "populations"), ("machine", "nets"), ("machine", "envs"), ("nets", "envs"),
         ("evaluation", "learn"), ("evaluation", "train")}  # fmt: skip


def sources(*packages: str) -> list[Path]:
    """The files of folders; zsc/populations and zsc/evaluation are links to two of them."""
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def room_of(name: str) -> str:
    """The room that a module or what it defines is in: "zsc.play.match.Match" is in "play"."""
    return name.split(".")[1] if name.count(".") else ""


def room_imports() -> list[tuple[str, str, str]]:
    """(file, its room, another room that it imports), for every import of our own."""
    found = []
    for path in sources(*PACKAGES):
        own = room_of(module_of(path))
        for name in imports_of(path):
            if inside(name, "zsc") and room_of(name) != own and own:
                found.append((str(path.relative_to(ROOT)), own, room_of(name)))
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_rooms_below_it_only(room: str) -> None:
    below = set(ROOMS[: ROOMS.index(room)])
    apart = {one for pair in APART if room in pair for one in pair} - {room}
    upward = [
        f"{path} -> {other}"
        for path, own, other in room_imports()
        # roofs ask the whole package for what is public
        if own == room and other not in below - apart and (room, other) not in ROOFS
    ]
    assert upward == []


def test_every_room_is_in_the_list() -> None:
    loose = {path.stem for path in (ROOT / "zsc").glob("*.py")} - {"__init__"}
    folders = {path.name for path in (ROOT / "zsc").iterdir() if (path / "__init__.py").is_file()}
    assert loose | folders == set(ROOMS)


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = {module_of(path): path for path in sources(*PACKAGES)}
    needs = {
        module: {
            other
            for name in imports_of(path)
            for other in (name, name.rpartition(".")[0])
            if other in modules and other != module
        }
        for module, path in modules.items()
        if path.name != "__init__.py"
    }
    while needs:  # whoever needs nobody that is left goes
        ready = {module for module, others in needs.items() if not others & set(needs)}
        assert ready, f"a circle among {sorted(needs)}"
        needs = {module: others for module, others in needs.items() if module not in ready}


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=lambda path: str(path.name))
def test_no_package_hides_a_module_of_its_own(path: Path) -> None:
    """`import a.b as x` is the module b, whatever a's __init__ makes public."""
    if path.stem == "__main__":
        return  # importing it is running it
    module = importlib.import_module(module_of(path))
    assert isinstance(module, types.ModuleType)
    parent, _, last = module.__name__.rpartition(".")
    if parent:
        assert getattr(importlib.import_module(parent), last) is module


def test_inputs_are_put_together_in_one_place() -> None:
    calls_it = [
        str(path.relative_to(ROOT))
        for path in sources(*PACKAGES)
        if "Inputs" in calls(tree_of(path))
    ]
    assert calls_it == ["zsc/play/acting.py"]


@pytest.mark.parametrize("package", ["populations", "evaluation"])
def test_a_folder_seen_from_beside_it_says_its_name(package: str) -> None:
    command = [sys.executable, "-c", f"import {package}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"import zsc.{package}" in done.stderr


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "zsc" else ("zsc", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Every name that is imported, anywhere in a module: "a.b" for import a.b, from a import b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            start = [*above, node.module or ""] if node.level else [node.module or ""]
            yield from (".".join([*filter(None, start), name.name]) for name in node.names)


@cache
def imports_of(path: Path) -> set[str]:
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return set(imports(tree_of(path), package))


@cache
def tree_of(path: Path) -> ast.AST:
    return ast.parse(path.read_text())


def inside(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def importers(module: str, paths: list[Path]) -> list[str]:
    """The files that import a module or anything in it."""
    return [
        str(path.relative_to(ROOT))
        for path in paths
        if any(inside(name, module) for name in imports_of(path))
    ]


def calls(tree: ast.AST) -> set[str]:
    """Names of plain function calls: f(), builtins.f(), not a.f()."""
    functions = (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
    names = (name.removeprefix("builtins.") for name in functions)
    return {name for name in names if name.isidentifier()}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import zsc.populations", "zsc.populations"),
        ("import zsc.populations.stage as s", "zsc.populations.stage"),
        ("from zsc.populations import stage", "zsc.populations.stage"),
        ("def f():\n    from zsc.populations.stage import Stage", "zsc.populations.stage.Stage"),
        ("from . import cli", "zsc.envs.cli"),
        ("from .. import cli", "zsc.cli"),
        ("from ..cli import main", "zsc.cli.main"),
    ],
)
def test_imports_are_found_however_they_are_written(line: str, name: str) -> None:
    assert list(imports(ast.parse(line), "zsc.envs")) == [name]


def test_calls_are_found_and_methods_are_not_taken_for_them() -> None:
    assert calls(ast.parse("eval(x); builtins.exec(y); jax.eval_shape(f); frame.eval(z)")) == {
        "eval",
        "exec",
    }


def test_there_is_source_to_look_at() -> None:
    assert all(len(sources(package)) > 3 for package in PACKAGES)


def test_packages_import_neither_tests_nor_benchmarks() -> None:
    for module in ("tests", "benchmarks", "notebooks", "overcooked", "overcooked_ai_py"):
        assert importers(module, sources(*PACKAGES)) == []


def test_the_web_is_imported_by_the_command_line_only_and_when_it_is_asked_for() -> None:
    outside = [x for x in importers("zsc.web", sources(*PACKAGES)) if "zsc/web/" not in x]
    assert outside == ["zsc/cli/export_page.py", "zsc/cli/people.py"]
    trees = [tree_of(ROOT / path) for path in outside]
    at_once = [name for tree in trees for node in tree.body if isinstance(node, ast.ImportFrom)
               for name in imports(node, "zsc.cli")]  # fmt: skip
    assert not any(inside(name, "zsc.web") for name in at_once)


def test_command_line_is_imported_by_nothing_and_named_as_the_script() -> None:
    outside = [path for path in importers("zsc.cli", sources(*PACKAGES)) if "zsc/cli/" not in path]
    assert outside == ["zsc/__main__.py"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"zsc": "zsc.cli:main"}


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=module_of)
def test_module_can_run_no_foreign_code(path: Path) -> None:
    text = path.read_text()
    assert [name for name in imports_of(path) if name.split(".")[0] in FORBIDDEN] == []
    assert calls(ast.parse(text)) & RUNS_CODE == set()
    assert "allow_pickle" not in text


@pytest.mark.parametrize("library", ["flax.linen", "flax.nnx", "distrax"])
def test_networks_and_distributions_are_built_in_nets_only(library: str) -> None:
    outside = [name for name in importers(library, sources(*PACKAGES)) if "zsc/nets/" not in name]
    assert outside == []


def test_nets_are_where_linen_and_distrax_are_used() -> None:
    nets = sources("zsc/nets")
    assert importers("flax.linen", nets) != []
    assert importers("distrax", nets) != []


def test_flax_is_never_imported_whole() -> None:
    """`import flax` or `from flax import linen` would hide what is used."""
    names = {name for path in sources(*PACKAGES) for name in imports_of(path)}
    used = {name for name in names if inside(name, "flax")}
    assert used <= {"flax.linen", "flax.struct"}


def test_the_installed_package_is_typed_and_has_one_name() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert (ROOT / "zsc" / "py.typed").is_file()
    assert "py.typed" in settings["package-data"]["zsc"]
    assert settings["packages"]["find"]["include"] == ["zsc*"]
    for package in ("populations", "evaluation"):
        assert (ROOT / "zsc" / package).resolve() == ROOT / package


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=module_of)
def test_folder_of_a_module_is_a_package(path: Path) -> None:
    folders = [parent for parent in path.parents if ROOT in parent.parents]
    assert all((folder / "__init__.py").is_file() for folder in folders)
