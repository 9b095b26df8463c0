"""The switch riddle: prisoners who may say something only by a bulb."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import islice, permutations
from math import factorial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, first_info
from zsc.envs.small.drawing import AGENTS, EMPTY, LIGHT, PALE, cells
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError
from zsc.types import Array, Key

NOTHING, SWITCH, TELL = range(3)
_MOST_LISTED = 24  # exchanges of agents; of more agents a sample


class RiddleState(NamedTuple):
    """The room, the bulb, and who has been there."""

    room: Array  # [] int32, who is in the room now
    bulb: Array  # [] bool
    been: Array  # [A] bool, before this step
    told: Array  # [] bool, somebody has told
    time: Array  # [] int32


@dataclass(frozen=True)
class SwitchRiddle:
    """A hundred prisoners and a light bulb (Foerster et al. 2016, arXiv 1605.06676, section 6.1).

    Every step one of the agents, drawn anew, is in a room with a bulb. It may do nothing, switch
    the bulb, or tell that everybody has been there: then the game ends, +1 if they have, else -1.
    The bulb is off at first. After 4 A - 6 steps time is up, and nothing is paid.

    An agent sees two bits: that it is in the room, and there, whether the bulb is on; whoever is
    not there can do nothing. What the bulb means is a convention. Three agents who leave it alone
    and of whom the one in the room tells at the last step earn .74 - .26 = .48.

    players: 3 or more.
    """

    players: int = 3

    def __post_init__(self) -> None:
        settle(self)
        if self.players < 3:
            raise UserError(f"players is {self.players}: the riddle needs at least 3")

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[RiddleState, TimeStep]:
        """Somebody is in the room, the bulb is off."""
        state = RiddleState(
            room=self.draw(key),
            bulb=jnp.array(False),
            been=jnp.zeros(self.players, bool),
            told=jnp.array(False),
            time=jnp.int32(0),
        )
        return state, self.show(state)

    def draw(self, key: Key) -> Array:
        """[] who comes into the room next."""
        return jax.random.randint(key, (), 0, self.players)

    def step(self, key: Key, state: RiddleState, action: Array) -> tuple[RiddleState, TimeStep]:
        """Whoever is in the room acts, action [A]; then the next one is drawn."""
        return self.advance(state, action, self.draw(key))

    def advance(
        self, state: RiddleState, action: Array, draws: Array
    ) -> tuple[RiddleState, TimeStep]:
        """A step in which it is known who comes next, `draws` []."""
        over = state.told | (state.time >= self.spec.horizon)
        act = jnp.where(over, NOTHING, action[state.room])
        been = state.been | ((jnp.arange(self.players) == state.room) & ~over)
        tells = act == TELL
        paid = jnp.where(tells, jnp.where(been.all(), 1.0, -1.0), 0.0)
        after = RiddleState(
            room=jnp.where(over, state.room, draws),
            bulb=state.bulb ^ (act == SWITCH),
            been=been,
            told=state.told | tells,
            time=state.time + ~over,
        )
        return after, self.show(after)._replace(reward=jnp.broadcast_to(paid, self.players))

    def show(self, state: RiddleState) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        here = jnp.arange(self.players) == state.room
        truncated = (state.time >= self.spec.horizon) & ~state.told
        free = here[:, None] | (jnp.arange(3) == NOTHING)
        return TimeStep(
            obs=jnp.stack([here, here & state.bulb], axis=1).astype(jnp.uint8),
            mask=free | state.told | truncated,
            reward=jnp.zeros(self.players),
            terminated=state.told,
            truncated=truncated,
            info=first_info(self.spec),
        )

    def world(self, state: RiddleState) -> Array:
        """[2 A + 1] who is in the room, who has been, the bulb."""
        here = jnp.arange(self.players) == state.room
        return jnp.concatenate([here, state.been, state.bulb[None]]).astype(jnp.uint8)

    def symmetry(self) -> Symmetry:
        """Agents change places; from five on these are a sample of their exchanges."""
        return _exchanges(self.players)

    def render(self, state: RiddleState) -> np.ndarray:
        """[H, W, 3] uint8: the agents, dark where they have been and coloured in the room; below
        them the bulb."""
        agents = [PALE if been else EMPTY for been in np.asarray(state.been)]
        agents[int(state.room)] = AGENTS[0]
        return cells([agents, [LIGHT if bool(state.bulb) else EMPTY]])

    def snapshot(self, state: RiddleState) -> dict[str, Any]:
        """Plain arrays: room [], bulb [], been [A], told [], time []."""
        return state._asdict()

    def restore(self, snapshot: dict[str, Any]) -> RiddleState:
        """The state that `snapshot` was taken of."""
        kinds = (jnp.int32, bool, bool, bool, jnp.int32)
        return RiddleState(
            *(
                jnp.asarray(snapshot[name], kind)
                for name, kind in zip(RiddleState._fields, kinds, strict=True)
            )
        )


@cache
def _spec(env: SwitchRiddle) -> EnvSpec:
    return EnvSpec(
        id="switch_riddle",
        version=1,
        num_agents=env.players,
        num_actions=3,
        obs_shape=(2,),
        obs_dtype="uint8",
        obs_scale=(1, 1),
        obs_id="switch_riddle",
        horizon=4 * env.players - 6,
        fixed_length=False,
        action_names=("nothing", "switch", "tell"),
        min_return=-1.0,
        max_return=1.0,
    )


@cache
def _exchanges(players: int) -> Symmetry:
    seats = np.array(list(islice(permutations(range(players)), _MOST_LISTED)), np.int32)
    backward = np.argsort(seats, axis=1)
    size = len(seats)
    return Symmetry(
        obs_index=np.tile(np.arange(2, dtype=np.int32), (size, 1)),
        action_index=np.tile(np.arange(3, dtype=np.int32), (size, 1)),
        seat_index=seats,
        move_state=lambda g, state: state._replace(
            room=jnp.asarray(seats)[g, state.room], been=state.been[jnp.asarray(backward)[g]]
        ),
        move_draws=lambda g, room: jnp.asarray(seats)[g, room],
        closed=factorial(players) <= _MOST_LISTED,
    )
