"""How a matrix of games is cut into tiles that fit: one program plays them all.

A tile is (rows, columns, episodes) in every seating. Its size decides which program is compiled, so
heights and widths are taken from a short list of sizes: rosters of 7 and 8 agents share a program.
What a tile has too much is played and dropped. The list is fine where games are many and dear, and
coarse where they are few: compiling takes seconds, and the games of three more agents do not.
"""

from __future__ import annotations

import math
from typing import Any

import jax

from zsc.agents.policy import Policy
from zsc.envs.base import Environment, EnvSpec

#: Sizes up to the first number are multiples of the second.
_STEPS = ((4, 1), (16, 2), (64, 4))
_LARGE_STEP = 8


def plan(
    env: Environment,
    policies: tuple[Policy, Policy],
    size: tuple[int, int],
    seats: int,
    episodes: int,
    budget: int,
) -> tuple[int, int, int]:
    """(rows, columns, episodes) of a tile whose games and draws take at most `budget` bytes.

    policies: of the rows and of the columns; size: how many rows and columns there are.
    """
    devices = len(jax.devices())
    games = max(1, budget // bytes_per_game(env, *policies))
    # every device makes all the draws, with room for what the generator needs meanwhile
    depth = min(episodes, max(1, budget // (8 * devices * bytes_per_draw(env.spec))))
    return plan_tiles(*size, seats, depth, games, devices)


def plan_tiles(
    rows: int, cols: int, seats: int, episodes: int, games: int, devices: int
) -> tuple[int, int, int]:
    """(rows, columns, episodes) of a tile with at most `games` games in flight, evenly cut.

    Rows are dealt to the devices, so they are a multiple of `devices`. Only where not even one row
    per device fits, that is what is played.
    """
    room = max(1, games // (seats * devices))  # games of one row on every device
    depth = _even(episodes, room)
    room = max(1, room // depth)
    # as square as the devices allow: each parameter set is then read for many games
    width = _part(cols, min(room, max(1, math.isqrt(room * devices))), 1)
    height = _part(rows, devices * max(1, room // width), devices)
    return height, width, depth


def tile_sizes(largest: int, devices: int = 1) -> list[int]:
    """The sizes that tiles have, ascending, from what holds 1 to what holds `largest`."""
    return sorted({_up(_up(size, _step(size)), devices) for size in range(1, largest + 1)})


def bytes_per_game(env: Environment, *policies: Policy) -> int:
    """A rough count: state and observations, in full floats, with room for activations."""

    def size(tree: Any) -> int:
        return sum(math.prod(x.shape) * 4 for x in jax.tree.leaves(tree))

    shown = jax.eval_shape(env.reset, jax.random.key(0))
    memory = [jax.eval_shape(policy.carry) for policy in policies]
    return 4 * size(shown) + 2 * size(memory) + 4 * 256


def bytes_per_draw(spec: EnvSpec) -> int:
    """What is drawn for one episode before it is played; all cells share it."""
    return 4 * spec.horizon * (spec.num_agents * spec.num_actions + 2)


def _part(total: int, most: int, devices: int) -> int:
    """The tile size of at most `most` that cuts `total` into the fewest parts."""
    sizes = tile_sizes(total, devices)
    largest = max((size for size in sizes if size <= most), default=sizes[0])
    return next(size for size in sizes if size >= _even(total, largest))


def _even(total: int, most: int) -> int:
    """The part size that cuts `total` into the fewest parts of at most `most`."""
    return math.ceil(total / math.ceil(total / most))


def _step(size: int) -> int:
    return next((step for limit, step in _STEPS if size <= limit), _LARGE_STEP)


def _up(size: int, multiple: int) -> int:
    return math.ceil(size / multiple) * multiple
