"""Docstrings as Markdown: what is said of each parameter or field becomes an entry of a list.

The code writes `name: words`, as lines of their own or one after the other, or puts the words in a
comment beside a field or above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe


class Fields(griffe.Extension):
    """Turn the docstrings of functions and classes into Markdown lists and fenced examples."""

    def on_function(self, *, func: griffe.Function, **kwargs: Any) -> None:
        """The parameters of a function."""
        _rewrite(func, {parameter.name for parameter in func.parameters})

    def on_class(self, *, cls: griffe.Class, **kwargs: Any) -> None:
        """The fields of a class."""
        _rewrite(cls, set(cls.members))
        if cls.docstring is not None:
            entries = "\n".join(commented(cls, cls.docstring.value))
            cls.docstring.value += f"\n\n{entries}" if entries else ""


def _rewrite(thing: griffe.Object, names: set[str]) -> None:
    if thing.docstring is not None:
        thing.docstring.value = as_markdown(thing.docstring.value, names)


def as_markdown(text: str, names: set[str]) -> str:
    """The text with a list of `names` and their words, and examples in fences."""
    words = "|".join(sorted(map(re.escape, names - {"self"}), key=len, reverse=True))
    if words:
        call = r"(?:\([^\n]*?\)[^\n:]*)?"
        entry = rf"(?:^|(?<=\n)|(?<=\. ))((?:{words})(?:, (?:{words}))*{call}): "
        text = re.sub(entry, r"\n\n- **\1**: ", text)
    text = re.sub(r"(?:(?<=\. )|(?<=\n))Raises (?=[A-Z])", r"\n\nRaises ", text)
    text = re.sub(
        r"(?m)(?:^>>> .*\n(?:.+\n?)*)+", lambda m: f"```pycon\n{m[0].rstrip()}\n```\n", text
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def commented(cls: griffe.Class, told: str) -> Iterator[str]:
    """An entry for each field that only a comment tells of."""
    lines = cls.lines_collection[cls.filepath]
    for name, field in cls.members.items():
        known = re.search(rf"\*\*[^*]*\b{re.escape(name)}\b", told)
        if field.is_alias or not field.is_attribute or name.startswith("_") or known:
            continue
        place = (field.lineno or 1) - 1
        words = [lines[place].rpartition("  # ")[2]] if "  # " in lines[place] else []
        while lines[place - 1].strip().startswith("# "):
            place -= 1
            words.insert(0, lines[place].strip(" #"))
        if words:
            yield f"- **{name}**: {' '.join(words).strip()}"
