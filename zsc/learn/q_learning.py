"""Learning action values from a buffer of games: IQL, VDN, QMIX.

A policy's logits are read as its action values. Independent learners (IQL) have a target each. VDN
(Sunehag et al. 2017, arXiv 1706.05296, equation 4) adds the agents' values up; QMIX (Rashid et al.
2018, arXiv 1803.11485, equation 6) mixes them by a monotone network that sees the world.

What public code gets wrong is right here: a target is cut by the end AFTER the step, not before it;
a time limit cuts nothing, since the value of the state that it stopped in is bootstrapped from; and
a memory is reset where a game begins, with the carry of that moment kept in the buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from zsc import keys
from zsc.agents.policy import Inputs, Out, Policy, greedy
from zsc.checks import settle
from zsc.envs.base import Environment, returned
from zsc.errors import UserError
from zsc.learn import replay as buffers
from zsc.learn.base import (
    Clock,
    Learner,
    Loss,
    Metrics,
    Played,
    Task,
    descend,
    init_optimizer,
    step,
    world_scale,
)
from zsc.learn.replay import Buffer
from zsc.nets import Monotone
from zsc.play.match import draw_match
from zsc.play.rollout import Trajectory, begin, replay, rollout
from zsc.types import Array, Carry, Key, Params, PyTree, State


@dataclass(frozen=True)
class QConfig:
    """How one member learns action values."""

    envs: int = 16  # games played in step
    segments: int = 1  # parts of an episode; each is a game of the buffer
    capacity: int = 512  # games (or parts of them) that are remembered, a multiple of envs
    batch: int = 32  # games of a gradient step
    steps: int = 8  # gradient steps of a segment
    learning_rate: float = 3e-3
    gamma: float = 0.98
    exploring: float = 0.5  # share of the budget until epsilon is at its last
    epsilon: float = 0.05  # chance of a random action, 1 at first
    follow: float = 0.05  # how far the target network moves after each segment
    max_grad_norm: float = 10.0
    shaping_steps: float = 0.0  # the shaped reward fades to nothing over these; 0: never used

    def __post_init__(self) -> None:
        settle(self)
        for name in ("envs", "segments", "batch", "steps"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}: at least 1 is needed")
        if self.capacity < self.envs or self.capacity % self.envs:
            raise UserError(
                f"capacity {self.capacity} holds no whole number of {self.envs} games: "
                "make it a multiple of envs"
            )


class QHypers(NamedTuple):
    """What changes in the course of a run; each []."""

    shaping: Array
    rate: Array
    epsilon: Array


class QState(NamedTuple):
    """What a value learner keeps of one member."""

    target: Params
    mixer: Params  # () without a mixing network
    mixer_target: Params
    optimizer: PyTree
    mixer_optimizer: PyTree
    buffer: Buffer
    given: Params = ()  # what targets of another kind are made with; no step changes it


class Experience(NamedTuple):
    """One game as the buffer keeps it; with a leading axis of games."""

    inputs: Inputs  # [T + 1, R, ...]
    action: Array  # [T, R]
    reward: Array  # [T, R] with what is left of the shaped reward
    terminated: Array  # [T]
    playing: Array  # [T, R]
    carry: Carry  # [R, ...] memories before the first step
    world: Any  # [T + 1, ...] what the mixing network sees, or whole states; () if nothing


class Mixing(NamedTuple):
    """How the agents' values [R] become one, given what is seen of the world."""

    init: Callable[[Key], Params]
    apply: Callable[[Params, Array, Any], Array]  # (params, values [R], world) -> []
    world: Callable[[State], Array] | None = None


@dataclass(frozen=True)
class Qmix:
    """The monotone mixing network of QMIX as a mixing."""

    width: int = 32

    def __call__(self, env: Environment) -> Mixing:
        """Its functions in a game."""
        network = Monotone(self.width, world_scale(env))

        def init(key: Key) -> Params:
            state, _ = env.reset(key)
            agents = 1 if env.spec.turns else env.spec.num_agents
            return network.init(key, jnp.zeros(agents), env.world(state))

        return Mixing(init, lambda *x: jnp.asarray(network.apply(*x)), env.world)


@dataclass(frozen=True)
class Added:
    """VDN: the sum of the agents' values as a mixing."""

    def __call__(self, env: Environment) -> Mixing:
        """Its functions in a game."""
        del env
        return Mixing(lambda key: (), lambda params, values, world: values.sum())


MakeMixing = Callable[[Environment], Mixing]


class Setting(NamedTuple):
    """What the targets of one gradient step are made with."""

    params: Params  # of the online network
    state: QState
    epsilon: Array  # [] how much is explored now


#: Targets of another kind, of frozen dataclasses with `__call__`: (config, task, key, setting,
#: games) -> targets [G, T, R], and where they hold [G, T, R] bool. Then the world of an experience
#: is the states of the games [G, T + 1, ...].
Targets = Callable[[QConfig, Task, Key, Setting, Experience], tuple[Array, Array]]


