"""High-entropy self-play: PPO with a memory, a strong entropy bonus and a short trace.

A cheap baseline, reported to beat specialised methods in Hanabi's cross-play (arXiv 2511.22581):
entropy .05 and lambda .9 keep agents from settling on conventions that only their own seed knows.
They learn with sampled actions and act greedily afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from zsc.agents.policy import greedy
from zsc.agents.pool import Pool
from zsc.envs.base import EnvSpec
from zsc.populations.presets import Preset, high_entropy_preset
from zsc.populations.recipe import Recipe, Run
from zsc.populations.self_play import final_members
from zsc.train.method import Method

METHOD = Method("high_entropy")


@dataclass(frozen=True, kw_only=True)
class HighEntropy(Recipe):
    """Self-play that explores and then acts greedily; the fields are those of `Recipe`.

    learner: None takes the game's preset with entropy of at least .05 and lambda .9. network: None
    is the game's own if it has a memory, else `gru_policy`.
    """

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How its only stage learns in a game."""
        return (high_entropy_preset(spec).but(self.learner, self.steps, self.network),)

    def build(self, run: Run) -> Pool:
        """The final members, greedy."""
        return final_members(self, run, METHOD, plays=greedy(self.agents(run.env.spec)))
