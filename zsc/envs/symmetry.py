"""Finite groups that act on a game: on observations, actions, masks, seats and states.

A symmetry of a game is a relabelling that no rule notices (Hu et al. 2020, arXiv 2003.02979,
section 3): swapping two levers that pay the same, two colours of Hanabi, or the two sides of a
mirrored kitchen. Actions, seats and entries of observations are permuted, entries may change their
sign and be shifted besides (a mirror image of coordinates); all of it stands in tables, so that
applying an element is one gather and the group laws can be checked by looking.

Conventions, for an element g:
- `obs(g, x)` is the observation as it would have been in the relabelled game.
- `action(g, a)` is the name that action a has in the relabelled game.
- A policy that lives in the relabelled world sees `obs(g, x)` and `mask(g, m)`, picks a there, and
  the world receives `inverse_action(g, a)`.
- `compose[g, h]` is "first h, then g".
- Where a relabelling depends on who sees or acts (my teammates are listed in the order of their
  seats, so exchanging two of them is another permutation for each of us), tables have an axis of
  seats, and these methods want the seat: the one in the world, before any relabelling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.errors import UserError
from zsc.types import Array


def _same_state(g: Array, state: Any) -> Any:
    del g
    return state


@dataclass(frozen=True, eq=False)
class Symmetry:
    """A finite group. G elements, element 0 is the identity; D entries of a flat observation.

    obs_index [G, D]: entry d of the flattened new observation is entry obs_index[g, d] of the old.
    action_index [G, N]: old action a is called action_index[g, a] in the relabelled game.
    seat_index [G, A]: who sits in old seat s sits in seat seat_index[g, s] of the relabelled game.
    move_state(g, state): the state of the relabelled game, for checking that the rules commute.
    obs_sign [G, D], 1 or -1, and obs_offset [G, D]: new entry d is sign * old entry + offset, in
        the units of the observation; a game of integers has integer offsets.
    obs_rest(g, obs [D], seat): what tables cannot say, such as entries whose value is the name of
        something; done after them. None if they say all.
    move_draws(g, draws): what the relabelled game would draw in a step; of a game with `draw(key)`
        and `advance(state, action, draws)`, for checking that the rules commute.
    closed: False for a sample of a group too large to list, the identity first: all that plays
        works, but there is no table of products.

    The tables of observations and actions are [G, A, D] and [G, A, N] where they depend on the
    seat, each for itself.
    """

    obs_index: np.ndarray
    action_index: np.ndarray
    seat_index: np.ndarray
    move_state: Callable[[Array, Any], Any] = _same_state
    obs_sign: np.ndarray | None = None
    obs_offset: np.ndarray | None = None
    closed: bool = True
    obs_rest: Callable[[Array, Array, Array | None], Array] | None = None
    move_draws: Callable[[Array, Any], Any] = _same_state

    def __len__(self) -> int:
        return len(self.action_index)

    @property
    def trivial(self) -> bool:
        """True if no element but the identity changes what an agent sees or does."""
        tables = (self.obs_index, self.action_index, self.obs_sign, self.obs_offset)
        return all(bool((table == table[:1]).all()) for table in tables if table is not None)

    @property
    def per_seat(self) -> bool:
        """True if what an element does depends on who sees or acts."""
        tables = (self.obs_index, self.action_index, self.obs_sign, self.obs_offset)
        return any(table.ndim == 3 for table in tables if table is not None)

    @property
    def inverse(self) -> np.ndarray:
        """[G] the element that undoes g. Raises UserError for a sample of a group."""
        return np.argmin(self.compose, axis=1)

    @property
    def compose(self) -> np.ndarray:
        """[G, G] the element that acts as "first h, then g".

        Raises UserError for a sample of a group, ValueError if a product is no element.
        """
        if not self.closed:
            raise UserError(
                f"these {len(self)} relabellings are a sample of a group: products of them are not "
                "in it, use inverse_action to undo one"
            )
        size, full = len(self), self._full()
        where = {_bytes(full, g): g for g in range(size)}
        table = np.zeros((size, size), np.int32)
        for g in range(size):
            for h in range(size):
                product = _bytes(_product(full, g, h))
                if product not in where:
                    raise ValueError(f"symmetry elements {g} and {h} compose to no element")
                table[g, h] = where[product]
        return table

    def obs(self, g: Array, obs: Array, seat: Array | None = None) -> Array:
        """Relabel one observation [...], seen from a seat []."""
        index = _row(self.obs_index, g, seat)
        new = obs.reshape(-1)[index]
        if self.obs_sign is not None or self.obs_offset is not None:
            # no small or unsigned integer is wide enough for what stands in between
            new = new.astype(jnp.promote_types(obs.dtype, jnp.int32))
            if self.obs_sign is not None:
                new = new * _row(self.obs_sign, g, seat).astype(new.dtype)
            if self.obs_offset is not None:
                new = new + _row(self.obs_offset, g, seat).astype(new.dtype)
        if self.obs_rest is not None:
            new = self.obs_rest(g, new, seat)
        return new.reshape(obs.shape).astype(obs.dtype)

    def action(self, g: Array, action: Array, seat: Array | None = None) -> Array:
        """Relabel one action [] of the agent in a seat []."""
        return _entry(self.action_index, g, action, seat)

    def inverse_action(self, g: Array, action: Array, seat: Array | None = None) -> Array:
        """Undo `action`: the world's name of an action chosen in the relabelled game."""
        return _entry(np.argsort(self.action_index, axis=-1), g, action, seat)

    def mask(self, g: Array, mask: Array, seat: Array | None = None) -> Array:
        """Relabel a legal-action mask [N], or any vector over actions, of the agent in a seat."""
        return mask[_row(np.argsort(self.action_index, axis=-1), g, seat)]

    def seats(self, g: Array, per_seat: Array) -> Array:
        """Move a vector over seats [A, ...] along."""
        backward = np.argsort(self.seat_index, axis=1)
        return per_seat[jnp.asarray(backward)[g]]

    def sample(self, key: Array, shape: tuple[int, ...]) -> Array:
        """Uniform elements, int32 of the given shape."""
        return jax.random.randint(key, shape, 0, len(self), jnp.int32)

    def _full(self) -> _Tables:
        """All tables with an axis of seats, of length 1 where nothing depends on them."""
        seats = self.seat_index.shape[1] if self.per_seat else 1

        def spread(table: np.ndarray) -> np.ndarray:
            table = table if table.ndim == 3 else table[:, None]
            return np.broadcast_to(table, (len(table), seats, table.shape[-1]))

        index = spread(self.obs_index)
        plain = self.obs_sign is None and self.obs_offset is None
        no_sign, no_offset = np.ones((len(self), 1)), np.zeros((len(self), 1))
        wide = (lambda x: x) if plain else (lambda x: np.broadcast_to(x, index.shape))
        return _Tables(
            obs=index,
            sign=wide(spread(no_sign if self.obs_sign is None else self.obs_sign)),
            offset=wide(spread(no_offset if self.obs_offset is None else self.obs_offset)),
            action=spread(self.action_index),
            seat=self.seat_index,
        )


