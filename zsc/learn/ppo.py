"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347): settings and loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp

from zsc.agents.policy import Policy
from zsc.errors import UserError
from zsc.nets import distribution
from zsc.play.rollout import Trajectory, replay
from zsc.types import Array, Params


@dataclass(frozen=True)
class PPOConfig:
    """How one member learns. Steps are environment steps of that member."""

    envs: int = 8  # games played in step
    # policy updates per episode, which is cut into this many parts; a game that ended early is
    # followed by another at the next
    segments: int = 8
    epochs: int = 3
    minibatches: int = 2  # the games of a segment are dealt into this many parts
    learning_rate: float = 5e-3
    final_learning_rate: float = 0.0  # reached linearly at the end of the step budget
    gamma: float = 0.98
    lam: float = 0.9
    clip: float = 0.2
    entropy: float = 0.04
    final_entropy: float | None = None  # reached linearly at the end of the budget; None: constant
    value: float = 0.5
    max_grad_norm: float = 0.5
    shaping_steps: float = 2.5e6  # the shaped reward fades to nothing over these; 0: never used

    def __post_init__(self) -> None:
        for name in ("envs", "segments", "epochs", "minibatches"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}: at least 1 is needed")
        for name in ("learning_rate", "entropy", "gamma", "lam", "clip", "shaping_steps"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(f"{name} is {getattr(self, name)}: give a number from 0 on")
        if self.envs % self.minibatches:
            raise UserError(
                f"{self.envs} games cannot be dealt into {self.minibatches} minibatches: "
                "make envs a multiple of minibatches"
            )


class Batch(NamedTuple):
    """A trajectory with what PPO learns from it."""

    trajectory: Trajectory
    advantage: Array  # [T, E, R], normalised
    target: Array  # [T, E, R] value targets


class Schedule(NamedTuple):
    """What changes in the course of a run; each []."""

    shaping: Array  # what is left of the shaped reward, 1 to 0
    rate: Array  # learning rate
    entropy: Array  # weight of the entropy bonus


def schedule(config: PPOConfig, steps: Array, progress: Array) -> Schedule:
    """The schedule after so many environment steps, at this share of the budget."""
    left = 1.0 - steps / config.shaping_steps if config.shaping_steps > 0 else jnp.float32(0)
    last = config.entropy if config.final_entropy is None else config.final_entropy
    line = lambda first, last: first + (last - first) * progress
    return Schedule(
        shaping=jnp.maximum(left, 0.0),
        rate=line(config.learning_rate, config.final_learning_rate),
        entropy=line(config.entropy, last),
    )


def ppo_loss(
    policy: Policy, params: Params, batch: Batch, config: PPOConfig, entropy_weight: Array
) -> tuple[Array, dict[str, Array]]:
    """The clipped surrogate, value and entropy terms over the valid samples; and diagnostics.

    Illegal actions are masked as they were in acting. Raises nothing; all shapes as in `Batch`.
    """
    old = batch.trajectory
    out = replay(policy, params, old)
    policy_now = distribution(out.logits, old.inputs.mask)
    log_ratio = policy_now.log_prob(old.action) - old.log_prob
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1.0 - config.clip, 1.0 + config.clip)
    surrogate = jnp.minimum(ratio * batch.advantage, clipped * batch.advantage)
    value_error = jnp.square(out.value[..., 0] - batch.target)
    entropy = policy_now.entropy()

    def mean(x: Array, where: Array = old.valid) -> Array:
        return (x * where).sum() / jnp.maximum(where.sum(), 1)

    # a forced move teaches the policy nothing, but its value is bootstrapped from
    value_loss = config.value * 0.5 * mean(value_error, old.playing)
    loss = mean(-surrogate - entropy_weight * entropy) + value_loss
    metrics = {
        "loss": loss,
        "entropy": mean(entropy),
        "value_error": mean(value_error),
        "kl": mean(ratio - 1.0 - log_ratio),
        "ratio_error": jnp.max(jnp.abs(ratio - 1.0) * old.valid),
    }
    return loss, metrics
