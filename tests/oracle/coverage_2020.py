"""What a record by the rules of 2020, or of more than two cooks, contains."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np

from tests.oracle.record import (
    DISH,
    INTERACT,
    NOTHING,
    OFFSETS,
    ONION,
    SOUPS,
    STAY,
    TOMATO,
    Record,
    at,
    cells_at,
    item_name,
)
from zsc.envs.overcooked import Overcooked
from zsc.envs.overcooked.layouts import COUNTER, POT


def cover_2020(env: Overcooked, record: Record) -> Counter[str]:
    """Count the events of a record, the soups that were started and sold, races and collisions."""
    layout = env.kitchen
    counts = Counter({"steps": len(record.actions), "reached horizon": 1})
    for index, name in enumerate(env.spec.event_names):
        counts[name] += int(record.events[:, :, index].sum())
    old = {name: values[:-1] for name, values in record.states.items()}
    faced = cells_at(layout, old["pos"] + OFFSETS[old["dir"]])  # [n, A]
    interacts = record.actions == INTERACT
    delivered = record.events[:, :, env.spec.event_names.index("soup_delivery")]
    for step, seat in np.argwhere(delivered):
        paid = "paid" if record.sparse[step, seat] else "unpaid"
        counts[f"sold {paid}: {item_name(int(old['held'][step, seat]))}"] += 1
    _start_counts(record, counts)
    for one, other in combinations(range(record.actions.shape[1]), 2):
        both = interacts[:, one] & interacts[:, other] & (faced[:, one] == faced[:, other])
        for step in np.flatnonzero(both):
            kind = layout.kinds[faced[step, one]]
            held = [_word(int(at(old, int(step))["held"][seat])) for seat in (one, other)]
            if kind in (POT, COUNTER):
                where = "pot" if kind == POT else "counter"
                counts[f"race: {where}, {held[0]}, then {held[1]}"] += 1
    if record.actions.shape[1] > 2:
        counts += _crowds(record)
    return +counts


def _start_counts(record: Record, counts: Counter[str]) -> None:
    if "pot_t" not in record.states:
        return
    tick, onions, tomatoes = (record.states[name] for name in ("pot_tick", "pot_n", "pot_t"))
    for step, pot in np.argwhere((tick[:-1] < 0) & (tick[1:] >= 0)):
        soup = SOUPS[int(onions[step + 1, pot]), int(tomatoes[step + 1, pot])]
        counts[f"started: {item_name(soup)}"] += 1


def _word(held: int) -> str:
    names = {NOTHING: "nothing", ONION: "onion", DISH: "dish", TOMATO: "tomato"}
    return names.get(held, "soup")


def _crowds(record: Record) -> Counter[str]:
    """Steps of three and more in which a collision keeps others back, or a row moves on."""
    pos = record.states["pos"]
    old, new = pos[:-1], pos[1:]
    walks = record.actions < STAY
    target = old + OFFSETS[record.actions]
    moved = (old != new).any(-1)
    onto = (target[:, :, None] == old[:, None]).all(-1) & walks[:, :, None]
    follows = (onto & moved[:, :, None]).any(2)
    return Counter({
        "all kept back": int((walks.sum(1) >= 3).astype(int) @ (~moved.any(1)).astype(int)),
        "two follow": int((follows.sum(1) >= 2).sum()),
        "circle": int((follows.sum(1) >= 3).sum()),
    })  # fmt: skip
