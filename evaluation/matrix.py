"""A cross-play matrix as a value: figures, names, who is in which group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from zsc.agents.pool import Pool
from zsc.errors import UserError, unknown
from zsc.evaluation import stats
from zsc.evaluation.intervals import ANYTHING, RESAMPLES, Interval, Range


@dataclass(frozen=True)
class Matrix:
    """What N policies of several groups earned and did with each other.

    The row's policy sat in `seat`, the column's in all others. Returns are the row's own: in a game
    that pays the team all seats of an episode have the same, one that pays each by itself has a
    matrix for each seat.
    """

    values: np.ndarray  # [row, col, seat, episode, metric]
    metrics: tuple[str, ...]  # of the last axis: "return", "length"
    events: np.ndarray  # [row, col, seat, F] the row's events, the mean per episode
    event_names: tuple[str, ...]  # [F]
    names: tuple[str, ...]  # [N] "SP/0", or "bots/hog" for scripted partners
    groups: tuple[str, ...]  # [N] the entry of the roster that each policy came from
    ids: tuple[str, ...]  # [N]
    parents: tuple[tuple[str, ...], ...]  # [N] ids of the partners that each was trained with
    env: str
    seed: int
    greedy: bool
    methods: tuple[str, ...] = ()  # [N] of each policy's label
    pays: Range = ANYTHING  # what a mean return can be in this game

    def __post_init__(self) -> None:
        size, shape = len(self.names), np.shape(self.values)
        if np.asarray(self.values).dtype == object or len(shape) != 5 or shape[:2] != (size, size):
            raise UserError(
                f"values of shape {shape} for {size} policies: give [row, col, seat, episode, "
                "metric], as many episodes in every cell"
            )
        wanted = (*shape[:3], len(self.event_names))
        if np.shape(self.events) != wanted:
            raise UserError(
                f"events of shape {np.shape(self.events)}: give [row, col, seat, event], here "
                f"{wanted}"
            )
        if shape[4] != len(self.metrics):
            raise UserError(f"{len(self.metrics)} metrics for {shape[4]} figures: name each once")
        for what in ("groups", "ids", "parents", "methods"):
            given = len(getattr(self, what))
            if given != size and (what != "methods" or given):
                raise UserError(f"{given} {what} for {size} policies: give one for each")

    def __len__(self) -> int:
        return len(self.names)

    # figures

    @property
    def seats(self) -> int:
        """Seats of the game."""
        return self.values.shape[2]

    @property
    def episodes(self) -> int:
        """Episodes per cell and seating."""
        return self.values.shape[3]

    def matrix(self, metric: str = "return", seat: int = 0) -> np.ndarray:
        """M [N, N]: mean per episode, the row's policy in `seat`, the column's in the rest.

        metric: one of `metrics`, or an event of the row's policy. Raises UserError for another.
        """
        if metric in self.event_names and metric not in self.metrics:
            return self.events[:, :, seat, self.event_names.index(metric)]
        return self.games(metric)[:, :, seat].mean(-1)

    def games(self, metric: str = "return") -> np.ndarray:
        """[row, col, seat, episode] one of `metrics` of every game.

        Raises UserError for another, and for events: of those only means are kept.
        """
        if metric in self.event_names and metric not in self.metrics:
            raise UserError(
                f"{metric!r} is an event, of which the mean per episode is kept: take "
                "matrix() or events, or record the games"
            )
        if metric not in self.metrics:
            raise unknown("metric", metric, (*self.metrics, *self.event_names))
        return self.values[..., self.metrics.index(metric)]

    # who is who

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

    @property
    def same_agent(self) -> np.ndarray:
        """[N, N] bool: both are the same agent, in its own place or as a copy in another group."""
        ids = np.array(self.ids)
        return ids[:, None] == ids[None]

    @property
    def strangers(self) -> np.ndarray:
        """[N, N] bool: two different agents of which none was a training partner of the other."""
        return ~self.same_agent & ~self.trained_together

    def different(self, members: np.ndarray) -> np.ndarray:
        """Those places [n] whose agents are all different: of copies the first."""
        ids = np.array(self.ids)[members]
        return members[np.sort(np.unique(ids, return_index=True)[1])]

    def repeats(self, members: np.ndarray) -> bool:
        """True if these policies are runs of one method."""
        return len({self.methods[i] for i in members if self.methods}) <= 1

    # statistics

    def block(self, row_group: str, col_group: str) -> Interval:
        """Mean return of two groups with one another over both seatings, with its interval.

        An agent with itself, also with its copy in the other group, and pairs that were trained
        together do not count: they are not strangers. For one group twice this is its XP. Only
        groups whose policies are runs of one method are resampled; scripted partners are taken as
        given.
        """
        rows, cols = self.members(row_group), self.members(col_group)
        if row_group == col_group:
            return self._within(self.different(rows))[1]
        repeats = self.repeats(rows), self.repeats(cols)
        return self._stranger_block(rows, cols, repeats)

    def summary(self) -> pd.DataFrame:
        """One row per group: SP, XP within, XP between, gap, each with 95 % node-bootstrap bounds.

        XP within is the group's other members, XP between all members of all other groups. The
        gap is SP - XP within. Intervals take a group's policies as repetitions of one method:
        a group of one policy, or of different methods (scripted partners), has none.
        An agent that is in a group twice counts once, and with its copy in another group it is no
        stranger.
        """
        stats.check_matrix(self.matrix())
        rows = {}
        for group in dict.fromkeys(self.groups):
            own = self.different(self.members(group))
            repeats = self.repeats(own)
            sp, xp, gap = self._within(own)
            others = np.flatnonzero(np.array(self.groups) != group)
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
        table = {col: {row: self.block(row, col).mean for row in names} for col in names}
        return pd.DataFrame(table).rename_axis("group")

    # tables

    def matrix_frame(self) -> pd.DataFrame:
        """The matrix with names on both sides."""
        return pd.DataFrame(self.matrix(), index=list(self.names), columns=list(self.names))

    def to_frame(self) -> pd.DataFrame:
        """Long form: one row per cell, seat and episode, one column per metric and event.

        "return" and "length" are those of the episode. Of events only means are kept: their columns
        hold the cell's mean per episode in that seat, the same number in all its episodes.
        """
        size, seats, episodes = len(self), self.seats, self.episodes
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
        columns |= {
            event: np.repeat(self.events[..., i].reshape(-1), episodes)
            for i, event in enumerate(self.event_names)
        }
        return pd.DataFrame(columns)

    def _over_seats(self) -> np.ndarray:
        """[N, N] what the row earns, the mean over the seats that it sat in.

        Where each agent is paid by itself one seat may earn what another loses.
        """
        return np.mean([self.matrix(seat=s) for s in range(self.seats)], axis=0)

    def _stranger_block(
        self, rows: np.ndarray, cols: np.ndarray, repeats: tuple[bool, bool]
    ) -> Interval:
        """Two sets of policies over both seatings; nan if one of them is empty."""
        rows, cols = self.different(rows), self.different(cols)
        index = np.ix_(rows, cols)
        return stats.between(
            self._over_seats()[index], self.strangers[index], repeats=repeats, possible=self.pays
        )

    def _within(self, own: np.ndarray) -> tuple[Interval, Interval, Interval]:
        """SP, XP and gap of different agents of a group."""
        index, resamples = np.ix_(own, own), RESAMPLES if self.repeats(own) else 0
        return stats.within(
            self._over_seats()[index],
            self.strangers[index],
            possible=self.pays,
            resamples=resamples,
        )


def names_of(group: str, pool: Pool) -> Sequence[str]:
    """Scripted partners by their names, trained ones by number; checkpoints with their age."""
    methods = [label.method for label in pool.labels]
    if len(set(methods)) == len(methods) > 1:
        return [f"{group}/{method}" for method in methods]
    found = {label.checkpoint for label in pool.labels}
    if len(found) > 1:
        aged = [f"{group}/{label.member}-{label.checkpoint}" for label in pool.labels]
        if len(set(aged)) == len(aged):
            return aged
        return [f"{group}/{i}-{label.checkpoint}" for i, label in enumerate(pool.labels)]
    return [f"{group}/{i}" for i in range(len(pool))]
