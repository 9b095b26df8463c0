"""One game that is stepped from Python, and agents who play in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import Policy
from zsc.envs.base import Environment, TimeStep, begin
from zsc.errors import UserError
from zsc.play.acting import act, inputs_of
from zsc.types import Array, Carry, Key, Params, State


class Host:
    """A game and where it stands. Seed s is the episode of `jax.random.key(s)`."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.state: State = None
        self.shown: TimeStep | None = None
        self.time = 0
        self._next = 0

    def reset(self, seed: int | None) -> TimeStep:
        """The first of a game."""
        seed = self._next if seed is None else seed
        self._next = seed + 1
        self.key = jax.random.key(seed)
        self.state, self.shown = _begin(self.env, self.key)
        self.time = 0
        return self.shown

    def step(self, action: Sequence[int]) -> TimeStep:
        """One step of all agents. Raises UserError before a reset, and for what is no action."""
        if self.shown is None:
            raise UserError("the game has not begun: call reset() first")
        count = self.env.spec.num_actions
        for seat, chosen in enumerate(action):
            if not 0 <= chosen < count:
                raise UserError(f"agent_{seat} does {chosen}: actions are 0 to {count - 1}")
        here = jax.random.fold_in(self.key, self.time)
        acts = jnp.asarray(action, jnp.int32)
        self.state, self.shown = _step(self.env, here, self.state, acts)
        self.time += 1
        return self.shown

    def picture(self) -> np.ndarray:
        """[H, W, 3] uint8."""
        return self.env.render(self.state)


class Player:
    """An agent in one seat of a host's game, with its memory."""

    def __init__(self, policy: Policy, params: Params, seat: int) -> None:
        self.policy, self.params, self.seat = policy, params, seat
        self.carry = policy.carry()

    def act(self, host: Host, acted: Array) -> int:
        """What it does next; acted [A] is the last joint action by seat, -1 before the first."""
        assert host.shown is not None
        self.carry, chosen = _act(
            self.policy,
            host.env.spec.num_actions,
            self.params,
            self.carry,
            (host.shown.obs, host.shown.mask, host.state, acted),
            jnp.int32(self.seat),
            jnp.int32(host.time),
            host.key,
        )
        return int(chosen)


@partial(jax.jit, static_argnums=0)
def _begin(env: Environment, key: Key) -> Any:
    return begin(env, key)


@partial(jax.jit, static_argnums=0)
def _step(env: Environment, key: Key, state: State, action: Array) -> Any:
    return env.step(key, state, action)


@partial(jax.jit, static_argnums=(0, 1))
def _act(
    policy: Policy,
    actions: int,
    params: Params,
    carry: Carry,
    seen: tuple[Array, Array, State, Array],
    seat: Array,
    time: Array,
    key: Key,
) -> tuple[Carry, Array]:
    obs, mask, state, acted = seen
    inputs = inputs_of(
        policy.reads,
        obs=obs[seat],
        mask=mask[seat],
        first=time == 0,
        seat=seat,
        state=state,
        acted=acted,
    )
    # the noise that cross-play draws for this seat and step
    here = jax.random.fold_in(jax.random.fold_in(key, time), 1)
    noise = jax.random.gumbel(here, (acted.shape[0], actions))
    return act(policy, params, carry, inputs, noise[seat])
