"""What units see, the reference's "unit_list": every other unit, then themselves.

An ally lists allies, then enemies, in the order of their numbers. An enemy lists its own team from
the last to the first, then the allies from the last to the first: so attack number k is the k-th
of the other team in everybody's list.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from zsc.envs.smax.state import MOVES, STOP, State, direction
from zsc.envs.smax.units import HALF, TYPE_NAMES, WIDTH, Scenario, stats_of
from zsc.types import Array

#: Of each other unit; all 0 of one that is out of sight or dead.
OTHER = (
    "health",  # share of the whole
    "x",  # from me, in units of my sight
    "y",
    "moved x",  # its last move
    "moved y",
    "attacked",  # its last attack, in units of its team's last action
    "cooldown",  # share of its type's
    *TYPE_NAMES,
)
#: Of the unit itself; all 0 if it is dead.
OWN = ("health", "x", "y", "cooldown", *TYPE_NAMES)


def size(scenario: Scenario) -> int:
    """D: the entries that an agent sees."""
    return len(OTHER) * (scenario.units - 1) + len(OWN)


def actions_of(scenario: Scenario) -> tuple[int, int]:
    """How many actions a unit of either team has."""
    allies, enemies = scenario.sizes
    return MOVES + enemies, MOVES + allies


def order_of(scenario: Scenario, unit: int) -> list[int]:
    """[U - 1] the others in the order in which a unit lists them."""
    everybody = list(range(scenario.units))
    if unit >= scenario.sizes[0]:
        everybody.reverse()
    return [other for other in everybody if other != unit]


def target_of(scenario: Scenario, unit: int, attack: int) -> int:
    """The unit that attack number k of a unit goes for."""
    allies = scenario.sizes[0]
    return allies + attack if unit < allies else allies - 1 - attack


def unit_list(scenario: Scenario, agents: int, theirs: bool, state: State) -> Array:
    """[A, D] what the first A units see. theirs: they see what the other team last did."""
    allies = scenario.sizes[0]
    seen = _team_list(scenario, range(allies), theirs, state)
    if agents == allies:
        return seen
    return jnp.concatenate([seen, _team_list(scenario, range(allies, agents), theirs, state)])


def mask(scenario: Scenario, agents: int, state: State) -> Array:
    """[A, N] what the first A units may do: the dead stop, others attack who is in range."""
    allies, enemies = scenario.sizes
    count = enemies if agents == allies else max(allies, enemies)
    reach = stats_of(state.types).reach
    alive = state.health > 0
    x, y = state.position[:, 0], state.position[:, 1]

    def of_team(mine: slice, others: slice) -> Array:
        dx, dy = x[mine, None] - x[None, others], y[mine, None] - y[None, others]
        near = dx * dx + dy * dy < (reach * reach)[mine, None]
        attacks = near & alive[mine, None] & alive[None, others]
        moves = alive[mine, None] | (np.arange(MOVES) == STOP)
        padded = jnp.pad(attacks, ((0, 0), (0, count - attacks.shape[1])))
        return jnp.concatenate([moves, padded], 1)

    last_first = slice(allies - 1, None, -1)
    teams = [of_team(slice(0, allies), slice(allies, None))]
    if agents > allies:
        teams.append(of_team(slice(allies, None), last_first))
    return jnp.concatenate(teams)


def world(scenario: Scenario, state: State) -> Array:
    """[12 U] the reference's world state: of each unit health, x and y in map units, seconds of
    cooldown and type (all 0 if it is dead); then all teams; then all types by number."""
    health = state.health / stats_of(state.types).health
    place = state.position + HALF
    entries = [health, place[:, 0], place[:, 1], state.cooldown, *_kinds(state.types)]
    units = jnp.where((state.health > 0)[:, None], jnp.stack(entries, 1), 0.0)
    teams = jnp.asarray(np.repeat(np.arange(2, dtype=np.float32), scenario.sizes))
    return jnp.concatenate([units.reshape(-1), teams, state.types.astype(jnp.float32)])


def world_scale(scenario: Scenario) -> tuple[float, ...]:
    """[12 U] magnitudes of `world`."""
    kinds = len(TYPE_NAMES)
    unit = (1.0, WIDTH, WIDTH, 2.0, *[1.0] * kinds)
    return unit * scenario.units + (1.0,) * scenario.units + (kinds - 1.0,) * scenario.units


def _team_list(scenario: Scenario, team: range, theirs: bool, state: State) -> Array:
    """[units of the team, D].

    Everybody lists the same units but leaves itself out: entry k of the i-th in that order is
    unit k before it and k + 1 from it on. So nothing is gathered.
    """
    forward = team.start == 0
    turn = (lambda v: v) if forward else (lambda v: v[::-1])
    own = np.arange(len(team)) if forward else np.arange(len(team))[::-1]
    before = np.arange(scenario.units - 1) < own[:, None]
    others = lambda v: jnp.where(before, turn(v)[None, :-1], turn(v)[None, 1:])
    mine = lambda v: v[team.start : team.stop, None]

    stats, alive, place = stats_of(state.types), state.health > 0, state.position
    dx = others(place[:, 0]) - mine(place[:, 0])
    dy = others(place[:, 1]) - mine(place[:, 1])
    sight = mine(stats.sight)
    seen = (dx * dx + dy * dy < sight * sight) & others(alive) & mine(alive)

    health, cooldown = state.health / stats.health, _cooldown(state)
    last = np.repeat(np.array(actions_of(scenario), np.float32) - 1, scenario.sizes)
    attacked = jnp.where(state.action >= MOVES, state.action, 0) / last
    moved = direction(state.action)
    did = [others(moved[:, 0]), others(moved[:, 1]), others(attacked)]
    if not theirs:
        us = np.arange(scenario.units - 1) < len(team) - 1
        did = [jnp.where(us, entry, 0.0) for entry in did]
    entries = [others(health), dx / sight, dy / sight, *did, others(cooldown)]
    entries += [others(kind) for kind in _kinds(state.types)]
    listed = jnp.where(seen[..., None], jnp.stack(entries, -1), 0.0).reshape(len(team), -1)

    where = (place + HALF) / WIDTH
    mine_only = [health, where[:, 0], where[:, 1], cooldown, *_kinds(state.types)]
    self = jnp.where(alive[:, None], jnp.stack(mine_only, -1), 0.0)[team.start : team.stop]
    # adding zeros is several times as fast as putting two uneven blocks together
    gap = len(OWN), listed.shape[1]
    return jnp.pad(listed, ((0, 0), (0, gap[0]))) + jnp.pad(self, ((0, 0), (gap[1], 0)))


def _cooldown(state: State) -> Array:
    return jnp.clip(state.cooldown / stats_of(state.types).delay, 0.0, 1.0)


def _kinds(types: Array) -> list[Array]:
    """Whether units [U] are of each type, as numbers."""
    return [(types == kind).astype(jnp.float32) for kind in range(len(TYPE_NAMES))]
