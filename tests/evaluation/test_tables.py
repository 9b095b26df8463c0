"""Tables for papers: the figures of the summary, as Markdown and LaTeX are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.test_stats import played
from zsc.evaluation.tables import latex, markdown, with_intervals, write_table

NAN = float("nan")
FRAME = pd.DataFrame(
    {"policies": [6, 1], "SP": [211.4, 61.0], "SP low": [181.2, NAN], "SP high": [245.0, NAN],
     "share": [0.5, NAN]},
    index=pd.Index(["my_run", "a|b & c"], name="group"),
)  # fmt: skip


def test_bounds_stand_behind_their_mean() -> None:
    found = with_intervals(FRAME)
    assert list(found.columns) == ["policies", "SP", "share"]
    assert found["SP"].tolist() == ["211 [181, 245]", "61"]
    assert found["share"].tolist() == ["0.50", "-"]
    assert with_intervals(FRAME, digits=1)["SP"].iloc[0] == "211.4 [181.2, 245.0]"


def test_summary_of_a_cross_play_keeps_its_figures() -> None:
    matrix = np.array([[9.0, 1, 2], [3, 8, 4], [5, 6, 7]])
    table = played(matrix, ("A", "A", "A")).summary()
    mean, low, high = (table.loc["A", f"SP{end}"] for end in ("", " low", " high"))
    assert with_intervals(table).loc["A", "SP"] == f"{mean:.2f} [{low:.2f}, {high:.2f}]"
    assert "XP within" in markdown(with_intervals(table))


def test_markdown_is_read_back_cell_by_cell() -> None:
    lines = markdown(with_intervals(FRAME)).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert set(lines[1]) == set("|-:")
    cells = [[c.strip() for c in line.replace("\\|", "\0").split("|")[1:-1]] for line in lines]
    assert cells[0] == ["group", "policies", "SP", "share"]
    assert cells[2] == ["my_run", "6", "211 [181, 245]", "0.50"]
    assert cells[3][0].replace("\0", "|") == "a|b & c"


def test_latex_has_a_row_for_each_and_no_mark_of_a_name_acts() -> None:
    text = latex(with_intervals(FRAME), caption="Ours", label="tab:x")
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    assert r"my\_run & 6 & 211 [181, 245] & 0.50 \\" in body
    assert r"a|b \& c & 1 & 61 & - \\" in body
    assert r"\begin{tabular}{lrrr}" in text
    assert text.count(r"\begin") == text.count(r"\end") == 2
    assert r"\caption{Ours}" in text
    assert r"\caption" not in latex(FRAME)
    odd = pd.DataFrame({"x": [1]}, index=["\\ ~ ^ # $ % { }\n"])
    assert r"\textbackslash{} \textasciitilde{} \textasciicircum{} \# \$ \% \{ \}" in latex(odd)


@pytest.mark.parametrize(
    ("ending", "words"), [(".md", "| my_run"), (".tex", r"\toprule"), (".csv", "SP low")]
)
def test_a_table_is_written_as_its_name_ends(ending: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{ending}"
    write_table(FRAME, path)
    assert words in path.read_text()
    if ending == ".csv":
        pd.testing.assert_frame_equal(pd.read_csv(path, index_col=0), FRAME)
