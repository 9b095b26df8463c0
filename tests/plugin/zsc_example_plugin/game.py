"""The game of the guide "Add a game", with its variants, partners and name."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import zsc
from zsc.envs.base import first_info, world_of


class MeetState(NamedTuple):
    at: jax.Array  # [A] the cell of each
    time: jax.Array  # []


@dataclass(frozen=True)
class Meet:
    """Two agents on a row of cells are paid while they stand on the same one."""

    cells: int = 5
    horizon: int = 20

    @property
    def spec(self) -> zsc.EnvSpec:
        size = 2 * self.cells
        return zsc.EnvSpec(
            id="meet",
            version=1,
            num_agents=2,
            num_actions=3,
            obs_shape=(size,),
            obs_dtype="uint8",
            obs_scale=(1,) * size,
            obs_id=f"meet:{self.cells}",
            horizon=self.horizon,
            fixed_length=True,
            action_names=("left", "stay", "right"),
            idle_action=1,
            min_return=0.0,
            max_return=float(self.horizon),
        )

    def reset(self, key):
        at = jax.random.randint(key, (2,), 0, self.cells)
        state = MeetState(at, jnp.int32(0))
        return state, self.show(state)

    def step(self, key, state, action):
        over = state.time >= self.horizon  # a step after the end changes nothing
        at = jnp.clip(state.at + action - 1, 0, self.cells - 1)
        state = MeetState(jnp.where(over, state.at, at), state.time + ~over)
        return state, self._shown(state, ~over & (state.at[0] == state.at[1]))

    def show(self, state):
        return self._shown(state, jnp.zeros((), bool))

    def world(self, state):
        return world_of(self.show(state))

    def symmetry(self):
        cells = np.arange(self.cells)
        there = np.concatenate([cells, self.cells + cells])
        mirrored = np.concatenate([cells[::-1], self.cells + cells[::-1]])
        return zsc.Symmetry(
            obs_index=np.stack([there, mirrored]),
            action_index=np.array([[0, 1, 2], [2, 1, 0]]),
            seat_index=np.array([[0, 1], [0, 1]]),
            move_state=lambda g, s: s._replace(at=jnp.where(g == 1, self.cells - 1 - s.at, s.at)),
        )

    def render(self, state):
        picture = np.full((16, 16 * self.cells, 3), 240, np.uint8)
        colours = (214, 94, 40), (40, 110, 190)
        for top, colour, cell in zip((2, 9), colours, state.at, strict=True):
            picture[top : top + 5, 16 * int(cell) + 4 : 16 * int(cell) + 12] = colour
        return picture

    def snapshot(self, state) -> dict[str, Any]:
        return state._asdict()

    def restore(self, snapshot):
        return MeetState(**{name: jnp.asarray(x, jnp.int32) for name, x in snapshot.items()})

    def _shown(self, state, paid):
        where = (state.at[:, None] == jnp.arange(self.cells)).astype(jnp.uint8)
        truncated = state.time >= self.horizon
        return zsc.TimeStep(
            obs=jnp.concatenate([where, where[::-1]], axis=1),  # its own cell, then the other's
            mask=jnp.ones((2, 3), bool),
            reward=jnp.broadcast_to(paid, 2).astype(jnp.float32),
            terminated=jnp.zeros_like(truncated),
            truncated=truncated,
            info=first_info(self.spec),
        )


FAMILY = zsc.Family(Meet, variants={"long": {"cells": 9}})
