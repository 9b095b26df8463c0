"""The state of a kitchen, and its plain-array snapshot in the codes of the reference engine.

What lies, cooks or is carried is a number of bits: 1 a plate, 2 cooked, and two bits from bit
2 + 2 i on that count ingredient i. A dish is a plate with what was cooked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.envs.overcooked_v2.layouts import BUTTON, POT, Layout, Recipe
from zsc.types import Array

UP, DOWN, RIGHT, LEFT = range(4)  # directions
ACTION_NAMES = ("right", "down", "left", "up", "stay", "interact")
STAY, INTERACT = 4, 5
#: The direction of each action; STAY and INTERACT have none.
WAYS = np.array([RIGHT, DOWN, LEFT, UP, -1, -1], np.int32)

NOTHING, PLATE, COOKED = 0, 1, 2
COOK_TIME = 20  # steps from a full pot to a cooked one
SHOWN_TIME = 10  # steps that a button shows the recipe, the step of the press included


class State(NamedTuple):
    """One kitchen. Counters, pots and buttons are in the orders that the layout gives them."""

    cell: Array  # [A] int32, where each agent stands
    direction: Array  # [A] int32, UP ... LEFT
    held: Array  # [A] int32, bits
    counter: Array  # [C] int32, bits
    pot: Array  # [K] int32, bits
    pot_left: Array  # [K] int32, steps until it is cooked, 0 if it does not cook
    button_left: Array  # [L] int32, steps that it shows the recipe for
    recipe: Array  # [] int32, bits
    delivered: Array  # [] bool, a dish that was asked for was delivered in the last step
    time: Array  # [] int32, steps since the reset


def ingredient(number: Any) -> Any:
    """The bits of one piece of an ingredient."""
    return 1 << (2 + 2 * number)


def bits_of(recipe: Recipe) -> int:
    """The bits of a recipe's ingredients.

    >>> bits_of((0, 0, 1))
    24
    """
    return sum(ingredient(number) for number in recipe)


def count_of(bits: Array, number: int) -> Array:
    """How many pieces of an ingredient there are, 0 to 3."""
    return (bits >> (2 + 2 * number)) & 3


def initial_state(layout: Layout, recipe: Array) -> State:
    """Agents at their starts, facing up with empty hands, in an empty kitchen."""
    agents, pots = len(layout.starts), len(layout.cells(POT))
    return State(
        cell=jnp.asarray(layout.starts, jnp.int32),
        direction=jnp.full(agents, UP, jnp.int32),
        held=jnp.zeros(agents, jnp.int32),
        counter=jnp.zeros(len(layout.counters), jnp.int32),
        pot=jnp.zeros(pots, jnp.int32),
        pot_left=jnp.zeros(pots, jnp.int32),
        button_left=jnp.zeros(len(layout.buttons), jnp.int32),
        recipe=recipe.astype(jnp.int32),
        delivered=jnp.bool_(False),
        time=jnp.int32(0),
    )


def snapshot(layout: Layout, state: State) -> dict[str, Any]:
    """Plain arrays: pos [A, 2] as (x, y), dir [A], inventory [A], grid [H, W, 3] of static code,
    bits and steps left, recipe [], delivered [], time []."""
    bits = jnp.zeros(layout.kinds.shape, jnp.int32)
    bits = bits.at[layout.counters].set(state.counter).at[layout.cells(POT)].set(state.pot)
    left = jnp.zeros(layout.kinds.shape, jnp.int32)
    left = left.at[layout.cells(POT)].set(state.pot_left)
    buttons = layout.cells(BUTTON)
    left = left.at[buttons].set(state.button_left[: len(buttons)])
    grid = jnp.stack([jnp.asarray(layout.kinds), bits, left], axis=-1)
    return {
        "pos": jnp.stack([state.cell % layout.width, state.cell // layout.width], axis=-1),
        "dir": state.direction,
        "inventory": state.held,
        "grid": grid.reshape(layout.height, layout.width, 3),
        "recipe": state.recipe,
        "delivered": state.delivered,
        "time": state.time,
    }


def restore(layout: Layout, snapshot: dict[str, Any]) -> State:
    """The state with these plain arrays; any state of this kitchen can be injected.

    "delivered" may be left out: nothing was.
    """
    pos = jnp.asarray(snapshot["pos"], jnp.int32)
    grid = jnp.asarray(snapshot["grid"], jnp.int32).reshape(-1, 3)
    pots, buttons = layout.cells(POT), layout.cells(BUTTON)
    button_left = jnp.zeros(len(layout.buttons), jnp.int32)
    return State(
        cell=pos[:, 1] * layout.width + pos[:, 0],
        direction=jnp.asarray(snapshot["dir"], jnp.int32),
        held=jnp.asarray(snapshot["inventory"], jnp.int32),
        counter=grid[layout.counters, 1],
        pot=grid[pots, 1],
        pot_left=grid[pots, 2],
        button_left=button_left.at[: len(buttons)].set(grid[buttons, 2]),
        recipe=jnp.asarray(snapshot["recipe"], jnp.int32),
        delivered=jnp.asarray(snapshot.get("delivered", False), bool),
        time=jnp.asarray(snapshot["time"], jnp.int32),
    )
