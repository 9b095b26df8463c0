"""How the packages hang together, read from their source."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("zsc", "populations", "evaluation")
FORBIDDEN = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve",
             "orbax"}  # fmt: skip
RUNS_CODE = {"eval", "exec"}


def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
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


def imports_of(path: Path) -> set[str]:
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return set(imports(ast.parse(path.read_text()), package))


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
        ("import populations", "populations"),
        ("import populations.stage as s", "populations.stage"),
        ("from populations import stage", "populations.stage"),
        ("def f():\n    from populations.stage import Log", "populations.stage.Log"),
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


@pytest.mark.parametrize("roof", ["populations", "evaluation"])
def test_zsc_stands_on_its_own_under_the_command_line(roof: str) -> None:
    found = importers(roof, sources("zsc"))
    assert found != []
    assert all(path.startswith("zsc/cli/") for path in found)


@pytest.mark.parametrize(
    ("package", "other"), [("populations", "evaluation"), ("evaluation", "populations")]
)
def test_populations_and_evaluation_do_not_know_each_other(package: str, other: str) -> None:
    assert importers(other, sources(package)) == []
    assert importers("zsc", sources(package)) != []


def test_packages_import_neither_tests_nor_benchmarks() -> None:
    for module in ("tests", "benchmarks", "notebooks", "overcooked", "overcooked_ai_py"):
        assert importers(module, sources(*PACKAGES)) == []


def test_command_line_is_imported_by_nothing_and_named_as_the_script() -> None:
    outside = [path for path in importers("zsc.cli", sources(*PACKAGES)) if "zsc/cli/" not in path]
    assert outside == []
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


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_typed_and_says_so_in_what_is_installed(package: str) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert (ROOT / package / "py.typed").is_file()
    assert "py.typed" in settings["package-data"][package]
    assert f"{package}*" in settings["packages"]["find"]["include"]


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=module_of)
def test_folder_of_a_module_is_a_package(path: Path) -> None:
    folders = [parent for parent in path.parents if ROOT in parent.parents]
    assert all((folder / "__init__.py").is_file() for folder in folders)
