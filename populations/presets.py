"""Settings that are known to work, per game: what a recipe uses unless told otherwise.

Found by the runs that benchmarks/RESULTS.md lists. A game that is not named here gets the first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from zsc.envs.base import EnvSpec
from zsc.learn.ppo import PPOConfig


class Preset(NamedTuple):
    """How a self-play member learns, and for how many environment steps."""

    ppo: PPOConfig
    steps: float

    def but(self, ppo: PPOConfig | None, steps: float | None) -> Preset:
        """The same with what was asked for instead."""
        return Preset(ppo or self.ppo, self.steps if steps is None else steps)


def response_preset(spec: EnvSpec) -> Preset:
    """The settings of a best response to many partners: more games at a time, and longer."""
    ppo, steps = preset(spec)
    return Preset(replace(ppo, envs=max(16, ppo.envs)), 3 * steps)


_DEFAULT = Preset(PPOConfig(), 500_000)
_ONE_SHOT = PPOConfig(envs=64, segments=1, epochs=4, minibatches=1, shaping_steps=0)
_PRESETS = {
    "lever": Preset(_ONE_SHOT, 64 * 200),
    "lever/iterated": Preset(_ONE_SHOT, 64 * 6 * 200),
    "overcooked/forced_coordination": Preset(PPOConfig(), 800_000),
    # its first soup is a long way off: more games, more entropy, a longer view
    "overcooked/counter_circuit": Preset(
        PPOConfig(envs=32, learning_rate=3e-3, gamma=0.99, entropy=0.08), 2_000_000
    ),
}


def preset(spec: EnvSpec) -> Preset:
    """The settings for a game."""
    return _PRESETS.get(spec.id, _DEFAULT)
