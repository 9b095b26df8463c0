"""OBL, off-belief learning (Hu et al. 2021, arXiv 2103.04000): no convention can arise.

The value of an action is that of a fictitious state, drawn from what the agent would believe if all
had played pi_0 so far (section 4 of the paper):

    Q(a | tau_i) = E_{tau' ~ B_pi0(tau_i)} [ r + gamma V(tau') ].

In it the agent's own action is taken, then the others reply by the current policy, with their
memories from before and their exploration; what follows at the agent's next turn is bootstrapped.
So moves mean what they show, and nothing else. pi_0 is uniform; level k believes in level k - 1,
and begins as it.

Beliefs under pi_0 are a function of the state (`Belief`). Hanabi's is exact for moves that say
nothing of the hand; deviation: that a uniform LEGAL hint is a little likelier where fewer hints are
legal is left out. Levels from 2 on need a game whose deals can be enumerated; their beliefs are
exact but for memories, which stay those of the real game. Further deviations: states are drawn and
targets made anew at each gradient step, where the authors' code stores the target of acting;
uniform replay, no priorities, no multi-step; shaped rewards are not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from zsc.agents.pool import Label, Pool
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.learn.base import Learner
from zsc.learn.q_learning import QConfig, value_learner
from zsc.populations.hooks.beliefs import (
    BELIEFS,
    DEALS,
    Belief,
    ByHistory,
    ByState,
    Deals,
    Redraw,
)
from zsc.populations.hooks.fictions import Fictitious
from zsc.populations.presets import Preset, preset
from zsc.populations.recipe import Load, Recipe, Run, at_least_one
from zsc.train.method import Method
from zsc.train.state import TrainState
from zsc.types import Params


@dataclass(frozen=True, kw_only=True)
class OffBelief(Recipe):
    """Agents that act by what they see, not by what others may have meant.

    levels: the level that is returned; the one below it is trained first, for as many steps.
    belief: what a seat may be in under uniform play, (env, state, seat, key) -> state; None takes
        that of the game's family.
    deals: of the game, for levels from 2 on, env -> states [X, ...]; None takes the family's.
    tremble: share of random moves in what is believed of the level below.
    learner: its settings are those of `iql(QConfig(...))`; None takes the usual ones.
    """

    levels: int = 1
    belief: Belief | None = None
    deals: Deals | None = None
    tremble: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "levels")
        if not 0 < self.tremble <= 1:
            raise UserError(f"tremble is {self.tremble}: give a share above 0, up to 1")
        self._values()

    def check(self, env: Environment) -> None:
        """Raise UserError for a game without a belief, or deals that cannot be enumerated."""
        policy = self.agents(env.spec)
        if set(policy.reads) - {"actions"}:
            raise UserError(f"obl's agents see observations alone: {policy.name} reads more")
        if self.levels > 1:
            jax.eval_shape(lambda: self._deals(env.spec)(env))

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How each level learns in a game. Raises UserError for one without a belief."""
        belief = self.belief or BELIEFS.get(_family(spec))
        if belief is None:
            raise UserError(
                f"{spec.id} has no belief: give belief, (env, state, seat, key) -> the state "
                "with what that seat cannot know redrawn"
            )
        draws: list[Redraw] = [ByState(belief)]
        if self.levels > 1:
            draws += [ByHistory(self._deals(spec), self.tremble)] * (self.levels - 1)
        usual, config = preset(spec), self._values()
        learners = [value_learner(config, None, "iql", Fictitious(x)) for x in draws]
        return tuple(usual.but(learner, self.steps, self.network) for learner in learners)

    def loads(self) -> tuple[Load, ...]:
        """Each level, and the one below it."""
        return tuple(Load(self.members, kept=int(k > 0)) for k in range(self.levels))

    def can_be_validated(self) -> bool:
        """The agents are the members of the last level, which begins where the one below ended."""
        return self.levels == 1

    def build(self, run: Run) -> Pool:
        """The members of the last level, greedy."""
        lower: Params = None
        for level in range(1, self.levels + 1):
            stage = run.stage(
                Method("off_belief"),
                members=self.members,
                number=level - 1,
                name="" if level == 1 else f"level-{level}",
                title=f"level {level}",
            )
            state = stage.train(run.log, begin=None if level == 1 else partial(_above, lower))
            lower = state.params
        done = self.levels * stage.steps_done(state)
        labels = [Label("off_belief", run.seed, m, done) for m in range(self.members)]
        return stage.pool(state, labels)

    def _values(self) -> QConfig:
        """How action values are learned. Raises UserError for a learner of another kind."""
        if self.learner is None:
            return QConfig()
        if not isinstance(self.learner, Learner) or self.learner.name != "iql":
            raise UserError("obl learns action values: give learner=iql(QConfig(...))")
        config: QConfig = self.learner.config[0]
        if config.segments != 1 or config.shaping_steps > 0:
            raise UserError(
                "obl learns from whole games, by true rewards: give segments=1 and shaping_steps=0"
            )
        return config

    def _deals(self, spec: EnvSpec) -> Deals:
        deals = self.deals or DEALS.get(_family(spec))
        if deals is None:
            raise UserError(f"{spec.id} has no list of deals: train with levels=1, or give deals")
        return deals


def _family(spec: EnvSpec) -> str:
    return spec.id.split("/")[0]


def _above(lower: Params, state: TrainState) -> TrainState:
    """A population that begins as the level below, and believes in it."""
    copy = partial(jax.tree.map, jnp.copy)
    kept = state.learner._replace(target=copy(lower), given=copy(lower))
    return state._replace(params=copy(lower), learner=kept)
