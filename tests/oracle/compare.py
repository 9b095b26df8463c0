"""Our engine replays what the reference did; every number of every step has to be equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import numpy as np

from tests.oracle.coverage import cover
from tests.oracle.coverage_2020 import cover_2020
from tests.oracle.episodes import play_all, play_kitchen
from tests.oracle.record import (
    ACTIONS,
    DifferenceError,
    Record,
    Snapshot,
    at,
    item_name,
    place,
)
from zsc.envs.overcooked import Layout, Overcooked
from zsc.envs.overcooked.observation import channels

BONUS_STEPS = 3  # steps played beyond the horizon, to see that the terminal state absorbs
BATCH = 8  # records that are replayed at once

Numbers = dict[str, Any]  # by name: what is compared, one row for each step


class Replay(NamedTuple):
    """What our engine did, [batch, ...] each: the FIELDS and what is seen and paid."""

    reset: Numbers
    start: Numbers
    steps: Numbers  # [batch, T, ...]


def compare_layout(layout: Layout, steps: int, horizon: int = 400, seed: int = 0) -> Counter[str]:
    """Both engines in one kitchen; raises DifferenceError if they are not equal in everything."""
    env = Overcooked(layout=layout.name, horizon=horizon, encoding="grid")
    return compare_records(env, list(play_all(layout, steps, horizon, seed)))


def compare_kitchen(env: Overcooked, mdp: Any, steps: int, seed: int = 0) -> Counter[str]:
    """The same for any rules and number of cooks, beside the given engine of the same kitchen."""
    return compare_records(env, list(play_kitchen(env, mdp, steps, seed)))


def compare_records(env: Overcooked, records: list[Record]) -> Counter[str]:
    """Replay the reference's records; raises DifferenceError at the first difference.

    Returns what was covered. All replays have the same length, so that one compilation serves the
    whole layout: what an episode has less is played beyond its end, where nothing may change.
    """
    run, total = build_runner(env), Counter[str]()
    length = env.horizon + BONUS_STEPS
    rng = np.random.default_rng(0)
    for first in range(0, len(records), BATCH):
        group = records[first : first + BATCH]
        padded = [*group, *group[:1] * (BATCH - len(group))]
        starts = {n: np.stack([r.states[n][0] for r in padded]) for n in group[0].states}
        actions = rng.integers(0, 6, (BATCH, length, env.spec.num_agents))
        for row, record in zip(actions, padded, strict=True):
            row[: len(record.actions)] = record.actions
        ours = run(starts, actions)
        for index, record in enumerate(group):
            _compare(env, record, jax.tree.map(lambda leaf, i=index: leaf[i], ours), length)
            old = env.spec.num_agents == 2 and not env.rules.new
            total += cover(env.kitchen, record) if old else cover_2020(env, record)
            total["absorbed step"] += length - len(record.actions)
    return total


@cache
def build_runner(env: Overcooked) -> Callable[[Snapshot, np.ndarray], Replay]:
    """One compiled program: from starts [batch, ...] and actions [batch, T, A] to a replay."""
    key = jax.random.key(0)

    def step(state: Any, action: Any) -> tuple[Any, Numbers]:
        state, seen = env.step(key, state, action)
        return state, env.snapshot(state) | {
            "sparse reward": seen.info["sparse"],
            "shaped reward": seen.info["shaped"],
            "team reward": seen.reward,
            "events": seen.info["events"],
            "truncated": seen.truncated,
            "terminated": seen.terminated,
            "obs": seen.obs,
        }

    def replay(start: Snapshot, actions: Any) -> Replay:
        fresh, seen = env.reset(key)
        state = env.restore(start)
        _, steps = jax.lax.scan(step, state, actions)
        return Replay(
            env.snapshot(fresh) | {"obs": seen.obs},
            env.snapshot(state) | {"obs": env.observe(state)},
            steps,
        )

    compiled = jax.jit(jax.vmap(replay))
    return lambda starts, actions: jax.device_get(compiled(starts, actions))


def _compare(env: Overcooked, record: Record, ours: Replay, length: int) -> None:
    """The restored start, the reset where the reference started from its own, and all steps."""
    start = at(record.states, 0) | {"obs": record.obs[0]}
    _equal(env, record, _rows(start), _rows(ours.start), first=-1)
    if record.label.startswith("reset"):
        _equal(env, record, _rows(start), _rows(ours.reset), first=-1)
    _equal(env, record, expected(record, env.horizon, length), ours.steps, first=0)


def _rows(numbers: Numbers) -> Numbers:
    return {name: np.asarray(values)[None] for name, values in numbers.items()}


def expected(record: Record, horizon: int, length: int) -> Numbers:
    """What our engine has to show in so many steps, [length, ...] each.

    Beyond the horizon the state stands still and pays nothing; the reference would go on there.
    """
    shown = {name: values[1:] for name, values in record.states.items()} | {"obs": record.obs[1:]}
    last = at(record.states, -1) | {"obs": record.obs[-1], "truncated": True}
    played = shown | {
        "sparse reward": record.sparse,
        "shaped reward": record.shaped,
        "team reward": np.repeat(
            record.sparse.sum(1, keepdims=True), record.sparse.shape[1], axis=1
        ),
        "events": record.events,
        "truncated": record.states["time"][1:] >= horizon,
        "terminated": np.zeros(len(record.actions), bool),
    }
    over = length - len(record.actions)
    return {
        name: np.concatenate(
            [rows, np.full((over, *rows.shape[1:]), last.get(name, 0), rows.dtype)]
        )
        for name, rows in played.items()
    }


def _equal(env: Overcooked, record: Record, theirs: Numbers, ours: Numbers, first: int) -> None:
    """Raise at the first row that differs; row 0 belongs to step `first`, -1 is the start."""
    found = {}
    for name, rows in theirs.items():
        if not np.array_equal(rows, ours[name]):
            same = [np.array_equal(a, b) for a, b in zip(rows, ours[name], strict=True)]
            found[name] = same.index(False)
    if not found:
        return
    row = min(found.values())
    name, *more = [name for name, where in found.items() if where == row]
    also = f" (and {', '.join(more)})" if more else ""
    lines = [f"{env.spec.id}, {record.label}: {name!r} differs{also}"]
    lines += _when(env.kitchen, record, first + row)
    lines += _where(env, name, theirs[name][row], ours[name][row])
    raise DifferenceError("\n".join(lines))


def _when(layout: Layout, record: Record, step: int) -> list[str]:
    """A step in words: the state before it and the actions, if the reference still played."""
    done = len(record.actions)
    before = _describe(layout, at(record.states, min(max(step, 0), done)))
    if step < 0:
        return ["at the start:", *before]
    if step >= done:
        return [f"step {step}, after the end at step {done}", *before]
    actions = ", ".join(ACTIONS[action] for action in record.actions[step])
    return [f"step {step} from the start, before it:", *before, f"actions: {actions}"]


def _describe(layout: Layout, snap: Snapshot) -> list[str]:
    """A state in words, under the plan of the kitchen."""
    rows = [list(row) for row in layout.rows]
    lines = []
    for agent, (x, y) in enumerate(snap["pos"]):
        rows[y][x] = str(agent + 1)
        facing, held = ACTIONS[snap["dir"][agent]], item_name(int(snap["held"][agent]))
        lines.append(f"agent {agent} (drawn as {agent + 1}) at ({x}, {y}) facing {facing}: {held}")
    for y, x in np.argwhere(snap["counter"]):
        lines.append(f"{item_name(int(snap['counter'][y, x]))} on ({x}, {y})")
    tomatoes = snap.get("pot_t", np.zeros_like(snap["pot_n"]))
    for cell, n, t, tick in zip(
        layout.pots, snap["pot_n"], tomatoes, snap["pot_tick"], strict=True
    ):
        lines.append(f"pot {place(layout, cell)}: {n} onions, {t} tomatoes, tick {tick}")
    return ["".join(row) for row in rows] + [*lines, f"time {snap['time']}"]


def _where(env: Overcooked, name: str, theirs: np.ndarray, ours: np.ndarray) -> list[str]:
    """The differing entries, the first ten of them, in words where a number needs them."""
    if theirs.shape != ours.shape:
        return [f"shape: reference {theirs.shape}, ours {ours.shape}"]
    lines = []
    for index in np.argwhere(theirs != ours)[:10]:
        where: Any = tuple(int(i) for i in index)
        if name == "obs":
            channel = channels(len(theirs))[where[3]]
            where = f"agent {where[0]}, ({where[2]}, {where[1]}), channel {channel!r}"
        elif name == "events":
            where = f"agent {where[0]}, {env.spec.event_names[where[1]]!r}"
        lines.append(f"  {where}: reference {theirs[tuple(index)]}, ours {ours[tuple(index)]}")
    return lines
