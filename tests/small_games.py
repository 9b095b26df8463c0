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
from zsc.learn.ppo import PPOConfig
from zsc.types import Array, Key

#: Learns any of them in seconds.
PPO = PPOConfig(
    envs=64,
    segments=1,
    epochs=4,
    minibatches=1,
    learning_rate=0.02,
    final_learning_rate=0.02,
    entropy=0.0,
    shaping_steps=0,
)


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


class PetState(NamedTuple):
    """A round of a game in which the first agent knows something that the second does not."""

    hidden: Array  # [] int32, 0 or 1
    move: Array  # [] int32, the first agent's, -1 before
    time: Array  # [] int32; 2 when the game is over


@dataclass(frozen=True)
class HiddenGame:
    """One of two things is hidden from the second agent; the first moves, then the second.

    Subclasses say what is paid, when the first move ends the game, and when it shows the thing.
    """

    firsts: int = 2  # actions of the first agent
    seconds: int = 2  # and of the second

    @property
    def spec(self) -> EnvSpec:
        return _hidden_spec(self)

    def first_pays(self, state: PetState, move: Array) -> Array:
        """[] what the first move pays."""
        del state, move
        return jnp.float32(0)

    def second_pays(self, state: PetState, move: Array) -> Array:
        """[] what the second move pays."""
        raise NotImplementedError

    def ends(self, move: Array) -> Array:
        """[] bool: the first move ends the game."""
        return move < -1

    def shows(self, move: Array) -> Array:
        """[] bool: the second agent sees what was hidden."""
        return move < -1

    def reset(self, key: Key) -> tuple[PetState, TimeStep]:
        state = PetState(jax.random.randint(key, (), 0, 2), jnp.int32(-1), jnp.int32(0))
        return state, self.show(state)

    def step(self, key: Key, state: PetState, action: Array) -> tuple[PetState, TimeStep]:
        del key
        first, second = state.time == 0, state.time == 1
        paid = first * self.first_pays(state, action[0])
        paid = paid + second * self.second_pays(state, action[1])
        over = jnp.where(first & self.ends(action[0]), 2, state.time + 1)
        after = PetState(
            state.hidden, jnp.where(first, action[0], state.move), jnp.minimum(over, 2)
        )
        return after, self.show(after)._replace(reward=jnp.broadcast_to(paid, 2))

    def show(self, state: PetState) -> TimeStep:
        """Each agent sees the time, the first move, and what is hidden if it may."""
        idle = self.spec.num_actions - 1
        open_ = jnp.stack([jnp.array(True), self.shows(state.move)])
        thing = open_[:, None] & (state.hidden == jnp.arange(2))
        shared = jnp.concatenate([state.time == jnp.arange(3), state.move == jnp.arange(idle)])
        obs = jnp.concatenate([jnp.broadcast_to(shared, (2, len(shared))), thing], axis=1)
        ended, number = state.time >= 2, jnp.arange(idle + 1)
        moves = jnp.stack([number < self.firsts, number < self.seconds])
        turn = (jnp.arange(2) == state.time)[:, None]
        return TimeStep(
            obs=obs.astype(jnp.uint8),
            mask=jnp.where(turn, moves, number == idle) | ended,
            reward=jnp.zeros(2),
            terminated=ended,
            truncated=jnp.zeros_like(ended),
            info=first_info(self.spec),
        )

    def world(self, state: PetState) -> Array:
        return self.show(state).obs.reshape(-1)

    def symmetry(self) -> Symmetry:
        return trivial_symmetry(self.spec.obs_shape[0], self.spec.num_actions, 2)

    def render(self, state: PetState) -> np.ndarray:
        return np.zeros((8, 8, 3), np.uint8)

    def snapshot(self, state: PetState) -> dict[str, Any]:
        return state._asdict()

    def restore(self, snapshot: dict[str, Any]) -> PetState:
        return PetState(**{n: jnp.asarray(x, jnp.int32) for n, x in snapshot.items()})


@cache
def _hidden_spec(env: HiddenGame) -> EnvSpec:
    moves = max(env.firsts, env.seconds)
    size = 3 + moves + 2
    return EnvSpec(
        id=f"small/{type(env).__name__}",
        version=1,
        num_agents=2,
        num_actions=moves + 1,
        obs_shape=(size,),
        obs_dtype="uint8",
        obs_scale=(1,) * size,
        obs_id=f"small:{type(env).__name__}",
        horizon=2,
        fixed_length=False,
        action_names=(*map(str, range(moves)), "wait"),
        idle_action=moves,
        turns=True,
    )


@dataclass(frozen=True)
class CatAndDog(HiddenGame):
    """Alice sees a cat or a dog (after Hu et al. 2021); Bob guesses, +10 or -10, or bails.

    Alice: 0 and 1, light on and off, are free signals; 2 bails, +1 and the game ends; 3 opens the
    door, -5, and Bob sees the pet. With a convention about the light 10 is earned, with another's
    -10. Without conventions 5 is: the door.

    bail: what Bob's bailing out pays; any number from 0 to 2 leaves all answers as they are.
    """

    firsts: int = 4
    seconds: int = 3
    bail: float = 0.5

    def first_pays(self, state: PetState, move: Array) -> Array:
        return jnp.array([0.0, 0.0, 1.0, -5.0, 0.0])[move]

    def second_pays(self, state: PetState, move: Array) -> Array:
        guess = jnp.where(move == state.hidden, 10.0, -10.0)
        return jnp.where(move == 2, self.bail, guess)

    def ends(self, move: Array) -> Array:
        return move == 2

    def shows(self, move: Array) -> Array:
        return move == 3


@dataclass(frozen=True)
class Hint(HiddenGame):
    """The first agent sees a coin and says one of two words; the second names the coin for 1.

    The word of the coin pays .1, so that all agree on what the words say.
    """

    def first_pays(self, state: PetState, move: Array) -> Array:
        return 0.1 * (move == state.hidden)

    def second_pays(self, state: PetState, move: Array) -> Array:
        return 1.0 * (move == state.hidden)


def redrawn(env: HiddenGame, state: PetState, seat: Array, key: Key) -> PetState:
    """The belief under uniform play: either thing is as likely, unless the seat sees it."""
    knows = (seat == 0) | env.shows(state.move)
    return state._replace(hidden=jnp.where(knows, state.hidden, jax.random.randint(key, (), 0, 2)))


def both_deals(env: HiddenGame) -> PetState:
    """[2] the first states."""
    state = env.reset(jax.random.key(0))[0]
    return PetState(jnp.arange(2), *(jnp.repeat(x[None], 2) for x in state[1:]))


@dataclass(frozen=True)
class HelpOrDo(SmallGame):
    """Work, idle, assist, solo: who does it alone is paid .8, who assists one who works 1.

    With a partner that works always, assisting is best; with one that idles half of the time, doing
    it alone. So is it with partners of all ages, alike: .75 of them work.
    """

    actions: int = 4

    def pays(self, state: SmallState, action: Array) -> Array:
        solo, helped = (action == 3).any(), (action == 2).any() & (action == 0).any()
        return jnp.where(solo, 0.8, 1.0 * helped)
