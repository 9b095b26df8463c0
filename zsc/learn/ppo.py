"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347), with the policy's own
value or with a central critic (MAPPO, Yu et al. 2022, arXiv 2103.01955)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from zsc.checks import settle
from zsc.errors import UserError
from zsc.learn.base import (
    Clock,
    Learner,
    Loss,
    Metrics,
    Played,
    Task,
    descend,
    init_optimizer,
)
from zsc.learn.critic import CentralCritic, Judged, improve, init_critic, judge
from zsc.learn.gae import gae
from zsc.nets import entropy as entropy_of
from zsc.nets import log_prob, log_probs
from zsc.play.match import MatchSpec
from zsc.play.rollout import TIMELESS, Trajectory, replay
from zsc.types import Array, Key, Params, PyTree


@dataclass(frozen=True)
class PPOConfig:
    """How one member learns. Steps are environment steps of that member.

    In brackets the names that other libraries use.
    """

    envs: int = 8  # games played in step [num_envs]
    # policy updates per episode, which is cut into this many parts; a game that ended early is
    # followed by another at the next
    segments: int = 8
    epochs: int = 3  # [update_epochs]
    minibatches: int = 2  # the games of a segment are dealt into this many parts
    learning_rate: float = 5e-3
    final_learning_rate: float = 0.0  # reached linearly at the end of the step budget
    gamma: float = 0.98
    lam: float = 0.9  # [gae_lambda]
    clip: float = 0.2  # [clip_eps]
    entropy: float = 0.04  # [ent_coef]
    final_entropy: float | None = None  # reached linearly at the end of the budget; None: constant
    value_weight: float = 0.5  # [vf_coef]
    max_grad_norm: float = 0.5
    shaping_steps: float = 2.5e6  # the shaped reward fades to nothing over these; 0: never used

    def __post_init__(self) -> None:
        settle(self)
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


class Schedule(NamedTuple):
    """What changes in the course of a run, and what `Method.tune` may change; each []."""

    shaping: Array  # what is left of the shaped reward, 1 to 0
    rate: Array  # learning rate
    entropy: Array  # weight of the entropy bonus


class PPOState(NamedTuple):
    """What PPO keeps of one member beside its parameters."""

    optimizer: PyTree  # of a team one entry for each policy
    critic: Any = ()  # CriticState; () without a critic of the whole game


class Batch(NamedTuple):
    """A trajectory with what PPO learns from it."""

    trajectory: Trajectory
    advantage: Array  # [T, E, R]
    target: Array  # [T, E, R] value targets
    memory: PyTree = ()  # [E, ...] the central critic's carry before the first step


def schedule(config: PPOConfig, clock: Clock) -> Schedule:
    """The schedule after so many environment steps, at this share of the budget."""
    left = 1.0 - clock.steps / config.shaping_steps if config.shaping_steps > 0 else jnp.float32(0)
    last = config.entropy if config.final_entropy is None else config.final_entropy
    line = lambda first, last: first + (last - first) * clock.progress
    return Schedule(
        shaping=jnp.maximum(left, 0.0),
        rate=line(config.learning_rate, config.final_learning_rate),
        entropy=line(config.entropy, last),
    )


def ppo(config: PPOConfig, critic: CentralCritic | None = None) -> Learner:
    """PPO as a learner. With a critic of the whole game it is MAPPO; the agents stay the same.

    >>> ppo(PPOConfig()) == ppo(PPOConfig()), ppo(PPOConfig(), CentralCritic()).name
    (True, 'mappo')
    """
    optimizer = make_optimizer(config)
    return Learner(
        name="ppo" if critic is None else "mappo",
        config=config if critic is None else (config, critic),
        envs=config.envs,
        segments=config.segments,
        init=partial(_init, config, critic, optimizer),
        schedule=partial(schedule, config),
        learn=partial(_learn, config, critic, optimizer),
        learn_jointly=partial(_learn_jointly, config, optimizer) if critic is None else None,
        world=(lambda env: None) if critic is None else (lambda env: env.world),
    )


def make_optimizer(config: PPOConfig) -> optax.GradientTransformation:
    """Clipped Adam without its rate, which is a schedule's."""
    return optax.chain(
        optax.clip_by_global_norm(config.max_grad_norm), optax.scale_by_adam(eps=1e-5)
    )


def _init(
    config: PPOConfig,
    critic: CentralCritic | None,
    optimizer: optax.GradientTransformation,
    task: Task,
    key: Key,
    params: Params,
) -> PPOState:
    own = init_optimizer(optimizer, task.policy, params)
    for spec in task.specs:
        if spec.envs(config.envs) % config.minibatches:
            raise UserError(
                f"{spec.envs(config.envs)} games of the kind {spec.name!r} cannot be dealt into "
                f"{config.minibatches} minibatches: take other envs or minibatches than "
                f"{config.envs} and {config.minibatches}"
            )
    if critic is None:
        return PPOState(own)
    envs = tuple(spec.envs(config.envs) for spec in task.specs)
    return PPOState(own, init_critic(critic, task.env, optimizer, key, envs))