@dataclass(frozen=True)
class EpsilonGreedy:
    """How value learners explore: parameters (params, epsilon), the best legal action or, with
    probability epsilon, any."""

    policy: Policy = field(repr=False)

    def __call__(self, params: Any, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        """The policy's `apply`."""
        own, epsilon = params
        carry, out = self.policy.apply(own, carry, inputs)
        best = jnp.where(inputs.mask, out.logits, -jnp.inf).argmax()
        probs = epsilon * inputs.mask / inputs.mask.sum()
        probs = probs + (1.0 - epsilon) * (jnp.arange(len(probs)) == best)
        return carry, out._replace(logits=jnp.log(jnp.maximum(probs, 1e-30)))


def epsilon_greedy(policy: Policy) -> Policy:
    """The policy as it explores, see `EpsilonGreedy`."""
    return replace(policy, name="epsilon_greedy", apply=EpsilonGreedy(policy))


def iql(config: QConfig) -> Learner:
    """Independent Q-learning: a target for each agent."""
    return value_learner(config, None, "iql")


def vdn(config: QConfig) -> Learner:
    """Value decomposition: the team's value is the sum of the agents'."""
    return value_learner(config, Added(), "vdn")


def qmix(config: QConfig, mixing: Qmix | None = None) -> Learner:
    """The team's value is a monotone function of the agents' that depends on the world."""
    return value_learner(config, mixing or Qmix(), "qmix")


def value_learner(
    config: QConfig, mixing: MakeMixing | None, name: str, targets: Targets | None = None
) -> Learner:
    """Deep Q-learning with double targets; `mixing` makes the team's value, None: each its own.

    targets: makes others, for learners without a mixing.
    """
    rules = _Rules(config, mixing, targets)
    return Learner(
        name=name,
        config=(config, mixing) if targets is None else (config, mixing, targets),
        envs=config.envs,
        segments=config.segments,
        init=partial(_init, rules),
        schedule=partial(_schedule, config),
        learn=partial(_learn, rules),
        behave=epsilon_greedy,
        plays=greedy,
        acting=lambda params, hypers: (params, hypers.epsilon),
        world=rules.world,
    )


class _Rules(NamedTuple):
    """What is fixed about a value learner."""

    config: QConfig
    mixing: MakeMixing | None
    targets: Targets | None = None

    def world(self, env: Environment) -> Callable[[State], Any] | None:
        """What a trajectory keeps of the states."""
        if self.targets is not None:
            return lambda state: state
        return None if self.mixing is None else self.mixing(env).world

    @property
    def optimizer(self) -> optax.GradientTransformation:
        """Clipped Adam without its rate, which is a schedule's."""
        return optax.chain(
            optax.clip_by_global_norm(self.config.max_grad_norm), optax.scale_by_adam()
        )


def _schedule(config: QConfig, clock: Clock) -> QHypers:
    """Epsilon falls linearly from 1; the shaped reward fades."""
    left = jnp.float32(0)
    if config.shaping_steps > 0:
        left = jnp.maximum(1.0 - clock.steps / config.shaping_steps, 0.0)
    epsilon = jnp.maximum(1.0 - clock.progress / config.exploring, config.epsilon)
    return QHypers(left, jnp.float32(config.learning_rate), epsilon.astype(jnp.float32))


def _init(rules: _Rules, task: Task, key: Key, params: Params) -> QState:
    if len(task.specs) != 1:
        raise UserError(
            f"a method with {len(task.specs)} kinds of games cannot be learned from action values: "
            "use PPO, or one kind"
        )
    mixer: Params = ()
    if rules.mixing is not None:
        mixer = rules.mixing(task.env).init(jax.random.fold_in(key, keys.LEARNER))
    return QState(
        target=params,
        mixer=mixer,
        mixer_target=mixer,
        optimizer=init_optimizer(rules.optimizer, task.policy, params),
        mixer_optimizer=rules.optimizer.init(mixer),
        buffer=buffers.empty(_shapes(rules, task, key), rules.config.capacity),
    )


def _learn(
    rules: _Rules,
    task: Task,
    key: Key,
    params: Params,
    state: QState,
    played: Played,
    hypers: QHypers,
    extra: Loss | None = None,
) -> tuple[Params, QState, Metrics]:
    """Some gradient steps on games of the buffer, this segment's included."""
    if extra is not None:
        raise UserError("a method with a loss of its own cannot be learned from action values")
    if not isinstance(played[0].weight, tuple):
        raise UserError("a method that weighs games cannot be learned from action values")
    config, policy = rules.config, task.policy
    buffer = buffers.add(state.buffer, _experience(played[0], hypers.shaping))

    def descent(carry: Any, key: Key) -> Any:
        """One gradient step on a batch of games."""
        params, own, mixer, mixer_own = carry
        games = buffers.draw(buffer, key, config.batch)
        error = partial(td_error, rules, task, state=state, games=games)
        if rules.targets is not None:
            own_key = jax.random.fold_in(key, 1)
            setting = Setting(params, state, hypers.epsilon)
            goal, where = rules.targets(config, task, own_key, setting, games)
            error = partial(_distance, task, games=games, goal=goal, where=where)
        found, grads = jax.value_and_grad(error, argnums=(0, 1))(params, mixer)
        params, own = descend(rules.optimizer, policy, hypers.rate, params, own, grads[0])
        mixer, mixer_own = step(rules.optimizer, hypers.rate, mixer, mixer_own, grads[1])
        return (params, own, mixer, mixer_own), found

    begun = (params, state.optimizer, state.mixer, state.mixer_optimizer)
    done, errors = jax.lax.scan(descent, begun, jax.random.split(key, config.steps))
    params, own, mixer, mixer_own = done
    near = partial(optax.incremental_update, step_size=config.follow)
    targets = near(params, state.target), near(mixer, state.mixer_target)
    after = QState(targets[0], mixer, targets[1], own, mixer_own, buffer, state.given)
    return params, after, {"loss": errors.mean(), "epsilon": hypers.epsilon}


def td_error(
    rules: _Rules, task: Task, params: Params, mixer: Params, state: QState, games: Experience
) -> Array:
    """The mean squared error of r + gamma max Q' over the steps of living games [G, T, R].

    The next action is the online network's, its value the target network's (double Q-learning,
    van Hasselt et al. 2016, arXiv 1509.06461).
    """
    now, then = _values(task, params, games), _values(task, state.target, games)
    mask = games.inputs.mask
    chosen = jnp.take_along_axis(now[:, :-1], games.action[..., None], -1)[..., 0]
    best = jnp.where(mask, now, -jnp.inf).argmax(-1, keepdims=True)
    after = jnp.take_along_axis(then, best, -1)[:, 1:, ..., 0]
    reward, ended, where = games.reward, games.terminated[..., None], games.playing
    if rules.mixing is not None:
        mix = rules.mixing(task.env).apply
        over = lambda p: jax.vmap(jax.vmap(partial(mix, p)))
        before, behind = (
            jax.tree.map(lambda x, cut=cut: x[:, cut], games.world)
            for cut in (slice(-1), slice(1, None))
        )
        chosen = over(mixer)(chosen, before)
        after = over(state.mixer_target)(after, behind)
        reward = returned(task.env.spec, reward)[..., 0]
        ended, where = games.terminated, where[..., 0]
    goal = jax.lax.stop_gradient(reward + rules.config.gamma * after * ~ended)
    error = jnp.square(chosen - goal) * where
    return error.sum() / jnp.maximum(where.sum(), 1)


def _distance(
    task: Task, params: Params, mixer: Params, games: Experience, goal: Array, where: Array
) -> Array:
    """The mean squared error of the values of what was done, where [G, T, R]."""
    del mixer
    now = _values(task, params, games)[:, :-1]
    chosen = jnp.take_along_axis(now, games.action[..., None], -1)[..., 0]
    error = jnp.square(chosen - jax.lax.stop_gradient(goal)) * where
    return error.sum() / jnp.maximum(where.sum(), 1)


def _values(task: Task, params: Params, games: Experience) -> Array:
    """[G, T + 1, R, N] action values along games."""
    by_time = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), games.inputs)
    blank = Trajectory(*(None,) * len(Trajectory._fields))  # type: ignore[arg-type]
    seen = blank._replace(inputs=by_time, carry=games.carry)
    return jnp.moveaxis(replay(task.policy, params, seen, task.players(0)).logits, 1, 0)


