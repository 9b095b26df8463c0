"""Games of a round or two in which both act at once: a matrix, a coin, a lever with a past."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, first_info
from zsc.envs.small.drawing import DARK, EMPTY, cells, chosen
from zsc.envs.symmetry import Symmetry, trivial_symmetry
from zsc.errors import UserError
from zsc.types import Array, Key


class RoundState(NamedTuple):
    """What was done in the rounds so far, what is hidden, and the round that comes next."""

    done: Array  # [rounds, A] int32, -1 before
    coin: Array  # [] int32, 0 or 1
    time: Array  # [] int32


@dataclass(frozen=True)
class RoundGame:
    """A game of a few rounds that shows each agent the round and what was done before.

    Subclasses say what a joint action pays, in `pays`, and may end the game early, in `stops`.

    own_first: what an agent did itself is shown first, else what seat 0 did.

    An agent sees the round as a one-hot [rounds], then for each of the two agents what it did in
    each round as one-hots [rounds, N], zeros before. After the last round the game is terminated.
    """

    name: ClassVar[str] = ""  # of the game; that of the class if left out
    least: ClassVar[float | None] = None  # that an episode can pay
    most: ClassVar[float | None] = None

    actions: int = 2
    rounds: int = 1
    own_first: bool = False

    def __post_init__(self) -> None:
        settle(self)
        for name, least in (("actions", 2), ("rounds", 1)):
            if getattr(self, name) < least:
                raise UserError(f"{name} is {getattr(self, name)}: at least {least} is needed")

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def pays(self, state: RoundState, action: Array) -> Array:
        """[] what the joint action [A] pays the team in this round."""
        raise NotImplementedError

    def stops(self, state: RoundState) -> Array:
        """[] bool, whether the game is over before its last round."""
        del state
        return jnp.asarray(False)

    def reset(self, key: Key) -> tuple[RoundState, TimeStep]:
        """The state before the first round; the coin is thrown."""
        done = jnp.full((self.rounds, 2), -1, jnp.int32)
        state = RoundState(done, jax.random.randint(key, (), 0, 2), jnp.int32(0))
        return state, self.show(state)

    def step(self, key: Key, state: RoundState, action: Array) -> tuple[RoundState, TimeStep]:
        """A round, action [A]."""
        del key
        over = (state.time >= self.rounds) | self.stops(state)
        paid = jnp.where(over, 0.0, self.pays(state, action))
        now = (jnp.arange(self.rounds) == state.time)[:, None]
        after = RoundState(
            jnp.where(now & ~over, action.astype(jnp.int32), state.done),
            state.coin,
            state.time + ~over,
        )
        return after, self.show(after)._replace(reward=jnp.broadcast_to(paid, 2))

    def show(self, state: RoundState) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
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

    def world(self, state: RoundState) -> Array:
        """[D + 1] what seat 0 sees, and the coin."""
        return jnp.concatenate([self.show(state).obs[0], state.coin[None].astype(jnp.uint8)])

    def symmetry(self) -> Symmetry:
        """None but the identity, unless a game says more."""
        return trivial_symmetry(self.spec.obs_shape[0], self.actions, 2)

    def render(self, state: RoundState) -> np.ndarray:
        """[H, W, 3] uint8: a row for each round, both agents' choices side by side."""
        rows = []
        for first, second in np.asarray(state.done):
            left, right = (chosen(x, self.actions, i) for i, x in enumerate((first, second)))
            rows.append([*left, (255, 255, 255), *right])
        return cells(rows)

    def snapshot(self, state: RoundState) -> dict[str, Any]:
        """Plain arrays: done [rounds, A], coin [], time []."""
        return state._asdict()

    def restore(self, snapshot: dict[str, Any]) -> RoundState:
        """The state that `snapshot` was taken of."""
        return RoundState(*(jnp.asarray(snapshot[name], jnp.int32) for name in RoundState._fields))


@cache
def _spec(env: RoundGame) -> EnvSpec:
    size = env.rounds * (1 + 2 * env.actions)
    name = env.name or type(env).__name__
    return EnvSpec(
        id=name,
        version=1,
        num_agents=2,
        num_actions=env.actions,
        obs_shape=(size,),
        obs_dtype="uint8",
        obs_scale=(1,) * size,
        obs_id=f"{name}:{env.rounds}x{env.actions}{', own first' if env.own_first else ''}",
        horizon=env.rounds,
        fixed_length=type(env).stops is RoundGame.stops,
        action_names=tuple(map(str, range(env.actions))),
        min_return=env.least,
        max_return=env.most,
    )


