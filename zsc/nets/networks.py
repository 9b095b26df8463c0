"""Whole networks: torso, memory, head."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn

from zsc.nets.heads import ActorCritic
from zsc.nets.torsos import CNN, MLP, scaled
from zsc.types import Array


class FeedForward(nn.Module):
    """Torso and head. `channels` makes the torso convolutional, see `CNN` for `interior`."""

    num_actions: int
    obs_max: tuple[float, ...]
    widths: Sequence[int] = (64, 64)
    channels: Sequence[int] = ()
    interior: bool = False
    activation: str = "tanh"
    num_values: int = 1

    @nn.compact
    def __call__(self, obs: Array) -> tuple[Array, Array]:
        x = scaled(obs, self.obs_max)
        if self.channels:
            x = CNN(self.channels, self.widths[0], self.activation, self.interior)(x)
            x = MLP(self.widths[1:], self.activation)(x)
        else:
            x = MLP(self.widths, self.activation)(x)
        return ActorCritic(self.num_actions, self.num_values)(x)


class Recurrent(nn.Module):
    """Torso, GRU, head. The memory [hidden] goes in and comes out."""

    num_actions: int
    obs_max: tuple[float, ...]
    widths: Sequence[int] = (64,)
    hidden: int = 64
    activation: str = "tanh"
    num_values: int = 1

    @nn.compact
    def __call__(self, carry: Array, obs: Array) -> tuple[Array, tuple[Array, Array]]:
        x = MLP(self.widths, self.activation)(scaled(obs, self.obs_max))
        carry, x = nn.GRUCell(self.hidden)(carry, x)
        return carry, ActorCritic(self.num_actions, self.num_values)(x)
