"""A central critic: values from what no agent sees (MAPPO, Yu et al. 2022, arXiv 2103.01955).

It belongs to the learner, so agents are the same with and without it. Its targets are normalised
by their running mean and deviation (the paper's section on value normalisation), and it may have a
memory of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from zsc import keys
from zsc.envs.base import Environment
from zsc.learn.base import Played, step, world_scale
from zsc.nets import Critic
from zsc.play.rollout import Trajectory
from zsc.types import Array, Key, Params, PyTree


@dataclass(frozen=True)
class CentralCritic:
    """Dense layers on `env.world(state)` and the seat of the agent whose return is expected.

    hidden: size of a recurrent memory of the world; 0 for none.
    normalise: learn values in units of their running deviation. decay: of its running moments.
    """

    widths: tuple[int, ...] = (64, 64)
    hidden: int = 0
    activation: str = "tanh"
    normalise: bool = True
    decay: float = 0.999

    def network(self, env: Environment) -> Critic:
        """The module: (memory, world, seats [R]) -> (memory, values [R])."""
        agents = env.spec.num_agents
        return Critic(self.widths, self.hidden, self.activation, agents, world_scale(env))


class Moments(NamedTuple):
    """Running first and second moments of value targets; each []."""

    mean: Array
    square: Array
    weight: Array  # what they are to be divided by, since they start at 0

    @property
    def centre(self) -> Array:
        """The mean of the targets; 0 before the first."""
        return self.mean / jnp.maximum(self.weight, 1e-6)

    @property
    def deviation(self) -> Array:
        """The standard deviation of the targets, at least .1; 1 before the first."""
        variance = self.square / jnp.maximum(self.weight, 1e-6) - self.centre**2
        return jnp.where(self.weight > 0, jnp.sqrt(jnp.maximum(variance, 1e-2)), 1.0)


class CriticState(NamedTuple):
    """What a learner keeps of its central critic."""

    params: Params
    optimizer: optax.OptState
    moments: Moments
    memory: tuple[PyTree, ...]  # one per MatchSpec, [E, ...] carries before the next segment


class Judged(NamedTuple):
    """What a critic says along a trajectory."""

    value: Array  # [T + 1, E, R] in units of return
    memory: PyTree  # [E, ...] its carry before the first step
    carry: PyTree  # [E, ...] and after the last one


def init_critic(
    critic: CentralCritic,
    env: Environment,
    optimizer: optax.GradientTransformation,
    key: Key,
    envs: Sequence[int],
) -> CriticState:
    """A fresh critic for kinds of games of so many games each."""
    network, zero = critic.network(env), jnp.float32(0)
    state, _ = env.reset(key)
    memory = jnp.zeros(critic.hidden)
    seats = jnp.zeros(1, jnp.int32)
    params = network.init(jax.random.fold_in(key, keys.LEARNER), memory, env.world(state), seats)
    kept = tuple(jnp.zeros((count, critic.hidden)) for count in envs)
    return CriticState(params, optimizer.init(params), Moments(zero, zero, zero), kept)


def judge(
    critic: CentralCritic, env: Environment, state: CriticState, played: Played
) -> tuple[Judged, ...]:
    """The values of all trajectories; memories go on from the segment before."""
    found = []
    for trajectory, memory in zip(played, state.memory, strict=True):
        carry, value = _unroll(critic, env, state.params, trajectory, memory)
        value = value * state.moments.deviation + state.moments.centre
        found.append(Judged(value, memory, carry))
    return tuple(found)


def improve(
    critic: CentralCritic,
    env: Environment,
    optimizer: optax.GradientTransformation,
    rate: Array,
    state: CriticState,
    batch: Sequence[tuple[Trajectory, PyTree, Array]],
) -> tuple[CriticState, Array]:
    """One step towards the targets of (trajectory, memory, target [T, E, R]) of each kind of game.

    Returns the new state and the mean squared error, in units of return.
    """
    moments = state.moments
    if critic.normalise:
        moments = _updated(moments, critic.decay, batch)

    def error(params: Params) -> Array:
        each = []
        for trajectory, memory, target in batch:
            said = _unroll(critic, env, params, trajectory, memory)[1][:-1]
            wanted = (target - moments.centre) / moments.deviation
            each.append(_mean(jnp.square(said - wanted), trajectory.playing))
        return jnp.stack(each).mean()

    found, grads = jax.value_and_grad(error)(state.params)
    params, own = step(optimizer, rate, state.params, state.optimizer, grads)
    after = state._replace(params=params, optimizer=own, moments=moments)
    return after, found * moments.deviation**2


def _unroll(
    critic: CentralCritic,
    env: Environment,
    params: Params,
    trajectory: Trajectory,
    memory: PyTree,
) -> tuple[PyTree, Array]:
    """The carry before the last entry of the world, and normalised values [T + 1, E, R]."""
    network = critic.network(env)
    seats = jnp.concatenate([trajectory.inputs.agent, trajectory.last.agent[None]])
    first = jnp.concatenate([trajectory.inputs.first[..., 0], trajectory.last.first[None, ..., 0]])
    say = jax.vmap(partial(network.apply, params))

    def one(carry: Array, now: tuple[Array, Array, Array]) -> Any:
        world, seats, first = now
        carry = jnp.where(first[:, None], 0.0, carry)
        after, value = say(carry, world, seats)
        return after, (carry, value)

    _, (carries, value) = jax.lax.scan(one, memory, (trajectory.world, seats, first))
    return carries[-1], value


def _updated(
    moments: Moments, decay: float, batch: Sequence[tuple[Trajectory, PyTree, Array]]
) -> Moments:
    targets = [(target, trajectory.playing) for trajectory, _, target in batch]
    mean = jnp.stack([_mean(x, where) for x, where in targets]).mean()
    square = jnp.stack([_mean(x**2, where) for x, where in targets]).mean()
    towards = lambda old, new: decay * old + (1 - decay) * new
    return Moments(
        towards(moments.mean, mean), towards(moments.square, square), towards(moments.weight, 1.0)
    )


def _mean(x: Array, where: Array) -> Array:
    return (x * where).sum() / jnp.maximum(where.sum(), 1)
