"""Feature extractors: one observation in, one feature vector out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from zsc.types import Array

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {"tanh": nn.tanh, "relu": nn.relu}
_ORTHOGONAL = nn.initializers.orthogonal(np.sqrt(2))


def scaled(obs: Array, obs_max: Sequence[float]) -> Array:
    """Observation as float32 of order one: divided by the magnitudes along its last axis.

    What has magnitude 0 is left as it is: it never differs from 0.
    """
    scale = np.asarray(obs_max, np.float32)
    return obs.astype(jnp.float32) * (1.0 / np.where(scale > 0, scale, np.float32(1.0)))


class MLP(nn.Module):
    """Dense layers on the flattened observation."""

    widths: Sequence[int]
    activation: str = "tanh"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = x.reshape(-1)
        for width in self.widths:
            x = ACTIVATIONS[self.activation](nn.Dense(width, kernel_init=_ORTHOGONAL)(x))
        return x


class CNN(nn.Module):
    """3x3 convolutions [H, W, C], each as patches and one product, then a dense layer.

    interior: the first one looks at cells with a full surrounding only, so everything after it has
    two rows and columns less. Where the border is wall, as in any kitchen, no cell is lost by that:
    each is in some surrounding.

    On grids this small a convolution is bound by its bookkeeping. As a product of the nine shifted
    copies with one matrix it is a plain matrix product, and a member axis keeps it one, where
    `lax.conv` would become a grouped convolution.
    """

    channels: Sequence[int]
    width: int = 64
    activation: str = "relu"
    interior: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        act = ACTIVATIONS[self.activation]
        for layer, features in enumerate(self.channels):
            seen = patches(x, edges=layer > 0 or not self.interior)
            x = act(nn.Dense(features, kernel_init=_ORTHOGONAL)(seen))
        return act(nn.Dense(self.width, kernel_init=_ORTHOGONAL)(x.reshape(-1)))


def patches(x: Array, *, edges: bool = True) -> Array:
    """[H, W, 9 C] the 3x3 surroundings of each cell of [H, W, C], zeros outside.

    Without edges only those of cells that have eight neighbours, [H - 2, W - 2, 9 C].
    """
    if edges:
        x = jnp.pad(x, ((1, 1), (1, 1), (0, 0)))
    height, width = x.shape[0] - 2, x.shape[1] - 2
    shifts = [x[dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3)]
    return jnp.concatenate(shifts, axis=-1)
