"""zsc score, report: what agents are worth with partners that they never met, and telling it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro

from zsc import interrupts
from zsc.agents.pool import Pool, load_pool
from zsc.agents.pool import read_manifest as read_pool_manifest
from zsc.cli.shared import (
    CROSSPLAY_FORMAT,
    CrossPlayManifest,
    check_new,
    command_line,
    env_of,
    named,
    named_pools,
    new_folder,
    with_bots,
)
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.evaluation import CrossPlay, crossplay, load_crossplay
from zsc.evaluation.cross_play import FILE as CROSSPLAY_FILE
from zsc.evaluation.heldout import HeldOut, Score, check_held_out, list_rosters, roster, score
from zsc.evaluation.history import read_curves
from zsc.evaluation.intervals import rough
from zsc.evaluation.report.page import FILMS, Extras, Provenance, write_report
from zsc.evaluation.tables import interval_text
from zsc.files import fitted, read_json, write_text
from zsc.train.run import read_manifest


@dataclass(frozen=True)
class ScoreRuns:
    """Score pools with held-out partners: a named roster that ships with the package, or your
    own."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run or pool folders; NAME=FOLDER gives a pool a name of its own."""
    roster: str | None = None
    """The roster, e.g. overcooked/cramped_room@1, or the folder of your own (zsc roster make); the
    newest of the runs' game if left out."""
    episodes: int = 64
    """Episodes with each partner and seating."""
    seed: int = 0
    greedy: bool = False
    """Most likely actions instead of sampled ones."""
    out: Path | None = None
    """Folder to make with score.csv, partners.csv and cells.csv."""

    def __call__(self) -> None:
        """Play, print the tables, write them."""
        if self.out is not None:
            check_new(self.out)
        pools = named_pools(self.runs)
        held = roster(self.roster or next(iter(pools.values())).home.env)
        found = score(
            held.env,
            pools,
            held,
            episodes=self.episodes,
            seed=self.seed,
            greedy=self.greedy,
            progress=True,
        )
        if self.out is not None:
            with new_folder(self.out):
                write_text(self.out / "cells.csv", found.to_frame().to_csv(index=False))
                write_text(self.out / "partners.csv", found.by_partner().to_csv())
                write_text(self.out / "score.csv", found.summary().to_csv())
        print(score_text(found))
        if self.out is not None:
            print(f"tables in {self.out}")

    def when_stopped(self) -> str:
        """What to say if it was stopped."""
        kept = self.out is not None and (self.out / "score.csv").exists()
        return f"stopped; the tables are in {self.out}" if kept else interrupts.NOTHING


@dataclass(frozen=True)
class Report:
    """Write one web page about a cross-play: matrix with episodes to watch, tables, curves."""

    sources: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders (NAME=FOLDER names them), or one folder that zsc crossplay made."""
    out: Path
    """The .html file to write; it must not exist."""
    episodes: int = 32
    """Episodes per cell and seating."""
    seed: int = 0
    greedy: bool = False
    """Most likely actions instead of sampled ones."""
    bots: bool = False
    """Invite the game's scripted partners too."""
    score: bool = False
    """Add the score with held-out partners."""
    roster: str | None = None
    """Whose partners: as of zsc score."""
    films: int = FILMS
    """At most so many cells can play their episode; 0 for a small page."""

    def __call__(self) -> None:
        """Play or read, write the page."""
        check_new(self.out, (".html", ".htm"))
        if not self.sources:
            raise UserError("nothing to report: give run folders, or one that zsc crossplay made")
        runs, bots, played, command = self._what()
        env, trained = env_of(tuple(runs.values())), {n: load_pool(f) for n, f in runs.items()}
        held = self._held(env, trained)
        pools = with_bots(trained, env) if bots else trained
        if played is None:
            played = crossplay(
                env,
                pools,
                episodes=self.episodes,
                seed=self.seed,
                greedy=self.greedy,
                progress=True,
            )
        extras = Extras(
            pools=pools,
            curves=_curves(runs),
            provenance=[_provenance(name, folder) for name, folder in runs.items()],
            score=self._scored(held, trained, played),
            command=command,
        )
        write_report(self.out, env, played, extras, films=self.films, progress=True)
        print(f"{self.out}: {self.out.stat().st_size / 1e6:.1f} MB, open it in any browser")

    def _what(self) -> tuple[dict[str, Path], bool, CrossPlay | None, str]:
        """Runs by name, whether bots play, the cross-play if it was played, and the command."""
        first = named(self.sources[0])[1]
        if len(self.sources) > 1 or not (first / CROSSPLAY_FILE).exists():
            pools = named_pools(self.sources)  # refuses two of one name
            runs = dict(zip(pools, (named(source)[1] for source in self.sources), strict=True))
            return runs, self.bots, None, command_line()
        told = read_json(first / "manifest.json")
        if told.get("format") != CROSSPLAY_FORMAT:
            raise UserError(f"{first} does not say which runs played: give the run folders instead")
        manifest = fitted(CrossPlayManifest, told, first / "manifest.json")
        runs = {name: Path(folder) for name, folder in manifest.runs.items()}
        for folder in runs.values():
            if not folder.exists():
                raise UserError(
                    f"{folder}, which played in {first}, is not there: run this where the "
                    "cross-play was made, or give the run folders"
                )
        return runs, manifest.bots, load_crossplay(first), manifest.command

    def _scored(
        self, held: HeldOut | None, pools: dict[str, Pool], played: CrossPlay
    ) -> Score | None:
        if held is None:
            return None
        return score(held.env, pools, held, seed=played.seed, greedy=played.greedy, progress=True)

    def _held(self, env: Environment, pools: dict[str, Pool]) -> HeldOut | None:
        """The roster to score with, if that is asked for; refused before anything is played."""
        if not self.score and self.roster is None:
            return None
        known = {name.rsplit("@", 1)[0] for name in list_rosters()}
        if self.roster is None and env.spec.id not in known:
            raise UserError(f"there is no roster for {env.spec.id}: leave out --score")
        held = roster(self.roster or env.spec.id)
        for name, pool in pools.items():
            check_held_out(name, pool, held)
        return held