def _learn(
    config: PPOConfig,
    critic: CentralCritic | None,
    optimizer: optax.GradientTransformation,
    task: Task,
    key: Key,
    params: Params,
    state: PPOState,
    played: Played,
    now: Schedule,
    extra: Loss | None = None,
) -> tuple[Params, PPOState, Metrics]:
    """All epochs of one segment, for one member."""
    judged: tuple[Judged | None, ...] = (None,) * len(played)
    if critic is not None:
        judged = judge(critic, task.env, state.critic, played)
    batches = _batches(config, task, played, now, judged)

    def step(params: Params, state: PPOState, batch: tuple[Batch, ...]) -> Any:
        """One gradient step on a minibatch."""
        total = partial(_loss, config, task, extra)
        (_, metrics), grads = jax.value_and_grad(total, has_aux=True)(params, batch, now)
        params, own = descend(optimizer, task.policy, now.rate, params, state.optimizer, grads)
        state = state._replace(optimizer=own)
        if critic is not None:
            better, metrics["value_error"] = improve(
                critic,
                task.env,
                optimizer,
                now.rate,
                state.critic,
                [(one.trajectory, one.memory, one.target) for one in batch],
            )
            state = state._replace(critic=better)
        return params, state, metrics

    params, state, metrics = _epochs(config, step, params, state, batches, key, lambda take: take)
    if critic is not None:
        memory = tuple(one.carry for one in judged if one is not None)
        state = state._replace(critic=state.critic._replace(memory=memory))
    return params, state, metrics


def _learn_jointly(
    config: PPOConfig,
    optimizer: optax.GradientTransformation,
    task: Task,
    keys: Key,
    params: Params,
    state: PPOState,
    played: Played,
    now: Schedule,
    joint: Loss,
) -> tuple[Params, PPOState, Metrics]:
    """All epochs of one segment, for all members [M, ...] with their joint loss."""
    nobody: tuple[None, ...] = (None,) * len(played)
    make = lambda played, now: _batches(config, task, played, now, nobody)
    batches = jax.vmap(make)(played, now)

    def step(params: Params, state: PPOState, batch: tuple[Batch, ...]) -> Any:
        def total(params: Params) -> tuple[Array, Metrics]:
            own, metrics = jax.vmap(partial(_loss, config, task, None))(params, batch, now)
            together = joint(params, tuple(one.trajectory for one in batch))
            return own.sum() + together, metrics | {"joint_loss": jnp.full(len(own), together)}

        (_, metrics), grads = jax.value_and_grad(total, has_aux=True)(params)
        # one optimizer per member: a shared one would couple their gradient clipping
        down = jax.vmap(partial(descend, optimizer, task.policy))
        params, own = down(now.rate, params, state.optimizer, grads)
        return params, state._replace(optimizer=own), metrics

    return _epochs(config, step, params, state, batches, keys[0], jax.vmap)


def _loss(
    config: PPOConfig,
    task: Task,
    extra: Loss | None,
    params: Params,
    batch: tuple[Batch, ...],
    now: Schedule,
) -> tuple[Array, Metrics]:
    """One member's loss, the mean over its kinds of games, and the method's own."""
    each = [ppo_loss(config, task, kind, params, one, now) for kind, one in enumerate(batch)]
    total = jnp.stack([loss for loss, _ in each]).mean()
    metrics = jax.tree.map(lambda *x: sum(x) / len(x), *(m for _, m in each))
    if extra is not None:
        own = extra(params, tuple(one.trajectory for one in batch))
        total, metrics = total + own, metrics | {"extra_loss": own}
    return total, metrics


def ppo_loss(
    config: PPOConfig, task: Task, kind: int, params: Params, batch: Batch, now: Schedule
) -> tuple[Array, Metrics]:
    """The clipped surrogate (equation 7 of the paper), value and entropy terms; and diagnostics.

    The surrogate and the entropy are means over the samples with a real choice, the value error
    over all samples of living games. Illegal actions are masked as they were in acting.
    """
    old = batch.trajectory
    out = replay(task.policy, params, old, task.players(kind))
    likely = log_probs(out.logits, old.inputs.mask)
    log_ratio = log_prob(likely, old.action) - old.log_prob
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1.0 - config.clip, 1.0 + config.clip)
    gain = batch.advantage if isinstance(old.weight, tuple) else batch.advantage * old.weight
    surrogate = jnp.minimum(ratio * gain, clipped * gain)
    value_error = jnp.square(_of_head(task.specs[kind], old, out.value) - batch.target)
    entropy = entropy_of(likely)

    def mean(x: Array, where: Array = old.valid) -> Array:
        return (x * where).sum() / jnp.maximum(where.sum(), 1)

    # a forced move teaches the policy nothing, but its value is bootstrapped from
    value_loss = config.value_weight * 0.5 * mean(value_error, old.playing)
    loss = mean(-surrogate - now.entropy * entropy) + value_loss
    metrics = {
        "loss": loss,
        "entropy": mean(entropy),
        "value_error": mean(value_error),
        "kl": mean(ratio - 1.0 - log_ratio),
        "ratio_error": jnp.max(jnp.abs(ratio - 1.0) * old.valid),
    }
    return loss, metrics


