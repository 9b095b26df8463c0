"""What all recipes share: fields, and how a training begins, goes on and ends. Written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from zsc.agents.networks import MakePolicy
from zsc.agents.policy import Policy, Team
from zsc.agents.pool import Pool
from zsc.checks import seed_of, settle
from zsc.envs.base import Environment, EnvSpec, check_game
from zsc.errors import UserError
from zsc.learn.base import Learner
from zsc.learn.ppo import PPOConfig
from zsc.populations.journal import Log, open_log
from zsc.populations.presets import Preset, preset
from zsc.populations.stage import Stage
from zsc.switches import door
from zsc.train.memory import check_population
from zsc.train.method import Method
from zsc.train.sinks import Sink
from zsc.train.state import updates_for
from zsc.train.validation import BEST, Validation


@dataclass(frozen=True)
class Run:
    """One training of a recipe: what its stages are made of."""

    env: Environment
    seed: int
    log: Log
    stages: tuple[Preset, ...]

    def stage(
        self,
        method: Method,
        *,
        members: int,
        number: int = 0,
        policy: Policy | Team | None = None,
        offset: int = 0,
        name: str = "",
        title: str = "training",
    ) -> Stage:
        """A stage that learns as `stages[number]` says.

        policy: what is trained, if not the stage's own network. offset: added to the seed. name:
        of its files in the run folder.
        """
        plan = self.stages[number]
        return Stage(
            env=self.env,
            method=method,
            policy=policy or plan.network(self.env.spec),
            learner=plan.learner,
            members=members,
            steps=plan.steps,
            seed=self.seed + offset,
            name=name,
            title=title,
        )


class Load(NamedTuple):
    """What a stage holds at the same time, so that memory is looked at before it is taken."""

    members: int
    kept: int = 0  # parameter sets beside each member's own: checkpoints, partners


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A way to train a population; subclasses write `build`, and `stages` if they have several.

    members: agents trained at the same time, each with its own seed; member m of a seed is the
        same agent however many others are trained beside it.
    steps: environment steps per member; None takes the game's preset.
    learner: how a member learns: a `PPOConfig`, or any `Learner`; None takes the game's preset.
    network: makes the policy for a game: `mlp_policy`, `cnn_policy`, `gru_policy`, or your own;
        None takes the game's preset.
    """

    members: int = 8
    steps: float | None = None
    learner: PPOConfig | Learner | None = None
    network: MakePolicy | None = None

    def __post_init__(self) -> None:
        settle(self)
        at_least_one(self, "members")

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How each stage learns in a game; the last one makes the agents. Raises UserError."""
        return (preset(spec).but(self.learner, self.steps, self.network),)

    def loads(self) -> tuple[Load, ...]:
        """How much each of the stages has to hold at the same time."""
        return (Load(self.members),)

    def build(self, run: Run) -> Pool:
        """The trained agents; all that a recipe has to write."""
        raise NotImplementedError

    def check(self, env: Environment) -> None:
        """Raise UserError for a game that the recipe cannot be used in."""

    def can_be_validated(self) -> bool:
        """Whether the agents are the members of one stage: those can be judged while they learn."""
        return True

    @door
    def train(
        self,
        env: Environment,
        *,
        seed: int = 0,
        out: str | Path | None = None,
        resume: bool = False,
        progress: bool = False,
        sinks: Sequence[Sink] = (),
        validation: Validation | None = None,
    ) -> Pool:
        """A pool of agents.

        out: a run folder to make, or with `resume` to go on with. progress: draw a bar. sinks: who
        else is told the metrics of every update. validation: judge the agents while they learn;
        the run folder's `validation.jsonl` tells how they did, `best/` holds what each was at its
        best. Raises UserError for settings that cannot be trained or a folder that is in the way.
        """
        check_game(env)
        self.check(env)
        seed, stages = seed_of(seed), self.stages(env.spec)
        for stage, load in zip(stages, self.loads(), strict=False):  # before anything is written
            updates_for(env, stage.learner, stage.steps)
            policy = stage.network(env.spec)
            check_population(env, policy, stage.learner, members=load.members, kept=load.kept)
        self._check_validation(env, validation)
        given = Log(progress=progress, more=tuple(sinks), validation=validation)
        agents = self.agents(env.spec)
        with open_log(self, stages, agents, env, seed, out, resume, given) as log:
            finished = log.done()
            if finished is None:
                finished = with_best(self.build(self.running(env, seed, log)), log)
                log.write_pool(finished)
            return finished

    def _check_validation(self, env: Environment, validation: Validation | None) -> None:
        """Raise UserError for agents that cannot be judged, or partners of another game."""
        if validation is None:
            return
        validation.check(env)
        if not self.can_be_validated():
            raise UserError(
                f"{type(self).__name__} makes its agents in rounds or teams: there is nothing to "
                "validate on the way; leave it out, and compare finished runs"
            )

    def running(self, env: Environment, seed: int, log: Log | None = None) -> Run:
        """One training of this recipe, for those who want a part of it."""
        return Run(env, seed_of(seed), log or Log(), self.stages(env.spec))

    def agents(self, spec: EnvSpec) -> Policy:
        """What the agents of the first stage are, as a manifest notes it."""
        return self.stages(spec)[0].network(spec)


def with_best(finished: Pool, log: Log) -> Pool:
    """The finished agents; what they were at their best is written beside them.

    If partners decided when the training was over, they are parents of the finished ones, too.
    """
    if not log.judges:
        return finished
    judge = log.judges[-1]
    best = judge.pool(finished)
    if best is not None:
        log.write_pool(best, BEST)
    if log.validation is None or log.validation.patience is None:
        return finished
    return replace(finished, labels=tuple(judge.chosen(finished.labels)))


def from_zero_on(recipe: Any, *names: str) -> None:
    """Raise UserError unless these settings are finite numbers from 0 on."""
    for name in names:
        if not 0 <= getattr(recipe, name) < float("inf"):
            raise UserError(f"{name} is {getattr(recipe, name)}: give a number from 0 on")


def at_least_one(recipe: Any, *names: str) -> None:
    """Raise UserError unless these settings are at least 1."""
    for name in names:
        if getattr(recipe, name) < 1:
            raise UserError(f"{name} is {getattr(recipe, name)}: at least 1 is needed")
