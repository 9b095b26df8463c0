"""Cross-play with names: a roster goes in, a matrix to read, draw and store comes out."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from zsc.agents.pool import Pool, check_entries
from zsc.agents.views import agents_of
from zsc.checks import seed_of
from zsc.envs.base import Environment, check_game
from zsc.errors import UserError
from zsc.evaluation.intervals import Range, pays, rough
from zsc.evaluation.matrix import Matrix, names_of
from zsc.files import Arrays, damaged, load_arrays, save_arrays
from zsc.play.crossplay import DEFAULT_BUDGET, METRICS
from zsc.play.crossplay import crossplay as play_everyone
from zsc.schema import ArrayKind, MisfitError, as_fields, as_type, check_arrays
from zsc.switches import door

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = "crossplay.safetensors"
FORMAT = 2  # 1, which said no number, kept the events of every episode among the values
_NOTES = ("metrics", "event_names", "names", "groups", "ids", "parents", "env", "seed", "greedy",
          "methods")  # fmt: skip


@dataclass(frozen=True)
class CrossPlay(Matrix):
    """A matrix that can be drawn and stored; see `Matrix` for its figures."""

    def heatmap(self, ax: Axes | None = None, **style: Any) -> Axes:
        """Draw the matrix; `style` as in `zsc.evaluation.plots.heatmap`: metric, seat, cluster,
        annot, labels, vmin, vmax, cmap, title."""
        from zsc.evaluation import plots  # pictures take a second to import

        return plots.heatmap(self, ax, **style)

    def save(self, folder: str | Path) -> Path:
        """Write folder/crossplay.safetensors: arrays "values" and "events", the rest as notes.

        Raises UserError if one is there already.
        """
        path = Path(folder) / FILE
        if path.exists():
            raise UserError(f"{path} already exists: choose another place or remove it")
        notes = {"format": FORMAT} | {name: getattr(self, name) for name in _NOTES}
        notes |= {"pays": self.pays.noted()}
        arrays = {"values": self.values, "events": self.events}
        return save_arrays(path, arrays, notes, new=True)

    def _repr_html_(self) -> str:
        title = f"<b>cross-play</b> of {len(self)} policies, {self.episodes} episodes, "
        table = self.summary()
        few = html.escape(rough(table, "policies", "SP"))
        return title + html.escape(self.env) + table.round(1).to_html() + few


@door
def crossplay(
    env: Environment,
    entries: Mapping[str, Pool],
    *,
    episodes: int = 32,
    seed: int = 0,
    greedy: bool = False,
    budget: int = DEFAULT_BUDGET,
    progress: bool = False,
) -> CrossPlay:
    """Everyone with everyone, in every seat: pools of any architecture, scripted partners too.

    entries: group name to pool. greedy: trained agents take their most likely action.
    budget: bytes that games in flight may use. progress: say how far it is. Raises UserError for an
    empty roster, no episodes, a pool of another game or version, or a matrix that clearly does not
    fit into memory.
    """
    check_game(env)
    check_entries(entries)
    seed = seed_of(seed)
    pools = [agents_of(pool, env, greedy) for pool in entries.values()]
    title = "cross-play" if progress else None
    played = play_everyone(
        env, pools, episodes=episodes, key=jax.random.key(seed), budget=budget, title=title
    )
    labels = [label for pool in pools for label in pool.labels]
    return CrossPlay(
        values=played.values,
        metrics=played.metrics,
        events=played.events,
        event_names=played.event_names,
        names=tuple(name for group, pool in entries.items() for name in names_of(group, pool)),
        groups=tuple(group for group, pool in entries.items() for _ in pool.labels),
        ids=tuple(label.id for label in labels),
        parents=tuple(label.parents for label in labels),
        env=env.spec.id,
        seed=seed,
        greedy=greedy,
        methods=tuple(label.method for label in labels),
        pays=pays(env.spec),
    )


def load_crossplay(folder: str | Path) -> CrossPlay:
    """Read what `CrossPlay.save` wrote, in this version or an earlier one.

    Raises UserError if it is missing, altered, cut short, or of a later version.
    """
    path = Path(folder)
    path = path / FILE if path.is_dir() else path
    arrays, notes = load_arrays(path)
    written = notes.get("format", 1)
    try:
        if written == 1:
            arrays, notes = _of_format_1(arrays, notes)
        elif written != FORMAT:
            raise UserError(
                f"{path} is of format {written}, this version reads {FORMAT}: update zsc"
            )
        told = as_fields(CrossPlay, notes, names=_NOTES)
        check_arrays(arrays, _axes(told), {})
        ends = as_type(tuple[float | None, float | None], notes.get("pays", (None, None)), "pays")
    except MisfitError as error:
        raise damaged(path, str(error)) from None
    pays = Range.told(ends)
    try:
        return CrossPlay(values=arrays["values"], events=arrays["events"], pays=pays, **told)
    except UserError as error:
        raise damaged(path, str(error)) from None


def _axes(told: dict[str, Any]) -> dict[str, ArrayKind]:
    """What the arrays are to be, by what the notes tell; a return may be no number."""
    size = len(told["names"])
    return {
        "values": ArrayKind(
            "f", (size, size, "seat", "episode", len(told["metrics"])), finite=False
        ),
        "events": ArrayKind("f", (size, size, "seat", len(told["event_names"]))),
    }


def _of_format_1(arrays: Arrays, notes: dict[str, Any]) -> tuple[Arrays, dict[str, Any]]:
    """A file whose metrics are "return", "length", then the events of every episode."""
    names = as_fields(CrossPlay, notes, names=("metrics",))["metrics"]
    axes = ("row", "col", "seat", "episode", len(names))
    check_arrays(arrays, {"values": ArrayKind("f", axes, finite=False)}, {})
    values, kept = arrays["values"], len(METRICS)
    split = {"metrics": names[:kept], "event_names": names[kept:]}
    return {"values": values[..., :kept], "events": values[..., kept:].mean(3)}, notes | split
