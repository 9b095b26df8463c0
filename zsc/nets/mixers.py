"""How the values of a team's agents become the team's."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from zsc.nets.torsos import scaled
from zsc.types import Array


class Monotone(nn.Module):
    """The mixing network of QMIX (Rashid et al. 2018, arXiv 1803.11485, section 4.2).

    Its weights are made from the world and positive, so that what is best for each agent is best
    for the team. (values [R], world) -> [].
    """

    width: int = 32
    scale: tuple[float, ...] = ()  # of the world; all 1 if left out

    @nn.compact
    def __call__(self, values: Array, world: Array) -> Array:
        agents, x = len(values), world.reshape(-1)
        x = scaled(x, self.scale or (1.0,) * len(x))
        first = jnp.abs(nn.Dense(agents * self.width)(x)).reshape(agents, self.width)
        second = jnp.abs(nn.Dense(self.width)(x))
        hidden = nn.elu(values @ first + nn.Dense(self.width)(x))
        return hidden @ second + nn.Dense(1)(nn.relu(nn.Dense(self.width)(x)))[0]