class _Tables(NamedTuple):
    """What elements do, with an axis of seats S that is 1 where nothing depends on them."""

    obs: np.ndarray  # [G, S, D]
    sign: np.ndarray  # [G, S, D], or [G, S, 1] where no entry changes its sign
    offset: np.ndarray  # the same
    action: np.ndarray  # [G, S, N]
    seat: np.ndarray  # [G, A]


def _product(full: _Tables, g: int, h: int) -> _Tables:
    """The tables of "first h, then g": one element, [1, ...]."""
    many = full.obs.shape[1] > 1
    now = full.seat[h] if many else np.zeros(1, np.int64)  # [S] where g finds who was in seat s
    was = np.arange(full.obs.shape[1])[:, None]
    index = full.obs[g][now]  # gathers compose from the other side
    at = index if full.sign.shape[-1] > 1 else np.zeros((len(now), 1), np.int64)
    sign = full.sign[g][now]
    return _Tables(
        obs=full.obs[h][was, index][None],
        sign=(sign * full.sign[h][was, at])[None],
        offset=(sign * full.offset[h][was, at] + full.offset[g][now])[None],
        action=full.action[g][now[:, None], full.action[h]][None],
        seat=full.seat[g][full.seat[h]][None],
    )


def _bytes(tables: _Tables, g: int = 0) -> bytes:
    """What stands for an element in a dictionary."""
    whole = (tables.obs, tables.action, tables.seat)
    # shifts are sums of floats: 0.3 - 0.1 is the 0.2 that another element has, -0.0 is 0.0
    floats = (tables.sign, np.round(tables.offset, 6) + 0.0)
    return b"".join(
        [np.asarray(x[g], np.int32).tobytes() for x in whole]
        + [np.asarray(x[g], np.float64).tobytes() for x in floats]
    )


def _row(table: np.ndarray, g: Array, seat: Array | None) -> Array:
    if table.ndim == 2:
        return jnp.asarray(table)[g]
    return jnp.asarray(table)[g, _given(seat)]


def _entry(table: np.ndarray, g: Array, entry: Array, seat: Array | None) -> Array:
    if table.ndim == 2:
        return jnp.asarray(table, jnp.int32)[g, entry]
    return jnp.asarray(table, jnp.int32)[g, _given(seat), entry]


def _given(seat: Array | None) -> Array:
    if seat is None:
        raise ValueError("this relabelling depends on the seat: give obs, mask and actions theirs")
    return seat


def trivial_symmetry(obs_size: int, num_actions: int, num_agents: int) -> Symmetry:
    """The group of the identity alone."""
    return Symmetry(
        obs_index=np.arange(obs_size, dtype=np.int32)[None],
        action_index=np.arange(num_actions, dtype=np.int32)[None],
        seat_index=np.arange(num_agents, dtype=np.int32)[None],
    )
