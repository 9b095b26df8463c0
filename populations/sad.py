"""SAD, the simplified action decoder (Hu & Foerster 2020, arXiv 1912.02288): a baseline.

Agents explore, and a random move says nothing of what its player knows. So while they learn the
others are told two things: the action u that was taken, which the game shows, and the greedy one,

    u* = argmax_u Q(tau, u),

beside the observation (section 4.1 of the paper). When learning is over u and u* coincide. What a
move says is so learned as if nobody explored: it raises self-play, sharpens conventions, and so
lowers cross-play (24.0 and 2.5 in full Hanabi, arXiv 2103.04000). Values are added (VDN).

Deviations: one epsilon for all games at a time, falling from 1, where the authors have a ladder of
fixed ones; no prioritised replay, no multi-step, no auxiliary task. With more than two players an
agent is told of the last joint action only. In an update with epsilon 1 all actions are explored
alike, and the greedy one is not known: the first legal action stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from zsc.agents.policy import Policy
from zsc.agents.pool import Pool
from zsc.agents.told import intentions_policy
from zsc.envs.base import EnvSpec
from zsc.errors import UserError
from zsc.learn.base import Learner
from zsc.learn.q_learning import QConfig, vdn
from zsc.populations.presets import Preset, preset
from zsc.populations.recipe import Recipe, Run
from zsc.populations.self_play import final_members
from zsc.train.method import Method

METHOD = Method("sad")


@dataclass(frozen=True, kw_only=True)
class SAD(Recipe):
    """Self-play by action values in which others' greedy actions are seen while they explore.

    learner: one of action values: `vdn(QConfig(...))`, the usual one, `iql` or `qmix`. The other
        fields are those of `Recipe`.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        config = self.learner.config[0] if isinstance(self.learner, Learner) else self.learner
        if config is not None and not isinstance(config, QConfig):
            raise UserError("SAD learns action values: give learner=vdn(QConfig(...))")
        if config is not None and config.epsilon >= 1:
            raise UserError(
                f"epsilon is {config.epsilon:g}: give less than 1, or no greedy action is ever seen"
            )

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How agents learn in a game."""
        learner = self.learner or vdn(QConfig())
        return (preset(spec).but(learner, self.steps, self.network),)

    def agents(self, spec: EnvSpec) -> Policy:
        """What the agents are."""
        return intentions_policy(spec, network=self.stages(spec)[0].network)

    def build(self, run: Run) -> Pool:
        """The final members."""
        return final_members(self, run, METHOD, policy=self.agents(run.env.spec))
