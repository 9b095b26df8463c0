"""Small games whose symmetries change signs, shift, depend on the seat, or are too many to list."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.base import EnvSpec, TimeStep, first_info, world_of
from zsc.envs.lever import Lever
from zsc.envs.symmetry import Symmetry
from zsc.types import Array, Key


class Walk(NamedTuple):
    at: Array  # [A, 2] int32, from the centre
    time: Array


class _Shown:
    """What both games below share: reset, show, world, pictures, snapshots."""

    def show(self, state: Any) -> TimeStep:
        return self._show(state, jnp.zeros(self.spec.num_agents))

    def world(self, state: Any) -> Array:
        return world_of(self.show(state))

    def render(self, state: Any) -> np.ndarray:
        return np.full((8, 8, 3), 20 * int(state.time), np.uint8)

    def snapshot(self, state: Any) -> dict[str, Any]:
        return state._asdict()

    def _show(self, state: Any, reward: Array) -> TimeStep:
        spec = self.spec
        end = state.time >= spec.horizon
        return TimeStep(
            obs=self.observe(state),
            mask=jnp.ones((spec.num_agents, spec.num_actions), bool),
            reward=jnp.broadcast_to(reward, spec.num_agents).astype(jnp.float32),
            terminated=end,
            truncated=jnp.zeros_like(end),
            info=first_info(spec),
        )


MOVES = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [0, 0]])


@dataclass(frozen=True)
class Meadow(_Shown):
    """Two agents on 5 x 5 cells are paid for standing on one cell. All of D4 is a symmetry.

    centred: cells are told from the centre, -2 to 2 (relabelling changes signs), halved as floats;
    otherwise from the corner, 0 to 4 (relabelling shifts as well).
    wrong: observations turn the other way round.
    """

    centred: bool = True
    wrong: bool = False
    horizon: int = 6

    @property
    def spec(self) -> EnvSpec:
        return EnvSpec(
            id="meadow",
            version=1,
            num_agents=2,
            num_actions=5,
            obs_shape=(4,),
            obs_dtype="float32" if self.centred else "uint8",
            obs_scale=(1.0,) * 4 if self.centred else (4,) * 4,
            obs_id=f"meadow:{self.centred}",
            horizon=self.horizon,
            fixed_length=True,
            action_names=("right", "up", "left", "down", "stay"),
            idle_action=4,
            obs_signed=self.centred,
            min_return=0.0,
            max_return=float(self.horizon),
        )

    def reset(self, key: Key) -> tuple[Walk, TimeStep]:
        state = Walk(jax.random.randint(key, (2, 2), -2, 3), jnp.int32(0))
        return state, self.show(state)

    def step(self, key: Key, state: Walk, action: Array) -> tuple[Walk, TimeStep]:
        del key
        over = state.time >= self.horizon
        at = jnp.clip(state.at + jnp.asarray(MOVES)[action], -2, 2)
        after = Walk(jnp.where(over, state.at, at), state.time + ~over)
        return after, self._show(after, ~over & (at[0] == at[1]).all())

    def observe(self, state: Walk) -> Array:
        seen = jnp.concatenate([state.at, state.at[::-1]], axis=1)
        return seen / 2.0 if self.centred else (seen + 2).astype(jnp.uint8)

    def restore(self, snapshot: dict[str, Any]) -> Walk:
        return Walk(**snapshot)

    def symmetry(self) -> Symmetry:
        turn, mirror = np.array([[0, -1], [1, 0]]), np.array([[-1, 0], [0, 1]])
        group = [
            np.linalg.matrix_power(turn, t) @ np.linalg.matrix_power(mirror, m)
            for t, m in product(range(4), range(2))
        ]
        index = np.stack([np.abs(m).argmax(1) for m in group])
        sign = np.stack([m.sum(1) for m in group])
        action = [[int((m @ v == MOVES).all(1).argmax()) for v in MOVES] for m in group]
        if self.wrong:  # elements 2 and 6 are the quarter turns, mirrors undo themselves
            index[[2, 6]], sign[[2, 6]] = index[[6, 2]], sign[[6, 2]]
        matrices = jnp.asarray(np.stack(group))
        return Symmetry(
            obs_index=np.concatenate([index, 2 + index], axis=1),
            action_index=np.array(action),
            seat_index=np.tile(np.arange(2), (8, 1)),
            move_state=lambda g, state: state._replace(at=state.at @ matrices[g].T),
            obs_sign=np.tile(sign, 2),
            obs_offset=None if self.centred else np.tile(2 - 2 * sign, 2),
        )


class Pointing(NamedTuple):
    at: Array  # [A] int32, the seat that each points at, its own for none
    time: Array


@dataclass(frozen=True)
class Trio(_Shown):
    """Three agents point at one of the two others; whoever is pointed at is paid.

    The others are listed in the order of their seats, so exchanging seats is another relabelling
    for each: the symmetry is all 3! changes of seats.
    """

    horizon: int = 4
    wrong: bool = False

    @property
    def spec(self) -> EnvSpec:
        return EnvSpec(
            id="trio",
            version=1,
            num_agents=3,
            num_actions=3,
            obs_shape=(6,),
            obs_dtype="uint8",
            obs_scale=(1,) * 6,
            obs_id="trio",
            horizon=self.horizon,
            fixed_length=True,
            action_names=("first", "second", "nobody"),
            team_reward=False,
            min_return=0.0,
            max_return=2.0 * self.horizon,
        )

    def reset(self, key: Key) -> tuple[Pointing, TimeStep]:
        del key
        state = Pointing(jnp.arange(3, dtype=jnp.int32), jnp.int32(0))
        return state, self.show(state)

    def step(self, key: Key, state: Pointing, action: Array) -> tuple[Pointing, TimeStep]:
        del key
        over = state.time >= self.horizon
        at = jnp.take_along_axis(jnp.asarray(OTHERS), action[:, None], axis=1)[:, 0]
        paid = (at[None] == jnp.arange(3)[:, None]) & (at != jnp.arange(3))[None]
        after = Pointing(jnp.where(over, state.at, at), state.time + ~over)
        return after, self._show(after, jnp.where(over, 0, paid.sum(1)))

    def observe(self, state: Pointing) -> Array:
        # my two bits: I pointed at the first, second; then for each other: at me, at the third
        rows = []
        for me in range(3):
            one, two = (int(x) for x in OTHERS[me][:2])
            at = state.at
            bits = [at[me] == one, at[me] == two, at[one] == me, at[one] == two]
            rows.append(jnp.stack([*bits, at[two] == me, at[two] == one]))
        return jnp.stack(rows).astype(jnp.uint8)

    def restore(self, snapshot: dict[str, Any]) -> Pointing:
        return Pointing(**snapshot)

    def symmetry(self) -> Symmetry:
        orders = np.array(list(permutations(range(3))))
        obs, action = np.zeros((6, 3, 6), int), np.zeros((6, 3, 3), int)
        for g, to in enumerate(orders):
            for me in range(3):
                theirs = OTHERS[to[me]][:2]  # the others as the relabelled agent lists them
                old = [int(np.flatnonzero(OTHERS[me][:2] == np.argsort(to)[t])[0]) for t in theirs]
                block = lambda other: [2 + 2 * other, 3 + 2 * other]
                obs[g, me] = [*old, *block(old[0]), *block(old[1])]
                action[g, me] = [*np.argsort(old), 2]
        if self.wrong:
            obs = obs[INVERSE]
        moved = jnp.asarray(orders)
        return Symmetry(
            obs_index=obs,
            action_index=action,
            seat_index=orders,
            move_state=lambda g, state: state._replace(
                at=moved[g][state.at][jnp.argsort(moved[g])].astype(jnp.int32)
            ),
        )


OTHERS = np.array([[1, 2, 0], [0, 2, 1], [0, 1, 2]])  # the last entry is oneself
INVERSE = np.array([0, 1, 2, 4, 3, 5])  # of the permutations of three, in order


@dataclass(frozen=True)
class ManyLevers(Lever):
    """Eight levers that pay the same: 8! relabellings, of which 20 are drawn."""

    rounds: int = 3
    payoffs: tuple[float, ...] = (1.0,) * 8

    def symmetry(self) -> Symmetry:
        rng = np.random.default_rng(0)
        action = np.stack([np.arange(8), *(rng.permutation(8) for _ in range(19))])
        backward = np.argsort(action, axis=1)
        obs = np.concatenate([np.zeros((20, 1), int), 1 + backward, 9 + backward], axis=1)
        return Symmetry(
            obs_index=obs,
            action_index=action,
            seat_index=np.tile(np.arange(2), (20, 1)),
            move_state=lambda g, state: state._replace(
                last=jnp.where(state.last < 0, -1, jnp.asarray(action, jnp.int32)[g, state.last])
            ),
            closed=False,
        )
