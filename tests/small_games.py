"""Games of seconds with known answers: in each only the right method gets the right one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.base import EnvSpec, TimeStep, first_info
from zsc.envs.symmetry import Symmetry, trivial_symmetry
from zsc.types import Array, Key


class SmallState(NamedTuple):
    """What was done in the rounds so far, what is hidden, and the round that comes next."""

    done: Array  # [rounds, A] int32, -1 before
    coin: Array  # [] int32
    time: Array  # [] int32


@dataclass(frozen=True)
class SmallGame:
    """A game of a few rounds that shows each agent the round and what was done before.

    Subclasses say what a joint action pays; see there for the right answers.

    own_first: what an agent did itself is shown first, else what seat 0 did.
    """

    actions: int = 2
    rounds: int = 1
    own_first: bool = False

    @property
    def spec(self) -> EnvSpec:
        return _spec(self)

    def pays(self, state: SmallState, action: Array) -> Array:
        """[] what this round pays the team."""
        raise NotImplementedError

    def stops(self, state: SmallState) -> Array:
        """[] whether the game is over before its last round."""
        del state
        return jnp.asarray(False)

    def reset(self, key: Key) -> tuple[SmallState, TimeStep]:
        done = jnp.full((self.rounds, 2), -1, jnp.int32)
        state = SmallState(done, jax.random.randint(key, (), 0, 2), jnp.int32(0))
        return state, self.show(state)

    def step(self, key: Key, state: SmallState, action: Array) -> tuple[SmallState, TimeStep]:
        del key
        over = (state.time >= self.rounds) | self.stops(state)
        paid = jnp.where(over, 0.0, self.pays(state, action))
        now = (jnp.arange(self.rounds) == state.time)[:, None]
        after = SmallState(
            jnp.where(now & ~over, action, state.done), state.coin, state.time + ~over
        )
        return after, self.show(after)._replace(reward=jnp.broadcast_to(paid, 2))

    def show(self, state: SmallState) -> TimeStep:
        orders = jnp.array([[0, 1], [1, 0] if self.own_first else [0, 1]])
        before = state.done.T[orders, :, None] == jnp.arange(self.actions)  # [A, A, rounds, N]
        now = jnp.broadcast_to(jnp.arange(self.rounds) == state.time, (2, self.rounds))
        seen = jnp.concatenate([now, before.reshape(2, -1)], axis=1)
        ended = (state.time >= self.rounds) | self.stops(state)
        return TimeStep(
            obs=seen.astype(jnp.uint8),
            mask=jnp.ones((2, self.actions), bool),
            reward=jnp.zeros(2),
            terminated=ended,
            truncated=jnp.zeros_like(ended),
            info=first_info(self.spec),
        )

    def world(self, state: SmallState) -> Array:
        return jnp.concatenate([self.show(state).obs[0], state.coin[None].astype(jnp.uint8)])

    def symmetry(self) -> Symmetry:
        return trivial_symmetry(self.spec.obs_shape[0], self.actions, 2)

    def render(self, state: SmallState) -> np.ndarray:
        return np.zeros((8, 8, 3), np.uint8)

    def snapshot(self, state: SmallState) -> dict[str, Any]:
        return state._asdict()

    def restore(self, snapshot: dict[str, Any]) -> SmallState:
        return SmallState(**{n: jnp.asarray(x, jnp.int32) for n, x in snapshot.items()})


@cache
def _spec(env: SmallGame) -> EnvSpec:
    size = env.rounds * (1 + 2 * env.actions)
    return EnvSpec(
        id=f"small/{type(env).__name__}",
        version=1,
        num_agents=2,
        num_actions=env.actions,
        obs_shape=(size,),
        obs_dtype="uint8",
        obs_scale=(1,) * size,
        obs_id=f"small:{type(env).__name__}",
        horizon=env.rounds,
        fixed_length=type(env).stops is SmallGame.stops,
        action_names=tuple(map(str, range(env.actions))),
    )


@dataclass(frozen=True)
class TwoStepMatrix(SmallGame):
    """QMIX's game (Rashid et al. 2018, section 5): the first agent chooses a matrix.

    0: all entries 7. 1: [[0, 1], [1, 8]]. Additive values fit the second one so badly that VDN
    takes the 7, and so do independent learners; a monotone mixing finds the 8.
    """

    actions: int = 2
    rounds: int = 2

    def pays(self, state: SmallState, action: Array) -> Array:
        second = jnp.array([[0.0, 1.0], [1.0, 8.0]])[action[0], action[1]]
        matrix = jnp.where(state.done[0, 0] == 0, 7.0, second)
        return jnp.where(state.time == 0, 0.0, matrix)


@dataclass(frozen=True)
class HiddenCoin(SmallGame):
    """A coin c that nobody sees pays 10 c; action 1 of the first agent pays 1.

    A critic of the world explains nearly all of the variance of returns, one of what agents see
    next to nothing. The policy is the same.
    """

    actions: int = 2

    def pays(self, state: SmallState, action: Array) -> Array:
        return 10.0 * state.coin + (action[0] == 1)


@dataclass(frozen=True)
class TwoStepLever(SmallGame):
    """Two rounds of levers that pay .5 where both pull the same; the first pulls are seen.

    After a first round in which they failed, members that only shun others' conventions are lost
    or sabotage; CoMeDi's go on.
    """

    actions: int = 3
    rounds: int = 2

    def pays(self, state: SmallState, action: Array) -> Array:
        return 0.5 * (action[0] == action[1])


@dataclass(frozen=True)
class ShownLever(SmallGame):
    """Two rounds of levers: the first pulls are seen and pay nothing, the second pay 1 together.

    A specialiser that shows its latent in the first round is understood in the second.
    """

    actions: int = 4
    rounds: int = 2

    def pays(self, state: SmallState, action: Array) -> Array:
        return (state.time == 1) * (action[0] == action[1]) * 1.0


@dataclass(frozen=True)
class StoppingLever(SmallGame):
    """Rounds of levers that pay 1 where both pull the same; both pulling the first ends it."""

    actions: int = 3
    rounds: int = 4
    own_first: bool = True

    def pays(self, state: SmallState, action: Array) -> Array:
        return 1.0 * (action[0] == action[1])

    def stops(self, state: SmallState) -> Array:
        return (state.done == 0).all(1).any()
