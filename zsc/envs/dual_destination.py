"""Dual Destination: two agents, two green goals, and the question who takes which.

The "ToyCoop" of cross-environment cooperation (Jha et al. 2025, arXiv 2504.12714). Two agents walk
on a 5x5 grid. A step pays the team 3 while they stand on the two different green goals, else -1;
pink goals pay nothing. The paper's single task, `fixed`, can be solved by two conventions that do
not go together; in the procedural game every reset draws agents and goals on six different cells,
and whoever plays it well has to see where the other one is going.

The fixed task is held out: no procedural reset has its agents and green goals, rotated or mirrored
or as they are, wherever the pink ones lie. Agents do not see the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, first_info, world_of
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError
from zsc.types import Array, Key

_ACTIONS = ("up", "down", "left", "right", "stay")
_MOVES = np.array([[-1, 0], [1, 0], [0, -1], [0, 1], [0, 0]], np.int32)  # row, column
_PAID, _COST = 3.0, -1.0
_COLOURS = {"green": (92, 172, 92), "pink": (240, 160, 190)}
_AGENTS = ((214, 94, 40), (40, 110, 190))


class DualState(NamedTuple):
    """Where everything is, as row and column, and how many steps were played."""

    agents: Array  # [A, 2] int32
    green: Array  # [2, 2] int32
    pink: Array  # [2, 2] int32
    time: Array  # [] int32


@dataclass(frozen=True)
class DualDestination:
    """Dual Destination, procedural or the one fixed task.

    fixed: every reset is the paper's single task; else agents and goals are drawn.
    size: rows and columns, an odd number from 3 on. On 3x3 the pink goals of the fixed task lie in
        two corners.
    horizon: steps per episode; the time limit truncates, nothing terminates.

    An agent sees [size, size, 4]: itself, the other one, green goals, pink goals. Whoever walks
    into a wall stays. If both agents want the same cell, both stay; they may change places.
    """

    fixed: bool = False
    size: int = 5
    horizon: int = 100

    def __post_init__(self) -> None:
        settle(self)
        if self.size < 3 or self.size % 2 == 0:
            raise UserError(f"size is {self.size}: give an odd number from 3 on")
        if self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: an episode needs at least 1 step")

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[DualState, TimeStep]:
        """A fresh game: the fixed task, or six different cells that are not that task."""
        task = jnp.asarray(_fixed(self.size))
        if not self.fixed:
            cells = jax.random.permutation(key, self.size**2)[:6].astype(jnp.int32)
            drawn = jnp.stack([cells // self.size, cells % self.size], axis=1)
            # as good as drawing anew: green and pink change places
            task = jnp.where(
                _held_out(drawn, self.size), drawn[jnp.array([0, 1, 4, 5, 2, 3])], drawn
            )
        state = DualState(task[:2], task[2:4], task[4:], jnp.int32(0))
        return state, self.show(state)

    def step(self, key: Key, state: DualState, action: Array) -> tuple[DualState, TimeStep]:
        """One step of both agents, action [A]. Nothing is random."""
        del key
        over = state.time >= self.horizon
        wanted = jnp.clip(state.agents + jnp.asarray(_MOVES)[action], 0, self.size - 1)
        stay = over | (wanted[0] == wanted[1]).all()
        agents = jnp.where(stay, state.agents, wanted)
        state = state._replace(agents=agents, time=state.time + ~over)
        there = (agents[:, None] == state.green).all(-1)  # [A, goals]
        paid = jnp.where(there.any(1).all() & there.any(0).all(), _PAID, _COST)
        return state, self._show(state, jnp.broadcast_to(jnp.where(over, 0.0, paid), 2))

    def show(self, state: DualState) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        return self._show(state, jnp.zeros(2))

    def world(self, state: DualState) -> Array:
        """[A * entries] what both agents see."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """Rotations and mirror images of the grid; those that leave a fixed task as it is, which
        may exchange the seats."""
        return _symmetry(self)

    def render(self, state: DualState) -> np.ndarray:
        """[H, W, 3] uint8: goals as squares, agents as smaller ones on them."""
        cell = 16
        picture = np.full((self.size * cell + 1, self.size * cell + 1, 3), 250, np.uint8)
        picture[::cell] = picture[:, ::cell] = (205, 205, 205)

        def fill(place: Array, colour: tuple[int, int, int], edge: int) -> None:
            top, left = int(place[0]) * cell + 1 + edge, int(place[1]) * cell + 1 + edge
            inner = cell - 1 - 2 * edge
            picture[top : top + inner, left : left + inner] = colour

        for name, colour in _COLOURS.items():
            for place in getattr(state, name):
                fill(place, colour, 1)
        for place, colour in zip(state.agents, _AGENTS, strict=True):
            fill(place, colour, 4)
        return picture

    def snapshot(self, state: DualState) -> dict[str, Any]:
        """Plain arrays: agents [A, 2], green [2, 2], pink [2, 2], time []."""
        return state._asdict()

    def restore(self, snapshot: dict[str, Any]) -> DualState:
        """The state that `snapshot` was taken of."""
        return DualState(**{name: jnp.asarray(x, jnp.int32) for name, x in snapshot.items()})

    def _show(self, state: DualState, reward: Array) -> TimeStep:
        grid = jnp.zeros((self.size, self.size), jnp.uint8)
        mark = lambda places: grid.at[places[..., 0], places[..., 1]].set(1)
        own, goals = jax.vmap(mark)(state.agents), (mark(state.green), mark(state.pink))
        truncated = state.time >= self.horizon
        return TimeStep(
            obs=jnp.stack([jnp.stack([own[i], own[1 - i], *goals], -1) for i in range(2)]),
            mask=jnp.ones((2, len(_ACTIONS)), bool),
            reward=reward.astype(jnp.float32),
            terminated=jnp.zeros_like(truncated),
            truncated=truncated,
            info=first_info(self.spec),
        )


def _fixed(size: int) -> np.ndarray:
    """[6, 2] the single task: agents, green goals, pink goals."""
    middle, last = size // 2, size - 1
    agents = [(0, middle), (last, middle)]
    pink = [(middle, 1), (middle, last - 1)] if size > 3 else [(0, 0), (last, last)]
    return np.array([*agents, (middle, 0), (middle, last), *pink], np.int32)


def _held_out(task: Array, size: int) -> Array:
    """[] bool: the agents and green goals of a task [6, 2] are those of the fixed one, or an image.

    In any order of agents and of goals: so two of its eight images differ, it and its transpose.
    """
    cells = lambda x: jnp.sort((x[:4] @ jnp.array([size, 1])).reshape(2, 2), axis=1)
    want = cells(jnp.asarray(_fixed(size)))
    return (cells(task) == want).all() | (cells(task[:, ::-1]) == want).all()


def _pairs(task: np.ndarray) -> list[list[list[int]]]:
    """A task [6, 2] without the order of its agents and goals."""
    return [sorted(pair) for pair in task.reshape(3, 2, 2).tolist()]


@cache
def _spec(env: DualDestination) -> EnvSpec:
    # each step of the way but the last one costs; elsewhere the goals may be next to the agents
    way = env.size - 1 if env.fixed else 1
    waiting = min(way - 1, env.horizon)
    return EnvSpec(
        id="dual_destination/fixed" if env.fixed else "dual_destination",
        version=1,
        num_agents=2,
        num_actions=len(_ACTIONS),
        obs_shape=(env.size, env.size, 4),
        obs_dtype="uint8",
        obs_scale=(1,) * 4,
        obs_id=f"dual_destination:{env.size}x{env.size}",
        horizon=env.horizon,
        fixed_length=True,
        action_names=_ACTIONS,
        idle_action=len(_ACTIONS) - 1,
        min_return=_COST * env.horizon,
        max_return=_COST * waiting + _PAID * (env.horizon - waiting),
    )


@cache
def _symmetry(env: DualDestination) -> Symmetry:
    size, middle = env.size, env.size // 2
    turns = [np.array([[1, 0], [0, 1]]), np.array([[0, 1], [-1, 0]])]
    turns += [-turns[0], -turns[1]]
    images = [
        turn @ mirror for mirror in (np.eye(2, dtype=int), np.diag([1, -1])) for turn in turns
    ]
    start = _fixed(size) - middle
    if env.fixed:
        images = [image for image in images if _pairs(start @ image.T) == _pairs(start)]
    group = np.stack(images).astype(np.int32)  # [G, 2, 2], about the middle of the grid
    cells = np.stack(np.divmod(np.arange(size**2), size), axis=1)
    moved = np.einsum("gij,cj->gci", group, cells - middle) + middle
    where = moved @ np.array([size, 1])  # [G, cells] the cell that a cell becomes
    back = np.argsort(where, axis=1)
    obs = (4 * back[..., None] + np.arange(4)).reshape(len(group), -1)
    steps = np.einsum("gij,nj->gni", group, _MOVES)
    action = (steps[:, :, None] == _MOVES).all(-1).argmax(-1)
    # of what leaves the fixed task as it is, some elements exchange the agents' starts
    swaps = np.array([env.fixed and (start[0] @ image.T != start[0]).any() for image in group])
    seats = np.where(swaps[:, None], [1, 0], [0, 1]).astype(np.int32)

    def move_state(g: Array, state: DualState) -> DualState:
        turned = lambda x: (x - middle) @ jnp.asarray(group)[g].T + middle
        agents = turned(state.agents)[jnp.asarray(seats)[g]]
        return DualState(agents, turned(state.green), turned(state.pink), state.time)

    return Symmetry(
        obs_index=obs.astype(np.int32),
        action_index=action.astype(np.int32),
        seat_index=seats,
        move_state=move_state,
    )
