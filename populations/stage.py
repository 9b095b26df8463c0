"""One stage of a recipe: start or go on, fit, save. The only caller of the training loop here."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax

from zsc.agents.policy import Policy
from zsc.agents.pool import Label, Pool, load_pool, make_pool
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.learn.ppo import PPOConfig
from zsc.machine.cluster import agree, leads, several, to_host
from zsc.play.crossplay import self_play_returns
from zsc.records.record import Record
from zsc.train import TrainState, fit, init_state, make_update
from zsc.train.method import Method
from zsc.train.run import RunFolder
from zsc.train.sinks import JsonLines, ProgressBar, Sink
from zsc.train.state import steps_per_update, updates_for
from zsc.types import Params

CHUNK = 5  # updates per device program: often enough for the eye, seldom enough for the device
SAVE_SECONDS = 15.0  # between two saved training states
SKILL_EPISODES = 16
STOPPED = "stopped"


@dataclass(frozen=True)
class Log:
    """Where a training reports and keeps its state; by default nowhere."""

    run: RunFolder | None = None
    progress: bool = False

    def sinks(self, stage: str, title: str) -> list[Sink]:
        """The run's metrics file and the bar on the terminal."""
        sinks: list[Sink] = []
        if not leads():
            return sinks
        if self.run is not None:
            sinks.append(JsonLines(self.run.metrics(stage)))
        if self.progress:
            sinks.append(ProgressBar(title))
        return sinks

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        """Let other trainings have the folder."""
        if self.run is not None and not several():
            # one of several processes keeps it to its end: it shows the others that it lives
            self.run.lock.drop()

    def done(self, name: str = "pool") -> Pool | None:
        """The pool of a run, or of a stage of it, that was finished before."""
        if self.run is None or not self.run.holds_pool(name):
            return None
        return load_pool(self.run.path / name)

    def write_pool(self, pool: Pool, name: str = "pool") -> None:
        """Into the run folder, if there is one and it has none of this name."""
        if self.run is not None:
            self.run.write_pool(name, pool)


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
    name: str = ""  # tells the files of several stages of one run apart
    title: str = "training"

    def train(self, log: Log, pool: Params = ()) -> TrainState:
        """The trained population; goes on from the log's run folder if a state was saved there."""
        updates = updates_for(self.env, self.ppo, self.steps)
        state = init_state(
            self.policy,
            self.method,
            self.ppo,
            members=self.members,
            seed=self.seed,
            updates=updates,
            pool=pool,
        )
        train = partial(
            fit,
            make_update(self.env, self.policy, self.method, self.ppo),
            updates=updates,
            chunk=CHUNK,
            sinks=log.sinks(self.name, self.title),
            steps_per_update=steps_per_update(self.env, self.ppo),
        )
        if log.run is None:
            return train(state)
        state = log.run.latest(self.name or "main", state) or state
        saver = log.run.saver(self.name or "main")
        try:
            return train(state, save=_every(SAVE_SECONDS, updates, saver.save))
        finally:
            saver.close()

    def pool(
        self, state: TrainState, labels: Sequence[Label], policy: Policy | None = None
    ) -> Pool:
        """The trained agents as a pool, with their measured skill in the labels.

        policy: what they act by, if not by what they learned with. A member that was stopped
        because its numbers went bad has the stage "stopped".
        """
        policy = policy or self.policy
        params, alive = to_host((state.params, state.alive))
        key = jax.random.fold_in(jax.random.key(self.seed), 2**31 - 2)
        skills = self_play_returns(self.env, policy, params, episodes=SKILL_EPISODES, key=key)
        named = [
            replace(label, skill=float(skill), stage=label.stage if well else STOPPED)
            for label, skill, well in zip(labels, skills, alive, strict=True)
        ]
        return make_pool(self.env.spec, policy, params, named)

    def steps_done(self, state: TrainState) -> int:
        """Environment steps that each member has played."""
        return int(state.update) * steps_per_update(self.env, self.ppo)


def open_log(
    recipe: Any, env: Environment, seed: int, out: str | Path | None, resume: bool, progress: bool
) -> Log:
    """The log of a training: a new run folder, one to go on with, or none.

    Raises UserError if a folder is in the way, or if the run to go on with is another one.
    """
    plans = recipe.plans(env.spec)
    for plan in plans:  # refused before anything is written
        updates_for(env, plan.ppo, plan.steps)
    if out is None:
        return Log(progress=progress)
    make_policy = plans[0].policy if plans else recipe.policy
    settings = {
        "method": type(recipe).__name__,
        "recipe": describe(recipe) | {"policy": _name(make_policy(env.spec))},
        "env": env.spec.id,
        "env_version": env.spec.version,
        "env_settings": describe(env),
        "seed": seed,
        # presets may change from version to version
        "learning": {
            f"stage {i}": describe(plan.ppo) | {"steps": plan.steps}
            for i, plan in enumerate(plans, 1)
        },
    }
    if not resume:
        return Log(RunFolder.create(out, settings), progress)
    run = RunFolder.open(out)
    for name, now in settings.items():
        before = run.settings.get(name)
        older = name == "learning" and before is None  # of a version that did not note it
        if before != now and not older:
            run.lock.drop()
            raise UserError(
                f"{out} was started with {_difference(name, before, now)}: "
                "go on with the same settings, or start a new run"
            )
    return Log(run, progress)


def describe(value: Any) -> Any:
    """A setting as it stands in a manifest: dataclasses as dictionaries, functions by name, pools
    by the ids of their agents, recorded games by their size."""
    if isinstance(value, Pool):
        return list(value.ids)
    if isinstance(value, Record):
        return {"games": len(value.playing), "steps": int(value.playing.sum())}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: describe(getattr(value, f.name)) for f in fields(value)}
    if callable(value):
        return getattr(value, "__name__", "function")
    return list(value) if isinstance(value, tuple) else value


def _name(policy: Policy) -> Any:
    """A policy's name and config, as JSON gives them back."""
    return json.loads(json.dumps([policy.name, policy.config]))


def _difference(name: str, before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        key = next(key for key in now if before.get(key) != now[key])
        return _difference(key, before.get(key), now[key])
    return f"{name} {before}, not {now}"


def _every(
    seconds: float, updates: int, save: Callable[[TrainState], None]
) -> Callable[[TrainState], None]:
    """Save when enough time has passed, and at the end."""
    last = time.monotonic()

    def maybe(state: TrainState) -> None:
        nonlocal last
        due = time.monotonic() - last >= seconds or int(state.update) >= updates
        if agree(due):  # the clock of the first process: all write their part of the same update
            save(state)
            last = time.monotonic()

    return maybe
