"""One stage of a recipe: start or go on, fit, save. The only caller of the training loop here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import jax

from zsc.crossplay import self_play_returns
from zsc.envs.base import Environment, EnvSpec
from zsc.learn.ppo import PPOConfig
from zsc.method import Method
from zsc.policy import Policy
from zsc.pool import Label, Pool, make_pool
from zsc.run import RunFolder
from zsc.sinks import JsonLines, ProgressBar, Sink
from zsc.train import TrainState, fit, init_state, make_update, steps_per_update, updates_for
from zsc.types import Params

MakePolicy: TypeAlias = Callable[[EnvSpec], Policy]

CHUNK = 5  # updates per device program: often enough for the eye, seldom enough for the device
SKILL_EPISODES = 16


@dataclass(frozen=True)
class Log:
    """Where a training reports and keeps its state; by default nowhere."""

    run: RunFolder | None = None
    progress: bool = False
    save_seconds: float = 15.0  # between two saved states
    sinks: tuple[Sink, ...] = field(default=())

    def all_sinks(self, stage: str, title: str) -> list[Sink]:
        """The given sinks, the run's metrics file, the bar on the terminal."""
        sinks: list[Sink] = list(self.sinks)
        if self.run is not None:
            sinks.append(JsonLines(self.run.metrics(stage)))
        return sinks + ([ProgressBar(title)] if self.progress else [])


QUIET = Log()


@dataclass(frozen=True)
class Stage:
    """One population trained by one method."""

    env: Environment
    method: Method
    policy: Policy
    ppo: PPOConfig
    members: int
    steps: float  # environment steps per member
    seed: int
    name: str = ""  # distinguishes the files of several stages of one run
    title: str = "training"

    def train(self, log: Log, pool: Params = ()) -> TrainState:
        """The trained population; goes on from the log's run folder if a state was saved there."""
        update = make_update(self.env, self.policy, self.method, self.ppo)
        updates = updates_for(self.env, self.ppo, self.steps)
        state = init_state(
            self.env,
            self.policy,
            self.method,
            self.ppo,
            members=self.members,
            seed=self.seed,
            updates=updates,
            pool=pool,
        )
        save = None
        if log.run is not None:
            saved = log.run.latest(self.name or "main", state)
            if saved is not None:
                state = jax.tree.map(lambda old, new: jax.device_put(new, old.sharding), state, saved)
            save = _every(log.save_seconds, updates, log.run.saver(self.name or "main"))
        return fit(
            update,
            state,
            updates=updates,
            chunk=CHUNK,
            sinks=log.all_sinks(self.name, self.title),
            steps_per_update=steps_per_update(self.env, self.ppo),
            save=save,
        )

    def pool(self, params: Params, labels: Sequence[Label]) -> Pool:
        """Agents of this stage as a pool, with their measured skill in the labels."""
        key = jax.random.key(self.seed)
        skills = self_play_returns(
            self.env, self.policy, params, episodes=SKILL_EPISODES, key=jax.random.fold_in(key, 1)
        )
        from dataclasses import replace

        named = [replace(x, skill=float(s)) for x, s in zip(labels, skills, strict=True)]
        return make_pool(self.env.spec, self.policy, params, named)

    def steps_done(self, state: TrainState) -> int:
        """Environment steps that each member has played."""
        return int(state.update) * steps_per_update(self.env, self.ppo)


def _every(
    seconds: float, updates: int, save: Callable[[TrainState], None]
) -> Callable[[TrainState], None]:
    """Save when enough time has passed, and at the end."""
    last = time.monotonic()

    def maybe(state: TrainState) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds or int(state.update) >= updates:
            save(state)
            last = time.monotonic()

    return maybe


def log_for(
    out: str | Path | None, resume: bool, settings: dict[str, object], progress: bool
) -> Log:
    """The log of a training with these arguments: a new run, one to go on with, or none."""
    if out is None:
        return Log(progress=progress)
    run = RunFolder.open(out) if resume else RunFolder.create(out, settings)
    return Log(run=run, progress=progress)
