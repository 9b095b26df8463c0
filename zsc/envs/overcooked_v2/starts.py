"""Where episodes begin: the layout's own start, agents by chance, or a whole kitchen by chance.

The chances are those of the reference engine.
"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked_v2.layouts import POT, RECIPE_SIZE, Layout
from zsc.envs.overcooked_v2.state import COOK_TIME, COOKED, PLATE, State, bits_of, ingredient
from zsc.types import Array, Key


def draw_recipe(layout: Layout, key: Key) -> Array:
    """[] the bits of one of the kitchen's recipes, each as likely."""
    recipes = jnp.asarray([bits_of(recipe) for recipe in layout.recipes], jnp.int32)
    if len(layout.recipes) == 1:
        return recipes[0]
    return recipes[jax.random.randint(key, (), 0, len(recipes))]


def place_agents(layout: Layout, state: State, key: Key) -> State:
    """Each agent on a free cell of the room that it starts in, in turn; any direction."""
    keys = jax.random.split(key, len(layout.starts) + 1)
    rooms, cells = _rooms(layout)
    taken = jnp.zeros(len(cells), bool)
    at = []
    for agent, room in enumerate(rooms):
        open_cells = jnp.asarray(room) & ~taken
        chosen = jax.random.categorical(keys[agent], jnp.where(open_cells, 0.0, -jnp.inf))
        taken = taken | (np.arange(len(cells)) == chosen)
        at.append(jnp.asarray(cells, jnp.int32)[chosen])
    direction = jax.random.randint(keys[-1], (len(at),), 0, 4, jnp.int32)
    return state._replace(cell=jnp.stack(at), direction=direction)


def fill_kitchen(
    layout: Layout, state: State, key: Key, *, start_cooking_interaction: bool
) -> State:
    """Hands, counters and pots by chance; counters that nobody can reach, too."""
    hands, walls, pots = jax.random.split(key, 3)
    pot, left = _draw_pots(layout, pots, part_cooks=start_cooking_interaction)
    return state._replace(
        held=_draw_items(layout, hands, len(layout.starts), (0.5, 0.1, 0.25, 0.15)),
        counter=_draw_items(layout, walls, len(layout.counters), (0.5, 0.1, 0.3, 0.1)),
        pot=pot,
        pot_left=left,
    )


@cache
def _rooms(layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Whether an agent's room has a cell, [A, F], and the cells [F]."""
    cells = layout.floor
    rooms = layout.rooms
    return np.array([[int(cell) in room for cell in cells] for room in rooms]), cells


def _draw_items(layout: Layout, key: Key, count: int, chances: tuple[float, ...]) -> Array:
    """[count] bits: nothing, a plate, an ingredient or a dish that a recipe asks for."""
    kind_key, piece_key, dish_key = jax.random.split(key, 3)
    kind = jax.random.choice(kind_key, 4, (count,), p=jnp.asarray(chances))
    piece = jax.random.randint(piece_key, (count,), 0, layout.num_ingredients)
    recipes = jnp.asarray([bits_of(recipe) for recipe in layout.recipes], jnp.int32)
    dish = recipes[jax.random.randint(dish_key, (count,), 0, len(recipes))] | PLATE | COOKED
    options = jnp.stack(
        [jnp.zeros_like(piece), jnp.full_like(piece, PLATE), ingredient(piece), dish]
    )
    return jnp.take_along_axis(options, kind[None], 0)[0].astype(jnp.int32)


def _draw_pots(layout: Layout, key: Key, *, part_cooks: bool) -> tuple[Array, Array]:
    """[K] bits and [K] steps left: empty, waiting with one to three pieces, cooking or cooked."""
    pots = len(layout.cells(POT))
    kind_key, piece_key, count_key, left_key = jax.random.split(key, 4)
    kind = jax.random.choice(kind_key, 4, (pots,), p=jnp.asarray((0.4, 0.35, 0.15, 0.1)))
    pieces = jax.random.randint(piece_key, (RECIPE_SIZE, pots), 0, layout.num_ingredients)
    number = jax.random.randint(count_key, (pots,), 1, RECIPE_SIZE + 1)
    some = np.arange(RECIPE_SIZE)[:, None] < number
    part = jnp.where(some, ingredient(pieces), 0).sum(0)
    full = part if part_cooks else ingredient(pieces).sum(0)
    left = jax.random.randint(left_key, (pots,), 1, COOK_TIME + 1)
    content = jnp.stack([jnp.zeros_like(part), part, full, full | COOKED])
    inside = jnp.take_along_axis(content, kind[None], 0)[0].astype(jnp.int32)
    return inside, jnp.where(kind == 2, left, 0).astype(jnp.int32)
