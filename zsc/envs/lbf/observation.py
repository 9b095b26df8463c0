"""What an agent sees of a foraging game: a list of things, or windows of the grid.

"vector" is the list of jumanji's engine: for each food (row, column, level), then the agent itself,
then the others by their seats; (-1, -1, 0) for what is eaten or out of view. Positions are counted
from the north-west corner of what is seen: of the grid itself while the corner is in view. Under
the original's rules it is the list of `lbforaging`: what is seen comes first, foods in reading
order, so that they change places when one is eaten.

"centred" is the same list with positions from the middle of the grid in half cells, and (0, 0, 0)
for what is not seen. So rotations and mirror images change signs and places only, which no list
counted from a corner allows.

"grid" are windows around each agent [2 view + 1, 2 view + 1, 3]: levels of agents, levels of foods,
and cells that can be entered.
"""

from __future__ import annotations

import jax.numpy as jnp

from zsc.envs.lbf.state import State
from zsc.types import Array

ENCODINGS = ("vector", "grid", "centred")


def vector(view: int, state: State) -> Array:
    """[A, 3 F + 3 A] int8: things in their slots, as jumanji has them."""
    foods, agents = _seen(view, state)
    shift = _shift(view, state)
    return _listed(
        _row(state.food_pos + shift, state.food_level, foods, -1),
        _row(_egocentric(state.pos) + shift, _egocentric(state.level), agents, -1),
    )


def centred(size: int, view: int, state: State) -> Array:
    """[A, 3 F + 3 A] int8: things in their slots, positions from the middle in half cells."""
    foods, agents = _seen(view, state)
    middle = lambda cells: 2 * cells - jnp.int8(size - 1)
    return _listed(
        _row(middle(state.food_pos), state.food_level, foods, 0),
        _row(middle(_egocentric(state.pos)), _egocentric(state.level), agents, 0),
    )


def original_vector(size: int, view: int, state: State) -> Array:
    """[A, 3 F + 3 A] int8: what is seen comes first, as lbforaging has it.

    At a border its agents see others further away than foods: as far as a window that began there
    would reach.
    """
    foods, _ = _seen(view, state)
    shift = _shift(view, state)
    around = _egocentric(state.pos) + shift  # [A, A, 2]
    agents = ((around >= 0) & (around <= 2 * view)).all(-1)
    place = state.food_pos[:, 0].astype(jnp.int32) * size + state.food_pos[:, 1]
    before = place < place[:, None]  # [F, F] the second comes before the first
    food_rank = (foods[:, None] & before).sum(-1)  # [A, F]
    agent_rank = jnp.cumsum(agents, axis=1) - 1  # the agent itself is seen, and first
    return _listed(
        _ranked(_row(state.food_pos + shift, state.food_level, foods, -1), foods, food_rank),
        _ranked(_row(around, _egocentric(state.level), agents, -1), agents, agent_rank),
    )


def grid(size: int, view: int, original: bool, state: State) -> Array:
    """[A, W, W, 3] int8 for W = 2 view + 1: the windows of both engines, channels last.

    Where agents stand on one cell jumanji adds their levels up, and lbforaging shows the last's.
    """
    width = 2 * view + 1
    offset = jnp.stack(jnp.meshgrid(*[jnp.arange(-view, view + 1, dtype=jnp.int8)] * 2,
                                    indexing="ij"), axis=-1)  # fmt: skip
    cells = state.pos[:, None, None] + offset  # [A, W, W, 2]
    inside = ((cells >= 0) & (cells < size)).all(-1)
    zero = jnp.zeros((len(state.pos), width, width), jnp.int8)
    agents, foods, held = zero, zero, ~inside
    for pos, level in zip(state.pos, state.level, strict=True):
        here = (cells == pos).all(-1)
        held |= here
        agents = jnp.where(here, level if original else agents + level, agents)
    for pos, level, eaten in zip(state.food_pos, state.food_level, state.food_eaten, strict=True):
        here = (cells == pos).all(-1) & ~eaten
        held |= here
        foods = jnp.where(here, level, foods)
    return jnp.stack([agents, foods, (~held).astype(jnp.int8)], axis=-1)


def list_scale(furthest: int, players: int, foods: int, max_level: int) -> list[int]:
    """[3 F + 3 A] magnitudes of a list whose positions go up to `furthest`."""
    food = [furthest, furthest, most_food(players, max_level)]
    return foods * food + players * [furthest, furthest, max_level]


def grid_scale(players: int, max_level: int) -> list[int]:
    """[3] magnitudes of the channels of `grid`."""
    return [max_level, most_food(players, max_level), 1]


def most_food(players: int, max_level: int) -> int:
    """The highest level of a food: what the three weakest agents lift together at most."""
    return min(players, 3) * max_level


def _seen(view: int, state: State) -> tuple[Array, Array]:
    """[A, F] foods and [A, A] agents in view, the agent itself first."""
    near = lambda cells: (jnp.abs(cells - state.pos[:, None]) <= view).all(-1)
    return near(state.food_pos) & ~state.food_eaten, near(_egocentric(state.pos))


def _shift(view: int, state: State) -> Array:
    """[A, 1, 2] what to add to a cell to count it from the corner of what the agent sees."""
    return (jnp.minimum(state.pos, jnp.int8(view)) - state.pos)[:, None]


def _egocentric(per_agent: Array) -> Array:
    """[A, A, ...]: for each agent its own entry, then those of the others by their seats."""
    rows = [
        jnp.concatenate([per_agent[i : i + 1], per_agent[:i], per_agent[i + 1 :]])
        for i in range(len(per_agent))
    ]
    return jnp.stack(rows)


def _row(cells: Array, level: Array, seen: Array, nowhere: int) -> Array:
    """[A, X, 3] (row, column, level) of things, (nowhere, nowhere, 0) of those not seen [A, X]."""
    cells = jnp.where(seen[..., None], cells, jnp.int8(nowhere))
    return jnp.concatenate([cells, jnp.where(seen, level, jnp.int8(0))[..., None]], axis=-1)


def _ranked(rows: Array, seen: Array, rank: Array) -> Array:
    """[A, X, 3]: those that are seen in the order of their rank [A, X], then the others."""
    nothing = jnp.array([-1, -1, 0], jnp.int8)
    slots = [
        jnp.where((there := seen & (rank == k)).any(-1, keepdims=True),
                  (rows * there[..., None]).sum(1, dtype=jnp.int8), nothing)
        for k in range(rows.shape[1])
    ]  # fmt: skip
    return jnp.stack(slots, axis=1)


def _listed(foods: Array, agents: Array) -> Array:
    """[A, 3 F + 3 A]"""
    return jnp.concatenate([x.reshape(len(x), -1) for x in (foods, agents)], axis=-1)
