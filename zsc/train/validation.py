"""Judging a population while it learns, with partners that it does not learn with.

Every so many steps each member plays the same episodes with the same partners. What each member was
when it did best is kept; a training whose members do not get better any more can end early. The
partners have then chosen the agents, so a held-out score with them would say too much: they are
noted as parents of whom they chose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from zsc import keys
from zsc.agents.policy import Policy
from zsc.agents.pool import Label, Pool, check_home, make_pool
from zsc.agents.views import at_home
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.files import damaged, fitted, load_tree, read_rows, save_tree
from zsc.machine.cluster import leads, to_host, wait
from zsc.play.crossplay import versus
from zsc.train.sinks import JsonLines, Memory, Progress, Row, Sink, tell_judged
from zsc.train.state import TrainState
from zsc.types import Params

BEST = "best"
_LOOKS = 20  # in a training, unless it is said how often


@dataclass(frozen=True)
class Validation:
    """How a population is judged while it learns.

    partners: pools of the game; scripted ones, or agents of another run. every: environment steps
    per member between two looks, a twentieth of the training if left out; rounded up to whole
    chunks of updates. episodes: with each partner, in each seat. patience: end the training when
    no member did better in so many looks; None trains to the end.
    """

    partners: tuple[Pool, ...]
    every: float | None = None
    episodes: int = 16
    patience: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "partners", tuple(self.partners))
        if not sum(len(pool) for pool in self.partners):
            raise UserError("nobody to validate with: give at least one partner")
        for name in ("every", "episodes", "patience"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise UserError(f"{name} of a validation is {value}: give a number above 0")

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the partners."""
        return tuple(label.id for pool in self.partners for label in pool.labels)

    def noted(self) -> dict[str, Any]:
        """As it stands in a run's manifest."""
        told = {name: getattr(self, name) for name in ("every", "episodes", "patience")}
        return told | {"partners": list(self.ids)}

    def check(self, env: Environment) -> None:
        """Raise UserError for partners of another game."""
        for pool in self.partners:
            check_home(at_home(pool, env), env.spec)


class Judge:
    """One validation of one training: when to look, what was seen, who was best.

    folder: of the run; None keeps everything in memory. What was seen before an interruption is
    read back, as far as the training goes on from there.
    """

    def __init__(
        self,
        asked: Validation,
        env: Environment,
        policy: Policy,
        seed: int,
        sinks: Sequence[Sink],
        folder: Path | None,
    ) -> None:
        self.asked, self.env, self.policy, self.sinks = asked, env, policy, tuple(sinks)
        self.key = keys.of_seed(seed, keys.VALIDATION)
        self.partners = tuple(at_home(pool, env) for pool in asked.partners)
        self.rows: Memory | JsonLines = Memory()
        self.kept: Path | None = None
        if folder is not None:
            self.rows = JsonLines(folder / "validation.jsonl")
            self.kept = folder / "state" / f"{BEST}.safetensors"
        self.returns: list[np.ndarray] = []  # [looks] of [M]
        self.best: Params = None  # [M, ...] on the host
        self.when = np.zeros(0, int)  # [M] updates
        self.last, self.interval, self.updates, self.cost = 0, 1, 0, 1

    def begin(self, state: TrainState, updates: int, cost: int) -> None:
        """Before the first update, or where a training goes on. cost: steps of an update."""
        members, done = len(state.key), int(state.update)
        self.updates, self.cost = updates, cost
        every = self.asked.every or updates * cost / _LOOKS
        self.interval = max(1, -(-int(every) // cost))
        self.best, self.when = to_host(state.params), np.zeros(members, int)
        if leads():
            self.rows.start(Progress(done, updates, cost, members))
        wait("validation")  # until the rows that are done again are gone
        self.last = done // self.interval
        if isinstance(self.rows, JsonLines) and self.rows.path.exists():
            self.returns = _told(self.rows.path, members)
        if self.returns and self.kept is not None:
            like = {"params": self.best, "when": self.when}
            found, _ = load_tree(self.kept, like)
            self.best, self.when = found["params"], found["when"]

    @property
    def enough(self) -> bool:
        """True if no member did better for as long as one was to wait."""
        if self.asked.patience is None or not self.returns:
            return False
        best_look = np.stack(self.returns).argmax(0)
        return len(self.returns) - 1 - int(best_look.max()) >= self.asked.patience

    def due(self, done: int) -> bool:
        """Whether to look now, after so many updates."""
        return done // self.interval > self.last or done >= self.updates

    def look(self, state: TrainState) -> bool:
        """Play, note, keep who did best; True if that was enough."""
        done = int(state.update)
        self.last = done // self.interval
        params = to_host(state.params)
        earned = self._earned(params)  # [M, partner]
        now = earned.mean(1).round(6)  # as the file has it, so that a resumed training agrees
        before = np.max(self.returns, axis=0, initial=-np.inf) if self.returns else -np.inf
        better = now > np.broadcast_to(before, now.shape)
        choose = lambda new, old: np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)
        self.best = jax.tree.map(choose, params, self.best)
        self.when = np.where(better, done, self.when)
        self.returns.append(now)
        row = {"update": done, "steps": done * self.cost, "return": now} | {
            f"with {name}": earned[:, i] for i, name in enumerate(self._names())
        }
        if leads():
            self._write(row)
        return self.enough

    def pool(self, finished: Pool) -> Pool | None:
        """The members as they were at their best, labelled as the finished ones are; None if the
        finished pool is made of others."""
        shapes = lambda tree: [x.shape for x in jax.tree.leaves(tree)]
        if shapes(finished.params) != shapes(self.best):
            return None
        labels = [
            replace(label, checkpoint=BEST, step=int(when) * self.cost, skill=None)
            for label, when in zip(finished.labels, self.when, strict=True)
        ]
        labels = self.chosen(labels)
        return make_pool(self.env.spec, finished.policy, self.best, labels)

    def chosen(self, labels: Sequence[Label]) -> list[Label]:
        """The labels with those who chose the agents among the parents."""
        more = self.asked.ids
        return [replace(x, parents=tuple(dict.fromkeys((*x.parents, *more)))) for x in labels]

    def _earned(self, params: Params) -> np.ndarray:
        """[M, partner] mean return over seats and episodes."""
        count = len(jax.tree.leaves(params)[0])
        labels = [Label("learning", member=m) for m in range(count)]
        members = make_pool(self.env.spec, self.policy, params, labels)
        episodes = self.asked.episodes
        played = versus(self.env, [members], self.partners, episodes=episodes, key=self.key)
        return played.values[..., 0].mean((2, 3))

    def _names(self) -> list[str]:
        labels = [label for pool in self.partners for label in pool.labels]
        names = [label.method for label in labels]
        if len(set(names)) == len(names):
            return names
        return [f"{label.method} {i}" for i, label in enumerate(labels)]

    def _write(self, row: Row) -> None:
        # first whom the row is about: it is read back only with them
        if self.kept is not None:
            save_tree(self.kept, {"params": self.best, "when": self.when}, {})
        self.rows.write([row], 0.0)
        tell_judged(self.sinks, row)


def _told(path: Path, members: int) -> list[np.ndarray]:
    """[looks] of the returns [M] that a file of validations tells. Raises UserError."""
    found = [fitted(list[float], row.get("return"), path) for row in read_rows(path)]
    if any(len(returns) != members for returns in found):
        raise damaged(path, f"it does not tell of {members} members")
    return [np.array(returns) for returns in found]
