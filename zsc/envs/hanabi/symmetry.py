"""Hanabi's symmetry: the colours have no order, so any permutation of them is a relabelling.

Ranks and slots are no symmetry: ranks have an order, and slots tell a card's age.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import permutations

import jax.numpy as jnp
import numpy as np

from zsc.envs.hanabi import observation
from zsc.envs.hanabi.rules import LastMove, Rules, State
from zsc.envs.symmetry import Symmetry
from zsc.types import Array

#: All permutations up to this many colours, rotations beyond: tables of 5,040 rows serve nobody.
MOST_COLOURS = 6


@cache
def colour_symmetry(rules: Rules) -> Symmetry:
    """All C! permutations of the colours, as tables; their C rotations if C is above 6."""
    orders = _permutations(rules.colours)
    return Symmetry(
        obs_index=_by_meaning(rules, orders),
        action_index=np.stack([_actions(rules, order) for order in orders]),
        seat_index=np.tile(np.arange(rules.players, dtype=np.int32), (len(orders), 1)),
        move_state=lambda g, state: _move_state(rules, jnp.asarray(orders)[g], state),
    )


def _permutations(colours: int) -> np.ndarray:
    """[G, C] new name of each colour; the identity first."""
    if colours <= MOST_COLOURS:
        return np.array(list(permutations(range(colours))), np.int32)
    return (np.arange(colours)[:, None] + np.arange(colours)).astype(np.int32) % colours


def _actions(rules: Rules, order: np.ndarray) -> np.ndarray:
    """[N] the new name of each action; the no-op comes last."""
    index = np.arange(rules.moves + 1, dtype=np.int32)
    for ahead in range(rules.players - 1):
        first = 2 * rules.hand_size + ahead * rules.colours
        index[first : first + rules.colours] = first + order
    return index


def _by_meaning(rules: Rules, orders: np.ndarray) -> np.ndarray:
    """[G, D] the old place of each bit: bits are laid out with a colour axis, which is permuted."""
    places = np.arange(observation.size(rules), dtype=np.int32)
    old = np.argsort(orders, axis=1)  # [G, C] the old name of each new colour
    index = np.tile(places, (math.prod(orders.shape[:1]), 1))
    for start, shape, axis in _coloured(rules):
        block = places[start : start + math.prod(shape)].reshape(shape)
        for g, names in enumerate(old):
            index[g, start : start + block.size] = np.take(block, names, axis=axis).reshape(-1)
    return index


def _coloured(rules: Rules) -> list[tuple[int, tuple[int, ...], int]]:
    """Every run of bits with a colour axis: where it starts, its shape, and which axis that is."""
    at = {section.name: section.start for section in observation.sections(rules)}
    players, slots, colours, ranks = rules.players, rules.hand_size, rules.colours, rules.ranks
    last = at["last move"] + players + 4 + players
    card = last + colours + ranks + 2 * slots
    runs: list[tuple[int, tuple[int, ...], int]] = [
        (at["hands of the others"], ((players - 1) * slots, colours, ranks), 1),
        (at["fireworks"], (colours, ranks), 0),
        (at["discards"], (colours, sum(rules.copies)), 0),
        (last, (colours,), 0),
        (card, (colours, ranks), 0),
    ]
    per_card = rules.kinds + colours + ranks
    for i in range(players * slots):
        start = at["knowledge"] + i * per_card
        runs += [(start, (colours, ranks), 0), (start + rules.kinds, (colours,), 0)]
    return runs


def _move_state(rules: Rules, order: Array, state: State) -> State:
    """The state with every colour renamed; order [C] holds the new names."""
    old = jnp.argsort(order)
    new = order.astype(jnp.int8)

    def rename(card: Array) -> Array:
        renamed = new[card // rules.ranks] * jnp.int8(rules.ranks) + card % rules.ranks
        return jnp.where(card < 0, card, renamed)

    last: LastMove = state.last._replace(
        colour=jnp.where(state.last.colour < 0, state.last.colour, new[state.last.colour]),
        card=rename(state.last.card),
    )
    return state._replace(
        deck=rename(state.deck),
        hands=rename(state.hands),
        colours=state.colours[..., old],
        fireworks=state.fireworks[old],
        discards=state.discards.reshape(rules.colours, -1)[old].reshape(-1),
        last=last,
    )
