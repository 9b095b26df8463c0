"""zsc watch, compare: what run folders tell while they grow, and side by side."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro

from zsc.cli.chart import chart, short
from zsc.cli.shared import named
from zsc.errors import UserError, printable
from zsc.evaluation.history import (
    Curve,
    member_mean,
    read_curves,
    read_validation,
    smoothed,
)
from zsc.files import read_json, read_rows
from zsc.train.run import read_manifest

_LAST = 0.1  # the share of a training whose mean stands for its end
_POINTS = 400  # of a line in a terminal
_UNKNOWN = "-"


@dataclass(frozen=True)
class Watch:
    """Show the curves of a run while it learns. Ctrl-C ends the watching, not the training."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders; NAME=FOLDER names one."""
    metric: str = "return"
    """What is drawn: return, loss, entropy, ... as metrics.jsonl has it."""
    every: float = 1.0
    """Seconds between two looks."""
    once: bool = False
    """Draw once and end, as where there is no terminal."""

    def __call__(self) -> None:
        """Look until all runs are finished."""
        from rich import get_console
        from rich.live import Live

        if not self.every > 0:
            raise UserError(f"every is {self.every}: give seconds above 0")
        runs = named_runs(self.runs)
        console = get_console()
        if self.once or not console.is_terminal:
            console.print(self._picture(runs, console.width), soft_wrap=True)
            return
        with Live(console=console, auto_refresh=False) as live:
            while True:
                live.update(self._picture(runs, console.width), refresh=True)
                if all(finished(folder) for folder in runs.values()):
                    return
                time.sleep(self.every)

    def when_stopped(self) -> str:
        """Nothing: whoever stops looking knows it."""
        return ""

    def _picture(self, runs: dict[str, Path], width: int) -> Any:
        """Curves, and a line for each run."""
        lines: dict[str, Curve] = {}
        for name, folder in runs.items():
            lines |= _lines(name, folder, self.metric)
        text = chart(lines, width=min(width, 110))
        for name, folder in runs.items():
            text.append(f"\n{printable(name)}: {in_words(folder)}")
        return text


@dataclass(frozen=True)
class Compare:
    """Put runs side by side: settings and returns."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders; NAME=FOLDER names one."""
    all: bool = False
    """Show the settings that are the same, too."""

    def __call__(self) -> None:
        """Read and print."""
        table = comparison(named_runs(self.runs), everything=self.all)
        print(table.to_string())
        print(
            f"\nreturn: mean [least, largest] member in the last {_LAST:.0%} of the training; "
            "settings that differ" + (", and the others" if self.all else "; --all for the others")
        )


def named_runs(runs: tuple[Path, ...]) -> dict[str, Path]:
    """Run folders by name, told apart by as much of their paths as it takes. Raises UserError."""
    if not runs:
        raise UserError("no runs: give the folders of one or more")
    given = [named(run) for run in runs]
    names = [name for name, _ in given]
    if len(set(names)) < len(names):  # the part of the paths in which they differ
        above = Path(os.path.commonpath([folder.absolute() for _, folder in given]))
        names = [
            name if folder != run else str(folder.absolute().relative_to(above))
            for run, (name, folder) in zip(runs, given, strict=True)
        ]
    if len(set(names)) < len(names):
        raise UserError("one run is given twice: give each once")
    for _, folder in given:
        read_manifest(folder)
    return dict(zip(names, (folder for _, folder in given), strict=True))


def finished(folder: Path) -> bool:
    """True once the agents are written."""
    return (folder / "pool" / "manifest.json").exists()


def in_words(folder: Path) -> str:
    """How far a run is, how fast, and what it earns."""
    manifest, file = read_manifest(folder), _newest(folder)
    told = f"{manifest.method} in {manifest.env}"
    rows = read_rows(file) if file is not None else []
    if not rows:
        return f"{told}, not begun"
    last = rows[-1]
    stage = file.stem.removeprefix("metrics").lstrip("-") if file is not None else ""
    steps, total = int(last.get("steps", 0)), _budget(folder, stage)
    told += f", {stage}" if stage else ""
    told += f", {short(steps)}" + (f" of {short(total)} steps" if total else " steps")
    if "return" in last:
        each = np.asarray(last["return"], float)
        told += f", return {np.nanmean(each):.3g} [{np.nanmin(each):.3g}, {np.nanmax(each):.3g}]"
    if finished(folder):
        return told + ", finished"
    began = float(rows[0].get("seconds", 0.0))
    rate = (steps - int(rows[0].get("steps", 0))) / max(float(last["seconds"]) - began, 1e-9)
    if total and len(rows) > 1 and rate > 0:
        told += f", {max(total - steps, 0) / rate:.0f} s to go"
    return told


