"""States by chance, above all those in which two agents are in each other's way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator

from tests.oracle.record import DISH, NOTHING, ONION, POT_SIZE, READY, SOUP, Snapshot, place
from zsc.envs.overcooked import Layout
from zsc.envs.overcooked.layouts import COUNTER, DISHES, FLOOR, ONIONS, POT, SERVING

Place = tuple[int, int]  # floor cell and direction

#: What two agents hold so that both have business with one tile of a kind.
RACERS = {
    COUNTER: [(NOTHING, NOTHING), (ONION, NOTHING), (NOTHING, DISH), (SOUP, SOUP), (DISH, ONION)],
    ONIONS: [(NOTHING, NOTHING)],
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
        pot_n, pot_tick = self._pots()
        snap = {
            "held": self.rng.integers(0, 4, 2),
            "counter": self._counters(),
            "pot_n": pot_n,
            "pot_tick": pot_tick,
            "time": np.array(self._time()),
        }
        scene = self.rng.choice(3, p=[0.5, 0.2, 0.3])
        if scene == 0 and self._raced:
            places = self._race(snap)
        else:
            places = self._judged(snap) if scene == 1 else self._agents()
        snap["pos"] = np.array([place(self.layout, cell) for cell, _ in places])
        snap["dir"] = np.array([way for _, way in places])
        return snap

    def _race(self, snap: Snapshot) -> tuple[Place, Place]:
        """Both agents face one tile, and mostly both can do something there."""
        kinds = [*self._raced, *[POT] * 3 * (POT in self._raced)]  # pots have most to tell
        kind = int(self.rng.choice(kinds))
        tile = int(self.rng.choice(self._raced[kind]))
        if self.rng.random() < 0.7:
            row = self.rng.permutation(POT_RACERS if kind == POT else RACERS[kind])[0]
            snap["held"] = row[:2]
            if kind == POT:
                pot = list(self.layout.pots).index(tile)
                snap["pot_n"][pot], snap["pot_tick"][pot] = row[2:]
        sides = self._sides[tile]
        first, second = self.rng.choice(len(sides), 2, replace=False)
        return sides[first], sides[second]

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

    def _counters(self) -> np.ndarray:
        """Things on any counter, the ones in corners that nobody reaches included."""
        density = self.rng.choice([0.0, 0.1, 0.4, 1.0])
        shape = (self.layout.height, self.layout.width)
        counter = (self.layout.kinds == COUNTER).reshape(shape)
        lies = counter & (self.rng.random(shape) < density)
        return np.where(lies, self.rng.integers(1, 4, shape), NOTHING)

    def _pots(self) -> tuple[np.ndarray, np.ndarray]:
        """Any count; at three onions any tick, with the edges more often."""
        rng, number = self.rng, len(self.layout.pots)
        count = rng.integers(0, POT_SIZE + 1, number) * (rng.random() < 0.8)
        edges = rng.choice([-1, 0, 1, READY - 2, READY - 1, READY], number)
        tick = np.where(rng.random(number) < 0.6, edges, rng.integers(1, READY, number))
        return count, np.where(count == POT_SIZE, tick, -1)

    def _time(self) -> int:
        """Mostly just before the end, for short episodes from many states; some earlier."""
        spans = (10, 60, self.horizon + 1)
        last = int(self.rng.integers(0, spans[self.rng.choice(3, p=[0.8, 0.18, 0.02])]))
        return max(self.horizon - last, 0)
