"""A kitchen of its own in every game: the terrain is part of the state.

Training in many kitchens makes agents that cope with partners they never met as well (Jha et al.
2025, "Cross-environment cooperation enables zero-shot multi-agent coordination", arXiv 2504.12714).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.base import EnvSpec, TimeStep, world_of
from zsc.envs.overcooked import observation, render
from zsc.envs.overcooked.env import (
    ACTION_NAMES,
    grid_spec,
    limited_step,
    time_step,
)
from zsc.envs.overcooked.generator import digest, random_layouts
from zsc.envs.overcooked.layouts import Layout, Terrain
from zsc.envs.overcooked.naming import find_kitchen
from zsc.envs.overcooked.state import State, initial_state, restore, snapshot
from zsc.envs.overcooked.templates import TemplateKitchens
from zsc.envs.symmetry import Symmetry, trivial_symmetry
from zsc.errors import UserError
from zsc.types import Array, Key

Generator = Callable[[Key], Terrain]


class KitchenState(NamedTuple):
    """One game and the kitchen that it is played in."""

    terrain: Terrain  # in the frame; does not change
    game: State  # with a place for every cell of the frame


@dataclass(frozen=True)
class RandomKitchens:
    """A generator: one of `count` different kitchens that `random_layouts` makes of a seed.

    without: digests of kitchens that never come: `RandomKitchens(seed=1, count=50).digests` of
        those that agents are to be judged in keeps training apart from them.
    """

    seed: int = 0
    count: int = 1_024
    size: tuple[int, int] = (9, 9)
    without: tuple[str, ...] = ()

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """All of them."""
        return random_layouts(self.seed, self.count, tuple(self.size), tuple(self.without))

    @property
    def digests(self) -> tuple[str, ...]:
        """What stands for each of them."""
        return tuple(map(digest, self.layouts))

    def __call__(self, key: Key) -> Terrain:
        """The terrain of one of them, each as likely."""
        return _one_of(key, stack_terrains(self.layouts, self.size))


@dataclass(frozen=True)
class ManyKitchens:
    """Overcooked of two by the rules of 2019, in a kitchen that is drawn for each game.

    kitchens: names from `LAYOUTS` or drawings, each as likely; or a generator, a frozen dataclass
        with `__call__(key) -> Terrain` as `Layout.terrain(size)` makes it. Generators that are
        equal have to draw the same, since they share one compiled program.
    size: rows and columns of the frame; every kitchen stands in its top-left corner, the rest are
        counters.
    horizon: steps per episode; the time limit truncates, nothing terminates.

    Both agents see the grid of 26 channels, padded to the frame: what `Overcooked` shows with
    `encoding="padded:HxW"`, so that agents of either meet.
    """

    kitchens: tuple[str, ...] | Generator = RandomKitchens()
    size: tuple[int, int] = (9, 9)
    horizon: int = 400

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: an episode needs at least 1 step")
        if isinstance(self.kitchens, dict):  # as a run's manifest tells it
            object.__setattr__(self, "kitchens", _generator(self.kitchens))
        if isinstance(self.kitchens, str) or self.kitchens == ():
            raise UserError(
                f"kitchens is {self.kitchens!r}: give a tuple of names or drawings, or a generator"
            )
        _check_size(self.size)
        made = jax.eval_shape(self._draw, jax.random.key(0))  # bad kitchens are refused here
        cells = self.size[0] * self.size[1]
        if made.kinds.shape != (cells,):
            raise UserError(
                f"the generator makes kitchens of {made.kinds.shape[0]} cells, a frame of "
                f"{self.size[0]}x{self.size[1]} has {cells}: let both have the same size"
            )

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[KitchenState, TimeStep]:
        """A fresh game in a kitchen that the key decides."""
        state = self.enter(self._draw(key))
        return state, self.show(state)

    def enter(self, terrain: Terrain) -> KitchenState:
        """The first state of a game in a given kitchen, as `Layout.terrain(size)` tells it."""
        if terrain.counters is not None:
            raise UserError("this terrain has no frame: make it with Layout.terrain(size)")
        terrain = jax.tree.map(jnp.asarray, terrain)
        return KitchenState(terrain, initial_state(terrain, jnp.asarray(terrain.starts)))

    def step(self, key: Key, state: KitchenState, action: Array) -> tuple[KitchenState, TimeStep]:
        """One step of both agents, action [A]. Nothing is random."""
        del key
        game, outcome = limited_step(state.terrain, self.size[1], self.horizon, state.game, action)
        state = state._replace(game=game)
        return state, time_step(self.observe(state), game, self.horizon, outcome)

    def show(self, state: KitchenState) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        return time_step(self.observe(state), state.game, self.horizon)

    def observe(self, state: KitchenState) -> Array:
        """[A, H, W, 26] what both agents see in a state."""
        return observation.grid(state.terrain, self.size, state.game, self.horizon)

    def world(self, state: KitchenState) -> Array:
        """[A * entries] what both agents see: each of them sees the whole kitchen."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """None but the identity: no relabelling suits all kitchens."""
        return trivial_symmetry(int(np.prod(self.spec.obs_shape)), len(ACTION_NAMES), 2)

    def render(self, state: KitchenState) -> np.ndarray:
        """[H, W, 3] uint8 picture of one kitchen in its frame."""
        return render.draw(state.terrain, self.size[1], state.game)

    def snapshot(self, state: KitchenState) -> dict[str, Any]:
        """Plain arrays: kinds [H, W], pots [K], starts [A]; the others as `Overcooked` has them."""
        terrain = state.terrain._asdict() | {"kinds": state.terrain.kinds.reshape(self.size)}
        del terrain["counters"]
        return terrain | snapshot(state.terrain, self.size[1], state.game)

    def restore(self, snapshot: dict[str, Any]) -> KitchenState:
        """The state that a snapshot describes; any kitchen and state can be injected."""
        terrain = Terrain(
            kinds=jnp.asarray(snapshot["kinds"], jnp.int8).reshape(-1),
            pots=jnp.asarray(snapshot["pots"], jnp.int32),
            starts=jnp.asarray(snapshot["starts"], jnp.int32),
        )
        return KitchenState(terrain, restore(terrain, self.size[1], snapshot))

    def _draw(self, key: Key) -> Terrain:
        if callable(self.kitchens):
            return self.kitchens(key)
        return _one_of(key, stack_terrains(_layouts(self.kitchens), self.size))


def stack_terrains(layouts: tuple[Layout, ...], size: tuple[int, int]) -> Terrain:
    """Numpy terrains of many kitchens in one frame, leaves [kitchens, ...]; UserError if too large.

    `jax.vmap(env.enter)` of them begins one game in each.
    """
    return _stacked(layouts, (int(size[0]), int(size[1])))


@cache
def _stacked(layouts: tuple[Layout, ...], size: tuple[int, int]) -> Terrain:
    pots = max(len(layout.pots) for layout in layouts)
    terrains = [layout.terrain(size, pots) for layout in layouts]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *terrains)


def _one_of(key: Key, stacked: Terrain) -> Terrain:
    which = jax.random.randint(key, (), 0, len(stacked.kinds))
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[which], stacked)


@cache
def _layouts(kitchens: tuple[str, ...]) -> tuple[Layout, ...]:
    return tuple(_of_two(find_kitchen(kitchen).layout) for kitchen in kitchens)


def _of_two(layout: Layout) -> Layout:
    if len(layout.starts) != 2:
        raise UserError(
            f"the kitchen {layout.name!r} is for {len(layout.starts)} cooks: games in many "
            "kitchens are of two"
        )
    return layout


def _check_size(size: Any) -> None:
    whole = isinstance(size, tuple) and len(size) == 2 and all(isinstance(n, int) for n in size)
    if not whole or min(size) < 3:
        raise UserError(f"size is {size!r}: give rows and columns of the frame, such as (9, 9)")


def _generator(settings: dict[str, Any]) -> Generator:
    """The generator with these settings; only ours can be made again of what a manifest tells."""
    for kind in (RandomKitchens, TemplateKitchens):
        if set(settings) <= set(kind.__dataclass_fields__):
            tuples = {k: tuple(v) for k, v in settings.items() if isinstance(v, list | tuple)}
            return kind(**settings | tuples)
    raise UserError(
        f"kitchens of a generator with the settings {', '.join(settings)} cannot be made again "
        "from a manifest: build the environment yourself"
    )


@cache
def _spec(env: ManyKitchens) -> EnvSpec:
    height, width = env.size
    return grid_spec("overcooked/kitchens", env.size, f"padded:{height}x{width}", env.horizon)