def _experience(played: Trajectory, shaping: Array) -> Experience:
    """A segment's games, one after the other."""
    inputs = jax.tree.map(lambda x, y: jnp.concatenate([x, y[None]]), played.inputs, played.last)
    by_game = partial(jax.tree.map, lambda x: jnp.moveaxis(x, 1, 0))
    return Experience(
        inputs=by_game(inputs),
        action=by_game(played.action),
        reward=by_game(played.reward + shaping * played.shaped),
        terminated=by_game(played.terminated),
        playing=by_game(played.playing),
        carry=played.carry,
        world=by_game(played.world),
    )


def _shapes(rules: _Rules, task: Task, key: Key) -> Experience:
    """Shapes of one game as the buffer keeps it."""
    (spec,), env = task.specs, task.env
    length = -(-env.spec.horizon // rules.config.segments)
    world = rules.world(env)

    def play(key: Key) -> Experience:
        """An experience, of which only the shapes are needed."""
        partners = () if spec.partner is None else _stacked(spec.partner.init(key), spec.blocks)
        match = draw_match(
            key,
            spec,
            envs=spec.blocks,
            num_agents=env.spec.num_agents,
            symmetries=1,
            partners=partners,
        )
        games = begin(env, spec, task.policy, match, key)
        params = task.policy.init(key)
        args = (env, spec, task.policy, params, match, games, key, length)
        return _experience(rollout(*args, world=world)[1], jnp.float32(0))

    shapes = jax.eval_shape(play, key)
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), shapes)


def _stacked(params: Params, count: int) -> Params:
    return jax.tree.map(lambda x: jnp.repeat(x[None], count, 0), params)
