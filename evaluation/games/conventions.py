"""Conventions made visible: what an agent does after its partner did something.

The conditional action matrix of a game of turns, C[a, b] = P(the next player does b | a was done),
shows what a pair means by its moves (Hu et al. 2020, arXiv 2003.02979, figure 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from zsc.agents.pool import Pool
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.play.episode import record
from zsc.records.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ConditionalActions(NamedTuple):
    """How often action b followed action a, and as a share of all that followed a."""

    counts: np.ndarray  # [N, N] int
    shares: np.ndarray  # [N, N], rows sum to 1; nan where an action was never followed by any
    names: tuple[str, ...]  # [N]


def conditional_actions(
    env: Environment, agents: tuple[Pool, ...], *, episodes: int = 256, seed: int = 0
) -> ConditionalActions:
    """Play `episodes` games of one agent per seat and count what follows what.

    The action of waiting is left out. Raises UserError for a game without turns.
    """
    if not env.spec.turns:
        raise UserError(
            f"in {env.spec.id} all act at once: what follows what needs a game of turns"
        )
    return count_followers(env, record(env, agents, episodes=episodes, seed=seed))


def count_followers(env: Environment, played: Record) -> ConditionalActions:
    """The conditional actions of recorded games of turns."""
    idle = env.spec.idle_action
    assert idle is not None
    # of each step the one action that is not waiting
    moves = np.where(played.action != idle, played.action, -1).max(-1)  # [E, T]
    both = played.playing[:, :-1] & played.playing[:, 1:]
    size = env.spec.num_actions
    counts = np.zeros((size, size), int)
    np.add.at(counts, (moves[:, :-1][both], moves[:, 1:][both]), 1)
    kept = np.arange(size) != idle
    counts = counts[np.ix_(kept, kept)]
    total = counts.sum(1, keepdims=True)
    shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    names = tuple(name for name, keep in zip(env.spec.action_names, kept, strict=True) if keep)
    return ConditionalActions(counts, shares, names)


def draw_conditional_actions(
    followed: ConditionalActions, ax: Axes | None = None, *, title: str = ""
) -> Axes:
    """A heatmap of the shares: row what was done, column what the next player did."""
    size = len(followed.names)
    if ax is None:
        side = float(np.clip(0.32 * size + 1.5, 4.0, 12.0))
        ax = plt.subplots(figsize=(side + 0.8, side), layout="constrained")[1]
    sns.heatmap(
        followed.shares,
        ax=ax,
        cmap="mako",
        vmin=0.0,
        vmax=1.0,
        square=True,
        xticklabels=followed.names,
        yticklabels=followed.names,
        cbar_kws={"label": "share of what followed", "shrink": 0.7},
    )
    ax.set_facecolor("0.85")  # rows without data
    ax.tick_params(axis="x", rotation=90, labelsize=7, length=0)
    ax.tick_params(axis="y", rotation=0, labelsize=7, length=0)
    ax.set_xlabel("what the next player did", fontsize=9)
    ax.set_ylabel("what was done", fontsize=9)
    ax.set_title(title, fontsize=10)
    return ax
