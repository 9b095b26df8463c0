"""zsc crossplay: who plays with whom, and what is written about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from zsc import interrupts
from zsc.agents.pool import Pool
from zsc.cli.shared import (
    CROSSPLAY_FORMAT,
    Machine,
    check_new,
    command_line,
    env_of,
    named,
    named_pools,
    with_bots,
)
from zsc.envs.base import Environment
from zsc.errors import UserError, printable, shorten
from zsc.evaluation import CrossPlay, crossplay, load_crossplay
from zsc.evaluation.cross_play import FILE as CROSSPLAY_FILE
from zsc.evaluation.intervals import rough
from zsc.evaluation.plots import save_picture
from zsc.files import write_json, write_text
from zsc.machine.cluster import leads

_HEATMAP = "heatmap.png"


@dataclass(frozen=True)
class CrossPlayRuns:
    """Let the pools of several runs play each other."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run or pool folders; NAME=FOLDER gives a pool a name of its own."""
    out: Path
    """Folder to make: values, matrix.csv, summary.csv, heatmap.png."""
    episodes: int = 32
    """Episodes per cell and seating."""
    seed: int = 0
    greedy: bool = False
    """Most likely actions instead of sampled ones."""
    bots: bool = False
    """Invite the game's scripted partners too."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Play, write, print the table."""
        if not unfinished(self.out):
            check_new(self.out)
        entries = named_pools(self.runs)
        env = env_of(self.runs)
        if self.bots:
            entries = with_bots(entries, env)
        began = time.perf_counter()
        played = self._kept(env, entries) or crossplay(
            env,
            entries,
            episodes=self.episodes,
            seed=self.seed,
            greedy=self.greedy,
            progress=True,
        )
        seconds = time.perf_counter() - began
        if not leads():
            return
        notes = {"format": CROSSPLAY_FORMAT, "command": command_line(), "bots": self.bots}
        runs = {name: str(named(run)[1]) for name, run in zip(entries, self.runs, strict=False)}
        drawn = write_crossplay(played, self.out, notes | {"runs": runs})
        print(summary_text(played))
        size = len(played)
        print(f"{size} x {size} policies in {seconds:.1f} s; {drawn}")

    def when_stopped(self) -> str:
        """What to say if it was stopped."""
        if not unfinished(self.out):
            return interrupts.NOTHING
        return f"stopped; {self.out} keeps the games: the same command does the rest"

    def _kept(self, env: Environment, entries: dict[str, Pool]) -> CrossPlay | None:
        """The same cross-play, if --out holds its games and lacks what comes after them."""
        if not self.out.exists():
            return None
        found = load_crossplay(self.out)
        ids = tuple(name for pool in entries.values() for name in pool.ids)
        groups = tuple(group for group, pool in entries.items() for _ in pool.labels)
        asked = (env.spec.id, groups, ids, self.episodes, self.seed, self.greedy)
        kept = (found.env, found.groups, found.ids, found.episodes, found.seed, found.greedy)
        if asked != kept:
            raise UserError(f"{self.out} holds another cross-play: choose another --out")
        return found


def unfinished(folder: Path) -> bool:
    """True if a cross-play's games are kept in a folder and its picture is not."""
    return (folder / CROSSPLAY_FILE).exists() and not (folder / _HEATMAP).exists()


def write_crossplay(played: CrossPlay, folder: Path, manifest: dict[str, Any] | None = None) -> str:
    """Games, matrix.csv, summary.csv, a manifest if one is given, and last heatmap.png.

    In words where the picture is, or why there is none: nothing else depends on it.
    """
    import matplotlib

    matplotlib.use("Agg")
    if not (folder / CROSSPLAY_FILE).exists():
        played.save(folder)
    write_text(folder / "matrix.csv", played.matrix_frame().to_csv())
    write_text(folder / "summary.csv", played.summary().to_csv())
    if manifest is not None:
        write_json(folder / "manifest.json", manifest)
    return drawn(lambda: save_picture(played.heatmap(), folder / _HEATMAP), folder / _HEATMAP)


def drawn(draw: Callable[[], object], path: Path) -> str:
    """Draw a picture; in words where it is, or that it could not be drawn and why.

    It comes after all that was worked out, and that has to be told whatever becomes of it.
    """
    try:
        draw()
    except Exception as error:  # of libraries for pictures, in any way
        why = shorten(printable(f"{type(error).__name__}: {error}"), 200)
        return f"{path.name} could not be drawn ({why}); the rest is written"
    return f"{path.stem}: {path}"


def summary_text(played: CrossPlay) -> str:
    """The summary as a table of plain text: means with their 95 % intervals."""
    table = played.summary()
    digits = 0 if table["SP"].max() > 30 else 2
    lines = [f"{'':>10s} {'policies':>8s} {'SP':>16s} {'XP within':>18s} {'XP between':>18s}"]
    for group, row in table.iterrows():
        cells = [f"{printable(str(group)):>10s} {int(row['policies']):8d}"]
        for name, width in (("SP", 16), ("XP within", 18), ("XP between", 18)):
            mean, low, high = row[name], row[f"{name} low"], row[f"{name} high"]
            text = "-" if np.isnan(mean) else f"{mean:.{max(digits, 1)}f}"
            text += "" if np.isnan(low) else f" [{low:.{digits}f}, {high:.{digits}f}]"
            cells.append(f"{text:>{width}s}")
        lines.append(" ".join(cells))
    lines.append("means of true returns; 95 % intervals by resampling policies (node bootstrap)")
    few = rough(table, "policies", "SP")
    lines += [few] if few else []
    return "\n".join(lines)
