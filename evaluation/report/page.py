"""One web page that tells a cross-play: a single file, no network, made to be sent around.

Its matrix shows the figures of a cell under the pointer and plays the cell's episode on a click;
its tables can be sorted; its last part says where everything is from.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from zsc.agents.pool import Label, Pool
from zsc.agents.views import agents_of
from zsc.envs.base import Environment
from zsc.errors import UserError, shorten
from zsc.evaluation.heldout import Score
from zsc.evaluation.intervals import rough
from zsc.evaluation.matrix import Matrix
from zsc.evaluation.metrics import compatibility_clusters, group_order
from zsc.evaluation.report.clips import Clips, cell_clips
from zsc.evaluation.stats import check_matrix
from zsc.files import library_versions, write_text
from zsc.play.teams import team_reward
from zsc.switches import door

FILMS = 1024  # cells whose episode is carried along: all of 32 policies
_CURVE_POINTS = 160


@dataclass(frozen=True)
class Provenance:
    """Where a group's agents are from: a title, and facts in words."""

    title: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Extras:
    """What a report can tell beside the matrix.

    pools: the roster, by group; with it the page plays episodes and knows the agents' labels.
    curves: per group (steps [updates], returns [updates, M]). score: a held-out score.
    """

    pools: Mapping[str, Pool] = field(default_factory=dict)
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    provenance: Sequence[Provenance] = ()
    score: Score | None = None
    command: str = ""


@door
def write_report(
    path: str | Path,
    env: Environment,
    played: Matrix,
    extras: Extras | None = None,
    *,
    films: int = FILMS,
    progress: bool = False,
) -> Path:
    """Write the page. films: at most so many cells play their episode. progress: say how far it is.

    With more cells than that, every policy is shown with itself, its best and its worst partner.
    Raises UserError if the file exists, or if cells of the matrix are not numbers.
    """
    target = Path(path)
    if target.exists():
        raise UserError(f"{target} already exists: choose another --out or remove it")
    extras = extras or Extras()
    check_matrix(played.matrix())
    ids = tuple(id for pool in extras.pools.values() for id in pool.ids)
    if extras.pools and ids != played.ids:
        raise UserError("these are not the agents of the cross-play: give its own pools, in order")
    parts = {
        "@DATA@": _json(report_data(env, played, extras)),
        "@CLIPS@": _packed(_films(env, played, extras, films, progress)),
        "@TITLE@": html.escape(f"Cross-play on {played.env}"),
    }
    page = resources.files(__package__).joinpath("report.html").read_text("utf-8")
    # all at once: a name may be one of the marks
    page = re.sub("|".join(parts), lambda mark: parts[mark[0]], page)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, page, new=True)
    return target


def _films(
    env: Environment, played: Matrix, extras: Extras, most: int, progress: bool
) -> Clips | None:
    """The films of the page; none, with a warning, of a game that cannot be drawn."""
    if not extras.pools or most < 1:
        return None
    pools = [agents_of(pool, env, played.greedy) for pool in extras.pools.values()]
    try:
        cells = chosen_cells(played.matrix(), most)
        return cell_clips(env, pools, played, cells, progress=progress)
    except UserError:
        raise
    except Exception as error:  # a game draws itself, and may fail in any way
        why = shorten(f"{type(error).__name__}: {error}", 200)
        warnings.warn(f"the page has no films, {env.spec.id} cannot be drawn: {why}", stacklevel=3)
        return None


def chosen_cells(matrix: np.ndarray, most: int) -> list[tuple[int, int]]:
    """All cells, or for each policy the one with itself, its best and its worst partner."""
    size = len(matrix)
    if size * size <= most:
        return [(i, j) for i in range(size) for j in range(size)]
    chosen = [(i, i) for i in range(size)]
    for i in range(size):
        others = np.array([j for j in range(size) if j != i])
        chosen += [(i, int(others[matrix[i, others].argmin()]))]
        chosen += [(i, int(others[matrix[i, others].argmax()]))]
    return list(dict.fromkeys(chosen))[:most]