def comparison(runs: dict[str, Path], *, everything: bool = False) -> pd.DataFrame:
    """A column for each run: what came out, and the settings in which they differ."""
    columns = {name: _facts(folder) for name, folder in runs.items()}
    settings = {name: _settings(folder) for name, folder in runs.items()}
    keys = dict.fromkeys(key for told in settings.values() for key in told)
    for key in keys:
        values = [told.get(key, _UNKNOWN) for told in settings.values()]
        if everything or len(set(values)) > 1:
            for name, value in zip(columns, values, strict=True):
                columns[name][key] = value
    return pd.DataFrame(columns).fillna(_UNKNOWN)


def final_return(folder: Path) -> tuple[float, float, float]:
    """Mean, least and largest member over the last tenth of a training. Raises UserError."""
    _, values = read_curves(folder)
    last = values[-max(1, round(len(values) * _LAST)) :]
    well = np.isfinite(last)
    each = np.where(well, last, 0.0).sum(0) / np.maximum(well.sum(0), 1)
    return float(each.mean()), float(each.min()), float(each.max())


def _facts(folder: Path) -> dict[str, str]:
    """What came out of a run, in words."""
    told = {"state": "finished" if finished(folder) else "under way or stopped"}
    try:
        mean, least, most = final_return(folder)
        told["return"] = f"{mean:.3g} [{least:.3g}, {most:.3g}]"
        told["steps"] = short(float(read_curves(folder)[0][-1]))
    except UserError:  # not begun, or clones, who never played
        told["return"] = _UNKNOWN
    if (folder / "validation.jsonl").exists():
        _, others = read_validation(folder)
        told["with others, at best"] = f"{others.max(0).mean():.3g}"
    file = _newest(folder)
    rows = read_rows(file) if file is not None else []
    if rows:
        told["seconds"] = f"{float(rows[-1].get('seconds', 0.0)):.0f}"
    return told


def _settings(folder: Path) -> dict[str, str]:
    """Every setting of a run by its dotted name."""
    told = read_json(folder / "manifest.json")
    kept = {name: told.get(name) for name in ("method", "env", "seed", "env_settings", "recipe",
                                              "learning", "git", "libraries")}  # fmt: skip
    return {name: printable(str(value)) for name, value in _flat(kept).items()}


def _flat(told: Any, outer: str = "") -> dict[str, Any]:
    if not isinstance(told, dict):
        return {outer: told}
    found: dict[str, Any] = {}
    for name, value in told.items():
        found |= _flat(value, f"{outer}.{name}" if outer else str(name))
    return found


def _newest(folder: Path) -> Path | None:
    """The file of metrics that was written last: of the stage that is under way."""
    files = list(folder.glob("metrics*.jsonl"))
    return max(files, key=lambda path: path.stat().st_mtime) if files else None


def _budget(folder: Path, stage: str) -> float | None:
    """Environment steps that a stage is to take; None where the manifest does not say."""
    learning = read_json(folder / "manifest.json").get("learning")
    if not isinstance(learning, dict) or not learning:
        return None
    stages = list(learning.values())
    told = stages[0 if stage else -1]
    steps = told.get("steps") if isinstance(told, dict) else None
    return float(steps) if isinstance(steps, (int, float)) else None


def _lines(name: str, folder: Path, metric: str) -> dict[str, Curve]:
    """A run's mean over members, and what they earn with the partners who judge them."""
    file = _newest(folder)
    if file is None:
        return {}
    stage = file.stem.removeprefix("metrics").lstrip("-")
    try:
        steps, values = read_curves(folder, stage, metric)
    except UserError:
        if file.stat().st_size:  # begun, and without this metric
            raise
        return {}
    part = max(1, len(steps) // _POINTS)
    mean = member_mean(smoothed(values, max(part, len(steps) // 100)))
    found = {printable(name): (steps[::part], mean[::part])}
    if metric == "return" and (folder / "validation.jsonl").exists():
        judged = read_rows(folder / "validation.jsonl")
        if judged:
            looks, others = read_validation(folder)
            found[f"{printable(name)} with others"] = (looks, member_mean(others))
    return found
