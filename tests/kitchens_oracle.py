"""Kitchens as data beside the static engine and beside the reference engine.

    python -m tests.kitchens_oracle --kitchens 1024 --steps 20 --seed 0

So many different kitchens are played at once, in one program. What happened is then held against
the static rules, kitchen by kitchen, and the reference engine's own games in the same kitchens are
replayed. Every number of every step has to be equal. Exits with 1 if one is not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.oracle.actions import chance
from tests.oracle.injection import Injector
from tests.oracle.record import DifferenceError, Record
from tests.oracle.reference import from_snapshot, play, reference_mdp
from zsc.envs.overcooked import (
    Layout,
    ManyKitchens,
    Overcooked,
    RandomKitchens,
    random_layouts,
    stack_terrains,
)
from zsc.envs.overcooked.env import limited_step, time_step
from zsc.envs.overcooked.layouts import COUNTER
from zsc.envs.overcooked.observation import CHANNELS, grid, into_frame
from zsc.envs.overcooked.state import IDLE, State

SIZE = (9, 9)
HORIZON = 120
ENCODING = f"padded:{SIZE[0]}x{SIZE[1]}"
_KEY = jax.random.key(0)

Numbers = dict[str, Any]


def environment(count: int, seed: int, horizon: int = HORIZON) -> ManyKitchens:
    return ManyKitchens(RandomKitchens(seed, count, SIZE), SIZE, horizon)


def actions_by_chance(rng: np.random.Generator, games: int, steps: int) -> np.ndarray:
    """[games, steps, A], many of them interacts."""
    chances = np.array([2, 2, 2, 2, 1, 5]) / 14
    return rng.choice(6, (games, steps, 2), p=chances).astype(np.int32)


def scramble(layouts: tuple[Layout, ...], states: Any, rng: np.random.Generator) -> Any:
    """Every second game goes on from a state by chance, in which more happens than at the start."""
    game = jax.tree.map(np.array, states.game)
    kinds = np.asarray(states.terrain.kinds)
    odd = np.arange(len(layouts)) % 2 == 1
    inside = np.zeros((len(layouts), *SIZE), bool)
    for mask, layout in zip(inside, layouts, strict=True):
        mask[: layout.height, : layout.width] = True
    lies = (kinds == COUNTER) & inside.reshape(kinds.shape) & (rng.random(kinds.shape) < 0.3)
    lies &= odd[:, None] & (rng.random(len(kinds)) < 0.5)[:, None]
    game.counter[lies] = rng.integers(1, 4, lies.sum())
    for array, low, high in ((game.held, 0, 4), (game.direction, 0, 4)):
        array[odd] = rng.integers(low, high, array[odd].shape)
    game.time[odd] = rng.integers(0, HORIZON, odd.sum())
    pots = (np.asarray(states.terrain.pots) >= 0) & odd[:, None]
    cooks = pots & (rng.random(len(pots)) < 0.6)[:, None]
    game.pot_n[pots] = rng.integers(0, 3, pots.sum())
    game.pot_n[cooks] = 3
    game.pot_tick[cooks] = rng.integers(15, 21, cooks.sum())
    return states._replace(game=jax.tree.map(jnp.asarray, game))


@cache
def _program(env: ManyKitchens) -> Any:
    def run(state: Any, actions: Any) -> Any:
        def step(state: Any, action: Any) -> Any:
            moved, shown = env.step(_KEY, state, action)
            return moved, (moved, shown)

        return jax.lax.scan(step, state, actions)[1]

    return jax.jit(jax.vmap(run))


def played(env: ManyKitchens, states: Any, actions: np.ndarray) -> tuple[Any, Any, Any]:
    """(states before, states after, shown), numpy [games, steps, ...]."""
    after, shown = jax.device_get(_program(env)(states, actions))
    first = jax.device_get(states)
    before = jax.tree.map(
        lambda one, rest: np.concatenate([one[:, None], rest[:, :-1]], axis=1), first, after
    )
    return before, after, shown


def check_engine(layout: Layout, before: State, after: State, shown: Any, actions: Any) -> None:
    """Every step [T] of a game in many kitchens against `Overcooked` in its kitchen."""
    width, pots = SIZE[1], len(layout.pots)
    counters = layout.counters // layout.width * width + layout.counters % layout.width
    old = before._replace(
        cell=before.cell // width * layout.width + before.cell % width,
        counter=before.counter[:, counters],
        pot_n=before.pot_n[:, :pots],
        pot_tick=before.pot_tick[:, :pots],
    )
    env = Overcooked(layout.name, HORIZON, ENCODING)

    @jax.jit
    @jax.vmap
    def step(state: State, action: Any) -> Any:
        moved, wanted = env.step(_KEY, state, action)
        return into_frame(layout, SIZE, moved), wanted

    framed, wanted = step(old, actions)
    more = ((0, 0), (0, after.pot_n.shape[1] - pots))
    framed = framed._replace(
        pot_n=np.pad(framed.pot_n, more),
        pot_tick=np.pad(framed.pot_tick, more, constant_values=IDLE),
    )
    _need_equal_steps(layout, (framed, wanted), (after, shown))


def check_static(layout: Layout, before: State, after: State, shown: Any, actions: Any) -> None:
    """The same against the rules with the kitchen as a constant, all kitchens of one shape.

    Nothing is compiled for a kitchen, so that a thousand of them are a matter of minutes.
    """
    terrain = layout.terrain(SIZE, before.pot_n.shape[1])

    @jax.vmap
    def step(state: State, action: Any) -> Any:
        moved, outcome = limited_step(terrain, SIZE[1], HORIZON, state, action)
        return moved, time_step(grid(terrain, SIZE, moved, HORIZON), moved, HORIZON, outcome)

    old = jax.tree.map(jnp.asarray, before)
    _need_equal_steps(layout, step(old, jnp.asarray(actions)), (after, shown))


def _need_equal_steps(layout: Layout, wanted: Any, found: Any) -> None:
    numbers = [state._asdict() | seen._asdict() | seen.info for state, seen in (wanted, found)]
    _need_equal(layout, *numbers)


def check_all(check: Callable[..., None], count: int, steps: int, seed: int, games: int = 1) -> int:
    """So many games in each of so many kitchens; the number of steps that were compared."""
    env, rng = environment(count, seed), np.random.default_rng(seed)
    layouts = random_layouts(seed, count, SIZE)
    layouts = tuple(layouts[i] for i in rng.permutation(count))  # in no order
    each = tuple(layout for layout in layouts for _ in range(games))
    states = scramble(each, jax.vmap(env.enter)(stack_terrains(each, SIZE)), rng)
    actions = actions_by_chance(rng, len(each), steps)
    before, after, shown = played(env, states, actions)
    for number, layout in enumerate(layouts):
        mine = slice(number * games, (number + 1) * games)
        rows = (before.game, after.game, shown, actions)
        check(layout, *jax.tree.map(lambda x, m=mine: x[m].reshape(-1, *x.shape[2:]), rows))
    happened = dict(zip(env.spec.event_names, shown.info["events"].any((0, 1, 2)), strict=True))
    missing = [name for name, seen in happened.items() if not seen]
    if missing or not shown.reward.any():
        raise DifferenceError(f"too little happened to compare: no {', '.join(missing)}")
    return int(np.prod(actions.shape[:2]))


def check_reference(count: int, steps: int, seed: int) -> int:
    """Games that the reference played in so many kitchens, replayed all at once."""
    rng = np.random.default_rng(seed)
    layouts = random_layouts(seed, count, SIZE)
    env, terrains = environment(count, seed, steps), stack_terrains(layouts, SIZE)
    records = [_reference_game(layout, steps, rng, i % 2 == 1) for i, layout in enumerate(layouts)]
    wanted = [_in_frame(record, terrains.pots.shape[1]) for record in records]
    starts = {name: np.stack([states[name][0] for states in wanted]) for name in wanted[0]}
    fields = terrains._asdict() | {"kinds": terrains.kinds.reshape(count, *SIZE)}
    states = jax.vmap(env.restore)({k: v for k, v in fields.items() if k != "counters"} | starts)
    actions = np.stack([record.actions for record in records])
    _, after, shown = played(env, states, actions)
    snaps = jax.device_get(jax.vmap(jax.vmap(env.snapshot))(after))
    first = jax.device_get(jax.vmap(env.observe)(states))
    for game, (layout, record) in enumerate(zip(layouts, records, strict=True)):
        mine = {name: snaps[name][game] for name in wanted[game] if name != "obs"}
        mine["obs"] = shown.obs[game]
        _need_equal(layout, {name: rows[1:] for name, rows in wanted[game].items()}, mine)
        paid = {"sparse": record.sparse, "shaped": record.shaped, "events": record.events}
        _need_equal(layout, paid, {name: shown.info[name][game] for name in paid})
        _need_equal(layout, {"obs": wanted[game]["obs"][0]}, {"obs": first[game]})
    return int(np.prod(actions.shape[:2]))


def _reference_game(layout: Layout, steps: int, rng: Any, injected: bool) -> Record:
    mdp = reference_mdp(layout)
    start = mdp.get_standard_start_state()
    if injected:
        snap = Injector(layout, steps, rng).draw() | {"time": np.array(0)}
        start = from_snapshot(layout, snap)
    return play(layout, mdp, start, chance(rng, 0.4), steps, "injected" if injected else "reset")


def _in_frame(record: Record, pots: int) -> Numbers:
    """The reference's states and views, with counters around them."""
    states = dict(record.states)
    height, width = states["counter"].shape[1:]
    more = ((0, SIZE[0] - height), (0, SIZE[1] - width))
    states["counter"] = np.pad(states["counter"], ((0, 0), *more))
    pad = ((0, 0), (0, pots - states["pot_n"].shape[1]))
    states["pot_n"] = np.pad(states["pot_n"], pad)
    states["pot_tick"] = np.pad(states["pot_tick"], pad, constant_values=-1)
    urgent = record.obs[:, :, :1, :1, CHANNELS.index("urgency")]
    obs = np.zeros((*record.obs.shape[:2], *SIZE, len(CHANNELS)), np.uint8)
    obs[..., CHANNELS.index("counter")] = 1
    obs[..., CHANNELS.index("urgency")] = urgent
    obs[:, :, :height, :width] = record.obs
    return states | {"obs": obs}


def _need_equal(layout: Layout, wanted: Numbers, found: Numbers) -> None:
    for name, value in wanted.items():
        if name != "info" and not np.array_equal(value, found[name]):
            raise DifferenceError(f"{name} differs in\n{layout.text()}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kitchens_oracle", description=__doc__)
    parser.add_argument("--kitchens", type=int, default=1_024)
    parser.add_argument("--steps", type=int, default=20, help="in each kitchen")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    checks: dict[str, Callable[[int, int, int], int]] = {
        "static engine": partial(check_all, check_static),
        "reference": check_reference,
    }
    for name, check in checks.items():
        begin = time.perf_counter()
        try:
            steps = check(options.kitchens, options.steps, options.seed)
        except DifferenceError as difference:
            print(f"{name}: {difference}")
            return 1
        spent = time.perf_counter() - begin
        print(f"{name}: {steps} steps in {options.kitchens} kitchens, no difference, {spent:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
