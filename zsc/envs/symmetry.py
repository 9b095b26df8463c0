"""Finite groups that act on a game: on observations, actions, masks, seats and states.

A symmetry of a game is a relabelling that no rule notices (Hu et al. 2020, arXiv 2003.02979,
section 3): swapping two levers that pay the same, two colours of Hanabi, or the two sides of a
mirrored kitchen. All actions here are permutations, kept as index tables, so that applying an
element is one gather and the group laws can be checked by looking.

Conventions, for an element g:
- `obs(g, x)` is the observation as it would have been in the relabelled game.
- `action(g, a)` is the name that action a has in the relabelled game.
- A policy that lives in the relabelled world sees `obs(g, x)` and `mask(g, m)`, picks a there, and
  the world receives `action(inverse[g], a)`.
- `compose[g, h]` is "first h, then g".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.types import Array


def _same_state(g: Array, state: Any) -> Any:
    del g
    return state


@dataclass(frozen=True, eq=False)
class Symmetry:
    """A finite permutation group. G elements, element 0 is the identity.

    obs_index [G, D]: entry d of the flattened new observation is entry obs_index[g, d] of the old.
    action_index [G, N]: old action a is called action_index[g, a] in the relabelled game.
    seat_index [G, A]: who sits in old seat s sits in seat seat_index[g, s] of the relabelled game.
    move_state(g, state): the state of the relabelled game, for checking that the rules commute.
    """

    obs_index: np.ndarray
    action_index: np.ndarray
    seat_index: np.ndarray
    move_state: Callable[[Array, Any], Any] = _same_state

    def __len__(self) -> int:
        return len(self.action_index)

    @property
    def trivial(self) -> bool:
        """True if no element but the identity changes what an agent sees or does."""
        return bool(
            (self.obs_index == self.obs_index[:1]).all()
            and (self.action_index == self.action_index[:1]).all()
        )

    @property
    def inverse(self) -> np.ndarray:
        """[G] the element that undoes g."""
        return np.argmin(self.compose, axis=1)

    @property
    def compose(self) -> np.ndarray:
        """[G, G] the element that acts as "first h, then g"."""
        rows = [self._acts(g) for g in range(len(self))]
        where = {row.tobytes(): g for g, row in enumerate(rows)}
        size = len(self)
        table = np.zeros((size, size), np.int32)
        for g in range(size):
            for h in range(size):
                product = self._product(g, h).tobytes()
                if product not in where:
                    raise ValueError(f"symmetry elements {g} and {h} compose to no element")
                table[g, h] = where[product]
        return table

    def obs(self, g: Array, obs: Array) -> Array:
        """Relabel one observation [...]."""
        index = jnp.asarray(self.obs_index)[g]
        return obs.reshape(-1)[index].reshape(obs.shape)

    def action(self, g: Array, action: Array) -> Array:
        """Relabel one action []."""
        return jnp.asarray(self.action_index, jnp.int32)[g, action]

    def action_back(self, g: Array, action: Array) -> Array:
        """Undo `action`: the world's name of an action chosen in the relabelled game."""
        backward = np.argsort(self.action_index, axis=1)
        return jnp.asarray(backward, jnp.int32)[g, action]

    def mask(self, g: Array, mask: Array) -> Array:
        """Relabel a legal-action mask [N], or any vector over actions."""
        backward = np.argsort(self.action_index, axis=1)
        return mask[jnp.asarray(backward)[g]]

    def seats(self, g: Array, per_seat: Array) -> Array:
        """Move a vector over seats [A, ...] along."""
        backward = np.argsort(self.seat_index, axis=1)
        return per_seat[jnp.asarray(backward)[g]]

    def sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        """Uniform elements, int32 of the given shape."""
        return jax.random.randint(key, shape, 0, len(self), jnp.int32)

    def _acts(self, g: int) -> np.ndarray:
        parts = (self.obs_index[g], self.action_index[g], self.seat_index[g])
        return np.concatenate([np.asarray(part, np.int32) for part in parts])

    def _product(self, g: int, h: int) -> np.ndarray:
        obs = self.obs_index[h][self.obs_index[g]]  # gathers compose from the other side
        action = self.action_index[g][self.action_index[h]]
        seat = self.seat_index[g][self.seat_index[h]]
        return np.concatenate([np.asarray(part, np.int32) for part in (obs, action, seat)])


def trivial_symmetry(obs_size: int, num_actions: int, num_agents: int) -> Symmetry:
    """The group of the identity alone."""
    return Symmetry(
        obs_index=np.arange(obs_size, dtype=np.int32)[None],
        action_index=np.arange(num_actions, dtype=np.int32)[None],
        seat_index=np.arange(num_agents, dtype=np.int32)[None],
    )
