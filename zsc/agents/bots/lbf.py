"""Scripted foragers, those of the ad-hoc teamwork literature: whom a stranger may be.

All are one policy with different parameters, so a roster of them is one kind. Every step a forager
picks one food by its own taste, takes the shortest way there around foods and agents, and loads.
The tastes are those that lbforaging and ROTATE (arXiv 2505.23686) ship: closest to oneself, to the
teammate, to the middle of both; lowest or highest level; a fixed order of the field; one that waits
beside its food until it has help.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import Inputs, Out, Policy, no_carry, register
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.lbf import Foraging, State
from zsc.envs.lbf.dynamics import moves, open_cells
from zsc.envs.lbf.state import LOAD, NOOP
from zsc.errors import unknown
from zsc.types import Array, Carry, Key

_FAR = 10_000  # a distance that no walk has


class ForagerParams(NamedTuple):
    """What a forager likes; each [] float32. It takes the food with the smallest sum."""

    self: Array  # weight of the food's distance to itself
    mate: Array  # of its distance to the nearest teammate
    middle: Array  # of its distance to the middle of all agents
    level: Array  # of its level
    row: Array  # of its row
    column: Array  # of its column
    waits: Array  # 1: loads only where those beside the food are enough
    chance: Array  # probability of a uniformly random legal action


_TIE = 1e-3  # between foods that it likes the same it takes the closest
BOTS: dict[str, ForagerParams] = {
    name: ForagerParams(**{field: taste.get(field, 0.0) for field in ForagerParams._fields})  # type: ignore[arg-type]
    for name, taste in {
        "random": {"chance": 1.0},
        "closest": {"self": 1.0},
        "follower": {"mate": 1.0, "self": _TIE},
        "middle": {"middle": 1.0, "self": _TIE},
        "lowest_level": {"level": 1.0, "self": _TIE},
        "highest_level": {"level": -1.0, "self": _TIE},
        "north_first": {"row": 1.0, "column": _TIE},
        "south_first": {"row": -1.0, "column": -_TIE},
        "west_first": {"column": 1.0, "row": _TIE},
        "east_first": {"column": -1.0, "row": -_TIE},
        "waits": {"self": 1.0, "waits": 1.0},
    }.items()
}


def foraging_bots(env: Foraging, names: tuple[str, ...] = tuple(BOTS)) -> Pool:
    """A pool of scripted foragers.

    random acts uniformly; closest, follower, middle go to the food nearest to themselves, to their
    nearest teammate, to the middle of all; lowest_level and highest_level by its level; north_first
    and so on eat in that order of the field; waits goes to its closest food and loads only when
    those beside it are enough. Where nothing lasts it stays. Raises UserError for another name.
    """
    for name in names:
        if name not in BOTS:
            raise unknown("scripted forager", name, BOTS)
    policy = foraging_bot(size=env.size, original=env.original)
    rows = np.array([BOTS[name] for name in names], np.float32)
    params = ForagerParams(*(jnp.asarray(column) for column in rows.T))
    return make_pool(env.spec, policy, params, [Label(method=name) for name in names])


@register("foraging_bot")
def foraging_bot(*, size: int, original: bool) -> Policy:
    """The scripted forager of a field. Reads the game state."""

    def init(key: Key) -> ForagerParams:
        del key
        return ForagerParams(*(jnp.float32(x) for x in BOTS["closest"]))

    def apply(params: ForagerParams, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        chosen = _choose(size, original, params, inputs.state, inputs.agent)
        legal = inputs.mask / inputs.mask.sum()
        mixed = params.chance * legal + (1 - params.chance) * chosen
        return carry, Out(jnp.log(jnp.maximum(mixed, 1e-30)), jnp.zeros(1))

    config = (("original", original), ("size", size))
    return Policy("foraging_bot", config, init, no_carry, apply, reads=("state",))


def _choose(size: int, original: bool, params: ForagerParams, state: State, agent: Array) -> Array:
    """[N] probabilities of the actions that lead to the food that it likes."""
    food = _favourite(params, state, agent)
    target = state.food_pos[food].astype(jnp.int32)
    here = state.pos[agent].astype(jnp.int32)
    apart = jnp.abs(state.pos - target).sum(-1)
    enough = jnp.where(apart == 1, state.level, 0).sum() >= state.food_level[food]
    loads = (params.waits == 0) | enough
    beside = jnp.arange(6) == jnp.where(loads, LOAD, NOOP)
    return jnp.where(apart[agent] == 1, beside, _walk(size, state, agent, here, target))


def _favourite(params: ForagerParams, state: State, agent: Array) -> Array:
    """[] the food with the smallest sum of what the forager minds."""
    pos, food = (x.astype(jnp.float32) for x in (state.pos, state.food_pos))
    far = jnp.abs(pos[:, None] - food).sum(-1)  # [A, F]
    me = jnp.arange(len(pos)) == agent
    mate = jnp.where(me[:, None], _FAR, far).min(0)
    middle = jnp.abs(pos.mean(0) - food).sum(-1)
    minds = (
        params.self * far[agent]
        + params.mate * mate
        + params.middle * middle
        + params.level * state.food_level
        + params.row * food[:, 0]
        + params.column * food[:, 1]
    )
    return jnp.argmin(jnp.where(state.food_eaten, jnp.inf, minds))


def _walk(size: int, state: State, agent: Array, here: Array, target: Array) -> Array:
    """[N] the first steps of all shortest ways to a cell beside the target; waiting if none is."""
    ways = moves(jnp.arange(LOAD)).astype(jnp.int32)
    cells = jnp.stack(jnp.meshgrid(jnp.arange(size), jnp.arange(size), indexing="ij"), axis=-1)
    held = (cells[:, :, None] == state.pos).all(-1) & (jnp.arange(len(state.pos)) != agent)
    free = open_cells(size, state, cells) & ~held.any(-1)
    goal = free & (jnp.abs(cells - target).sum(-1) == 1)
    far = _distances(free, goal)
    after = here + ways
    inside = ((after >= 0) & (after < size)).all(-1)
    at = jnp.clip(after, 0, size - 1)
    left = jnp.where(inside, far[at[:, 0], at[:, 1]], _FAR)
    best = (left == left.min()) & (left < left[NOOP])
    act = jnp.concatenate([best, jnp.zeros(1, bool)])
    act = jnp.where(act.any(), act, jnp.arange(6) == NOOP)
    return act / act.sum()


def _distances(free: Array, goal: Array) -> Array:
    """[size, size] steps over free cells to the nearest goal, _FAR where there is no way.

    Foods lie apart, so that no shortest way is much longer than the field's two sides.
    """
    size = len(free)

    def closer(_: int, far: Array) -> Array:
        around = jnp.pad(far, 1, constant_values=_FAR)
        near = jnp.minimum(
            jnp.minimum(around[:-2, 1:-1], around[2:, 1:-1]),
            jnp.minimum(around[1:-1, :-2], around[1:-1, 2:]),
        )
        return jnp.where(free, jnp.minimum(far, near + 1), _FAR)

    return jax.lax.fori_loop(0, 3 * size, closer, jnp.where(goal, 0, _FAR))
