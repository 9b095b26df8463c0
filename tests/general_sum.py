"""A game that pays each agent by itself."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp

from zsc.envs.base import EnvSpec
from zsc.envs.lever import Lever


@dataclass(frozen=True)
class _Spec(EnvSpec):
    team_reward: bool = False


@dataclass(frozen=True)
class EachForItself(Lever):
    """The lever game; what seat 0 earns, seat 1 pays half of."""

    @property
    def spec(self):
        return _Spec(**{**vars(Lever(self.rounds, self.payoffs).spec), "team_reward": False})

    def step(self, key, state, action):
        state, shown = super().step(key, state, action)
        return state, shown._replace(reward=shown.reward * jnp.array([1.0, -0.5]))
