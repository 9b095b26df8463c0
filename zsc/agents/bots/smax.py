"""Scripted units for SMAX: random, idle, heuristic, nearest, weakest, kiter, runner.

All are one policy with different parameters, so a roster of them is one kind. A unit reads the
game state, but only what it may see: who of the other team is alive and in its sight. It plays for
either team, as ally or, where enemies are agents, as enemy.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import Inputs, Out, Policy, register
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.smax import SCENARIOS, Scenario, Smax
from zsc.envs.smax.scripted import towards
from zsc.envs.smax.state import MOVES, NOBODY, STOP, State
from zsc.envs.smax.units import HALF, stats_of
from zsc.errors import unknown
from zsc.types import Array, Key

MARGIN = 1.5  # who runs keeps so far from the border if it can


class BotParams(NamedTuple):
    """What a unit is like; each [] float32."""

    fights: Array  # 1: attacks and goes after whom it sees
    by_health: Array  # 1: attacks the weakest in range, else the nearest
    keeps: Array  # 1: stays with whom it attacked while that one is in range
    wanders: Array  # 1: follows anybody it sees, drawn anew every step, else the nearest
    runs: Array  # 1: away from the nearest it sees, unless it can shoot now
    chance: Array  # probability of a uniformly random legal action


BOTS: dict[str, tuple[float, float, float, float, float, float]] = {
    "random": (0, 0, 0, 0, 0, 1),
    "idle": (0, 0, 0, 0, 0, 0),
    "heuristic": (1, 0, 1, 1, 0, 0),
    "nearest": (1, 0, 0, 0, 0, 0),
    "weakest": (1, 1, 0, 0, 0, 0),
    "kiter": (1, 0, 0, 0, 1, 0),
    "runner": (0, 0, 0, 0, 1, 0),
}


class Memory(NamedTuple):
    """What a unit remembers."""

    goal: Array  # [2] where it goes while it sees nobody
    target: Array  # [] whom it attacked last, as a unit's number


class _Sight(NamedTuple):
    """What a unit knows; [U] of all units."""

    away: Array  # [U, 2] from me
    distance: Array  # squared
    seen: Array  # of the other team, alive and in sight
    near: Array  # and in range
    ready: Array  # [] my weapon


def smax_bots(env: Smax, names: tuple[str, ...] = tuple(BOTS)) -> Pool:
    """A pool of scripted units for a scenario.

    random acts uniformly, idle stops; heuristic is the reference's scripted enemy; nearest attacks
    whoever is nearest, weakest whoever in range has the least health left; kiter shoots when its
    weapon is ready and backs off while it is not; runner never fights and keeps away.
    """
    for name in names:
        if name not in BOTS:
            raise unknown("scripted unit", name, BOTS)
    policy = smax_bot(scenario=env.scenario, num_actions=env.spec.num_actions)
    rows = np.array([BOTS[name] for name in names], np.float32)
    params = BotParams(*(jnp.asarray(column) for column in rows.T))
    return make_pool(env.spec, policy, params, [Label(method=name) for name in names])


@register("smax_bot")
def smax_bot(*, scenario: str, num_actions: int) -> Policy:
    """The scripted unit of a scenario. Reads the game state."""
    teams = SCENARIOS[scenario]

    def init(key: Key) -> BotParams:
        del key
        return BotParams(*(jnp.float32(x) for x in BOTS["heuristic"]))

    def apply(params: BotParams, carry: Memory, inputs: Inputs) -> tuple[Memory, Out]:
        carry, probs = _decide(teams, num_actions, params, carry, inputs)
        legal = inputs.mask / inputs.mask.sum()
        mixed = params.chance * legal + (1 - params.chance) * probs
        return carry, Out(jnp.log(jnp.maximum(mixed, 1e-30)), jnp.zeros(1))

    config = (("num_actions", num_actions), ("scenario", scenario))
    carry = lambda: Memory(jnp.zeros(2), jnp.int32(NOBODY))
    return Policy("smax_bot", config, init, carry, apply, reads=("state",))


def _look(teams: Scenario, state: State, agent: Array) -> _Sight:
    units = np.arange(teams.units)
    stats, alive = stats_of(state.types), state.health > 0
    foe = (units >= teams.sizes[0]) != (agent >= teams.sizes[0])
    away = state.position - state.position[agent]
    distance = (away**2).sum(-1)
    seen = foe & alive & alive[agent] & (distance < stats.sight[agent] ** 2)
    near = seen & (distance < stats.reach[agent] ** 2)
    return _Sight(away, distance, seen, near, state.cooldown[agent] <= 0)


def _decide(
    teams: Scenario, count: int, params: BotParams, carry: Memory, inputs: Inputs
) -> tuple[Memory, Array]:
    """What the unit remembers, and [N] probabilities of its actions."""
    state, agent = inputs.state, inputs.agent
    sight, place = _look(teams, state, agent), state.position[agent]
    goal = jnp.where(inputs.first, 0.0 - place, carry.goal)
    last = jnp.where(inputs.first, NOBODY, carry.target)

    rank = jnp.where(params.by_health > 0, state.health, sight.distance)
    target = jnp.argmin(jnp.where(sight.near, rank, jnp.inf))
    keeps = (params.keeps > 0) & (last >= 0) & sight.near[last]
    target = jnp.where(keeps, last, target)
    flees = (params.runs > 0) & sight.seen.any() & ~(sight.near.any() & sight.ready)
    shoots = (params.fights > 0) & sight.near.any() & (~flees | (params.runs == 0))
    closest = jnp.argmin(jnp.where(sight.seen, sight.distance, jnp.inf))

    to_all = _one_hot(towards(sight.away[:, 0], sight.away[:, 1]), count)  # [U, N]
    anybody = (to_all * sight.seen[:, None]).sum(0) / jnp.maximum(sight.seen.sum(), 1)
    chase = jnp.where(params.wanders > 0, anybody, to_all[closest])
    way = goal - place
    walk = jnp.where(sight.seen.any(), chase, _one_hot(towards(way[0], way[1]), count))
    # who shoots and runs comes nearer while its weapon is ready
    chases = jnp.where(params.fights > 0, walk, _one_hot(STOP, count))
    moves = jnp.where(
        flees & _in_danger(params, sight),
        _one_hot(_escape(place, sight.away[closest]), count),
        chases,
    )
    attack = _one_hot(_attack(teams, agent, target), count)
    probs = jnp.where(shoots, attack, moves)
    probs = jnp.where(state.health[agent] > 0, probs, _one_hot(STOP, count))
    return Memory(goal, jnp.where(shoots, target, NOBODY).astype(jnp.int32)), probs


def _in_danger(params: BotParams, sight: _Sight) -> Array:
    """A unit that fights backs off only while its weapon cools down."""
    return (params.fights == 0) | ~sight.ready


def _attack(teams: Scenario, agent: Array, target: Array) -> Array:
    """The attack of a unit on another: enemies count allies from the last on."""
    allies = teams.sizes[0]
    return MOVES + jnp.where(agent < allies, target - allies, allies - 1 - target)


def _escape(place: Array, threat: Array) -> Array:
    """The move that leads furthest from a threat [2] and not to the border."""
    steps = jnp.array([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0]])
    edge = jnp.abs(place + steps).max(-1) > HALF - MARGIN
    outward = (steps * jnp.sign(place)).sum(-1) > 0
    return jnp.argmax(-(steps @ threat) - 1e3 * (edge & outward))


def _one_hot(action: Array | int, count: int) -> Array:
    return (jnp.asarray(action)[..., None] == np.arange(count)).astype(jnp.float32)
