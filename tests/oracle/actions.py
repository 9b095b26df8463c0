"""Who acts: chance, a scripted cook, and mixtures of both."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.random import Generator

from tests.oracle.kitchens import within_reach
from tests.oracle.record import (
    DISH,
    INTERACT,
    NOTHING,
    ONION,
    POT_SIZE,
    SOUP,
    SOUPS,
    TOMATO,
    Policy,
    Snapshot,
    cells_at,
)
from zsc.envs.overcooked import Layout
from zsc.envs.overcooked.layouts import COUNTER, DISHES, ONIONS, POT, SERVING, TOMATOES


def chance(rng: Generator, interact: float = 1 / 6) -> Policy:
    """All agents act by chance, with that share of interacts."""
    weights = [(1 - interact) / 5] * 5 + [interact]

    def act(snap: Snapshot) -> tuple[int, ...]:
        return tuple(int(action) for action in rng.choice(6, len(snap["held"]), p=weights))

    return act


class Cook:
    """A hasty cook of two that fetches, cooks, serves and passes things over counters.

    It plays well enough that soups get delivered, and takes a chance action now and then, so that
    things end up where no plan would put them.
    """

    def __init__(self, layout: Layout, rng: Generator, noise: float = 0.1) -> None:
        self.layout, self.rng, self.noise = layout, rng, noise
        self.around = {int(c): layout.neighbours(int(c)) for c in layout.floor}
        self.reach = {cell: within_reach(layout, cell) for cell in self.around}

    def act(self, snap: Snapshot, agent: int) -> int:
        """The action of one agent."""
        goals = self._goals(snap, agent) if self.rng.random() >= self.noise else set()
        return self._approach(snap, agent, goals) if goals else int(self.rng.integers(0, 6))

    def _goals(self, snap: Snapshot, agent: int) -> set[int]:
        """The tiles one of which to interact with next."""
        reach, other = (self.reach[c] for c in self._cells(snap, agent))
        held = int(snap["held"][agent])
        if held == NOTHING:
            return self._fetch(snap, reach)
        full = snap["pot_n"] == POT_SIZE
        pots = self.layout.pots
        places = {SOUP: self._kind(SERVING), ONION: set(pots[~full]), DISH: set(pots[full])}
        goals = places[held] & reach
        if goals:
            return goals
        empty = self._lying(snap, NOTHING) & reach
        return empty & other or empty

    def _fetch(self, snap: Snapshot, reach: frozenset[int]) -> set[int]:
        """Where empty hands go: soup, then a dish for a full pot, then onions."""
        soups = self._lying(snap, SOUP) & reach
        if soups and self._kind(SERVING) & reach:
            return soups
        cooks = bool(self._kind(POT) & reach)
        full = int((snap["pot_n"] == POT_SIZE).sum())
        dishes = self._lying(snap, DISH)
        ready = int((snap["held"] == DISH).sum()) + (0 if cooks else len(dishes))
        if full > ready:
            goals = (self._kind(DISHES) | (dishes if cooks else set())) & reach
            if goals:
                return goals
        onions = self._lying(snap, ONION)
        room = POT_SIZE * len(snap["pot_n"]) - int(snap["pot_n"].sum())
        if room > (0 if cooks else len(onions)):
            return (self._kind(ONIONS) | (onions if cooks else set())) & reach
        return set()

    def _cells(self, snap: Snapshot, agent: int) -> list[int]:
        """Where the agent and the others stand."""
        cells = [int(cell) for cell in cells_at(self.layout, snap["pos"])]
        return [cells[agent], *cells[:agent], *cells[agent + 1 :]]

    def _kind(self, kind: int) -> set[int]:
        return {int(c) for c in self.layout.cells(kind)}

    def _lying(self, snap: Snapshot, item: int) -> set[int]:
        counter = self.layout.kinds == COUNTER
        return {int(c) for c in np.flatnonzero(counter & (snap["counter"].reshape(-1) == item))}

    def _approach(self, snap: Snapshot, agent: int, goals: set[int]) -> int:
        """Walk the shortest way to a tile, turn to it, interact. Sometimes forgets the partner."""
        cell, *others = self._cells(snap, agent)
        blocked = others if self.rng.random() < 0.7 else []
        found: set[int] = {cell}
        queue = deque([(cell, -1)])
        while queue:
            here, first = queue.popleft()
            for way, beside in self.around[here].items():
                if beside in goals:
                    if first >= 0:
                        return first
                    return INTERACT if snap["dir"][agent] == way else way
                if beside in self.around and beside not in found and beside not in blocked:
                    found.add(beside)
                    queue.append((beside, way if first < 0 else first))
        return int(self.rng.integers(0, 6))


def scripted(layout: Layout, rng: Generator) -> Policy:
    """Two hasty cooks."""
    cook = Cook(layout, rng)
    return lambda snap: (cook.act(snap, 0), cook.act(snap, 1))


def mixed(layout: Layout, rng: Generator) -> Policy:
    """A hasty cook and a partner that interacts a lot by chance, on either side."""
    cook, other, agent = Cook(layout, rng), chance(rng, 0.4), int(rng.integers(2))

    def act(snap: Snapshot) -> tuple[int, int]:
        actions = list(other(snap))
        actions[agent] = cook.act(snap, agent)
        return actions[0], actions[1]

    return act


class Chef(Cook):
    """A hasty cook among any number, by either rules: puts in what it finds, cooks as it likes."""

    def __init__(
        self, layout: Layout, rng: Generator, noise: float = 0.1, *, new: bool = True
    ) -> None:
        super().__init__(layout, rng, noise)
        self.new = new

    def _goals(self, snap: Snapshot, agent: int) -> set[int]:
        cell, *others = self._cells(snap, agent)
        reach, held = self.reach[cell], int(snap["held"][agent])
        if held == NOTHING:
            return self._start(snap) & reach or self._fetch(snap, reach)
        amount = snap["pot_n"] + snap.get("pot_t", np.zeros_like(snap["pot_n"]))
        idle = snap["pot_tick"] < 0
        if held == DISH:
            goals = set(self.layout.pots[~idle])
        elif held in (ONION, TOMATO):
            goals = set(self.layout.pots[idle & (amount < POT_SIZE)])
        else:
            goals = self._kind(SERVING)
        if goals & reach:
            return goals & reach
        empty = self._lying(snap, NOTHING) & reach
        theirs = frozenset[int]().union(*(self.reach[other] for other in others))
        return empty & theirs or empty

    def _start(self, snap: Snapshot) -> set[int]:
        """Pots to put on: those that are full, others by chance."""
        if not self.new:
            return set()
        amount = snap["pot_n"] + snap["pot_t"]
        likes = (amount == POT_SIZE) | (self.rng.random(len(amount)) < 0.03)
        return set(self.layout.pots[(amount > 0) & likes & (snap["pot_tick"] < 0)])

    def _fetch(self, snap: Snapshot, reach: frozenset[int]) -> set[int]:
        soups = {c for code in SOUPS.values() for c in self._lying(snap, code)} & reach
        if soups and self._kind(SERVING) & reach:
            return soups
        cooking = int((snap["pot_tick"] >= 0).sum())
        if cooking > int((snap["held"] == DISH).sum()) and self.rng.random() < 0.9:
            return (self._kind(DISHES) | self._lying(snap, DISH)) & reach
        onions = (self._kind(ONIONS) | self._lying(snap, ONION)) & reach
        tomatoes = (self._kind(TOMATOES) | self._lying(snap, TOMATO)) & reach
        wanted = tomatoes if int(snap["time"]) // 40 % 3 == 1 else onions
        return wanted or onions | tomatoes


def brigade(layout: Layout, rng: Generator, *, new: bool) -> Policy:
    """Hasty cooks in all seats."""
    chef = Chef(layout, rng, new=new)
    return lambda snap: tuple(chef.act(snap, seat) for seat in range(len(snap["held"])))


def mixed_brigade(layout: Layout, rng: Generator, *, new: bool) -> Policy:
    """Hasty cooks and one by chance that interacts a lot."""
    chef, other = Chef(layout, rng, new=new), chance(rng, 0.4)
    seat = int(rng.integers(len(layout.starts)))

    def act(snap: Snapshot) -> tuple[int, ...]:
        by_chance = other(snap)
        return tuple(
            by_chance[me] if me == seat else chef.act(snap, me) for me in range(len(by_chance))
        )

    return act


def eager(policy: Policy) -> Policy:
    """All interact first: after an injection that is where the races are."""
    opening = iter([True])
    return lambda snap: (INTERACT,) * len(snap["held"]) if next(opening, False) else policy(snap)
