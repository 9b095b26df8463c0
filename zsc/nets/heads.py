"""What a policy says: action logits and values, and the distribution over legal actions."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import flax.linen as nn
import jax
import jax.numpy as jnp

from zsc.types import Array

if TYPE_CHECKING:
    import distrax


def distribution(logits: Array, mask: Array) -> distrax.Categorical:
    """The categorical over legal actions; logits and mask [..., N].

    distrax is imported with the first of them: it loads the whole of tensorflow-probability, which
    takes as long as jax itself.
    """
    with warnings.catch_warnings():  # distrax 0.1.9 uses one name that jax has deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        import distrax

    return distrax.Categorical(logits=_legal(logits, mask))


def log_probs(logits: Array, mask: Array) -> Array:
    """[..., N] of the legal actions. It and the two below are `distribution`'s to the bit, without
    distrax: what every training needs."""
    return jax.nn.log_softmax(_legal(logits, mask))


def log_prob(log_probs: Array, action: Array) -> Array:
    """[...] of actions [...]."""
    return (log_probs * jax.nn.one_hot(action, log_probs.shape[-1])).sum(-1)


def entropy(log_probs: Array) -> Array:
    """[...] in nats."""
    each = jax.nn.log_softmax(log_probs)  # once more, as there: other bits would be other agents
    probs = jnp.exp(each)
    return -(jnp.where(probs == 0, 0.0, each) * probs).sum(-1)


def _legal(logits: Array, mask: Array) -> Array:
    """Illegal actions get the smallest finite logit: with -inf the entropy's gradient is nan."""
    return jnp.where(mask, logits, jnp.finfo(logits.dtype).min)


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
