"""States by chance, above all those in which two agents are in each other's way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator

from tests.oracle.record import DISH, NOTHING, ONION, POT_SIZE, READY, SOUP, TOMATO, Snapshot, place
from zsc.envs.overcooked import Layout
from zsc.envs.overcooked.layouts import COUNTER, DISHES, FLOOR, ONIONS, POT, SERVING, TOMATOES
from zsc.envs.overcooked.rules import RULES_2019, Rules

#: And by the rules of 2020: what the agents hold, then onions, tomatoes and the tick of the pot;
#: EDGE stands for the tick at which what is in it is ready, and one less for the tick before.
EDGE = 1000
POT_RACERS_2020 = [
    (NOTHING, NOTHING, 1, 1, -1),
    (NOTHING, NOTHING, 3, 0, -1),
    (NOTHING, TOMATO, 0, 2, -1),
    (TOMATO, NOTHING, 0, 0, -1),
    (ONION, NOTHING, 0, 0, -1),
    (NOTHING, ONION, 0, 0, -1),
    (ONION, TOMATO, 1, 1, -1),
    (TOMATO, TOMATO, 0, 2, -1),
    (ONION, DISH, 1, 1, -1),
    (DISH, NOTHING, 2, 1, EDGE - 1),
    (DISH, DISH, 0, 3, EDGE),
    (DISH, TOMATO, 1, 0, EDGE),
    (TOMATO, DISH, 0, 1, EDGE),
    (NOTHING, DISH, 1, 2, EDGE),
]

Place = tuple[int, int]  # floor cell and direction

#: What two agents hold so that both have business with one tile of a kind.
RACERS = {
    COUNTER: [(NOTHING, NOTHING), (ONION, NOTHING), (NOTHING, DISH), (SOUP, SOUP), (DISH, ONION)],
    ONIONS: [(NOTHING, NOTHING)],
    TOMATOES: [(NOTHING, NOTHING)],
    DISHES: [(NOTHING, NOTHING)],
    SERVING: [(SOUP, SOUP)],
}
#: The same for pots: what the agents hold, and the onions and the tick of the pot.
POT_RACERS = [
    (ONION, ONION, 1, -1),
    (ONION, ONION, 2, -1),
    (ONION, DISH, 2, -1),
    (ONION, DISH, 3, -1),
    (DISH, ONION, 3, READY - 1),
    (DISH, DISH, 3, READY),
    (DISH, DISH, 3, READY),
    (DISH, ONION, 3, READY),
    (ONION, DISH, 3, READY),
]


@dataclass(frozen=True)
class Injector:
    """Draws states, also ones that play never or hardly ever reaches."""

    layout: Layout
    horizon: int
    rng: Generator
    rules: Rules = RULES_2019

    @cached_property
    def _sides(self) -> dict[int, list[Place]]:
        """By tile: the places from which an agent faces it."""
        sides: dict[int, list[Place]] = {}
        for cell in self.layout.floor:
            for way, tile in self.layout.neighbours(int(cell)).items():
                if self.layout.kinds[tile] != FLOOR:
                    sides.setdefault(tile, []).append((int(cell), way))
        return sides

    @cached_property
    def _raced(self) -> dict[int, list[int]]:
        """By kind of tile: the tiles that two agents can face at once."""
        tiles: dict[int, list[int]] = {}
        for tile, places in self._sides.items():
            if len(places) > 1:
                tiles.setdefault(int(self.layout.kinds[tile]), []).append(tile)
        return tiles

    def draw(self) -> Snapshot:
        """One state: two agents at one tile, one with its eye on the pots, or just anything."""
        pots = self._pots_2020() if self.rules.new else self._pots()
        snap = {
            "held": self.rng.integers(0, self.rules.items, len(self.layout.starts)),
            "counter": self._counters(),
            **pots,
            "time": np.array(self._time()),
        }
        scene = self.rng.choice(3, p=[0.5, 0.2, 0.3])
        if scene == 0 and self._raced:
            places = self._race(snap)
        else:
            places = self._judged(snap) if scene == 1 else self._agents()
        if len(self.layout.starts) > 2:
            order = self.rng.permutation(len(self.layout.starts))
            joined, snap["held"] = self._joined(places), snap["held"][order]
            places = [joined[i] for i in order]
        snap["pos"] = np.array([place(self.layout, cell) for cell, _ in places])
        snap["dir"] = np.array([way for _, way in places])
        return snap

    def _race(self, snap: Snapshot) -> tuple[Place, Place]:
        """Both agents face one tile, and mostly both can do something there."""
        kinds = [*self._raced, *[POT] * 3 * (POT in self._raced)]  # pots have most to tell
        kind = int(self.rng.choice(kinds))
        tile = int(self.rng.choice(self._raced[kind]))
        if self.rng.random() < 0.7:
            pots = POT_RACERS_2020 if self.rules.new else POT_RACERS
            row = self.rng.permutation(pots if kind == POT else RACERS[kind])[0]
            snap["held"][:2] = row[:2]
            if kind == POT:
                self._fill(snap, list(self.layout.pots).index(tile), row[2:])
        sides = self._sides[tile]
        first, second = self.rng.choice(len(sides), 2, replace=False)
        return sides[first], sides[second]

    def _fill(self, snap: Snapshot, pot: int, row: Any) -> None:
        """Put what a row of the tables says into a pot."""
        if not self.rules.new:
            snap["pot_n"][pot], snap["pot_tick"][pot] = row
            return
        onions, tomatoes, tick = (int(x) for x in row)
        time = self.rules.times[onions + 4 * tomatoes]
        snap["pot_n"][pot], snap["pot_t"][pot] = onions, tomatoes
        snap["pot_tick"][pot] = time + tick - EDGE if tick > 100 else tick

    def _judged(self, snap: Snapshot) -> tuple[Place, Place]:
        """One agent is about to take or drop what is useful or not by the pots' state.

        The other agent faces a pot, and may change that state in the same step.
        """
        rng, taker = self.rng, int(self.rng.integers(2))
        if rng.random() < 0.7:
            snap["counter"][:] = NOTHING
            if rng.random() < 0.3:
                snap["counter"].flat[rng.choice(self.layout.counters)] = DISH
        number = len(self.layout.pots)
        if self.rules.new:
            snap |= self._pots_2020()
        else:
            rows = np.array([(0, -1), (2, -1), (3, -1), (3, -1), (3, READY)])
            snap["pot_n"], snap["pot_tick"] = rows[rng.integers(len(rows), size=number)].T.copy()
        kind = int(rng.choice([ONIONS, DISHES, DISHES, COUNTER]))
        snap["held"][taker] = rng.choice([ONION, DISH]) if kind == COUNTER else NOTHING
        pairs = [(a, b) for a in self._facing(kind) for b in self._facing(POT) if a[0] != b[0]]
        if not pairs:
            return self._agents()
        first, second = pairs[rng.integers(len(pairs))]
        return (first, second) if taker == 0 else (second, first)

    def _facing(self, kind: int) -> list[Place]:
        """The places from which an agent faces a tile of that kind."""
        tiles = [tile for tile in self._sides if self.layout.kinds[tile] == kind]
        return [side for tile in tiles for side in self._sides[tile]]

    def _agents(self) -> tuple[Place, Place]:
        """Agents anywhere; half of the time side by side, where they are in each other's way."""
        rng = self.rng
        cells = rng.choice(self.layout.floor, 2, replace=False)
        beside = [c for c in self.layout.neighbours(cells[0]).values() if c in self.layout.floor]
        if beside and rng.random() < 0.5:
            cells[1] = rng.choice(beside)
        ways = rng.integers(0, 4, 2)
        return (int(cells[0]), int(ways[0])), (int(cells[1]), int(ways[1]))

    def _joined(self, places: tuple[Place, Place]) -> list[Place]:
        """More agents, where there are more than two: beside another one or anywhere."""
        rng, found = self.rng, list(places)
        while len(found) < len(self.layout.starts):
            taken = [cell for cell, _ in found]
            free = [int(c) for c in self.layout.floor if c not in taken]
            near = self.layout.neighbours(int(rng.choice(taken))).values()
            beside = [c for c in near if c in free]
            cell = int(rng.choice(beside if beside and rng.random() < 0.7 else free))
            found.append((cell, int(rng.integers(0, 4))))
        return found

    def _counters(self) -> np.ndarray:
        """Things on any counter, the ones in corners that nobody reaches included."""
        density = self.rng.choice([0.0, 0.1, 0.4, 1.0])
        shape = (self.layout.height, self.layout.width)
        counter = (self.layout.kinds == COUNTER).reshape(shape)
        lies = counter & (self.rng.random(shape) < density)
        return np.where(lies, self.rng.integers(1, self.rules.items, shape), NOTHING)

    def _pots_2020(self) -> Snapshot:
        """Any content and, in three of five pots that are not empty, any tick up to ready."""
        rng, number = self.rng, len(self.layout.pots)
        amount = rng.integers(0, POT_SIZE + 1, number) * (rng.random() < 0.8)
        onions = rng.integers(0, amount + 1)
        time = np.array(self.rules.times)[onions + 4 * (amount - onions)]
        edges = time - rng.integers(0, 3, number)
        tick = np.where(rng.random(number) < 0.5, edges, rng.integers(1, np.maximum(time, 2)))
        cooks = (amount > 0) & (rng.random(number) < 0.6) & (tick > 0)
        return {
            "pot_n": onions,
            "pot_t": amount - onions,
            "pot_tick": np.where(cooks, np.minimum(tick, time), -1),
        }

    def _pots(self) -> Snapshot:
        """Any count; at three onions any tick, with the edges more often."""
        rng, number = self.rng, len(self.layout.pots)
        count = rng.integers(0, POT_SIZE + 1, number) * (rng.random() < 0.8)
        edges = rng.choice([-1, 0, 1, READY - 2, READY - 1, READY], number)
        tick = np.where(rng.random(number) < 0.6, edges, rng.integers(1, READY, number))
        return {"pot_n": count, "pot_tick": np.where(count == POT_SIZE, tick, -1)}

    def _time(self) -> int:
        """Mostly just before the end, for short episodes from many states; some earlier."""
        spans = (10, 60, self.horizon + 1)
        last = int(self.rng.integers(0, spans[self.rng.choice(3, p=[0.8, 0.18, 0.02])]))
        return max(self.horizon - last, 0)
