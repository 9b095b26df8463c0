"""Games with known answers, each isolating one thing that a learner must get right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.base import EnvSpec, TimeStep, first_info, world_of
from zsc.envs.symmetry import Symmetry, trivial_symmetry
from zsc.types import Array, Key


class ProbeState(NamedTuple):
    time: Array
    cue: Array  # 0 or 1, shown in the first step only
    first_action: Array  # [A]


@dataclass(frozen=True)
class Probe:
    """Two agents, two actions, `horizon` steps. Sees (1, the cue in the first step, last step?).

    rule: "constant" pays 1 every step; "late" pays 1 in the last step only; "credit" pays 1 in the
    last step if both took action 1 in the first; "memory" pays 1/2 in the last step for each that
    then names the cue of the first; "partner" pays 1 every step in which both act alike.
    limit: the end is a time limit, not the end of the game.
    """

    rule: str
    horizon: int = 1
    limit: bool = False

    @property
    def spec(self) -> EnvSpec:
        return EnvSpec(
            id=f"probe/{self.rule}",
            version=1,
            num_agents=2,
            num_actions=2,
            obs_shape=(4,),
            obs_dtype="uint8",
            obs_scale=(1, 1, 1, 1),
            obs_id="probe",
            horizon=self.horizon,
            fixed_length=True,
            action_names=("zero", "one"),
        )

    def reset(self, key: Key) -> tuple[ProbeState, TimeStep]:
        cue = jax.random.randint(key, (), 0, 2)
        state = ProbeState(jnp.int32(0), cue, jnp.zeros(2, jnp.int32))
        return state, self.show(state)

    def step(self, key: Key, state: ProbeState, action: Array) -> tuple[ProbeState, TimeStep]:
        del key
        over = state.time >= self.horizon
        last = state.time == self.horizon - 1
        first = jnp.where(state.time == 0, action, state.first_action)
        paid = {
            "constant": jnp.float32(1),
            "late": last.astype(jnp.float32),
            "credit": (last & (first == 1).all()).astype(jnp.float32),
            "memory": last * (action == state.cue).mean(),
            "partner": (action[0] == action[1]).astype(jnp.float32),
        }[self.rule]
        after = ProbeState(state.time + 1, state.cue, first)
        after = jax.tree.map(lambda old, new: jnp.where(over, old, new), state, after)
        return after, self._show(after, jnp.where(over, 0.0, paid))

    def show(self, state: ProbeState) -> TimeStep:
        return self._show(state, jnp.float32(0))

    def world(self, state: ProbeState) -> Array:
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        return trivial_symmetry(4, 2, 2)

    def render(self, state: ProbeState) -> np.ndarray:
        return np.full((8, 8, 3), 40 * int(state.time), np.uint8)

    def snapshot(self, state: ProbeState) -> dict[str, Any]:
        return state._asdict()

    def restore(self, snapshot: dict[str, Any]) -> ProbeState:
        return ProbeState(**snapshot)

    def _show(self, state: ProbeState, reward: Array) -> TimeStep:
        start = state.time == 0
        parts = [
            jnp.array(True),
            start & (state.cue == 0),
            start & (state.cue == 1),
            state.time == self.horizon - 1,
        ]
        obs = jnp.broadcast_to(jnp.stack(parts).astype(jnp.uint8), (2, 4))
        end = state.time >= self.horizon
        return TimeStep(
            obs=obs,
            mask=jnp.ones((2, 2), bool),
            reward=jnp.broadcast_to(reward, 2),
            terminated=end & (not self.limit),
            truncated=end & self.limit,
            info=first_info(self.spec),
        )
