"""Where a training reports and keeps its state: a run folder, sinks, the terminal, or nowhere."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from zsc.agents.policy import Policy, as_config, check_written
from zsc.agents.pool import Pool, load_pool
from zsc.envs.base import Environment, settings_of
from zsc.envs.registry import rebuild
from zsc.errors import UserError
from zsc.learn.base import Learner
from zsc.machine.cluster import leads, several
from zsc.populations.presets import Preset
from zsc.records.record import Record
from zsc.train.run import RunFolder
from zsc.train.sinks import ProgressBar, ProgressLines, Sink, on_terminal
from zsc.train.validation import Judge, Validation

#: Settings of earlier versions that have another name today.
RENAMED = {
    "ppo": "learner",
    "policy": "network",
    "partner_ppo": "partner_learner",
    "value": "value_weight",
}
#: Settings that earlier versions did not know, and what they did.
BEFORE = {
    "weights": [1.0, 1.0, 1.0],
    "self_play": 0.0,
    "priority": 0.0,
    "dynamics": "2019",
    "name": "",
    "without": [],
}


@dataclass(frozen=True)
class Log:
    """Where a training reports; by default nowhere."""

    run: RunFolder | None = None
    progress: bool = False
    more: tuple[Sink, ...] = ()  # what the caller wants told
    fresh: bool = False  # the folder was made for this training
    resumable: bool = True  # False for a training that can only be done anew
    validation: Validation | None = None  # how the agents are judged while they learn
    judges: list[Judge] = field(default_factory=list)  # who did so

    def sinks(self, stage: str, title: str) -> list[Sink]:
        """The run's metrics file, the bar on the terminal, and the caller's own."""
        quiet = self.quiet_sinks(stage)
        if not (self.progress and leads()):
            return quiet
        bar: Sink = ProgressBar(title) if on_terminal() else ProgressLines(title)
        return [*quiet[: len(quiet) - len(self.more)], bar, *self.more]

    def quiet_sinks(self, stage: str) -> list[Sink]:
        """Those that draw nothing on the terminal."""
        if not leads():
            return []
        file = [] if self.run is None else [self.run.metrics_file(stage)]
        return [*file, *self.more]

    def judge(
        self, stage: str, env: Environment, policy: Policy, seed: int, sinks: Sequence[Sink]
    ) -> Judge | None:
        """Who looks at the members of a stage, if they are the agents and it is asked for."""
        if self.validation is None or stage:
            return None
        folder = None if self.run is None else self.run.path
        self.judges.append(Judge(self.validation, env, policy, seed, sinks, folder))
        return self.judges[-1]

    def __enter__(self) -> Log:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let other trainings have the folder; one in which nothing came to be is removed."""
        if self.run is not None and not several():
            # one of several processes keeps it to its end: it shows the others that it lives
            if kind is not None and self.fresh:
                self.run.discard(rows=not self.resumable)
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


def open_log(
    recipe: Any,
    stages: Sequence[Preset],
    network: Policy,
    env: Environment,
    seed: int,
    out: str | Path | None,
    resume: bool,
    log: Log,
) -> Log:
    """The log of a training: a new run folder, one to go on with, or none.

    stages: how each stage of the recipe learns. network: what the agents are. log: with the
    caller's wishes and no folder. Raises UserError if a folder is in the way, if the run to go on
    with is another one, or if its agents could not be written. Warns if they or their game could
    not be found again.
    """
    if out is None:
        return log
    check_written(network)
    _check_found_again(env)
    settings = {
        "method": type(recipe).__name__,
        "recipe": describe(recipe) | {"network": _name(network)},
        "env": env.spec.id,
        "env_version": env.spec.version,
        "env_settings": describe(env),
        "seed": seed,
        "validation": None if log.validation is None else log.validation.noted(),
        # presets may change from version to version
        "learning": {
            f"stage {i}": describe(stage.learner) | {"steps": stage.steps}
            for i, stage in enumerate(stages, 1)
        },
    }
    if not resume:
        run = RunFolder.create(out, settings, resumable=bool(stages))
        return replace(log, run=run, fresh=True, resumable=bool(stages))
    run = RunFolder.open(out)
    for name, now in settings.items():
        before = of_today(run.settings.get(name), now)
        older = name == "learning" and before is None  # of a version that did not note it
        if before != now and not older:
            run.lock.drop()
            raise UserError(
                f"{out} was started with {_difference(name, before, now)}: "
                "go on with the same settings, or start a new run"
            )
    return replace(log, run=run)


def _check_found_again(env: Environment) -> None:
    """Warn if the manifest of a run in this game would not lead back to it."""
    settings_of(env)  # a game that cannot be written down is refused
    try:
        told = json.loads(json.dumps(describe(env)))
        why = "" if rebuild(env.spec.id, told) == env else "its settings make another one"
    except (UserError, TypeError) as error:
        why = str(error)
    if why:
        warnings.warn(
            f"{env.spec.id} cannot be made again from what a run notes, so zsc crossplay and zsc "
            f"report will not find it ({why})",
            stacklevel=4,
        )


def describe(value: Any) -> Any:
    """A setting as it stands in a manifest: dataclasses as dictionaries, functions by name, pools
    by the ids of their agents, recorded games by their size."""
    if isinstance(value, Pool):
        return list(value.ids)
    if isinstance(value, Record):
        return {"games": len(value.playing), "steps": int(value.playing.sum())}
    if isinstance(value, Learner):
        return {"name": value.name, "config": describe(value.config)}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: describe(getattr(value, f.name)) for f in fields(value) if f.init}
    if callable(value):
        return getattr(value, "__name__", "function")
    return [describe(part) for part in value] if isinstance(value, tuple) else value


def of_today(before: Any, now: Any) -> Any:
    """Settings of an earlier version under the names and with the additions of this one."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return before
    named = {RENAMED.get(name, name): value for name, value in before.items()}
    added = {name: BEFORE[name] for name in now if name not in named and name in BEFORE}
    return {name: of_today(value, now.get(name)) for name, value in (named | added).items()}


def _name(policy: Policy) -> Any:
    """A policy's name and config, as JSON gives them back."""
    return json.loads(json.dumps([policy.name, as_config(policy.config)]))


def _difference(name: str, before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        differ = (key for key in {**now, **before} if before.get(key) != now.get(key))
        key = next(differ, None) or min(now.keys() ^ before.keys())  # there, and None
        return _difference(key, before.get(key), now.get(key))
    return f"{name} {before}, not {now}"
