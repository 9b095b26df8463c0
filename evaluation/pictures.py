"""What all pictures share: names as text, colours that survive print, files fit for a paper."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zsc.errors import UserError, printable, shorten, unknown
from zsc.files import write_atomically

DPI = 300
FORMATS = (".png", ".pdf", ".svg")
#: Matrices: as bright as the value is large, so that a grey print and colour-blind eyes keep the
#: order (matplotlib's and seaborn's perceptually uniform maps).
SEQUENTIAL = ("mako", "viridis", "cividis", "magma", "rocket", "Greys_r")
#: Okabe & Ito (2008): eight colours that are told apart with any common colour blindness.
GROUPS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442", "#000000")
MARKERS = "osD^vPX*<>"
LINES = ("-", "--", "-.", ":")
_LONGEST = 40  # characters of a name in a picture
# letters stay letters in a PDF, which journals ask for, and in a SVG
_EMBEDDED: Any = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}


def label_text(name: str) -> str:
    """A name as matplotlib draws it, letter by letter: it may come from anybody.

    Between two dollars would be a formula, after an underscore an entry that legends leave out; a
    long one would leave no room for the picture.
    """
    text = shorten(printable(name), _LONGEST).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def group_colours(count: int) -> list[str]:
    """A colour for each of so many groups; from the ninth on they come again, so pictures with
    more groups also use names, markers or lines."""
    return [GROUPS[i % len(GROUPS)] for i in range(count)]


def colour_map(name: str) -> mpl.colors.Colormap:
    """A colour map of matplotlib or seaborn. Raises UserError, with the nearest, for another."""
    import seaborn  # noqa: F401  its maps are registered

    if name not in mpl.colormaps:
        raise unknown("colour map", name, (*SEQUENTIAL, "vlag", "coolwarm", "Blues", "inferno"))
    return mpl.colormaps[name]


def save_picture(picture: Axes | Figure, path: str | Path, *, dpi: int = DPI) -> None:
    """Write a figure, or the one that a picture is part of, as its name ends, and close it.

    .png at `dpi` (300 as journals ask), .pdf and .svg with real letters. Raises UserError for
    another ending.
    """
    figure = picture if isinstance(picture, Figure) else picture.get_figure(root=True)
    assert figure is not None
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise UserError(f"{path} is no picture: let the name end in {', '.join(FORMATS)}")
    data = io.BytesIO()
    try:
        with mpl.rc_context(_EMBEDDED):
            figure.savefig(data, dpi=dpi, format=ending.removeprefix("."), bbox_inches="tight")
    finally:
        plt.close(figure)
    write_atomically(Path(path), data.getvalue())
