"""Cross-play with names: a roster goes in, a matrix to read, draw and store comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import pandas as pd

from evaluation import stats
from zsc.crossplay import DEFAULT_BUDGET
from zsc.crossplay import crossplay as play_everyone
from zsc.envs.base import Environment
from zsc.errors import UserError, unknown
from zsc.policy import greedy as most_likely
from zsc.pool import Pool
from zsc.store import load_arrays, save_arrays
from zsc.views import at_home, scripted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = "crossplay.safetensors"
_NOTES = (*("metrics", "names", "groups", "ids", "parents", "env", "seed", "greedy", "methods"),)


@dataclass(frozen=True)
class CrossPlay:
    """What N policies of several groups earned with each other.

    values [row, col, seat, episode, metric]: the row's policy sat in `seat`, the column's in all
    others; metrics names the last axis ("return", "length", events of the row's policy).
    """

    values: np.ndarray
    metrics: tuple[str, ...]
    names: tuple[str, ...]  # "SP/0", or "bots/hog" for scripted partners
    groups: tuple[str, ...]  # the entry of the roster that each policy came from
    ids: tuple[str, ...]
    parents: tuple[tuple[str, ...], ...]  # ids of the partners that each was trained with
    env: str
    seed: int
    greedy: bool
    methods: tuple[str, ...] = ()  # of each policy's label

    def __post_init__(self) -> None:
        size, shape = len(self.names), np.shape(self.values)
        if np.asarray(self.values).dtype == object or len(shape) != 5 or shape[:2] != (size, size):
            raise UserError(
                f"values of shape {shape} for {size} policies: give [row, col, seat, episode, "
                "metric], as many episodes in every cell"
            )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def episodes(self) -> int:
        """Episodes per cell and seating."""
        return self.values.shape[3]

    def matrix(self, metric: str = "return", seat: int = 0) -> np.ndarray:
        """M [N, N]: mean over episodes, the row's policy in `seat`, the column's in the rest."""
        if metric not in self.metrics:
            raise unknown("metric", metric, self.metrics)
        return self.values[:, :, seat, :, self.metrics.index(metric)].mean(-1)

    def members(self, group: str) -> np.ndarray:
        """The places of a group's policies."""
        found = np.flatnonzero(np.array(self.groups) == group)
        if len(found) == 0:
            raise unknown("group", group, set(self.groups))
        return found

    @property
    def trained_together(self) -> np.ndarray:
        """[N, N] bool: one of the two was a training partner of the other."""
        met = np.array([[other in mine for other in self.ids] for mine in self.parents], bool)
        return met.reshape(len(self), len(self)) | met.reshape(len(self), len(self)).T

    def block(self, row_group: str, col_group: str) -> stats.Interval:
        """Mean return between two different groups over both seatings, with its interval.

        Pairs that were trained together do not count: they are not strangers. Only groups whose
        policies are runs of one method are resampled; scripted partners are taken as given.
        """
        rows, cols = self.members(row_group), self.members(col_group)
        repeats = self._repeats(rows), self._repeats(cols)
        return self._stranger_block(rows, cols, repeats)

    def summary(self) -> pd.DataFrame:
        """One row per group: SP, XP within, XP between, gap, each with 95 % node-bootstrap bounds.

        XP within is the group's other members, XP between all members of all other groups. The
        gap is SP - XP within. Intervals take a group's policies as repetitions of one method:
        a group of one policy, or of different methods (scripted partners), has none.
        """
        matrix = stats.check_matrix(self.matrix())
        rows = {}
        for group in dict.fromkeys(self.groups):
            own = self.members(group)
            repeats = self._repeats(own)
            resamples = stats.RESAMPLES if repeats else 0
            sp, xp, gap = stats.within(matrix[np.ix_(own, own)], resamples=resamples)
            others = np.setdiff1d(np.arange(len(self)), own)
            parts = {
                "SP": sp,
                "XP within": xp,
                "gap": gap,
                "XP between": self._stranger_block(own, others, (repeats, repeats)),
            }
            rows[group] = {"policies": len(own)} | {
                f"{name}{bound}": value
                for name, part in parts.items()
                for bound, value in zip(("", " low", " high"), part, strict=True)
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")

    def between_groups(self) -> pd.DataFrame:
        """Mean return of each group (rows) with each group's strangers (columns)."""
        names = list(dict.fromkeys(self.groups))
        matrix = self.matrix()
        table = {
            col: {
                row: stats.cross_play(matrix[np.ix_(self.members(row), self.members(row))])
                if row == col
                else self.block(row, col).mean
                for row in names
            }
            for col in names
        }
        return pd.DataFrame(table).rename_axis("group")

    def to_frame(self) -> pd.DataFrame:
        """Long form: one row per cell, seat and episode, one column per metric."""
        size, _, seats, episodes, _ = self.values.shape
        row, col, seat, episode = (x.reshape(-1) for x in np.indices((size, size, seats, episodes)))
        names, groups = np.array(self.names), np.array(self.groups)
        columns: dict[str, Any] = {
            "row": names[row],
            "col": names[col],
            "row_group": groups[row],
            "col_group": groups[col],
            "seat": seat,
            "episode": episode,
        }
        flat = self.values.reshape(-1, len(self.metrics))
        columns |= {metric: flat[:, i] for i, metric in enumerate(self.metrics)}
        return pd.DataFrame(columns)

    def matrix_frame(self) -> pd.DataFrame:
        """The matrix with names on both sides."""
        return pd.DataFrame(self.matrix(), index=list(self.names), columns=list(self.names))

    def heatmap(self, ax: Axes | None = None, *, cluster: bool = True) -> Axes:
        """Draw the matrix; groups stay together, and cluster sorts the members inside them."""
        from evaluation.plots import heatmap

        return heatmap(self, ax, cluster=cluster)

    def save(self, folder: str | Path) -> Path:
        """Write folder/crossplay.safetensors. Raises UserError if one is there already."""
        path = Path(folder) / FILE
        if path.exists():
            raise UserError(f"{path} already exists: choose another place or remove it")
        notes = {name: getattr(self, name) for name in _NOTES}
        return save_arrays(path, {"values": self.values}, notes)

    def _repr_html_(self) -> str:
        title = f"<b>cross-play</b> of {len(self)} policies, {self.episodes} episodes, {self.env}"
        return title + self.summary().round(1).to_html()

    def _repeats(self, members: np.ndarray) -> bool:
        """True if these policies are runs of one method."""
        return len({self.methods[i] for i in members if self.methods}) <= 1

    def _stranger_block(
        self, rows: np.ndarray, cols: np.ndarray, repeats: tuple[bool, bool]
    ) -> stats.Interval:
        """Two sets of policies over both seatings; nan if one of them is empty."""
        index = np.ix_(rows, cols)
        both = np.mean([self.matrix(seat=s) for s in range(self.values.shape[2])], axis=0)
        return stats.between(both[index], ~self.trained_together[index], repeats=repeats)


def crossplay(
    env: Environment,
    entries: Mapping[str, Pool],
    *,
    episodes: int = 32,
    seed: int = 0,
    greedy: bool = False,
    budget: int = DEFAULT_BUDGET,
) -> CrossPlay:
    """Everyone with everyone, in every seat: pools of any architecture, scripted partners too.

    entries: group name to pool. greedy: trained agents take their most likely action.
    budget: bytes that games in flight may use. Raises UserError for an empty roster, no episodes,
    or a pool of another game or version.
    """
    if not entries:
        raise UserError("the roster is empty: give at least one pool, e.g. {'SP': pool}")
    pools = [agents_of(pool, env, greedy) for pool in entries.values()]
    played = play_everyone(env, pools, episodes=episodes, key=jax.random.key(seed), budget=budget)
    labels = [label for pool in pools for label in pool.labels]
    return CrossPlay(
        values=played.values,
        metrics=played.metrics,
        names=tuple(name for group, pool in entries.items() for name in names_of(group, pool)),
        groups=tuple(group for group, pool in entries.items() for _ in pool.labels),
        ids=tuple(label.id for label in labels),
        parents=tuple(label.parents for label in labels),
        env=env.spec.id,
        seed=seed,
        greedy=greedy,
        methods=tuple(label.method for label in labels),
    )


def load_crossplay(folder: str | Path) -> CrossPlay:
    """Read what `CrossPlay.save` wrote. Raises UserError if it is missing, altered or cut short."""
    path = Path(folder)
    arrays, notes = load_arrays(path / FILE if path.is_dir() else path)
    return CrossPlay(
        values=arrays["values"],
        metrics=tuple(notes["metrics"]),
        names=tuple(notes["names"]),
        groups=tuple(notes["groups"]),
        ids=tuple(notes["ids"]),
        parents=tuple(tuple(ids) for ids in notes["parents"]),
        env=notes["env"],
        seed=notes["seed"],
        greedy=notes["greedy"],
        methods=tuple(notes["methods"]),
    )


def agents_of(pool: Pool, env: Environment, greedy: bool) -> Pool:
    """A pool as it plays: greedily or not, and in the game's encoding or its own."""
    # a script's chances are part of what it is: a greedy "random" walks north
    if greedy and not scripted(pool.policy):
        pool = pool.replace(policy=most_likely(pool.policy))  # type: ignore[attr-defined]
    return at_home(pool, env)


def names_of(group: str, pool: Pool) -> Sequence[str]:
    """Scripted partners by their names, trained ones by number; checkpoints with their stage."""
    methods = [label.method for label in pool.labels]
    if len(set(methods)) == len(methods) > 1:
        return [f"{group}/{method}" for method in methods]
    stages = {label.stage for label in pool.labels}
    if len(stages) > 1:
        return [f"{group}/{label.member}-{label.stage}" for label in pool.labels]
    return [f"{group}/{i}" for i in range(len(pool))]
