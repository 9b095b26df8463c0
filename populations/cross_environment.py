"""CEC, cross-environment cooperation (Jha et al. 2025, arXiv 2504.12714).

Plain self-play with a memory in a game whose every reset is another task. Nothing is frozen and
there is no population of partners: conventions that hold in one task only are worth nothing, what
is left are those that hold in all of them. Generated kitchens are such a game
(`overcooked/kitchens`), and Dual Destination (`dual_destination`).

The paper's fine-tuning is a second stage in one target game, from the trained agents on, at a tenth
of their learning rate: CEC-Finetune. Deviations: the memory is a GRU instead of an LSTM; the
optimizer of the second stage begins anew; its budget is a tenth of the first one's (the paper: 1e8
steps after 3e9).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np

from zsc.agents.policy import gru_policy
from zsc.agents.pool import Home, Label, Pool
from zsc.envs.base import Environment, EnvSpec, check_game
from zsc.errors import UserError
from zsc.learn.base import Learner
from zsc.learn.ppo import PPOConfig
from zsc.populations.presets import Preset, preset
from zsc.populations.recipe import Load, Recipe, Run
from zsc.populations.self_play import final_members
from zsc.train.method import Method
from zsc.train.state import TrainState, updates_for

GENERAL, TUNED = Method("cross_environment"), Method("cross_environment/tuned")

_RESETS = 8  # that are compared


@dataclass(frozen=True, kw_only=True)
class CrossEnvironment(Recipe):
    """Self-play over many tasks, then, if asked for, fine-tuning in one of them.

    target: a game of the same observations and actions in which the trained agents go on; None for
        none. The agents before that are then in the run folder's `general/`.
    target_rate: of the learning rate, what is left there. target_share: of the steps, how many more
        are played there.
    network: as in `Recipe`; None takes the game's preset if that has a memory, else `gru_policy`.
    """

    target: Environment | None = None
    target_rate: float = 0.1
    target_share: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("target_rate", "target_share"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(f"{name} is {getattr(self, name)}: give a number from 0 on")

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How agents learn in the many tasks, and in the target."""
        usual = preset(spec)
        network = self.network or (usual.network if usual.network(spec).recurrent else gru_policy)
        first = usual.but(self.learner, self.steps, network)
        if self.target is None:
            return (first,)
        learner, steps = at_rate(first.learner, self.target_rate), first.steps * self.target_share
        return first, Preset(learner, steps, network)

    def loads(self) -> tuple[Load, ...]:
        """The same members in both."""
        return (Load(self.members),) * (1 if self.target is None else 2)

    def check(self, env: Environment) -> None:
        """Raise UserError for a game that is always the same, or a target that looks otherwise."""
        if not differs(env):
            raise UserError(
                f"every reset of {env.spec.id} is the same task: give a game that draws one, such "
                'as zsc.make("overcooked/kitchens"), or use SelfPlay'
            )
        if self.target is None:
            return
        check_game(self.target)
        here, there = Home.of(env.spec), Home.of(self.target.spec)
        if (here.obs_id, here.num_actions) != (there.obs_id, there.num_actions):
            raise UserError(
                f"the target {there.env} shows {there.obs_id}, {here.env} shows {here.obs_id}: "
                "give a target with the same encoding"
            )
        second = self.stages(env.spec)[-1]
        updates_for(self.target, second.learner, second.steps)

    def build(self, run: Run) -> Pool:
        """The final members, fine-tuned if there is a target."""
        if self.target is None:
            return final_members(self, run, GENERAL)
        general = run.log.done("general") or self._general(run)
        run.log.write_pool(general, "general")
        stage = replace(run, env=self.target).stage(
            TUNED, members=self.members, number=1, title="fine-tuning"
        )

        def begin(state: TrainState) -> TrainState:
            # as fresh parameters lie, so that the same program goes on
            put = lambda new, old: jax.device_put(new, old.sharding)
            return state._replace(params=jax.tree.map(put, general.params, state.params))

        state = stage.train(run.log, begin=begin)
        done = stage.steps_done(state)
        labels = [
            Label(TUNED.name, run.seed, m, before.step + done, parents=(before.id,))
            for m, before in enumerate(general.labels)
        ]
        return stage.pool(state, labels)

    def _general(self, run: Run) -> Pool:
        """The agents of the first stage."""
        stage = run.stage(GENERAL, members=self.members, name="general", title="many tasks")
        state = stage.train(run.log)
        done = stage.steps_done(state)
        labels = [Label(GENERAL.name, run.seed, m, done) for m in range(self.members)]
        return stage.pool(state, labels)


def at_rate(learner: PPOConfig | Learner, share: float) -> PPOConfig:
    """The learner at a share of its rate. Raises UserError for one that is no `PPOConfig`."""
    if not isinstance(learner, PPOConfig):
        raise UserError(
            f"the rate of the learner {learner.name!r} is not known here: give a PPOConfig, or no "
            "target"
        )
    first, last = learner.learning_rate * share, learner.final_learning_rate * share
    return replace(learner, learning_rate=first, final_learning_rate=last)


def differs(env: Environment) -> bool:
    """True if resets of a game by different keys begin in different states."""
    states = jax.vmap(env.reset)(jax.random.split(jax.random.key(0), _RESETS))[0]
    return any(bool((np.asarray(x) != np.asarray(x)[:1]).any()) for x in jax.tree.leaves(states))
