"""What a record contains: its events, and the situations in which order or timing matters."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tests.oracle.record import (
    DISH,
    INTERACT,
    NOTHING,
    OFFSETS,
    ONION,
    POT_SIZE,
    READY,
    SOUP,
    STAY,
    Record,
    Snapshot,
    at,
    cells_at,
    place,
)
from zsc.envs.overcooked import Layout
from zsc.envs.overcooked.events import EVENT_NAMES
from zsc.envs.overcooked.layouts import COUNTER, DISHES, ONIONS, POT, SERVING


def cover(layout: Layout, record: Record) -> Counter[str]:
    """Count the events of a record, and the situations in which order or timing matters."""
    counts = Counter(steps=len(record.actions))
    for index, name in enumerate(EVENT_NAMES):
        counts[name] += int(record.events[:, :, index].sum())
    old = {name: values[:-1] for name, values in record.states.items()}
    new = {name: values[1:] for name, values in record.states.items()}
    cell = cells_at(layout, old["pos"] + OFFSETS[old["dir"]])  # [n, A] the tile that it faces
    interacts = record.actions == INTERACT
    both = interacts.all(1) & (cell[:, 0] == cell[:, 1])
    for step in np.flatnonzero(both):
        counts[_race(layout, at(old, int(step)), int(cell[step, 0]))] += 1
    counts["same cell"] = int(both.sum())
    counts.update(_walks(record.actions, old["pos"], new["pos"]))
    counts.update(_timing(layout, record, old, cell, interacts))
    counts["reached horizon"] = 1
    return +counts


def _race(layout: Layout, snap: Snapshot, cell: int) -> str:
    """What kind of race two interacts with the same cell are; agent 0 goes first."""
    held = (int(snap["held"][0]), int(snap["held"][1]))
    kind = layout.kinds[cell]
    if kind == COUNTER:
        x, y = place(layout, cell)
        lies = bool(snap["counter"][y, x] != NOTHING)
        full = (held[0] != NOTHING, held[1] != NOTHING)
        ways = {
            (False, (True, True)): "both drop",
            (False, (True, False)): "hand over",
            (False, (False, True)): "hand over, too early",
            (True, (False, False)): "both take",
            (True, (False, True)): "take, then drop",
            (True, (True, False)): "full, then take",
        }
        return f"race: counter, {ways.get((lies, full), 'nothing')}"
    if kind == POT:
        pot = list(layout.pots).index(cell)
        return f"race: pot, {_pot_race(int(snap['pot_n'][pot]), int(snap['pot_tick'][pot]), held)}"
    names = {
        ONIONS: ("onions", NOTHING),
        DISHES: ("dishes", NOTHING),
        SERVING: ("serving", SOUP),
    }
    if kind not in names:
        return "race: floor"
    what, needed = names[kind]
    return f"race: {what}, {sum(h == needed for h in held)} of 2"


def _pot_race(count: int, tick: int, held: tuple[int, int]) -> str:
    ready = tick >= READY
    if held == (ONION, ONION) and tick < 0:
        return {POT_SIZE: "full", POT_SIZE - 1: "last place"}.get(count, "both fill")
    if held == (DISH, DISH) and ready:
        return "one soup"
    if held == (DISH, ONION) and ready:
        return "scoop, then fill"
    if held == (ONION, DISH) and ready:
        return "refused, then scoop"
    return "other"


def _walks(actions: np.ndarray, old: np.ndarray, new: np.ndarray) -> Counter[str]:
    """Walks that meet the other agent, by kind."""
    target = old + OFFSETS[actions]
    onto = (target == old[:, ::-1]).all(-1) & (actions < STAY)  # [n, A] into the other's cell
    moved = (old != new).any(-1)
    met = (target[:, 0] == target[:, 1]).all(-1) & ~moved.any(1)
    return Counter({
        "walk: swap": int(onto.all(1).sum()),
        "walk: same target": int((met & (actions < STAY).all(1) & ~onto.any(1)).sum()),
        "walk: into standing": int((onto & (actions[:, ::-1] >= STAY)).sum()),
        "walk: following": int((onto & moved).sum()),
        "walk: leader blocked": int((onto & ~moved & (actions[:, ::-1] < STAY)).sum()),
    })  # fmt: skip


def _timing(
    layout: Layout, record: Record, old: Snapshot, cell: np.ndarray, interacts: np.ndarray
) -> Counter[str]:
    """Cases at the edge of a rule: pots one tick early, usefulness judged by old pot counts."""
    event = {name: record.events[:, :, i] for i, name in enumerate(EVENT_NAMES)}
    pot = cell[:, :, None] == layout.pots
    dishes = interacts & (old["held"] == DISH)
    tick = np.where(pot, old["pot_tick"][:, None], -1).max(-1)
    scooped = event["soup_pickup"] & pot.any(-1)
    before = event["potting_onion"][:, 0] | scooped[:, 0]
    window = layout.kinds[cell] == DISHES
    idle_full = ((old["pot_n"] == POT_SIZE) & (old["pot_tick"] < 0)).any(1)
    dish = old["counter"].reshape(-1, len(layout.kinds))[:, layout.counters] == DISH
    near, far = np.split(dish, [layout.num_reachable_counters], axis=1)
    lost = far.any(1) & ~near.any(1)
    late = before & event["dish_pickup"][:, 1] & window[:, 1]
    return Counter({
        "dish one tick early": int((dishes & (tick == READY - 1)).sum()),
        "scoop on first tick": int((scooped & (tick == READY)).sum()),
        "pots changed before dish": int(late.sum()),
        "dish reward refused": int((event["dish_pickup"] & ~event["useful_dish_pickup"]).sum()),
        "soup from counter": int((event["soup_pickup"] & ~scooped).sum()),
        "full pot not cooking": int(idle_full.sum()),
        "dish beside idle full pot": int((event["dish_pickup"].any(1) & idle_full).sum()),
        "dish lies out of reach": int((event["dish_pickup"].any(1) & lost).sum()),
        "both deliver": int(event["soup_delivery"].all(1).sum()),
    })  # fmt: skip