def report_data(env: Environment, played: Matrix, extras: Extras) -> dict[str, Any]:
    """Everything that the page shows, as plain values."""
    matrix = played.matrix()
    seats = [played.matrix(seat=s) for s in range(played.seats)]
    spread = played.games("return").std(-1, ddof=1 if played.episodes > 1 else 0)
    varied = [m for m in played.metrics if np.ptp(played.games(m)) > 0]
    happened = np.array(played.event_names)[played.events.any((0, 1, 2))].tolist()
    labels = [label for pool in extras.pools.values() for label in pool.labels]
    clusters, summary = compatibility_clusters(matrix), played.summary()
    return {
        "env": played.env,
        "episodes": played.episodes,
        "seed": played.seed,
        "how": "most likely actions" if played.greedy else "sampled actions",
        "seats": len(seats),
        "team_reward": team_reward(env),
        "names": played.names,
        "groups": played.groups,
        "order": {
            "group": group_order(matrix, played.groups).tolist(),
            "roster": list(range(len(matrix))),
            "cluster": np.lexsort((-matrix.mean(1), clusters)).tolist(),
        },
        "metrics": {
            name: [_rounded(played.matrix(name, seat)) for seat in range(len(seats))]
            for name in dict.fromkeys(["return", *varied, *happened])
        },
        "spread": [_rounded(spread[:, :, seat]) for seat in range(len(seats))],
        "together": played.trained_together.astype(int).tolist(),
        "policies": _policies(played, seats, clusters, labels),
        "summary": _table(summary.reset_index(), intervals=True),
        "few": rough(summary, "policies", "SP"),
        "between": _table(played.between_groups().reset_index()),
        "score": None if extras.score is None else _score(extras.score),
        "curves": {name: _curve(*curve) for name, curve in extras.curves.items()},
        "provenance": [{"title": p.title, "facts": dict(p.facts)} for p in extras.provenance],
        "command": extras.command,
        "versions": library_versions(),
        "game": {
            "agents": env.spec.num_agents,
            "actions": env.spec.num_actions,
            "horizon": env.spec.horizon,
            "version": env.spec.version,
        },
    }


def _policies(
    played: Matrix, seats: list[np.ndarray], clusters: np.ndarray, labels: Sequence[Label]
) -> dict[str, Any]:
    """The table of policies."""
    both = np.mean(seats, axis=0)
    apart = played.strangers
    rows = []
    for i, name in enumerate(played.names):
        others = both[i][apart[i]]
        worst = np.flatnonzero(apart[i])[others.argmin()] if len(others) else None
        row = {
            "policy": name,
            "method": played.methods[i] if played.methods else "",
            "with itself": float(np.diag(both)[i]),
            "with strangers": float(others.mean()) if len(others) else None,
            "worst partner": "" if worst is None else played.names[worst],
            "with the worst": float(others.min()) if len(others) else None,
            "cluster": int(clusters[i]),
        }
        if labels:
            row |= {"steps": labels[i].step, "seed": labels[i].seed}
        rows.append(row | {"id": played.ids[i]})
    return _table(pd.DataFrame(rows))


def _score(score: Score) -> dict[str, Any]:
    summary = score.summary()
    return {
        "roster": score.roster,
        "summary": _table(summary.reset_index(), intervals=True),
        "few": rough(summary, "agents", "score"),
        "partners": _table(score.by_partner().rename_axis("partner").reset_index()),
    }


def _table(frame: pd.DataFrame, *, intervals: bool = False) -> dict[str, Any]:
    """Columns and rows; what is not a number is None.

    intervals: "x", "x low", "x high" become one column, as our own tables name them. Groups have
    whatever names their users like.
    """
    ends = (" low", " high")
    columns = [c for c in frame.columns if not (intervals and str(c).endswith(ends))]
    rows = []
    for _, line in frame.iterrows():
        cells = []
        for column in columns:
            value = _plain(line[column])
            bounds = [_plain(line.get(f"{column}{end}")) for end in ends] if intervals else [None]
            cells.append(value if None in bounds else [value, *bounds])
        rows.append(cells)
    return {"columns": [str(c) for c in columns], "rows": rows}


def _curve(steps: np.ndarray, returns: np.ndarray) -> dict[str, Any]:
    """At most _CURVE_POINTS points, each the mean of what it stands for."""
    parts = np.array_split(np.arange(len(steps)), min(_CURVE_POINTS, len(steps)))
    return {
        "steps": [float(np.asarray(steps)[part].mean()) for part in parts],
        "members": _rounded(np.stack([np.asarray(returns)[part].mean(0) for part in parts]).T),
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    if not np.isfinite(number):
        return None
    return int(number) if number == int(number) and abs(number) < 2**53 else round(number, 4)


def _rounded(values: np.ndarray) -> list[Any]:
    """Nested lists of numbers, None for what is none: a stopped member earns nothing any more."""
    rounded = np.round(np.asarray(values, float), 3)
    told = rounded.astype(object)
    told[~np.isfinite(rounded)] = None
    return told.tolist()


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _packed(clips: Clips | None) -> str:
    if clips is None:
        return ""
    data = json.dumps(clips._asdict(), separators=(",", ":")).encode()
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()
