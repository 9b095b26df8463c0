"""The lever game: the smallest game in which agents that learned alone fail together.

Two players pull one of ten levers at once. If both pull the same one they are paid its value,
else nothing. Nine levers pay 1.0, one pays 0.9 (Hu et al. 2020, arXiv 2003.02979, section 1).
Self-play settles on any of the nine; strangers agree by chance, 1 in 9. The odd lever is the only
one that can be told apart, so whoever expects strangers pulls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, first_info, world_of
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError
from zsc.types import Array, Key


class LeverState(NamedTuple):
    """The pulls of the last round and the round that comes next."""

    last: Array  # [A] int32, -1 before the first round
    time: Array  # [] int32


@dataclass(frozen=True)
class Lever:
    """The lever game, one round (`rounds=1`) or repeated with the last pulls in view.

    payoffs: what each lever pays when both players pull it. Levers that pay the same are
    interchangeable. An agent sees its own last pull and its partner's as one-hots, all zero in the
    first round, and a 1 in front; after the last round the episode is terminated.
    """

    rounds: int = 1
    payoffs: tuple[float, ...] = (1.0,) * 9 + (0.9,)

    def __post_init__(self) -> None:
        settle(self)
        if self.rounds < 1:
            raise UserError(f"rounds is {self.rounds}: the lever game needs at least 1")
        if len(self.payoffs) < 2:
            raise UserError(f"{len(self.payoffs)} lever(s) given: the lever game needs at least 2")

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[LeverState, TimeStep]:
        """The state before the first pull. Nothing is random."""
        del key
        state = LeverState(jnp.full(2, -1, jnp.int32), jnp.int32(0))
        return state, self.show(state)

    def step(self, key: Key, state: LeverState, action: Array) -> tuple[LeverState, TimeStep]:
        """Both pull, action [A]."""
        del key
        over = state.time >= self.rounds
        paid = jnp.where(action[0] == action[1], jnp.asarray(self.payoffs)[action[0]], 0.0)
        reward = jnp.where(over, 0.0, paid)
        state = LeverState(
            last=jnp.where(over, state.last, action.astype(jnp.int32)),
            time=jnp.where(over, state.time, state.time + 1),
        )
        return state, self._show(state, jnp.broadcast_to(reward, 2))

    def show(self, state: LeverState) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        return self._show(state, jnp.zeros(2, jnp.float32))

    def world(self, state: LeverState) -> Array:
        """[A * D] what both agents see."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """Rotations of each set of levers that pay the same.

        In the one-shot game rotations reach every lever of a set from every other, which is all
        that the expectation over pairs of relabellings sees; the full group of nine has 362,880
        elements. In the repeated game they are a subgroup: cyclic order survives, and agents might
        learn to use it.
        """
        return _symmetry(self)

    def render(self, state: LeverState) -> np.ndarray:
        """[H, W, 3] uint8: one column a lever, height its payoff; the last pulls in colour."""
        height, width = 60, 12
        levers = len(self.payoffs)
        picture = np.full((height + 8, levers * width, 3), 255, np.uint8)
        tall = max(max(self.payoffs), 1e-9)
        for lever, payoff in enumerate(self.payoffs):
            top = height - round((height - 4) * max(payoff, 0.0) / tall)
            picture[top:height, lever * width + 2 : (lever + 1) * width - 2] = (170, 170, 170)
        for agent, colour in enumerate(((214, 94, 40), (40, 110, 190))):
            pulled = int(state.last[agent])
            if pulled >= 0:
                left = pulled * width + 2 + 4 * agent
                picture[height + 1 : height + 7, left : left + 4] = colour
        return picture

    def snapshot(self, state: LeverState) -> dict[str, Any]:
        """Plain arrays: last [A], time []."""
        return state._asdict()

    def restore(self, snapshot: dict[str, Any]) -> LeverState:
        """The state that `snapshot` was taken of."""
        return LeverState(
            jnp.asarray(snapshot["last"], jnp.int32), jnp.asarray(snapshot["time"], jnp.int32)
        )

    def _show(self, state: LeverState, reward: Array) -> TimeStep:
        levers = len(self.payoffs)
        pulls = (state.last[:, None] == jnp.arange(levers)).astype(jnp.uint8)
        seen = jnp.ones((2, 1), jnp.uint8)
        obs = jnp.concatenate([seen, pulls, pulls[::-1]], axis=1)
        terminated = state.time >= self.rounds
        return TimeStep(
            obs=obs,
            mask=jnp.ones((2, levers), bool),
            reward=reward.astype(jnp.float32),
            terminated=terminated,
            truncated=jnp.zeros_like(terminated),
            info=first_info(self.spec),
        )


@cache
def _spec(env: Lever) -> EnvSpec:
    levers = len(env.payoffs)
    size = 1 + 2 * levers
    return EnvSpec(
        id="lever" if env.rounds == 1 else "lever/iterated",
        version=1,
        num_agents=2,
        num_actions=levers,
        obs_shape=(size,),
        obs_dtype="uint8",
        obs_scale=(1,) * size,
        obs_id=f"lever:{levers}",
        horizon=env.rounds,
        fixed_length=True,
        action_names=tuple(f"lever {i} ({p:g})" for i, p in enumerate(env.payoffs)),
        # pulling apart pays nothing
        min_return=env.rounds * min(0.0, *env.payoffs),
        max_return=env.rounds * max(0.0, *env.payoffs),
    )


@cache
def _symmetry(env: Lever) -> Symmetry:
    levers = len(env.payoffs)
    sets = [np.flatnonzero(np.asarray(env.payoffs) == p) for p in sorted(set(env.payoffs))]
    order = int(np.lcm.reduce([len(s) for s in sets]))
    action = np.tile(np.arange(levers, dtype=np.int32), (order, 1))
    for g in range(order):
        for members in sets:
            action[g, members] = np.roll(members, -(g % len(members)))
    backward = np.argsort(action, axis=1)
    obs = np.concatenate(
        [np.zeros((order, 1), np.int64), 1 + backward, 1 + levers + backward], axis=1
    )
    return Symmetry(
        obs_index=obs.astype(np.int32),
        action_index=action,
        seat_index=np.tile(np.arange(2, dtype=np.int32), (order, 1)),
        move_state=lambda g, state: state._replace(
            last=jnp.where(state.last < 0, -1, jnp.asarray(action)[g, state.last])
        ),
    )
