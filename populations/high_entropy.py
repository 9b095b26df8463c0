"""High-entropy self-play: PPO with a memory, a strong entropy bonus and a short trace.

A cheap baseline, reported to beat specialised methods in Hanabi's cross-play (arXiv 2511.22581):
entropy .05 and lambda .9 keep agents from settling on conventions that only their own seed knows.
They learn with sampled actions and act greedily afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from zsc.agents.policy import Policy, greedy
from zsc.envs.base import Environment, EnvSpec
from zsc.populations.presets import Preset, high_entropy_preset
from zsc.populations.self_play import SelfPlay
from zsc.train.method import Method

METHOD = Method("high_entropy")


@dataclass(frozen=True)
class HighEntropy(SelfPlay):
    """Self-play that explores and then acts greedily; the fields are those of `SelfPlay`.

    ppo: None takes the game's preset with entropy of at least .05 and lambda .9. policy: None is
    the game's own if it has a memory, else `gru_policy`.
    """

    def method(self, env: Environment) -> Method:
        """Self-play under its own name."""
        del env
        return METHOD

    def plans(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How its only stage learns in a game."""
        return (high_entropy_preset(spec).but(self.ppo, self.steps, self.policy),)

    def plays(self, policy: Policy) -> Policy:
        """Greedily."""
        return greedy(policy)
