"""`zsc envs --generate`: a sheet of kitchens and a line for each."""

from __future__ import annotations

import pytest
from PIL import Image

from zsc.cli.games import Envs
from zsc.cli.kitchens import sheet
from zsc.envs.overcooked import digest, random_layouts
from zsc.errors import UserError


def test_a_sheet_and_a_line_for_each_kitchen(tmp_path, capsys):
    out = tmp_path / "sheet.png"
    Envs(generate=5, seed=3, size="5x6", out=out)()
    said = capsys.readouterr().out.splitlines()
    layouts = random_layouts(3, 5, (5, 6))
    assert [line.split()[1] for line in said[:-1]] == [digest(layout) for layout in layouts]
    assert said[-1] == f"drawn in {out}"
    with Image.open(out) as picture:
        assert picture.size == sheet(layouts).size
    with pytest.raises(UserError, match="is there: name another file by --out"):
        Envs(generate=5, out=out)()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"generate": 0}, "ask for 1 to 200"),
        ({"generate": 2, "size": "7"}, "give rows and columns, such as 7x8"),
        ({"generate": 2, "size": "2x2"}, "at least 3 rows and 5 columns"),
    ],
)
def test_sheets_that_cannot_be_are_refused(settings, message, tmp_path):
    with pytest.raises(UserError, match=message):
        Envs(out=tmp_path / "x.png", **settings)()
    assert not list(tmp_path.iterdir())
