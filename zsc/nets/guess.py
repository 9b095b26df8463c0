"""Networks that guess: who somebody is, or what they do next. They act nowhere."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn

from zsc.nets.torsos import MLP
from zsc.types import Array


class Guess(nn.Module):
    """Logits over `classes` from any array, flattened."""

    classes: int
    widths: Sequence[int] = (64,)

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return nn.Dense(self.classes)(MLP(self.widths, "relu")(x))
