"""Cat and dog: one agent knows something, and every way to say it is a convention but one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, first_info
from zsc.envs.small.drawing import DARK, PALE, cells, chosen
from zsc.envs.symmetry import Symmetry, trivial_symmetry
from zsc.errors import UserError
from zsc.types import Array, Key


class HiddenState(NamedTuple):
    """What only the first agent knows, and how far the game is."""

    hidden: Array  # [] int32, 0 or 1
    move: Array  # [] int32, the first agent's, -1 before
    time: Array  # [] int32; 2 when the game is over


@dataclass(frozen=True)
class HiddenGame:
    """One of two things is hidden from the second agent; the first moves, then the second.

    Subclasses say what is paid (`first_pays`, `second_pays`), when the first move ends the game
    (`ends`), and when it shows the thing (`shows`).

    firsts, seconds: actions of the first and the second agent; one more, the last, is waiting.

    An agent sees the time as a one-hot [3], the first move as a one-hot, and the thing as a
    one-hot [2] if it may.
    """

    name: ClassVar[str] = ""  # of the game; that of the class if left out
    least: ClassVar[float | None] = None  # that an episode can pay
    most: ClassVar[float | None] = None

    firsts: int = 2
    seconds: int = 2

    def __post_init__(self) -> None:
        settle(self)

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def words(self) -> tuple[str, ...]:
        """What each action is called, the waiting apart."""
        return tuple(map(str, range(max(self.firsts, self.seconds))))

    def first_pays(self, state: HiddenState, move: Array) -> Array:
        """[] what the first move pays."""
        del state, move
        return jnp.float32(0)

    def second_pays(self, state: HiddenState, move: Array) -> Array:
        """[] what the second move pays."""
        raise NotImplementedError

    def ends(self, move: Array) -> Array:
        """[] bool: the first move ends the game."""
        return move < -1

    def shows(self, move: Array) -> Array:
        """[] bool: the second agent sees what was hidden."""
        return move < -1

    def reset(self, key: Key) -> tuple[HiddenState, TimeStep]:
        """Either thing is as likely."""
        state = HiddenState(jax.random.randint(key, (), 0, 2), jnp.int32(-1), jnp.int32(0))
        return state, self.show(state)

    def redrawn(self, state: HiddenState, seat: Array, key: Key) -> HiddenState:
        """A state that a seat [] may as well be in if all moves before were drawn uniformly: either
        thing, unless the seat sees it. The belief that off-belief learning wants."""
        knows = (seat == 0) | self.shows(state.move)
        drawn = jax.random.randint(key, (), 0, 2)
        return state._replace(hidden=jnp.where(knows, state.hidden, drawn))

    def deals(self) -> HiddenState:
        """[2] the first states, as likely as each other."""
        return HiddenState(
            jnp.arange(2, dtype=jnp.int32), jnp.full(2, -1, jnp.int32), jnp.zeros(2, jnp.int32)
        )

    def step(self, key: Key, state: HiddenState, action: Array) -> tuple[HiddenState, TimeStep]:
        """One agent moves, action [A]."""
        del key
        first, second = state.time == 0, state.time == 1
        paid = first * self.first_pays(state, action[0])
        paid = paid + second * self.second_pays(state, action[1])
        over = jnp.where(first & self.ends(action[0]), 2, state.time + 1)
        move = jnp.where(first, action[0].astype(jnp.int32), state.move)
        after = HiddenState(state.hidden, move, jnp.minimum(over, 2))
        return after, self.show(after)._replace(reward=jnp.broadcast_to(paid, 2))

    def show(self, state: HiddenState) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
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

    def world(self, state: HiddenState) -> Array:
        """[2 D] what both agents see."""
        return self.show(state).obs.reshape(-1)

    def symmetry(self) -> Symmetry:
        """None but the identity, unless a game says more."""
        return trivial_symmetry(self.spec.obs_shape[0], self.spec.num_actions, 2)

    def render(self, state: HiddenState) -> np.ndarray:
        """[H, W, 3] uint8: the first agent's move, and below which thing is hidden."""
        hidden = [DARK if i == int(state.hidden) else PALE for i in range(2)]
        return cells([chosen(int(state.move), self.firsts, 0), hidden])

    def snapshot(self, state: HiddenState) -> dict[str, Any]:
        """Plain arrays: hidden [], move [], time []."""
        return state._asdict()

    def restore(self, snapshot: dict[str, Any]) -> HiddenState:
        """The state that `snapshot` was taken of."""
        return HiddenState(
            *(jnp.asarray(snapshot[name], jnp.int32) for name in HiddenState._fields)
        )


