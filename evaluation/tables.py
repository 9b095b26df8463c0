"""Tables for papers: `mean [low, high]`, Markdown and LaTeX, without further packages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from zsc.errors import printable
from zsc.files import write_text

_ENDS = (" low", " high")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}
ENDINGS = (".md", ".tex", ".csv")


def digits_of(values: Any) -> int:
    """Decimals for a column of means: none for hundreds, two for parts of one.

    >>> digits_of([212.4, 85.0]), digits_of([12.5]), digits_of([0.931])
    (0, 1, 2)
    """
    numbers = np.abs(np.asarray(values, float))
    largest = float(np.nanmax(numbers)) if np.isfinite(numbers).any() else 0.0
    return 0 if largest >= 30 else 1 if largest >= 10 else 2


def interval_text(mean: float, low: float, high: float, *, digits: int) -> str:
    """A mean with its bounds; alone where there are none, "-" where there is no mean.

    >>> interval_text(4.0, 3.0, 5.0, digits=1), interval_text(4.0, *[float("nan")] * 2, digits=0)
    ('4.0 [3.0, 5.0]', '4')
    """
    if np.isnan(mean):
        return "-"
    bounds = "" if np.isnan(low) else f" [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{mean:.{digits}f}{bounds}"


def with_intervals(frame: pd.DataFrame, *, digits: int | None = None) -> pd.DataFrame:
    """A summary as text: columns "x", "x low", "x high" become one, "mean [low, high]".

    frame: as `Matrix.summary` and `Score.summary` return it. digits: decimals; each column's own if
    left out.
    """
    bounds = {f"{name}{end}" for name in frame.columns for end in _ENDS}
    found: dict[str, list[str]] = {}
    for name in frame.columns:
        if name in bounds:
            continue
        ends = [f"{name}{end}" for end in _ENDS]
        if not all(end in frame.columns for end in ends):
            found[str(name)] = [_plain(x, digits_of(frame[name])) for x in frame[name]]
            continue
        places = digits_of(frame[name]) if digits is None else digits
        rows = zip(frame[name], *(frame[end] for end in ends), strict=True)
        found[str(name)] = [interval_text(*row, digits=places) for row in rows]
    return pd.DataFrame(found, index=frame.index)


def markdown(frame: pd.DataFrame) -> str:
    """The table as Markdown, columns of numbers to the right; an index is its first column."""
    heads, rows = _texts(frame)
    clean = lambda cell: cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    lines = [[clean(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(3, *(len(line[c]) for line in lines)) for c in range(len(heads))]
    shown = [
        "| " + " | ".join(_set(line[c], widths[c], c) for c in range(len(heads))) + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (w + 1) + ("-" if c == 0 else ":") for c, w in enumerate(widths))
    return "\n".join([shown[0], rule + "|", *shown[1:]]) + "\n"


def latex(frame: pd.DataFrame, *, caption: str = "", label: str = "") -> str:
    r"""The table as LaTeX with the rules of the package booktabs; in a `table` if it has a caption.

    Names are escaped: an underscore in a run's name is no subscript. The caption is yours and is
    not.
    """
    heads, rows = _texts(frame)
    line = lambda cells: " & ".join(map(_escaped, cells)) + r" \\"
    body = [
        rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        r"\toprule",
        line(heads),
        r"\midrule",
        *(line(row) for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if caption or label:
        told = [rf"\caption{{{caption}}}"] if caption else []
        told += [rf"\label{{{label}}}"] if label else []
        body = [r"\begin{table}", r"\centering", *body, *told, r"\end{table}"]
    return "\n".join(body) + "\n"


def write_table(frame: pd.DataFrame, path: Any) -> None:
    """Write a table as its name ends: .md, .tex (with intervals as text), .csv (all numbers)."""
    ending = str(path)[-4:].lower()
    if ending == ".csv":
        write_text(path, frame.to_csv())
        return
    text = with_intervals(frame)
    write_text(path, latex(text) if ending == ".tex" else markdown(text))


def _texts(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Heads and rows as text, the index first; a name is one line whatever it holds."""
    digits = {
        c: digits_of(frame[c]) for c in frame.columns if pd.api.types.is_numeric_dtype(frame[c])
    }
    own = [str(name) for name in frame.index.names if name is not None]
    heads = [_label(tuple(own)), *(printable(str(c)) for c in frame.columns)]
    rows = [
        [_label(name), *(_plain(line[c], digits.get(c, 2)) for c in frame.columns)]
        for name, line in zip(frame.index, frame.to_dict("records"), strict=True)
    ]
    return heads, rows


def _label(name: Any) -> str:
    """A name of a row, or the several of one as a line."""
    return printable(", ".join(map(str, name)) if isinstance(name, tuple) else str(name))


def _plain(value: Any, digits: int) -> str:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    return "-" if value is None or np.isnan(value) else f"{float(value):.{digits}f}"


def _set(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(mark, mark) for mark in text)