def _batches(
    config: PPOConfig,
    task: Task,
    played: Played,
    now: Schedule,
    judged: tuple[Judged | None, ...],
) -> tuple[Batch, ...]:
    """Advantages and targets of one member's trajectories.

    Advantages are centred over the samples that teach of each kind of games, and measured in the
    deviation of all kinds together: where nothing is earned nothing is learned, and kinds weigh as
    `Trajectory.weight` says.
    """
    batches = [
        _batch(config, spec, trajectory, now.shaping, central)
        for spec, trajectory, central in zip(task.specs, played, judged, strict=True)
    ]
    centred = [
        batch.advantage - jnp.mean(batch.advantage, where=batch.trajectory.valid)
        for batch in batches
    ]
    valid = [batch.trajectory.valid for batch in batches]
    count = jnp.stack([where.sum() for where in valid])
    each = [jnp.var(x, where=where) for x, where in zip(centred, valid, strict=True)]
    variance = jnp.where(count > 0, jnp.stack(each) * count, 0.0).sum() / count.sum()
    scale = jnp.sqrt(variance) + 1e-8
    return tuple(
        batch._replace(advantage=jnp.where(where, x / scale, 0.0))
        for batch, x, where in zip(batches, centred, valid, strict=True)
    )


def _of_head(spec: MatchSpec, played: Trajectory, value: Array) -> Array:
    """[..., E, R] of values [..., E, R, V] those of the head that learns from each game."""
    if isinstance(played.head, tuple):
        return value[..., spec.value]
    at = played.head.reshape(*(1,) * (value.ndim - 3), -1, 1, 1)
    return jnp.take_along_axis(value, at, axis=-1)[..., 0]


def _batch(
    config: PPOConfig,
    spec: MatchSpec,
    trajectory: Trajectory,
    shaping: Array,
    central: Judged | None,
) -> Batch:
    """Advantages and value targets in units of return."""
    value = _of_head(spec, trajectory, trajectory.value)
    last = _of_head(spec, trajectory, trajectory.last_value)
    if central is not None:
        value, last = central.value[:-1], central.value[-1]
    advantage = gae(
        trajectory.reward + shaping * trajectory.shaped,
        value,
        last,
        trajectory.terminated[..., None],
        trajectory.truncated[..., None],
        gamma=config.gamma,
        lam=config.lam,
    )
    memory = () if central is None else central.memory
    return Batch(trajectory, advantage, advantage + value, memory)


def _epochs(
    config: PPOConfig,
    step: Callable[..., Any],
    params: Params,
    state: PPOState,
    batches: tuple[Batch, ...],
    key: Key,
    lift: Callable[[Any], Any],
) -> tuple[Params, PPOState, Metrics]:
    """Go through the games of the batches, dealt anew into minibatches for each epoch."""
    count = config.minibatches

    def minibatch(carry: Any, which: tuple[Array, Array]) -> Any:
        epoch, part = which
        deal = partial(_deal, key=jax.random.fold_in(key, epoch), part=part, parts=count)
        params, state, metrics = step(*carry, tuple(lift(deal)(batch) for batch in batches))
        return (params, state), metrics

    order = jnp.arange(config.epochs * count)
    (params, state), metrics = jax.lax.scan(
        minibatch, (params, state), (order // count, order % count)
    )
    first = metrics.pop("ratio_error")[0]
    metrics = {name: value.mean(0) for name, value in metrics.items()}
    return params, state, metrics | {"first_ratio_error": first}


def _deal(batch: Batch, *, key: Key, part: Array, parts: int) -> Batch:
    """The games of one minibatch: part number `part` of a random order of the games."""
    envs = batch.advantage.shape[1]
    order = jax.random.permutation(key, envs).reshape(parts, -1)[part]
    along = lambda axis: lambda x: jnp.take(x, order, axis=axis)
    fields = {
        name: jax.tree.map(along(0 if name in TIMELESS else 1), value)
        for name, value in batch.trajectory._asdict().items()
    }
    return Batch(
        Trajectory(**fields),
        along(1)(batch.advantage),
        along(1)(batch.target),
        jax.tree.map(along(0), batch.memory),
    )
