"""What one would use instead: IPPO on jaxmarl's games with the networks and settings of its public
baselines (`ippo_ff_overcooked`, `ippo_cnn_overcooked`, `ippo_rnn_hanabi`), stated anew.

All agents of all games share one network; games reset themselves inside the step. `update` is one
update of one seed; `jax.vmap` of it trains several.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import distrax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

SHAPING_STEPS = 2.5e6


class Settings(NamedTuple):
    """Hyper-parameters, under the names of `zsc.PPOConfig` where there is one."""

    envs: int
    rate: float
    lam: float
    clip: float
    entropy: float
    max_grad_norm: float
    steps: int = 128
    budget: float = 5e6
    epochs: int = 4
    minibatches: int = 4
    gamma: float = 0.99
    value: float = 0.5


FF = Settings(envs=16, rate=2.5e-4, lam=0.95, clip=0.2, entropy=0.01, max_grad_norm=0.5)
CNN = Settings(envs=32, rate=6e-4, lam=0.98, clip=0.05, entropy=0.1, max_grad_norm=0.1)
RNN = Settings(envs=1024, rate=5e-4, lam=0.95, clip=0.2, entropy=0.01, max_grad_norm=0.5,
               budget=1e10)  # fmt: skip


def _dense(width: int, scale: float = np.sqrt(2)) -> nn.Dense:
    return nn.Dense(width, kernel_init=nn.initializers.orthogonal(scale))


class FeedForwardNet(nn.Module):
    """Two tanh layers of 64, for the actor and once more for the critic."""

    actions: int

    @nn.compact
    def __call__(self, carry: Any, obs: jax.Array, reset: jax.Array) -> Any:
        flat = obs.reshape(*reset.shape, -1).astype(jnp.float32)

        def trunk() -> jax.Array:
            return nn.tanh(_dense(64)(nn.tanh(_dense(64)(flat))))

        return carry, _dense(self.actions, 0.01)(trunk()), _dense(1, 1.0)(trunk())[..., 0]


class ConvNet(nn.Module):
    """A 5x5 and two 3x3 convolutions of 32 channels, a layer of 64, and 64 for each head."""

    actions: int

    @nn.compact
    def __call__(self, carry: Any, obs: jax.Array, reset: jax.Array) -> Any:
        x = obs.reshape(-1, *obs.shape[-3:]).astype(jnp.float32)
        for size in (5, 3, 3):
            init = nn.initializers.orthogonal(np.sqrt(2))
            x = nn.relu(nn.Conv(32, (size, size), kernel_init=init)(x))
        x = nn.relu(_dense(64)(x.reshape(*reset.shape, -1)))
        actor, critic = (nn.relu(_dense(64)(x)) for _ in range(2))
        return carry, _dense(self.actions, 0.01)(actor), _dense(1, 1.0)(critic)[..., 0]


class RecurrentNet(nn.Module):
    """A layer of 128, a GRU of 128, and 128 for each head; scans over time."""

    actions: int
    width: int = 128

    @nn.compact
    def __call__(self, carry: jax.Array, obs: jax.Array, reset: jax.Array) -> Any:
        x = nn.relu(_dense(self.width)(obs.astype(jnp.float32)))
        cell = nn.GRUCell(self.width)

        def step(cell: nn.Module, carry: jax.Array, now: Any) -> Any:
            x, reset = now
            return cell(jnp.where(reset[:, None], 0.0, carry), x)

        scan = nn.scan(step, variable_broadcast="params", split_rngs={"params": False})
        carry, x = scan(cell, carry, (x, reset))
        actor, critic = (nn.relu(_dense(self.width, 2.0)(x)) for _ in range(2))
        return carry, _dense(self.actions, 0.01)(actor), _dense(1, 1.0)(critic)[..., 0]


class Step(NamedTuple):
    """What is learned from, [T, actors, ...]; actors are agent by agent, game by game."""

    obs: jax.Array
    legal: jax.Array
    reset: jax.Array  # bool, the first step of an episode
    action: jax.Array
    log_prob: jax.Array
    value: jax.Array
    reward: jax.Array
    done: jax.Array


class Runner(NamedTuple):
    """One seed in the middle of its training."""

    params: Any
    optimizer: Any
    state: Any
    obs: jax.Array  # [actors, ...]
    reset: jax.Array  # [actors]
    carry: Any
    key: jax.Array
    update: jax.Array
    running: jax.Array  # [E] return of the game being played
    returned: jax.Array  # [E] return of the last game that ended


def _advantages(settings: Settings, steps: Step, last: jax.Array) -> jax.Array:
    def backwards(later: Any, now: Step) -> Any:
        advantage, value = later
        goes_on = settings.gamma * ~now.done
        error = now.reward + goes_on * value - now.value
        advantage = error + goes_on * settings.lam * advantage
        return (advantage, now.value), advantage

    return jax.lax.scan(backwards, (jnp.zeros_like(last), last), steps, reverse=True)[1]


def _deal(settings: Settings, key: jax.Array, batch: Any) -> Any:
    """Minibatches [parts, ...] of (memory, steps, advantage, target): of actors with all their
    steps where there is a memory, of single steps where it is ()."""
    carry, *rest = batch
    length, actors = rest[-1].shape
    count = actors if len(carry) else length * actors
    order = jax.random.permutation(key, count).reshape(settings.minibatches, -1)
    if len(carry):
        return carry[order], *jax.tree.map(lambda x: jnp.moveaxis(x[:, order], 1, 0), rest)
    return (), *jax.tree.map(lambda x: x.reshape(count, *x.shape[2:])[order], rest)


def make(
    env: Any, network: nn.Module, settings: Settings, *, shaped: bool, hidden: int = 0
) -> tuple[Callable[[jax.Array], Runner], Callable[[Runner], Runner]]:
    """(init, update): key -> Runner, and Runner -> Runner after `envs * steps` steps.

    shaped: add the game's shaped rewards while they last. hidden: the size of the memory.
    """
    agents, games = env.agents, settings.envs
    actors = len(agents) * games
    updates = settings.budget // (settings.steps * games)
    phases = settings.epochs * settings.minibatches
    optimizer = optax.chain(
        optax.clip_by_global_norm(settings.max_grad_norm),
        optax.adam(lambda count: settings.rate * (1 - count // phases / updates), eps=1e-5),
    )
    side_by_side = lambda per_agent: jnp.stack([per_agent[a] for a in agents]).reshape(
        actors, *per_agent[agents[0]].shape[1:]
    )

    def think(params: Any, carry: Any, step: Any) -> Any:
        obs, legal, reset = step
        carry, logits, value = network.apply(params, carry, obs, reset)
        return carry, distrax.Categorical(logits=jnp.where(legal, logits, -1e10)), value

    def legal_moves(state: Any) -> jax.Array:
        if not hasattr(env, "get_legal_moves"):
            return jnp.ones((actors, network.actions), bool)
        return side_by_side(jax.vmap(env.get_legal_moves)(state)) > 0

    def init(key: jax.Array) -> Runner:
        keys = jax.random.split(key, 3)
        obs, state = jax.vmap(env.reset)(jax.random.split(keys[0], games))
        obs, reset = side_by_side(obs), jnp.ones(actors, bool)
        carry = jnp.zeros((actors, hidden)) if hidden else ()
        params = network.init(keys[1], carry, obs[None], reset[None])
        zero = jnp.zeros(games)
        return Runner(params, optimizer.init(params), state, obs, reset, carry, keys[2],
                      jnp.int32(0), zero, zero)  # fmt: skip

    def play(runner: Runner, _: Any) -> tuple[Runner, Step]:
        key, choose, move = jax.random.split(runner.key, 3)
        legal = legal_moves(runner.state)
        seen = (runner.obs[None], legal[None], runner.reset[None])
        carry, policy, value = think(runner.params, runner.carry, seen)
        action = policy.sample(seed=choose)
        moves = dict(zip(agents, action[0].reshape(len(agents), games), strict=True))
        obs, state, reward, done, info = jax.vmap(env.step)(
            jax.random.split(move, games), runner.state, moves
        )
        paid, over = reward[agents[0]], done["__all__"]
        running = runner.running + paid
        learned = side_by_side(reward)
        if shaped:
            played = runner.update * settings.steps * games
            left = jnp.maximum(1 - played / SHAPING_STEPS, 0)
            learned = learned + left * side_by_side(info["shaped_reward"])
        now = Step(runner.obs, legal, runner.reset, action[0], policy.log_prob(action)[0],
                   value[0], learned, jnp.tile(over, len(agents)))  # fmt: skip
        runner = runner._replace(
            state=state,
            obs=side_by_side(obs),
            reset=now.done,
            carry=carry,
            key=key,
            running=jnp.where(over, 0.0, running),
            returned=jnp.where(over, running, runner.returned),
        )
        return runner, now

    def loss(params: Any, carry: Any, steps: Step, advantage: Any, target: Any) -> jax.Array:
        _, policy, value = think(params, carry, (steps.obs, steps.legal, steps.reset))
        ratio = jnp.exp(policy.log_prob(steps.action) - steps.log_prob)
        normal = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        near = jnp.clip(ratio, 1 - settings.clip, 1 + settings.clip)
        actor = -jnp.minimum(ratio * normal, near * normal).mean()
        careful = steps.value + jnp.clip(value - steps.value, -settings.clip, settings.clip)
        errors = jnp.maximum((value - target) ** 2, (careful - target) ** 2)
        return (
            actor
            + settings.value * 0.5 * errors.mean()
            - settings.entropy * policy.entropy().mean()
        )

    def update(runner: Runner) -> Runner:
        before = runner.carry
        runner, steps = jax.lax.scan(play, runner, None, settings.steps)
        legal = legal_moves(runner.state)
        seen = (runner.obs[None], legal[None], runner.reset[None])
        last = think(runner.params, runner.carry, seen)[2][0]
        advantage = _advantages(settings, steps, last)
        batch = (before, steps, advantage, advantage + steps.value)

        def minibatch(carry: Any, part: Any) -> Any:
            params, state = carry
            change, state = optimizer.update(jax.grad(loss)(params, *part), state)
            return (optax.apply_updates(params, change), state), None

        def epoch(carry: Any, key: jax.Array) -> Any:
            return jax.lax.scan(minibatch, carry, _deal(settings, key, batch))

        key, *keys = jax.random.split(runner.key, settings.epochs + 1)
        learned, _ = jax.lax.scan(epoch, (runner.params, runner.optimizer), jnp.stack(keys))
        params, state = learned
        return runner._replace(
            params=params, optimizer=state, key=key, update=runner.update + 1
        )  # fmt: skip

    return init, update
