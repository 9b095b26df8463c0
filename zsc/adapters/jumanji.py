"""Games of several agents of jumanji as ours (Bonnet et al. 2023, arXiv 2306.09884)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.adapters.foreign import ForeignGame, foreign_spec
from zsc.adapters.imports import other
from zsc.envs.base import EnvSpec
from zsc.errors import UserError, unknown
from zsc.types import Array, Key

#: Where their observations keep what each agent sees.
_VIEWS = ("agents_view", "grid")


class Shown(NamedTuple):
    """Their state and what it shows, which they tell after a step only."""

    state: Any
    obs: Array  # [A, D] float32
    mask: Array  # [A, N] bool


@dataclass(frozen=True)
class JumanjiGame(ForeignGame):
    """A game of jumanji by its name there, such as "RobotWarehouse-v0"; see `ForeignGame`.

    env: a name that `jumanji.make` knows.
    horizon: no episode is longer; reaching it truncates. A limit of their own that comes earlier
        counts as the end of the game.
    team_reward: False if agents are paid differently.

    The observation must have a view for each agent (`agents_view` or `grid`) and an `action_mask`
    [A, N]. One reward for all goes to each agent.
    """

    env: str
    horizon: int = 500
    team_reward: bool = True

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def begun(self, key: Key) -> Shown:
        """A fresh game of theirs."""
        state, first = _theirs(self.env).reset(key)
        return Shown(state, *_shown(self.env, first.observation))

    def moved(self, key: Key, inner: Shown, action: Array) -> tuple[Shown, Array, Array]:
        """Their next state, what each agent is paid [A], whether it has ended []."""
        del key  # they keep their own
        state, after = _theirs(self.env).step(inner.state, action)
        paid = jnp.broadcast_to(after.reward, (self.spec.num_agents,))
        return Shown(state, *_shown(self.env, after.observation)), paid, after.last()

    def seen(self, inner: Shown) -> Array:
        """[A, D] what each agent sees."""
        return inner.obs

    def allowed(self, inner: Shown) -> Array:
        """[A, N] bool, legal actions."""
        return inner.mask


def _shown(name: str, observation: Any) -> tuple[Array, Array]:
    for view in _VIEWS:
        seen, mask = getattr(observation, view, None), getattr(observation, "action_mask", None)
        if seen is not None and mask is not None and mask.ndim == 2 and len(seen) == len(mask):
            return seen.reshape(len(seen), -1).astype(jnp.float32), mask.astype(bool)
    raise UserError(
        f"{name}: its observation has no view for each agent ({' or '.join(_VIEWS)}) with an "
        "action_mask [agents, actions]: only games of several agents can be adapted"
    )


@cache
def _theirs(name: str) -> Any:
    jumanji = other("jumanji", "jumanji")
    known = list(jumanji.registered_environments())
    if name not in known:
        raise unknown("jumanji environment", name, known)
    return jumanji.make(name)


@cache
def _spec(env: JumanjiGame) -> EnvSpec:
    theirs = _theirs(env.env)
    first = jax.eval_shape(lambda key: theirs.reset(key)[1].observation, jax.random.key(0))
    obs, mask = jax.eval_shape(lambda x: _shown(env.env, x), first)
    agents, actions = mask.shape
    return foreign_spec(
        f"jumanji/{env.env}",
        agents,
        int(np.prod(obs.shape[1:])),
        actions,
        horizon=env.horizon,
        team_reward=env.team_reward,
    )
