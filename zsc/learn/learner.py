"""How a member learns from the trajectories of a segment: minibatches, gradients, steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax

from zsc.agents.policy import Policy
from zsc.learn.gae import gae
from zsc.learn.ppo import Batch, PPOConfig, Schedule, ppo_loss
from zsc.play.rollout import Trajectory
from zsc.train.method import LossHook
from zsc.types import Array, Key, Params

Metrics: TypeAlias = dict[str, Array]


class Learner:
    """PPO of one member, or of all of them with a joint loss; holds static values only."""

    def __init__(self, policy: Policy, config: PPOConfig, joint: LossHook | None) -> None:
        self.policy, self.config, self.joint = policy, config, joint
        self.optimizer = make_optimizer(config)

    def alone(
        self,
        params: Params,
        optimizer: optax.OptState,
        trajectories: tuple[Trajectory, ...],
        key: Key,
        now: Schedule,
    ) -> tuple[Params, optax.OptState, Metrics]:
        """All epochs of one segment, for one member."""
        batches = self.batches(trajectories, now)
        return self.epochs(
            partial(self.step, now), params, optimizer, batches, key, lambda take: take
        )

    def together(
        self,
        params: Params,
        optimizer: optax.OptState,
        trajectories: tuple[Trajectory, ...],
        keys: Key,
        now: Schedule,
    ) -> tuple[Params, optax.OptState, Metrics]:
        """All epochs of one segment, for all members [M, ...] with their joint loss."""
        batches = jax.vmap(self.batches)(trajectories, now)
        step = partial(self.joint_step, now)
        return self.epochs(step, params, optimizer, batches, keys[0], jax.vmap)

    def batches(self, trajectories: tuple[Trajectory, ...], now: Schedule) -> tuple[Batch, ...]:
        """Advantages and targets of one member's trajectories."""
        return tuple(self.batch(trajectory, now.shaping) for trajectory in trajectories)

    def batch(self, trajectory: Trajectory, shaping: Array) -> Batch:
        """Advantages, normalised over the samples that teach, and value targets."""
        value = trajectory.value[..., 0]
        advantage = gae(
            trajectory.reward + shaping * trajectory.shaped,
            value,
            trajectory.last_value[..., 0],
            trajectory.terminated[..., None],
            trajectory.truncated[..., None],
            gamma=self.config.gamma,
            lam=self.config.lam,
        )
        valid = trajectory.valid
        mean = jnp.mean(advantage, where=valid)
        deviation = jnp.std(advantage, where=valid)
        normal = jnp.where(valid, (advantage - mean) / (deviation + 1e-8), 0.0)
        return Batch(trajectory, normal, advantage + value)

    def epochs(
        self,
        step: Callable[..., Any],
        params: Params,
        optimizer: optax.OptState,
        batches: tuple[Batch, ...],
        key: Key,
        lift: Callable[[Any], Any],
    ) -> tuple[Params, optax.OptState, Metrics]:
        """Go through the games of the batches, dealt anew into minibatches for each epoch."""
        parts = self.config.minibatches

        def minibatch(carry: Any, which: tuple[Array, Array]) -> Any:
            epoch, part = which
            chosen = tuple(
                lift(partial(_deal, key=jax.random.fold_in(key, epoch), part=part, parts=parts))(
                    batch
                )
                for batch in batches
            )
            params, optimizer, metrics = step(*carry, chosen)
            return (params, optimizer), metrics

        order = jnp.arange(self.config.epochs * parts)
        (params, optimizer), metrics = jax.lax.scan(
            minibatch, (params, optimizer), (order // parts, order % parts)
        )
        first = metrics.pop("ratio_error")[0]
        metrics = {name: value.mean(0) for name, value in metrics.items()}
        return params, optimizer, metrics | {"first_ratio_error": first}

    def loss(
        self, params: Params, batches: tuple[Batch, ...], now: Schedule
    ) -> tuple[Array, Metrics]:
        """One member's loss, the mean over its kinds of games."""
        each = [ppo_loss(self.policy, params, batch, self.config, now.entropy) for batch in batches]
        total = jnp.stack([loss for loss, _ in each]).mean()
        return total, jax.tree.map(lambda *x: sum(x) / len(x), *(m for _, m in each))

    def step(
        self, now: Schedule, params: Params, optimizer: optax.OptState, batches: tuple[Batch, ...]
    ) -> tuple[Params, optax.OptState, Metrics]:
        """One gradient step of one member alone."""
        (_, metrics), grads = jax.value_and_grad(self.loss, has_aux=True)(params, batches, now)
        return *self.descend(now.rate, params, optimizer, grads), metrics

    def joint_step(
        self, now: Schedule, params: Params, optimizer: optax.OptState, batches: tuple[Batch, ...]
    ) -> tuple[Params, optax.OptState, Metrics]:
        """One gradient step of all members together, with the method's joint loss."""
        assert self.joint is not None
        joint = self.joint

        def total(params: Params) -> tuple[Array, Metrics]:
            own, metrics = jax.vmap(self.loss)(params, batches, now)
            together = joint(self.policy, params, tuple(batch.trajectory for batch in batches))
            return own.sum() + together, metrics | {"joint_loss": jnp.full(len(own), together)}

        (_, metrics), grads = jax.value_and_grad(total, has_aux=True)(params)
        # one optimizer per member: a shared one would couple their gradient clipping
        return *jax.vmap(self.descend)(now.rate, params, optimizer, grads), metrics

    def descend(
        self, rate: Array, params: Params, optimizer: optax.OptState, grads: Params
    ) -> tuple[Params, optax.OptState]:
        """A step of this learning rate along the gradients of one member."""
        direction, optimizer = self.optimizer.update(grads, optimizer)
        step = jax.tree.map(lambda x: -rate * x, direction)
        return optax.apply_updates(params, step), optimizer


def make_optimizer(config: PPOConfig) -> optax.GradientTransformation:
    """Clipped Adam without its rate, which is a schedule's."""
    return optax.chain(
        optax.clip_by_global_norm(config.max_grad_norm), optax.scale_by_adam(eps=1e-5)
    )


def _deal(batch: Batch, *, key: Key, part: Array, parts: int) -> Batch:
    """The games of one minibatch: part number `part` of a random order of the games."""
    envs = batch.advantage.shape[1]
    order = jax.random.permutation(key, envs).reshape(parts, -1)[part]
    along = lambda axis: lambda x: jnp.take(x, order, axis=axis)
    old = batch.trajectory
    fields = {
        name: jax.tree.map(along(0 if name in ("last_value", "carry") else 1), value)
        for name, value in old._asdict().items()
    }
    return Batch(Trajectory(**fields), along(1)(batch.advantage), along(1)(batch.target))
