"""A step of SMAX in double precision, unit by unit, to tell who of two is right.

Where units stand almost on one another, a push turns a millionth of a map unit into hundredths of
a thousandth: single precision from the corner of the map and from its centre differ by that much.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zsc.envs.smax.units import STATS, Scenario


def positions_after(scenario: Scenario, snap: dict[str, Any], noise: Any, after: Any) -> np.ndarray:
    """[U, 2] from the corner. snap: the state before; after: the one after, for the actions."""
    place = np.array(snap["unit_positions"], np.float64)
    health = np.array(snap["unit_health"], np.float64)
    cooldown = np.array(snap["unit_weapon_cooldowns"], np.float64)
    kind = np.array(snap["unit_types"])
    moved = np.round(np.array(after["prev_movement_actions"], np.float64))
    attack = np.array(after["prev_attack_actions"])
    allies, units = scenario.sizes[0], scenario.units
    for now in np.array(noise, np.float64):
        start, alive = place.copy(), health > 0
        lost, shot = np.zeros(units), np.zeros(units, bool)
        for unit in range(units):
            number = attack[unit] - 5
            target = allies + number if unit < allies else allies - 1 - number
            if attack[unit] < 5 or not alive[unit] or not alive[target] or cooldown[unit] > 0:
                continue
            if np.hypot(*(start[unit] - start[target])) < STATS.reach[kind[unit]]:
                lost[target] += STATS.damage[kind[unit]]
                shot[unit] = True
        health = np.maximum(health - lost, 0)
        cooldown = np.where(shot, STATS.delay[kind].astype(float) + now, cooldown - 1 / 16)
        step = moved * STATS.speed[kind].astype(float)[:, None] / 16
        place = np.where(alive[:, None], np.clip(place + step, 0, 32), place)
        health[((place <= 0) | (place >= 32)).any(1)] = 0
        start = place.copy()
        for unit in np.flatnonzero(health > 0):
            for other in np.flatnonzero(health > 0):
                apart = start[unit] - start[other]
                near = STATS.radius[kind[unit]] + STATS.radius[kind[other]]
                if unit != other:
                    place[unit] += apart * max(near / (np.hypot(*apart) + 1e-6) - 1, 0) / 2
    return place
