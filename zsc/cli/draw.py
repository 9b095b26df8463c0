"""zsc plot: curves of runs, matrices and tables, as a paper wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from zsc.cli.shared import check_new, named
from zsc.cli.watch import named_runs
from zsc.errors import UserError
from zsc.evaluation.cross_play import FILE as CROSSPLAY_FILE
from zsc.evaluation.cross_play import CrossPlay, load_crossplay
from zsc.evaluation.history import read_curves
from zsc.evaluation.tables import ENDINGS as TABLES
from zsc.evaluation.tables import write_table

_PICTURES = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class Plot:
    """Draw the curves of runs, or a cross-play; or write it as a table."""

    sources: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders (NAME=FOLDER names one), or one folder that zsc crossplay made."""
    out: Path
    """.png (300 dpi), .pdf or .svg; of a cross-play also .tex, .md or .csv for its summary."""
    metric: str = "return"
    """What is drawn: return, loss, entropy, ... of runs; return, length or an event of a matrix."""
    title: str | None = None
    """Over the picture; "" for none."""
    smooth: int = 1
    """Runs: updates that a running mean takes together."""
    band: Literal["range", "quartiles", "none"] = "range"
    """Runs: what the band over members holds."""
    seat: int | None = 0
    """Matrix: where the row sits; None for the mean over seats."""
    labels: Literal["auto", "members", "groups", "none"] = "auto"
    """Matrix: what is named."""
    annot: bool | None = None
    """Matrix: figures in the cells; where they can be read if left out."""
    vmin: float | None = None
    """Matrix: the lower end of the scale."""
    vmax: float | None = None
    """Matrix: the upper end of the scale."""
    cmap: str = "mako"
    """Matrix: a colour map of matplotlib, e.g. viridis, cividis, Greys_r."""
    no_cluster: bool = False
    """Matrix: policies in the order of the roster, like ones not side by side."""

    def __call__(self) -> None:
        """Read, draw, write."""
        if not self.sources:
            raise UserError("nothing to draw: give run folders, or one that zsc crossplay made")
        first = named(self.sources[0])[1]
        matrix = len(self.sources) == 1 and (first / CROSSPLAY_FILE).exists()
        check_new(self.out, (*_PICTURES, *TABLES) if matrix else _PICTURES)
        if matrix:
            self._matrix(load_crossplay(first))
        else:
            self._curves()
        print(f"{self.out}")

    def _matrix(self, played: CrossPlay) -> None:
        if self.out.suffix.lower() in TABLES:
            write_table(played.summary(), self.out)
            return
        from zsc.evaluation.plots import save_picture

        axes = played.heatmap(
            metric=self.metric,
            seat=self.seat,
            cluster=not self.no_cluster,
            annot=self.annot,
            labels=self.labels,
            vmin=self.vmin,
            vmax=self.vmax,
            cmap=self.cmap,
            title=self.title,
        )
        save_picture(axes, self.out)

    def _curves(self) -> None:
        from zsc.evaluation.plots import compare_curves, save_picture

        runs = named_runs(self.sources)
        curves = {name: read_curves(run, metric=self.metric) for name, run in runs.items()}
        what = "return of training episodes" if self.metric == "return" else self.metric
        axes = compare_curves(
            curves, band=self.band, smooth=self.smooth, what=what, title=self.title or ""
        )
        save_picture(axes, self.out)
