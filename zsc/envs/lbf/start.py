"""Where a foraging game begins: levels, foods, agents.

Foods are placed one after another on cells inside the border. In jumanji's rules none lies beside
another; in the original's they lie further apart, so that nobody is ever beside two of them.
Their slots are shuffled, so that no slot means anything. Agents stand anywhere else.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.lbf.state import State
from zsc.types import Array, Key


def inner_cells(size: int) -> np.ndarray:
    """[size^2] bool: not on the border."""
    row, column = np.divmod(np.arange(size**2), size)
    return (row > 0) & (row < size - 1) & (column > 0) & (column < size - 1)


def uniform_start(
    key: Key,
    *,
    size: int,
    players: int,
    foods: int,
    max_level: int,
    cooperate: bool,
    solo: int,
    original: bool,
) -> State:
    """Foods uniformly over what is left of the inner cells, agents over all cells without food.

    In the original's rules agents come first, and foods lie where none stands.
    """
    of_agents, of_foods, of_levels, of_slots = jax.random.split(key, 4)
    cells = jnp.arange(size**2)
    agent_noise = jax.random.uniform(of_agents, (players, size**2))
    food_noise = jax.random.uniform(of_foods, (foods, size**2))
    nowhere = jnp.zeros(size**2, bool)
    if original:
        agents = _place_agents(agent_noise, nowhere)
        food, there = _place_foods(size, food_noise, (agents[:, None] == cells).any(0), True)
    else:
        food, there = _place_foods(size, food_noise, nowhere, False)
        agents = _place_agents(agent_noise, (food[:, None] == cells).any(0))
    level, food_level = _levels(of_levels, players, foods, max_level, cooperate, solo)
    slots = jax.random.permutation(of_slots, foods)
    food_level = jnp.where(there[slots], food_level, 0)
    return _state(size, agents, level, food[slots], food_level)


def jumanji_start(
    key: Key, *, size: int, players: int, foods: int, max_level: int, cooperate: bool
) -> State:
    """The start that jumanji 1.1.2 makes of a key, to the bit.

    With its fault: no agent starts in a row whose number is a row or a column of any food.
    """
    food_key, agent_key, food_level_key, level_key, _ = jax.random.split(key, 5)
    fits = jnp.asarray(inner_cells(size))
    places = []
    for one in jax.random.split(food_key, foods):
        places.append(jax.random.choice(one, size**2, p=fits))
        fits &= ~_too_near(size, False, places[-1])
    food = jnp.stack(places)
    named = jnp.concatenate([food // size, food % size])
    rows = jnp.arange(size**2) // size
    free = ~(rows == named[:, None]).any(0)
    agents = jax.random.choice(agent_key, size**2, (players,), replace=False, p=free)
    level = jax.random.randint(level_key, (players,), 1, max_level + 1)
    most = _most_level(level)
    food_level = jnp.broadcast_to(most, (foods,))
    if not cooperate:
        food_level = jax.random.randint(food_level_key, (foods,), 1, most + 1)
    return _state(size, agents, level, food, food_level)


def _place_agents(noise: Array, taken: Array) -> Array:
    """[A] different cells that are not taken, by noise [A, cells]."""
    cells: list[Array] = []
    for one in noise:
        cells.append(_draw(one, ~taken))
        taken = taken | (jnp.arange(len(taken)) == cells[-1])
    return jnp.stack(cells)


def _place_foods(size: int, noise: Array, taken: Array, original: bool) -> tuple[Array, Array]:
    """[F] cells, by noise [F, cells], and [F] bool: there was room."""
    fits = jnp.asarray(inner_cells(size)) & ~taken
    cells: list[Array] = []
    room: list[Array] = []
    for one in noise:
        room.append(fits.any())
        cells.append(_draw(one, fits))
        fits &= ~_too_near(size, original, cells[-1])
    return jnp.stack(cells), jnp.stack(room)


def _draw(noise: Array, fits: Array) -> Array:
    """[] one of the cells that fit, by noise [cells]."""
    return jnp.argmax(jnp.where(fits, noise, -1.0)).astype(jnp.int32)


def _too_near(size: int, original: bool, cell: Array) -> Array:
    """[cells] bool: where no food may lie beside one in this cell."""
    row, column = np.divmod(np.arange(size**2), size)
    down, right = jnp.abs(row - cell // size), jnp.abs(column - cell % size)
    if original:
        return (jnp.maximum(down, right) <= 1) | ((down + right == 2) & (down * right == 0))
    return down + right <= 1


def _levels(
    key: Key, players: int, foods: int, max_level: int, cooperate: bool, solo: int
) -> tuple[Array, Array]:
    """[A], [F]: levels of agents, and of foods."""
    of_agents, of_foods = jax.random.split(key)
    level = jax.random.randint(of_agents, (players,), 1, max_level + 1)
    most = _most_level(level)
    if not cooperate:
        return level, jax.random.randint(of_foods, (foods,), 1, most + 1)
    needed = jnp.where(np.arange(foods) < solo, level[np.arange(foods) % players], most)
    return level, jax.random.permutation(of_foods, needed) if solo else needed


def _most_level(level: Array) -> Array:
    """[] what the three weakest agents lift together."""
    return jnp.sort(level)[:3].sum()


def _state(size: int, agents: Array, level: Array, food: Array, food_level: Array) -> State:
    place = lambda cell: jnp.stack([cell // size, cell % size], axis=-1).astype(jnp.int8)
    return State(
        pos=place(agents),
        level=level.astype(jnp.int8),
        loading=jnp.zeros(len(level), bool),
        food_pos=place(food),
        food_level=food_level.astype(jnp.int8),
        food_eaten=food_level == 0,
        time=jnp.int32(0),
    )