@dataclass(frozen=True)
class TwoStepMatrix(RoundGame):
    """QMIX's game (Rashid et al. 2018, arXiv 1803.11485, section 5): the first agent chooses a
    matrix, then both play it.

    Matrix 0: all entries 7. Matrix 1: [[0, 1], [1, 8]]. Additive values fit the second one so badly
    that VDN takes the 7, and so do independent learners; a monotone mixing finds the 8.
    """

    name: ClassVar[str] = "two_step_matrix"
    least: ClassVar[float] = 0.0
    most: ClassVar[float] = 8.0

    actions: int = 2
    rounds: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.actions, self.rounds) != (2, 2):
            raise UserError("the two-step matrix game has two actions and two rounds")

    def pays(self, state: RoundState, action: Array) -> Array:
        """[] an entry of the chosen matrix, in the second round."""
        second = jnp.array([[0.0, 1.0], [1.0, 8.0]])[action[0], action[1]]
        matrix = jnp.where(state.done[0, 0] == 0, 7.0, second)
        return jnp.where(state.time == 0, 0.0, matrix)


@dataclass(frozen=True)
class HiddenCoin(RoundGame):
    """A coin c that nobody sees pays 10 c; action 1 of the first agent pays 1.

    A critic of the world explains nearly all of the variance of returns (26 units), one of what
    agents see next to nothing (.25); the policy, action 1, is the same. The best mean return is 6.
    """

    name: ClassVar[str] = "hidden_coin"
    least: ClassVar[float] = 0.0
    most: ClassVar[float] = 11.0

    actions: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rounds != 1:
            raise UserError("the hidden coin is a game of one round")

    def pays(self, state: RoundState, action: Array) -> Array:
        """[] what the coin and the first agent pay."""
        return 10.0 * state.coin + (action[0] == 1)

    def render(self, state: RoundState) -> np.ndarray:
        """[H, W, 3] uint8: the choices as in every game of rounds, the coin below, dark for 1."""
        left, right = (chosen(x, self.actions, i) for i, x in enumerate(np.asarray(state.done)[0]))
        coin = DARK if int(state.coin) else EMPTY
        return cells([[*left, (255, 255, 255), *right], [coin]])


@dataclass(frozen=True)
class TwoStepLever(RoundGame):
    """Two rounds of levers that pay .5 where both pull the same; the first pulls are seen.

    All levers are alike, so partners of different seeds agree in the first round by chance only.
    After a round that failed, members that only shun others' conventions are lost, or sabotage
    (BRDiv, LIPO); those of CoMeDi (Sarkar et al. 2023, arXiv 2310.15414), who met such states in
    mixed play, go on and earn the .5 of the second. With itself 1.0 is earned.
    """

    name: ClassVar[str] = "two_step_lever"
    least: ClassVar[float] = 0.0

    actions: int = 3
    rounds: int = 2

    def pays(self, state: RoundState, action: Array) -> Array:
        """[] .5 for the same lever."""
        return 0.5 * (action[0] == action[1])

    def symmetry(self) -> Symmetry:
        """Rotations of the levers; other permutations of them are symmetries as well."""
        return _rotations(self)


@cache
def _rotations(env: TwoStepLever) -> Symmetry:
    size, rounds = env.actions, env.rounds
    action = np.stack([np.roll(np.arange(size), -g) for g in range(size)]).astype(np.int32)
    blocks = rounds + size * np.arange(2 * rounds)[:, None]
    backward = np.argsort(action, axis=1)
    obs = [np.concatenate([np.arange(rounds), (blocks + backward[g]).ravel()]) for g in range(size)]
    return Symmetry(
        obs_index=np.stack(obs).astype(np.int32),
        action_index=action,
        seat_index=np.tile(np.arange(2, dtype=np.int32), (size, 1)),
        move_state=lambda g, state: state._replace(
            done=jnp.where(state.done < 0, -1, jnp.asarray(action)[g, state.done])
        ),
    )