@cache
def _spec(env: HiddenGame) -> EnvSpec:
    moves = max(env.firsts, env.seconds)
    size = 3 + moves + 2
    name = env.name or type(env).__name__
    return EnvSpec(
        id=name,
        version=1,
        num_agents=2,
        num_actions=moves + 1,
        obs_shape=(size,),
        obs_dtype="uint8",
        obs_scale=(1,) * size,
        obs_id=f"{name}:{env.firsts}+{env.seconds}",
        horizon=2,
        fixed_length=False,
        action_names=(*env.words(), "wait"),
        idle_action=moves,
        turns=True,
        min_return=env.least,
        max_return=env.most,
    )


@dataclass(frozen=True)
class CatAndDog(HiddenGame):
    """Alice sees a cat or a dog (after Hu et al. 2021, arXiv 2103.04000); Bob guesses, or bails.

    Alice: 0 and 1, light on and off, are free signals; 2 bails, +1 and the game ends; 3 opens the
    door, -5, and Bob sees the pet. Bob: 0 and 1 guess, +10 or -10; 2 bails.

    With a convention about the light 10 is earned, with another's -10: self-play has 10 with
    itself, 0 with strangers. Without conventions 5 is, by the door, which off-belief learning
    opens. A level-1 agent of k-level reasoning bails (1), from level 2 on it opens the door.

    bail: what Bob's bailing out pays; any number from 0 to 2 leaves all answers as they are.
    """

    name: ClassVar[str] = "cat_and_dog"
    least: ClassVar[float] = -15.0
    most: ClassVar[float] = 10.0

    firsts: int = 4
    seconds: int = 3
    bail: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.firsts, self.seconds) != (4, 3):
            raise UserError("in cat and dog Alice has four actions and Bob three")
        if not 0 <= self.bail <= 2:
            raise UserError(f"bail is {self.bail}: give a number from 0 to 2")

    def words(self) -> tuple[str, ...]:
        """Alice's word, then Bob's."""
        return ("light on, or cat", "light off, or dog", "bail", "door")

    def first_pays(self, state: HiddenState, move: Array) -> Array:
        """[] 1 for bailing, -5 for the door."""
        del state
        return jnp.array([0.0, 0.0, 1.0, -5.0, 0.0])[move]

    def second_pays(self, state: HiddenState, move: Array) -> Array:
        """[] 10 for the right pet, -10 for the wrong one."""
        guess = jnp.where(move == state.hidden, 10.0, -10.0)
        return jnp.where(move == 2, self.bail, guess)

    def ends(self, move: Array) -> Array:
        """[] bool: Alice bailed."""
        return move == 2

    def shows(self, move: Array) -> Array:
        """[] bool: the door is open."""
        return move == 3

    def symmetry(self) -> Symmetry:
        """The light's two states, and the two pets, change places; each for itself."""
        return _exchanges(self)


@cache
def _exchanges(env: CatAndDog) -> Symmetry:
    spec = env.spec
    obs = np.tile(np.arange(spec.obs_shape[0], dtype=np.int32), (4, 1))
    action = np.tile(np.arange(spec.num_actions, dtype=np.int32), (4, 2, 1))
    light, pet = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    for g in range(4):
        if light[g]:
            obs[g, 3:5] = obs[g, [4, 3]]
            action[g, 0, :2] = 1, 0
        if pet[g]:
            obs[g, -2:] = obs[g, [-1, -2]]
            action[g, 1, :2] = 1, 0

    def moved(g: Array, state: HiddenState) -> HiddenState:
        signal = (state.move == 0) | (state.move == 1)
        flip = jnp.asarray(light)[g]
        return state._replace(
            hidden=state.hidden ^ jnp.asarray(pet)[g],
            move=jnp.where(signal, state.move ^ flip, state.move),
        )

    return Symmetry(
        obs_index=obs,
        action_index=action,
        seat_index=np.tile(np.arange(2, dtype=np.int32), (4, 1)),
        move_state=moved,
    )
