"""Overcooked as an environment: rules, time limit, observation and symmetries put together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.base import EnvSpec, TimeStep, first_info, world_of
from zsc.envs.overcooked import dynamics, observation, render
from zsc.envs.overcooked.automorphisms import layout_symmetry
from zsc.envs.overcooked.layouts import LAYOUTS, Layout, named_layout, parse_layout
from zsc.envs.overcooked.state import COOK_TIME, STAY, State, initial_state, restore, snapshot
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError, unknown
from zsc.types import Array, Key

ACTION_NAMES = ("north", "south", "east", "west", "stay", "interact")
ENCODINGS = ("compact", "grid")


@dataclass(frozen=True)
class Overcooked:
    """Two cooks, the rules of 2019 (pots start by themselves at the third onion).

    layout: a name from `LAYOUTS` or a drawing in the reference's symbols.
    horizon: steps per episode; the time limit truncates, nothing terminates.
    encoding: "compact" (a vector of what can change) or "grid" (the reference's 26 channels).
    random_starts: start cells drawn anew for each episode instead of the layout's own.

    reward is the team's, to both agents alike. info["sparse"] and info["shaped"] are per agent.
    """

    layout: str = "cramped_room"
    horizon: int = 400
    encoding: str = "compact"
    random_starts: bool = False

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: an episode needs at least 1 step")
        if self.encoding not in ENCODINGS:
            raise unknown("encoding", self.encoding, ENCODINGS)
        _kitchen(self.layout)  # a bad layout is refused here, not inside jit

    @property
    def kitchen(self) -> Layout:
        """The parsed layout."""
        return _kitchen(self.layout)

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
        state = initial_state(self.kitchen, cells)
        return state, self.show(state)

    def step(self, key: Key, state: State, action: Array) -> tuple[State, TimeStep]:
        """One step of both agents, action [A]. Nothing is random."""
        del key
        over = state.time >= self.horizon
        moved, outcome = dynamics.step(self.kitchen, state, action)
        moved = jax.tree.map(lambda old, new: jnp.where(over, old, new), state, moved)
        sparse = jnp.where(over, 0.0, outcome.sparse)
        info = {
            "shaped": jnp.where(over, 0.0, outcome.shaped),
            "events": outcome.events & ~over,
            "sparse": sparse,
        }
        return moved, self._show(moved, sparse.sum(), info)

    def show(self, state: State) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        info = first_info(self.spec) | {"sparse": jnp.zeros(2, jnp.float32)}
        return self._show(state, jnp.float32(0), info)

    def world(self, state: State) -> Array:
        """[A * entries] what both agents see: each of them sees the whole kitchen."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """The layout's automorphisms, with the seats exchanged where they exchange the starts."""
        return layout_symmetry(self.kitchen, self.encoding, self.random_starts)

    def render(self, state: State) -> np.ndarray:
        """[H, W, 3] uint8 picture of one kitchen."""
        return render.draw(self.kitchen, state)

    def snapshot(self, state: State) -> dict[str, Any]:
        """Plain arrays: pos [A,2] (x, y), dir [A], held [A], counter [H,W], pot_n [pots],
        pot_tick [pots], time []."""
        return snapshot(self.kitchen, state)

    def restore(self, snapshot: dict[str, Any]) -> State:
        """The state that a snapshot describes; any state can be injected."""
        return restore(self.kitchen, snapshot)

    def observe(self, state: State) -> Array:
        """[A, ...] what both agents see in a state."""
        encode = observation.grid if self.encoding == "grid" else observation.compact
        return encode(self.kitchen, state, self.horizon)

    def _show(self, state: State, reward: Array, info: dict[str, Array]) -> TimeStep:
        truncated = state.time >= self.horizon
        return TimeStep(
            obs=self.observe(state),
            mask=jnp.ones((2, len(ACTION_NAMES)), bool),
            reward=jnp.broadcast_to(reward, 2),
            terminated=jnp.zeros_like(truncated),
            truncated=truncated,
            info=info,
        )


@cache
def _kitchen(layout: str) -> Layout:
    if any(symbol in layout for symbol in "\n|") or layout.strip() == "":
        return parse_layout(layout.replace("|", "\n"))
    if layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    return named_layout(layout)


@cache
def _spec(env: Overcooked) -> EnvSpec:
    kitchen = env.kitchen
    grid = env.encoding == "grid"
    shape: tuple[int, ...] = (observation.compact_size(kitchen),)
    largest = observation.compact_max(kitchen)
    if grid:
        shape = (kitchen.height, kitchen.width, len(observation.CHANNELS))
        largest = observation.GRID_MAX
    return EnvSpec(
        id=f"overcooked/{kitchen.name}",
        version=1,
        num_agents=2,
        num_actions=len(ACTION_NAMES),
        obs_shape=shape,
        obs_dtype="uint8",
        obs_scale=largest,
        obs_id=f"{env.encoding}:{kitchen.name}",
        horizon=env.horizon,
        fixed_length=True,
        action_names=ACTION_NAMES,
        event_names=dynamics.EVENT_NAMES,
        idle_action=STAY,
        min_return=0.0,
        max_return=dynamics.DELIVERY_REWARD * _most_soups(len(kitchen.pots), env.horizon),
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
