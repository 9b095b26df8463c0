"""The kitchens that are compared by the rules of 2020, or for more than two cooks."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.oracle.kitchens import generate_files, generate_layouts
from tests.oracle.reference import reference_2020, reference_mdp
from zsc.envs.overcooked import BRIGADES, ORDERED, Layout, Overcooked, parse_layout, read_layout
from zsc.errors import UserError


class Candidate(NamedTuple):
    """A kitchen, and what the reference engine is made from."""

    title: str
    env: Overcooked
    told: Any

    def engine(self) -> Any:
        """The reference engine; the one that was made last is the only one that may play."""
        if self.env.rules.new:
            return reference_2020(self.env.kitchen, self.told)
        return reference_mdp(self.env.kitchen)


def reference_files() -> list[Path]:
    """The layout files that ship with the reference package."""
    spec = importlib.util.find_spec("overcooked")
    assert spec is not None
    assert spec.origin is not None
    return sorted((Path(spec.origin).parent / "data" / "layouts").glob("*.layout"))


def candidates(
    dynamics: str, cooks: int, *, generated: int, seed: int, horizon: int
) -> list[Candidate]:
    """All kitchens for so many cooks: the reference's, ours, and some by chance."""
    make = _new if dynamics == "2020" else _old
    found = [
        Candidate(title, Overcooked(layout, horizon, "grid", dynamics=dynamics), told)
        for title, layout, told in make(cooks, generated, seed)
    ]
    return [one for one in found if len(one.env.kitchen.starts) == cooks]


def _old(cooks: int, generated: int, seed: int) -> Iterator[tuple[str, str, Any]]:
    yield from ((name, name, None) for name in BRIGADES)
    for number, layout in enumerate(generate_layouts(seed, generated, cooks=cooks)):
        yield _title(number, layout), layout.text(), None


def _new(cooks: int, generated: int, seed: int) -> Iterator[tuple[str, str, Any]]:
    for path in reference_files():
        text = read_layout(path, "2020")
        try:
            Overcooked(text, dynamics="2020")
        except UserError:  # kitchens of one
            continue
        yield path.stem, text, path.stem
    yield from ((name, name, told) for name, told in ORDERED.items())
    for number, file in enumerate(generate_files(seed, generated, cooks=cooks)):
        yield _title(number, parse_layout(file["grid"], tomatoes=True)), repr(file), file


def _title(number: int, layout: Layout) -> str:
    return f"generated {number} {layout.width}x{layout.height} pots={len(layout.pots)}"
