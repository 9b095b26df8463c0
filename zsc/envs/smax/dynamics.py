"""The rules of a battle (jaxmarl 0.2.0), for many games at once: games are in the last axis, G.

A step is eight world steps with the same actions. Each of them, on the state at its start: shots,
all at once; cooldowns; moves; walls; and one push that parts units which overlap. Everything is
comparisons and arithmetic on [units, G]: no gather, no scatter, so that a batch is vector code.
Ranges are tested by squared distances.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from zsc.envs.smax.state import DOWN, LEFT, MOVES, NOBODY, RIGHT, UP, State, on_grid
from zsc.envs.smax.units import (
    HALF,
    SECONDS,
    WORLD_STEPS,
    Scenario,
    Stats,
    added,
    all_of,
    any_of,
    stats_of,
    sum_of,
)
from zsc.types import Array

WON = 1.0  # what a won battle pays beside the damage

#: What happened to an agent in a step.
EVENT_NAMES = (
    "attack",  # it attacked somebody, whether or not the weapon was ready
    "shot",  # it hit somebody
    "focus",  # it attacked whom a teammate attacked as well
    "kill",  # it hit somebody who died in this step
    "damaged",
    "death",
    "wall",  # it died at the border of the map
    "win",  # its team has won
)


class Moving(NamedTuple):
    """What world steps change; each [U, G]."""

    x: Array
    y: Array
    health: Array
    cooldown: Array
    dealt: Array  # damage done so far in this step


class Outcome(NamedTuple):
    """What a step paid and did."""

    paid: Array  # [2, G] float32, the teams' rewards
    events: Array  # [U, events, G] bool


def fight(
    scenario: Scenario, walls: bool, state: State, action: Array, noise: Array
) -> tuple[State, Outcome]:
    """The state after a step of all units, action [U, G], noise [8, U, G]; time and memory stay.

    walls: whoever touches the border dies.
    """
    stats = stats_of(state.types)
    target = target_of(scenario, action)
    begin = Moving(
        state.position[:, 0],
        state.position[:, 1],
        state.health,
        state.cooldown,
        jnp.zeros_like(state.health),
    )
    step_x = ((action == RIGHT) * 1.0 - (action == LEFT) * 1.0) * stats.speed * SECONDS
    step_y = ((action == UP) * 1.0 - (action == DOWN) * 1.0) * stats.speed * SECONDS

    def world_step(now: Moving, noise: Array) -> tuple[Moving, None]:
        moved = _move(walls, _shoot(stats, target, now, noise), now.health > 0, step_x, step_y)
        x, y = push(moved.x, moved.y, moved.health > 0, stats.radius)
        return moved._replace(x=x, y=y), None

    end, _ = lax.scan(world_step, begin, noise, length=WORLD_STEPS)
    after = state._replace(
        position=on_grid(jnp.stack([end.x, end.y], axis=1)),
        health=end.health,
        cooldown=end.cooldown,
        action=action,
    )
    return after, _outcome(scenario, stats, target, begin, end, walls)


def target_of(scenario: Scenario, action: Array) -> Array:
    """[U, G] whom units attack, -1 for nobody. Allies count enemies from the first on, enemies
    count allies from the last on."""
    allies, which = scenario.sizes[0], action - MOVES
    forward = (np.arange(scenario.units) < allies)[:, None]
    unit = jnp.where(forward, allies + which, allies - 1 - which)
    return jnp.where(action >= MOVES, unit, NOBODY)


def apart(scenario: Scenario, x: Array, y: Array) -> Array:
    """[allies, enemies, G] squared distances."""
    allies = scenario.sizes[0]
    return (x[:allies, None] - x[None, allies:]) ** 2 + (y[:allies, None] - y[None, allies:]) ** 2


def over(scenario: Scenario, state: State) -> Array:
    """[G] whether a team is all dead."""
    alive, allies = state.health > 0, scenario.sizes[0]
    return all_of(~alive[:allies]) | all_of(~alive[allies:])


def push(x: Array, y: Array, alive: Array, radius: Array) -> tuple[Array, Array]:
    """The positions [U, G] after every two living units that overlap went half of it apart.

    A unit and itself are at distance 0, which moves nobody.
    """
    terms_x, terms_y = [], []
    for other in range(len(x)):
        dx, dy = x - x[other], y - y[other]
        distance = jnp.sqrt(dx * dx + dy * dy) + 1e-6
        overlap = jnp.maximum((radius + radius[other]) / distance - 1.0, 0.0)
        overlap = jnp.where(alive & alive[other], overlap, 0.0)
        terms_x.append(dx * overlap)
        terms_y.append(dy * overlap)
    return x + added(terms_x) / 2, y + added(terms_y) / 2


def _shoot(stats: Stats, target: Array, now: Moving, noise: Array) -> Moving:
    """Shots of all units at once: who dies still shoots, and a shot at the dying is spent."""
    alive = now.health > 0
    hits = []
    for other in range(len(target)):
        dx, dy = now.x - now.x[other], now.y - now.y[other]
        near = dx * dx + dy * dy < stats.reach * stats.reach
        hits.append((target == other) & near & alive[other])
    shot = reduce(or_, hits) & alive & (now.cooldown <= 0)
    # the root of a square, which is exact: XLA works cheap things out again wherever they are
    # read, and these are read for every pair of units
    dealt = jnp.sqrt(jnp.where(shot, stats.damage * stats.damage, 0.0))
    names = np.arange(len(target))[:, None]
    lost = added([jnp.where(target[i] == names, dealt[i], 0.0) for i in range(len(target))])
    # not the new value itself: the reference adds what it differs by, and rounds so
    change = jnp.where(dealt > 0, stats.delay + noise - now.cooldown, -SECONDS)
    return now._replace(
        health=jnp.maximum(now.health - lost, 0.0),
        cooldown=now.cooldown + change,
        dealt=now.dealt + dealt,
    )


def _move(walls: bool, now: Moving, alive: Array, step_x: Array, step_y: Array) -> Moving:
    """Moves of who was alive when the world step began; then the border takes who touches it."""
    x = jnp.where(alive, jnp.clip(now.x + step_x, -HALF, HALF), now.x)
    y = jnp.where(alive, jnp.clip(now.y + step_y, -HALF, HALF), now.y)
    health = now.health
    if walls:
        health = jnp.where((jnp.abs(x) >= HALF) | (jnp.abs(y) >= HALF), 0.0, health)
    return now._replace(x=x, y=y, health=health)


def _outcome(
    scenario: Scenario, stats: Stats, target: Array, begin: Moving, end: Moving, walls: bool
) -> Outcome:
    allies, enemies = scenario.sizes
    alive = end.health > 0
    ally_left, enemy_left = any_of(alive[:allies]), any_of(alive[allies:])
    lost = (begin.health - end.health) / stats.health
    won = ally_left & ~enemy_left, enemy_left & ~ally_left
    paid = jnp.stack([
        sum_of(lost[allies:]) / enemies + jnp.where(won[0], WON, 0.0),
        sum_of(lost[:allies]) / allies + jnp.where(won[1], WON, 0.0),
    ])  # fmt: skip
    was, died = begin.health > 0, (begin.health > 0) & ~alive
    edge = jnp.maximum(jnp.abs(end.x), jnp.abs(end.y)) >= HALF
    attacks = was & (target != NOBODY)
    with_me, killing = [], []
    for other in range(scenario.units):
        same = attacks & attacks[other] & (target == target[other])
        with_me.append(same & (np.arange(scenario.units) != other)[:, None])
        killing.append((target == other) & died[other])
    events = [
        attacks,
        end.dealt > 0,
        reduce(or_, with_me),
        (end.dealt > 0) & reduce(or_, killing),
        end.health < begin.health,
        died,
        died & edge & walls,
        jnp.concatenate([
            jnp.broadcast_to(won[0], (allies, *won[0].shape)),
            jnp.broadcast_to(won[1], (enemies, *won[1].shape)),
        ]),
    ]  # fmt: skip
    return Outcome(paid, jnp.stack(events, axis=1))
