"""The modules of a page as one script, for a page that has to be one file."""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parent / "pages"

_IMPORT = re.compile(
    r'^import (?:\* as (\w+)|(\{[^}]*\})) from "(?:\.\.?/)[^"]*?([\w-]+)\.js";\n', re.M
)
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.M)


def bundle(name: str) -> str:
    """A module of `pages` and all that it imports, each in a scope of its own, in one script.

    It understands what our modules are written in: named imports and `* as`, each on one line; one
    name an `export`.
    """
    parts: dict[str, str] = {}
    _add(name, parts)
    return "".join(parts.values())


def _add(name: str, parts: dict[str, str]) -> None:
    """The modules that a module needs, then itself, unless they are there."""
    if name in parts:
        return
    source = (PAGES / f"{name}.js").read_text("utf-8")
    for _, _, other in _IMPORT.findall(source):
        _add(other, parts)

    def taken(found: re.Match[str]) -> str:
        return f"const {found[1] or found[2]} = {_scope(found[3])};\n"

    body, names = _IMPORT.sub(taken, source), [name for _, name in _EXPORT.findall(source)]
    body = _EXPORT.sub(r"\1 \2", body)
    told = f"  return {{ {', '.join(names)} }};\n" if names else ""
    parts[name] = f"const {_scope(name)} = (() => {{\n{body}{told}}})();\n\n"


def _scope(module: str) -> str:
    return "$" + module.replace("-", "_")
