"""Overcooked as an environment: rules, time limit, observation and symmetries put together."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, world_of
from zsc.envs.overcooked import dynamics, observation, render
from zsc.envs.overcooked.automorphisms import layout_symmetry
from zsc.envs.overcooked.layout_files import drawing_of
from zsc.envs.overcooked.layouts import LAYOUTS, Layout, Terrain, named_layout, parse_layout
from zsc.envs.overcooked.state import COOK_TIME, STAY, State, initial_state, restore, snapshot
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError, unknown
from zsc.types import Array, Key

ACTION_NAMES = ("north", "south", "east", "west", "stay", "interact")
ENCODINGS = ("compact", "grid", "padded:HxW")


@dataclass(frozen=True)
class Overcooked:
    """Two cooks, the rules of 2019 (pots start by themselves at the third onion).

    layout: a name from `LAYOUTS` or a drawing in the reference's symbols.
    horizon: steps per episode; the time limit truncates, nothing terminates.
    encoding: "compact" (a vector of what can change), "grid" (the reference's 26 channels), or
        "padded:HxW" (the grid in the top-left corner of a frame of counters): what agents see that
        know many kitchens, see `ManyKitchens`.
    random_starts: start cells drawn anew for each episode instead of the layout's own.

    reward is the team's, to both agents alike. info["sparse"] and info["shaped"] are per agent.
    """

    layout: str = "cramped_room"
    horizon: int = 400
    encoding: str = "compact"
    random_starts: bool = False

    def __post_init__(self) -> None:
        settle(self)
        if self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: an episode needs at least 1 step")
        if self.encoding not in ENCODINGS and _frame(self.encoding) is None:
            raise unknown("encoding", self.encoding, ENCODINGS)
        self.kitchen.terrain(self.frame)  # a bad layout is refused here, not inside jit

    @property
    def kitchen(self) -> Layout:
        """The parsed layout."""
        return find_kitchen(self.layout)

    @property
    def frame(self) -> tuple[int, int]:
        """(H, W) of the grid that is shown: the kitchen's own, or what it is padded to."""
        return _frame(self.encoding) or (self.kitchen.height, self.kitchen.width)

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[State, TimeStep]:
        """A fresh kitchen; the key matters only with random starts."""
        cells = jnp.asarray(self.kitchen.starts)
        if self.random_starts:
            pairs = jnp.asarray(self.kitchen.start_pairs)
            cells = pairs[jax.random.randint(key, (), 0, len(pairs))]
        state = initial_state(self.kitchen.terrain(), cells)
        return state, self.show(state)

    def step(self, key: Key, state: State, action: Array) -> tuple[State, TimeStep]:
        """One step of both agents, action [A]. Nothing is random."""
        del key
        terrain, width = self.kitchen.terrain(), self.kitchen.width
        moved, outcome = limited_step(terrain, width, self.horizon, state, action)
        return moved, time_step(self.observe(moved), moved, self.horizon, outcome)

    def show(self, state: State) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        return time_step(self.observe(state), state, self.horizon)

    def encoded(self, obs_id: str) -> Overcooked:
        """The same game in the encoding of an `EnvSpec.obs_id`; UserError if it has no such."""
        encoding = obs_id if _frame(obs_id) else obs_id.split(":")[0]
        return replace(self, encoding=encoding)

    def world(self, state: State) -> Array:
        """[A * entries] what both agents see: each of them sees the whole kitchen."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """The layout's automorphisms, with the seats exchanged where they exchange the starts."""
        return layout_symmetry(self.kitchen, self.encoding, self.random_starts, self.frame)

    def render(self, state: State) -> np.ndarray:
        """[H, W, 3] uint8 picture of one kitchen."""
        return render.draw(self.kitchen.terrain(), self.kitchen.width, state)

    def snapshot(self, state: State) -> dict[str, Any]:
        """Plain arrays: pos [A,2] (x, y), dir [A], held [A], counter [H,W], pot_n [pots],
        pot_tick [pots], time []."""
        return snapshot(self.kitchen.terrain(), self.kitchen.width, state)

    def restore(self, snapshot: dict[str, Any]) -> State:
        """The state that a snapshot describes; any state can be injected."""
        return restore(self.kitchen.terrain(), self.kitchen.width, snapshot)

    def observe(self, state: State) -> Array:
        """[A, ...] what both agents see in a state."""
        if self.encoding == "compact":
            return observation.compact(self.kitchen, state, self.horizon)
        framed = observation.into_frame(self.kitchen, self.frame, state)
        return observation.grid(self.kitchen.terrain(self.frame), self.frame, framed, self.horizon)


def limited_step(
    terrain: Terrain, width: int, horizon: int, state: State, action: Array
) -> tuple[State, dynamics.Step]:
    """`dynamics.step` with a time limit: a game that is over stands still and pays nothing."""
    over = state.time >= horizon
    moved, outcome = dynamics.step(terrain, width, state, action)
    moved = jax.tree.map(lambda old, new: jnp.where(over, old, new), state, moved)
    sparse, shaped = (jnp.where(over, 0.0, x) for x in (outcome.sparse, outcome.shaped))
    return moved, dynamics.Step(sparse, shaped, outcome.events & ~over)


def time_step(
    obs: Array, state: State, horizon: int, outcome: dynamics.Step | None = None
) -> TimeStep:
    """What is shown after a step with that outcome, or before the first."""
    if outcome is None:
        none = jnp.zeros(2, jnp.float32)
        outcome = dynamics.Step(none, none, jnp.zeros((2, len(dynamics.EVENT_NAMES)), bool))
    truncated = state.time >= horizon
    return TimeStep(
        obs=obs,
        mask=jnp.ones((2, len(ACTION_NAMES)), bool),
        reward=jnp.broadcast_to(outcome.sparse.sum(), 2),
        terminated=jnp.zeros_like(truncated),
        truncated=truncated,
        info={"shaped": outcome.shaped, "events": outcome.events, "sparse": outcome.sparse},
    )


def grid_spec(
    id: str, size: tuple[int, int], obs_id: str, horizon: int, pots: int | None = None
) -> EnvSpec:
    """The spec of a game that shows 26 channels of so many rows and columns.

    pots: how many there are at most; None where that is known only to be less than the cells.
    """
    shape = (*size, len(observation.CHANNELS))
    most = size[0] * size[1] if pots is None else pots
    return _spec_of(id, shape, observation.GRID_MAX, obs_id, horizon, most)


@cache
def find_kitchen(layout: str) -> Layout:
    """The kitchen of that name, or of that drawing. Raises UserError if there is none."""
    layout = drawing_of(layout)
    if any(symbol in layout for symbol in "\n|") or layout.strip() == "":
        return parse_layout(layout.replace("|", "\n"))
    if layout.endswith(".layout"):
        raise UserError(f"layout is {layout!r}: give what is in the file, read_layout({layout!r})")
    if layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    return named_layout(layout)


def _frame(encoding: str) -> tuple[int, int] | None:
    """The size that a padded encoding says, (H, W)."""
    found = re.fullmatch(r"padded:([1-9]\d*)x([1-9]\d*)", encoding)
    return (int(found[1]), int(found[2])) if found else None


@cache
def _spec(env: Overcooked) -> EnvSpec:
    kitchen = env.kitchen
    name, pots = f"overcooked/{kitchen.name}", len(kitchen.pots)
    if _frame(env.encoding):  # the numbers mean the same in every kitchen
        return grid_spec(name, env.frame, env.encoding, env.horizon, pots)
    obs_id = f"{env.encoding}:{kitchen.name}"
    if env.encoding == "grid":
        return grid_spec(name, env.frame, obs_id, env.horizon, pots)
    shape, largest = (observation.compact_size(kitchen),), observation.compact_max(kitchen)
    return _spec_of(name, shape, largest, obs_id, env.horizon, pots)


def _spec_of(
    id: str,
    shape: tuple[int, ...],
    largest: tuple[int, ...],
    obs_id: str,
    horizon: int,
    pots: int,
) -> EnvSpec:
    return EnvSpec(
        id=id,
        version=1,
        num_agents=2,
        num_actions=len(ACTION_NAMES),
        obs_shape=shape,
        obs_dtype="uint8",
        obs_scale=largest,
        obs_id=obs_id,
        horizon=horizon,
        fixed_length=True,
        action_names=ACTION_NAMES,
        event_names=dynamics.EVENT_NAMES,
        idle_action=STAY,
        min_return=0.0,
        max_return=dynamics.DELIVERY_REWARD * _most_soups(pots, horizon),
    )


def _most_soups(pots: int, horizon: int) -> int:
    """No more soups can be delivered in an episode, however well placed everything is.

    Two hands take and put three onions in four steps at least. A soup is scooped `COOK_TIME` steps
    after its last onion and delivered a step later at the earliest; the pot is full again the step
    after it was emptied at the earliest. And a soup is nine interactions of two agents: three
    onions taken and put, a dish taken, the soup scooped and delivered.
    """
    of_a_pot = max(0, horizon - 4) // (COOK_TIME + 1)
    return min(pots * of_a_pot, 2 * horizon // 9)