def score_text(found: Score) -> str:
    """The score as tables of plain text: means with their 95 % intervals."""
    table = found.summary()
    large = found.best.max() > 30
    columns = {
        "score": 0 if large else 2,
        "BR-Prox": 2,
        "BR-Prox unclipped": 2,
        "regret": 0 if large else 2,
        "worst partner": 0 if large else 2,
        "worst quarter": 0 if large else 2,
    }
    lines = {
        group: [str(int(row["agents"]))]
        + [_interval(row, name, digits) for name, digits in columns.items()]
        + [f"{row['above best']:.0%}"]
        for group, row in table.iterrows()
    }
    heads = ["agents", *columns, "above best"]
    shown = pd.DataFrame.from_dict(lines, orient="index", columns=heads).to_string()
    partners = found.by_partner().map(lambda x: f"{x:.0f}" if large else f"{x:.2f}")
    partners["seats"] = found.by_partner()["seats"]
    cells, few = int(found.counts.sum()), rough(table, "agents", "score")
    return (
        f"{found.roster}: {cells} cells (partner and seat), {found.values.shape[3]} episodes each, "
        f"{'most likely' if found.greedy else 'sampled'} actions, seed {found.seed}\n\n{shown}\n\n"
        f"mean return with each partner\n{partners.to_string()}\n\n"
        "score: mean return; BR-Prox: IQM of the share of the best response's return; intervals "
        "(95 %)\nresample agents; above best: share of cells in which an agent beats the best "
        "response" + (f"\n{few}" if few else "")
    )


def _interval(row: Any, name: str, digits: int) -> str:
    return interval_text(*(row[f"{name}{end}"] for end in ("", " low", " high")), digits=digits)


def _curves(runs: dict[str, Path]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The learning curves of the runs that have some."""
    found = {}
    for name, folder in runs.items():
        try:
            found[name] = read_curves(folder)
        except UserError:  # a pool without its run, or clones, who never played
            continue
    return found


def _provenance(name: str, folder: Path) -> Provenance:
    """What a run's and its pool's manifests tell."""
    facts = {"folder": str(folder)}
    agents = folder
    if read_json(folder / "manifest.json").get("format") == "zsc-run":
        run, agents = read_manifest(folder), folder / "pool"
        facts |= {
            "method": run.method,
            "recipe": json.dumps(run.recipe),
            "environment": f"{run.env} {json.dumps(run.env_settings)}",
            "seed": str(run.seed),
            "git revision": run.git or "",
            "command": run.command,
        }
    pool = read_pool_manifest(agents)
    libraries = ", ".join(f"{n} {v}" for n, v in pool.libraries.items())
    return Provenance(name, facts | {"pool sha256": pool.sha256, "libraries": libraries})
