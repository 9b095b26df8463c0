"""The contract between a game and everything that plays it."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError
from zsc.types import Array, Key, State


class TimeStep(NamedTuple):
    """What a game shows after a reset or a step."""

    obs: Array  # [A, ...] the game's own dtype; networks cast
    mask: Array  # [A, N] bool, legal actions; all True once the game is over
    # [A] float32, the true task reward; in a team game the team's sum to each, or each one's share
    reward: Array
    terminated: Array  # [] bool, the game ended
    truncated: Array  # [] bool, the time limit ended it
    info: dict[str, Array]  # static keys: "shaped" [A], "events" [A, number of event names]

    @property
    def done(self) -> Array:
        """[] bool: no further step changes anything."""
        return self.terminated | self.truncated


#: Columns of tables that have one for each event as well.
OWN_COLUMNS = ("row", "col", "row_group", "col_group", "seat", "episode", "return", "length")


@dataclass(frozen=True)
class EnvSpec:
    """What is fixed about a game: sizes, names, limits."""

    id: str  # "overcooked/cramped_room"
    version: int  # moves when trained agents would see other values
    num_agents: int
    num_actions: int
    obs_shape: tuple[int, ...]  # of one agent
    obs_dtype: str
    # magnitudes along the last observation axis: networks divide by them, 0 stands for "always 0"
    obs_scale: tuple[float, ...]
    obs_id: str  # what the numbers mean: agents may meet only where these agree
    horizon: int  # no episode is longer
    fixed_length: bool  # every episode lasts exactly `horizon` steps
    action_names: tuple[str, ...]
    event_names: tuple[str, ...] = ()
    idle_action: int | None = None  # an action that leaves the world to the others
    # one agent acts at a time, the others have the idle action only, and all earn the same
    turns: bool = False
    obs_signed: bool = False  # negative values occur
    obs_bounded: bool = True  # no magnitude exceeds obs_scale
    team_reward: bool = True  # every agent is paid the same
    shares: bool = False  # every agent is paid its part of what the team earns: see `returned`
    # no episode from a reset returns less to one agent, or more; None where that is not known
    min_return: float | None = None
    max_return: float | None = None

    def __post_init__(self) -> None:
        twice = {name for name in self.event_names if self.event_names.count(name) > 1}
        for name in (*twice, *OWN_COLUMNS):
            if name in self.event_names:
                raise UserError(f"{self.id}: an event called {name!r} is taken, call it otherwise")
        if self.shares and self.team_reward:
            raise UserError(
                f"{self.id} pays shares: give team_reward=False, they are not all the same"
            )


class Environment(Protocol):
    """A game as pure functions of one instance; `jax.vmap` adds the batch.

    Implementations are frozen dataclasses, so that equal settings share one compiled program.
    Terminal states absorb: a step from one changes nothing and pays nothing. There is no
    hidden auto-reset.
    """

    @property
    def spec(self) -> EnvSpec:
        """Sizes, names, limits."""

    def reset(self, key: Key) -> tuple[State, TimeStep]:
        """A fresh game."""

    def step(self, key: Key, state: State, action: Array) -> tuple[State, TimeStep]:
        """One step of all agents, action [A]."""

    def show(self, state: State) -> TimeStep:
        """What is shown in a state, as if the game began in it: nothing paid, nothing happened."""

    def world(self, state: State) -> Array:
        """[...] what a central critic may see of a state; `world_of` is all that agents see."""

    def symmetry(self) -> Symmetry:
        """The relabellings that no rule notices."""

    def render(self, state: State) -> np.ndarray:
        """[H, W, 3] uint8 picture, on the host."""

    def snapshot(self, state: State) -> dict[str, Any]:
        """The state as plain arrays; jittable."""

    def restore(self, snapshot: dict[str, Any]) -> State:
        """The state of a snapshot; any state can be injected; jittable."""

    def __hash__(self) -> int: ...


@runtime_checkable
class Encoded(Protocol):
    """A game that can be shown in several encodings; all are worked out from the same states."""

    @property
    def spec(self) -> EnvSpec:
        """Sizes, names, limits."""

    def encoded(self, obs_id: str) -> Self:
        """The same game in the encoding of an `EnvSpec.obs_id`; UserError if it has no such."""

    def observe(self, state: State) -> Array:
        """[A, ...] what all agents see in a state."""


def check_game(env: Any) -> None:
    """Raise UserError for what is no game, such as the name of one."""
    if isinstance(env, str):
        raise UserError(f"{env!r} is only the name of a game: give zsc.make({env!r})")
    if not all(hasattr(env, name) for name in ("spec", "reset", "step")):
        raise UserError(f"a {type(env).__name__} is no game: give what zsc.make(NAME) makes")


def begin(env: Environment, key: Key) -> tuple[State, TimeStep]:
    """The start of the episode that belongs to a key; its step t draws from fold_in(key, t).

    Cross-play and records begin episodes here, so that episode e of a seed is the same in both.
    """
    # no step has this number: the deal shares no randomness with what follows
    return env.reset(jax.random.fold_in(key, 2**31 - 1))


def first_info(spec: EnvSpec) -> dict[str, Array]:
    """The info of a reset: nothing was earned, nothing happened."""
    agents = spec.num_agents
    return {
        "shaped": jnp.zeros(agents, jnp.float32),
        "events": jnp.zeros((agents, len(spec.event_names)), bool),
    }


def returned(spec: EnvSpec, reward: Array) -> Array:
    """[..., A] what rewards [..., A] add to the return of each seat.

    The team's sum where agents are paid their shares of it, the seat's own reward elsewhere.
    """
    if not spec.shares:
        return reward
    return jnp.broadcast_to(reward.sum(-1, keepdims=True), reward.shape)


def world_of(shown: TimeStep) -> Array:
    """[A * entries of obs] what all agents see, one after the other: the usual `world`.

    In the game's own dtype and units: `obs_scale`, repeated, is its scale as well.
    """
    return shown.obs.reshape(-1)


def settings_of(env: Environment) -> dict[str, Any]:
    """The fields of a game by name, as they are: with its id all that `rebuild` needs.

    Raises UserError for a game that is no dataclass.
    """
    if not is_dataclass(env):
        raise UserError(f"{type(env).__name__} is no dataclass: what it was made with is not known")
    return {field.name: getattr(env, field.name) for field in fields(env) if field.init}
