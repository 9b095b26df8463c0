"""One stage of a recipe: begin or go on, fit, save. The only caller of the training loop here."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from zsc import keys
from zsc.agents.policy import Policy, Team
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.base import Environment
from zsc.learn.base import Learner
from zsc.learn.ppo import PPOConfig
from zsc.machine.cluster import agree, leads, to_host
from zsc.play.crossplay import self_play_returns
from zsc.populations.journal import Log
from zsc.train.loop import Saving, Watching, fit
from zsc.train.method import Method
from zsc.train.run import Saver
from zsc.train.sinks import Sink
from zsc.train.state import TrainState, as_learner, init_state, steps_per_update, updates_for
from zsc.train.update import make_update
from zsc.train.validation import Judge
from zsc.types import Params

CHUNK = 5  # updates per device program: often enough for the eye, seldom enough for the device
SAVE_SECONDS = 15.0  # between two saved training states
SKILL_EPISODES = 16
STOPPED = "stopped"


@dataclass(frozen=True)
class Stage:
    """One population trained by one method."""

    env: Environment
    method: Method
    policy: Policy | Team
    learner: PPOConfig | Learner
    members: int
    steps: float  # environment steps per member
    seed: int
    name: str = ""  # tells the files of several stages of one run apart
    title: str = "training"

    def train(
        self,
        log: Log,
        partners: Params = (),
        begin: Callable[[TrainState], TrainState] | None = None,
    ) -> TrainState:
        """The trained population; goes on from the log's run folder if a state was saved there.

        begin: what a fresh population is made into before its first update.
        """
        state = self.begin(partners)
        updates = int(state.budget)
        if begin is not None:
            state = begin(state)
        sinks, cost = log.sinks(self.name, self.title), steps_per_update(self.env, self.learner)
        judge = self._judge(log, sinks)
        train = partial(
            fit,
            make_update(self.env, self.policy, self.method, self.learner),
            chunk=CHUNK,
            sinks=sinks,
            steps_per_update=cost,
            stage=self.title,
            watching=None if judge is None else Watching(judge.due, judge.look),
        )
        if log.run is not None:
            state = log.run.latest(self.name or "main", state) or state
        if judge is not None:
            judge.begin(state, updates, cost)
            if judge.enough:  # it ended early, and was stopped before its pool was written
                updates = int(state.update)
        if log.run is None:
            return self._told(train(state, updates=updates))
        saver = log.run.saver(self.name or "main")
        try:
            saving = _every(SAVE_SECONDS, updates, saver)
            return self._told(train(state, updates=updates, saving=saving))
        finally:
            saver.close()

    def _judge(self, log: Log, sinks: Sequence[Sink]) -> Judge | None:
        """Who looks at the members while they learn, if that is asked for."""
        if isinstance(self.policy, Team):
            return None
        policy = as_learner(self.learner).plays(self.policy)
        return log.judge(self.name, self.env, policy, self.seed, sinks)

    def begin(self, partners: Params = ()) -> TrainState:
        """The population before its first update."""
        return init_state(
            self.env,
            self.policy,
            self.method,
            self.learner,
            members=self.members,
            seed=self.seed,
            updates=updates_for(self.env, self.learner, self.steps),
            partners=partners,
        )

    def _told(self, state: TrainState) -> TrainState:
        """The trained population; says at the end, too, who was stopped on the way."""
        stopped = np.flatnonzero(~np.asarray(to_host(state.alive)))
        if len(stopped) and leads():
            shown = ", ".join(map(str, stopped[:10])) + (" ..." if len(stopped) > 10 else "")
            warnings.warn(
                f"{self.title}: {len(stopped)} of {self.members} members were stopped before the "
                f"end ({shown}): they are what they were before their numbers went bad",
                stacklevel=2,
            )
        return state

    def pool(
        self,
        state: TrainState,
        labels: Sequence[Label],
        policy: Policy | None = None,
        *,
        part: int = 0,
    ) -> Pool:
        """The trained agents as a pool, with their measured skill in the labels.

        policy: what they act by, if not as their learner says. part: of a team, the policy. A
        member that was stopped because its numbers went bad has the checkpoint "stopped".
        """
        learned, params = self.policy, state.params
        if isinstance(learned, Team):
            learned, params = learned.policies[part], params[part]
        policy = policy or as_learner(self.learner).plays(learned)
        alive = to_host(state.alive)
        well = [
            label if good else replace(label, checkpoint=STOPPED)
            for label, good in zip(labels, alive, strict=True)
        ]
        return self.measured(policy, params, well)

    def measured(self, policy: Policy, params: Params, labels: Sequence[Label]) -> Pool:
        """Agents [P, ...] as a pool, with their measured skill in the labels."""
        params = to_host(params)
        key = keys.of_seed(self.seed, keys.SKILL)
        skills = self_play_returns(self.env, policy, params, episodes=SKILL_EPISODES, key=key)
        named = [replace(x, skill=float(skill)) for x, skill in zip(labels, skills, strict=True)]
        return make_pool(self.env.spec, policy, params, named)

    def steps_done(self, state: TrainState) -> int:
        """Environment steps that each member has played."""
        return int(state.update) * steps_per_update(self.env, self.learner)


def _every(seconds: float, updates: int, saver: Saver) -> Saving:
    """Save when enough time has passed, and at the end."""
    last = time.monotonic()

    def due(done: int) -> bool:
        # the clock of the first process: all write their part of the same update
        return bool(agree(time.monotonic() - last >= seconds or done >= updates))

    def write(state: TrainState) -> None:
        nonlocal last
        saver.save(state)
        last = time.monotonic()

    return Saving(due, write)
