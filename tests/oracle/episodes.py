"""Episodes of every kind, played by the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.random import Generator

from tests.oracle.actions import brigade, chance, eager, mixed, mixed_brigade, scripted
from tests.oracle.injection import Injector
from tests.oracle.record import Policy, Record
from tests.oracle.reference import from_snapshot, play, reference_mdp
from zsc.envs.overcooked import Layout, Overcooked

#: Kind of episode and its share of the steps of a layout.
SHARES = {
    "reset, chance": 0.08,
    "reset, interacts": 0.08,
    "reset, scripted": 0.24,
    "reset, mixed": 0.1,
    "injected": 0.5,
}


def play_all(layout: Layout, steps: int, horizon: int, seed: int) -> Iterator[Record]:
    """Episodes of every kind, together at least the given number of steps."""
    rng, mdp = np.random.default_rng(seed), reference_mdp(layout)
    sources: dict[str, Callable[[], Policy]] = {
        "chance": lambda: chance(rng),
        "interacts": lambda: chance(rng, 0.5),
        "scripted": lambda: scripted(layout, rng),
        "mixed": lambda: mixed(layout, rng),
    }
    inject = Injector(layout, horizon, rng).draw
    restore = lambda snap: from_snapshot(layout, snap)
    yield from _episodes(layout, mdp, rng, sources, lambda: restore(inject()), steps, horizon)


def play_kitchen(env: Overcooked, mdp: Any, steps: int, seed: int) -> Iterator[Record]:
    """The same by any rules and for any number of cooks, in the given reference engine."""
    rng, layout, new = np.random.default_rng(seed), env.kitchen, env.rules.new
    sources: dict[str, Callable[[], Policy]] = {
        "chance": lambda: chance(rng),
        "interacts": lambda: chance(rng, 0.5),
        "scripted": lambda: brigade(layout, rng, new=new),
        "mixed": lambda: mixed_brigade(layout, rng, new=new),
    }
    inject = Injector(layout, env.horizon, rng, env.rules).draw
    restore = lambda snap: from_snapshot(layout, snap, mdp if new else None)
    draw = lambda: restore(inject())
    yield from _episodes(layout, mdp, rng, sources, draw, steps, env.horizon)


def _episodes(
    layout: Layout,
    mdp: Any,
    rng: Generator,
    sources: dict[str, Callable[[], Policy]],
    draw: Callable[[], Any],
    steps: int,
    horizon: int,
) -> Iterator[Record]:
    for kind, share in SHARES.items():
        done = episode = 0
        while done < share * steps:
            if kind == "injected":
                start = draw()
                name = str(rng.choice(list(sources)))
                policy = sources[name]()
                policy = eager(policy) if rng.random() < 0.8 else policy
                label = f"{kind}, {name} {episode}"
            else:
                start = mdp.get_standard_start_state()
                policy, label = sources[kind.split(", ")[1]](), f"{kind} {episode}"
            record = play(layout, mdp, start, policy, horizon, label)
            yield record
            done, episode = done + len(record.actions), episode + 1
