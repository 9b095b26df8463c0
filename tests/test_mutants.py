"""The changes that the mutation run makes."""

import ast
from pathlib import Path

import pytest

from benchmarks.mutants.__main__ import files
from benchmarks.mutants.equivalent import EQUIVALENT
from benchmarks.mutants.mirrors import near
from benchmarks.mutants.named import named
from benchmarks.mutants.operators import mutants_of

ROOT = Path(__file__).parent.parent


def changes(line):
    """What a line in a function can become."""
    source = f"def f(x, y, a):\n    {line}\n"
    return {m.source.splitlines()[1].strip() for m in mutants_of("f.py", source)}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("return x < y", {"return x <= y", "return x > y"}),
        ("return x + y", {"return (x - y)", "return x"}),
        ("return x / y", {"return (x * y)"}),
        ("return x and y", {"return (x or y)"}),
        ("return not x", {"return x"}),
        ("return -x", {"return x"}),
        ("return min(x.a, y)", {"return max(x.a, y)"}),
        ("return x.argmin(1)", {"return x.argmax(1)", "return x.argmin(0)"}),
        ("return jnp.where(a, x, y)", {"return jnp.where(a, y, x)"}),
        ("return f(x, y)", {"return f(y, x)"}),
        ("return x[1:]", {"return x[:]", "return x[0:]"}),
        ("return x if a else y", {"return y if a else x"}),
        ("return True", {"return False"}),
        ("raise ValueError(1 + 1)", set()),
        ("return f'{x + 1}'", set()),
    ],
)
def test_each_kind_of_line_has_its_changes(line, wanted):
    assert changes(line) == wanted


def test_settings_and_types_are_left_alone():
    source = "class A:\n    size: int = 1\n\n    def f(self, x: list[1]) -> None:\n        pass\n"
    assert mutants_of("f.py", source) == []


def test_a_mutant_is_python_with_one_place_changed():
    source = (ROOT / "zsc/learn/gae.py").read_text()
    found = mutants_of("zsc/learn/gae.py", source)
    assert len(found) > 20
    assert len({m.source for m in found}) == len(found)
    assert all(ast.unparse(ast.parse(m.source)) != ast.unparse(ast.parse(source)) for m in found)


def test_every_named_fault_has_its_place():
    found, lost = named(ROOT)
    assert lost == []
    assert len({m.source for m in found}) == len(found)


def test_what_is_called_equivalent_can_be_made():
    files = {file for file, _, _ in EQUIVALENT}
    possible = {
        (file, m.before, m.after)
        for file in files
        for m in mutants_of(file, (ROOT / file).read_text())
    }
    assert set(EQUIVALENT) <= possible


def test_every_file_that_is_changed_has_tests_that_mirror_it() -> None:
    for file in files():
        for test in near(file):
            path, _, name = test.partition("::")
            there = (ROOT / path).read_text()  # fails if there is no such file
            assert f"def {name.partition('[')[0]}" in there, (file, test)
