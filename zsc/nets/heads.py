"""What a policy says: action logits and values, and the distribution over legal actions."""

from __future__ import annotations

import warnings

import flax.linen as nn
import jax.numpy as jnp

from zsc.types import Array

with warnings.catch_warnings():  # distrax 0.1.9 uses one name that jax has deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import distrax


def distribution(logits: Array, mask: Array) -> distrax.Categorical:
    """The categorical over legal actions; logits and mask [..., N].

    Illegal actions get the smallest finite logit: with -inf the gradient of the entropy is nan.
    """
    return distrax.Categorical(logits=jnp.where(mask, logits, jnp.finfo(logits.dtype).min))


def sample(logits: Array, mask: Array, noise: Array) -> Array:
    """An action [...] by the Gumbel trick from logits, mask and Gumbel noise [..., N].

    The noise is an argument, so that all cells of a cross-play matrix can share it.
    """
    return jnp.argmax(jnp.where(mask, logits + noise, -jnp.inf), axis=-1).astype(jnp.int32)


class ActorCritic(nn.Module):
    """Action logits [N] and values [V] from one feature vector."""

    num_actions: int
    num_values: int = 1

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        small, unit = nn.initializers.orthogonal(0.01), nn.initializers.orthogonal(1.0)
        logits = nn.Dense(self.num_actions, kernel_init=small, name="actor")(x)
        value = nn.Dense(self.num_values, kernel_init=unit, name="critic")(x)
        return logits, value
