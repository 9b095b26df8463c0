"""Step-by-step comparison of zsc's Overcooked with the reference engine.

The reference is the PyPI package `overcooked` with `old_dynamics`, which plays the rules of 2019.
It plays first and is written down (`Record`); then our engine replays the same actions from the
same start in one compiled batch, and every number of every step has to be equal. No tolerance.

    python -m tests.overcooked_oracle --steps 200000 --seed 0
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

import jax
import numpy as np
from overcooked.mdp.actions import Action, Direction  # type: ignore[import-untyped]
from overcooked.mdp.overcooked_mdp import (  # type: ignore[import-untyped]
    ObjectState,
    OvercookedGridworld,
    OvercookedState,
    PlayerState,
    SoupState,
)

from zsc.envs.overcooked import CLASSIC, Layout, Overcooked, parse_layout
from zsc.envs.overcooked.dynamics import EVENT_NAMES
from zsc.envs.overcooked.layouts import COUNTER, DISHES, FLOOR, ONIONS, POT, SERVING
from zsc.envs.overcooked.observation import CHANNELS
from zsc.errors import UserError

# Written out once more rather than imported: a wrong constant in zsc must not move both sides.
NORTH, SOUTH, EAST, WEST, STAY, INTERACT = range(6)
NOTHING, ONION, DISH, SOUP = range(4)
READY, POT_SIZE = 20, 3
CODES = {"onion": ONION, "dish": DISH, "soup": SOUP}
ITEMS = ("nothing", "onion", "dish", "soup")
ACTIONS = ("north", "south", "east", "west", "stay", "interact")
OFFSETS = np.array([[0, -1], [0, 1], [1, 0], [-1, 0]])  # x, y

#: Our name of a kitchen and the reference's, where the two differ.
REFERENCE_NAMES = {"counter_circuit": "counter_circuit_o_1order"}
ONION_SOUP = [{"ingredients": ["onion", "onion", "onion"]}]
BONUS_STEPS = 3  # steps played beyond the horizon, to see that the terminal state absorbs
FIELDS = ("pos", "dir", "held", "counter", "pot_n", "pot_tick", "time")

Snapshot = dict[str, np.ndarray]
Policy = Callable[[Snapshot], "tuple[int, int]"]
Rng = np.random.Generator


class Difference(AssertionError):
    """The engines disagree; the message shows the first place where they do."""


class Record(NamedTuple):
    """What the reference did in one episode of n steps; n + 1 states."""

    label: str
    actions: np.ndarray  # [n, A]
    states: Snapshot  # each [n + 1, ...]
    obs: np.ndarray  # [n + 1, A, H, W, 26] uint8
    sparse: np.ndarray  # [n, A]
    shaped: np.ndarray  # [n, A]
    events: np.ndarray  # [n, A, len(EVENT_NAMES)] bool

    @property
    def start(self) -> Snapshot:
        """The first state."""
        return at(self.states, 0)


def at(states: Snapshot, step: int) -> Snapshot:
    """The state at one step of a stack of states."""
    return {name: values[step] for name, values in states.items()}


# ---------------------------------------------------------------- the reference engine


def reference_mdp(layout: Layout) -> Any:
    """The reference engine for a kitchen; the classic ones come from the reference's own files."""
    if layout.name in CLASSIC:
        name = REFERENCE_NAMES.get(layout.name, layout.name)
        mdp = OvercookedGridworld.from_layout_name(name, old_dynamics=True)
    else:
        base = {
            "start_all_orders": ONION_SOUP,
            "start_bonus_orders": [],
            "rew_shaping_params": None,
        }
        mdp = OvercookedGridworld.from_grid(layout.text().split("\n"), base, {"old_dynamics": True})
    rows = tuple("".join(row) for row in mdp.terrain_mtx)
    starts = tuple(y * layout.width + x for x, y in mdp.start_player_positions)
    if (rows, starts) != (layout.rows, layout.starts):
        raise Difference(f"{layout.name}: the plan differs\n{layout.text()}\nreference: {rows}")
    return mdp


def place(layout: Layout, cell: int) -> tuple[int, int]:
    """The (x, y) of a cell."""
    y, x = divmod(int(cell), layout.width)
    return x, y


def to_snapshot(layout: Layout, state: Any) -> Snapshot:
    """The snapshot of a reference state. Refuses states that a snapshot cannot say."""
    counter = np.zeros((layout.height, layout.width), np.int64)
    pots = {place(layout, cell): i for i, cell in enumerate(layout.pots)}
    pot_n, pot_tick = np.zeros(len(pots), np.int64), np.full(len(pots), -1)
    for (x, y), item in state.objects.items():
        if (x, y) in pots:
            pot_n[pots[x, y]] = len(item.ingredients)
            pot_tick[pots[x, y]] = item._cooking_tick
        else:
            counter[y, x] = _code(item)
    return {
        "pos": np.array([player.position for player in state.players]),
        "dir": np.array([Direction.DIRECTION_TO_INDEX[p.orientation] for p in state.players]),
        "held": np.array([_code(p.held_object) for p in state.players]),
        "counter": counter,
        "pot_n": pot_n,
        "pot_tick": pot_tick,
        "time": np.array(state.timestep),
    }


def _code(item: Any) -> int:
    if item is None:
        return NOTHING
    if item.name == "soup":
        assert item.ingredients == ["onion"] * POT_SIZE and item.is_ready
    return CODES[item.name]


def from_snapshot(layout: Layout, snap: Snapshot) -> Any:
    """The reference state that a snapshot describes."""
    players = []
    for agent in (0, 1):
        pos = tuple(int(v) for v in snap["pos"][agent])
        facing = Direction.INDEX_TO_DIRECTION[int(snap["dir"][agent])]
        players.append(PlayerState(pos, facing, _item(int(snap["held"][agent]), pos)))
    objects = {}
    for y, x in np.argwhere(snap["counter"]):
        pos = (int(x), int(y))
        objects[pos] = _item(int(snap["counter"][y, x]), pos)
    for cell, count, tick in zip(layout.pots, snap["pot_n"], snap["pot_tick"], strict=True):
        if count:
            pos = place(layout, cell)
            objects[pos] = SoupState.get_soup(pos, int(count), cooking_tick=int(tick))
    return OvercookedState(players, objects, all_orders=ONION_SOUP, timestep=int(snap["time"]))


def _item(code: int, pos: tuple[int, ...]) -> Any:
    if code == NOTHING:
        return None
    if code == SOUP:
        return SoupState.get_soup(pos, POT_SIZE, finished=True)
    return ObjectState(ITEMS[code], pos)


def play(layout: Layout, mdp: Any, start: Any, policy: Policy, horizon: int, label: str) -> Record:
    """Let the reference play from a start state up to the horizon and write everything down."""
    state, snaps = start, [to_snapshot(layout, start)]
    obs, rows = [_encode(mdp, state, horizon)], []
    for _ in range(max(horizon - state.timestep, 0)):
        chosen = policy(snaps[-1])
        state, info = mdp.get_state_transition(
            state, tuple(Action.INDEX_TO_ACTION[a] for a in chosen)
        )
        snaps.append(to_snapshot(layout, state))
        obs.append(_encode(mdp, state, horizon))
        events = _events(layout, info["event_infos"], snaps[-2], snaps[-1], chosen)
        rewards = (info["sparse_reward_by_agent"], info["shaped_reward_by_agent"])
        rows.append((chosen, *rewards, events))
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return Record(
        label=label,
        actions=np.array(columns[0], np.int64).reshape(-1, 2),
        states={name: np.stack([snap[name] for snap in snaps]) for name in FIELDS},
        obs=np.stack(obs),
        sparse=np.array(columns[1], np.float64).reshape(-1, 2),
        shaped=np.array(columns[2], np.float64).reshape(-1, 2),
        events=np.array(columns[3], bool).reshape(-1, 2, len(EVENT_NAMES)),
    )


def _encode(mdp: Any, state: Any, horizon: int) -> np.ndarray:
    views = np.stack(mdp.lossless_state_encoding(state, horizon=horizon))
    assert views.min() >= 0 and views.max() < 256
    return views.transpose(0, 2, 1, 3).astype(np.uint8)


def _events(
    layout: Layout, log: dict[str, list[bool]], old: Snapshot, new: Snapshot, actions: Sequence[int]
) -> np.ndarray:
    """[A, events] the reference's log; events that it does not know follow from its states.

    What they follow from: every interact that does something changes what the agent holds, and
    only the other agent can keep an agent from walking onto floor.
    """
    assert log["optimal_onion_potting"] == log["viable_onion_potting"] == log["potting_onion"]
    assert not any(log["catastrophic_onion_potting"] + log["useless_onion_potting"])
    assert not any(any(log[name]) for name in log if "tomato" in name)
    rows = []
    for agent, action in enumerate(actions):
        changed = old["held"][agent] != new["held"][agent]
        target = old["pos"][agent] + OFFSETS[action] if action < STAY else old["pos"][agent]
        free = layout.kinds[target[1] * layout.width + target[0]] == FLOOR
        moved = (old["pos"][agent] != new["pos"][agent]).any()
        derived = {
            "useful_interact": action == INTERACT and changed,
            "useless_interact": action == INTERACT and not changed,
            "collision": action < STAY and free and not moved,
            "blocked": action < STAY and not free,
            "stay": action == STAY,
        }
        rows.append([log[n][agent] if n in log else derived[n] for n in EVENT_NAMES])
    return np.array(rows, bool)


# ---------------------------------------------------------------- our engine, and the comparison


class Frame(NamedTuple):
    """What our engine shows after a step; a replay stacks them to [batch, T, ...]."""

    state: dict[str, Any]
    obs: Any
    reward: Any
    sparse: Any
    shaped: Any
    events: Any
    truncated: Any
    terminated: Any


class Replay(NamedTuple):
    """A reset, the restored start, and the steps from it; [batch, ...] each."""

    fresh: dict[str, Any]
    fresh_obs: Any
    first: dict[str, Any]
    first_obs: Any
    frames: Frame


@cache
def build_runner(env: Overcooked) -> Callable[[Snapshot, np.ndarray], Replay]:
    """One compiled program: from starts [batch, ...] and actions [batch, T, A] to a replay."""
    key = jax.random.key(0)

    def step(state: Any, action: Any) -> tuple[Any, Frame]:
        state, seen = env.step(key, state, action)
        info = seen.info
        frame = Frame(
            env.snapshot(state),
            seen.obs,
            seen.reward,
            info["sparse"],
            info["shaped"],
            info["events"],
            seen.truncated,
            seen.terminated,
        )
        return state, frame

    def replay(start: Snapshot, actions: Any) -> Replay:
        fresh, seen = env.reset(key)
        state = env.restore(start)
        _, frames = jax.lax.scan(step, state, actions)
        return Replay(
            env.snapshot(fresh), seen.obs, env.snapshot(state), env.observe(state), frames
        )

    compiled = jax.jit(jax.vmap(replay))
    return lambda starts, actions: jax.device_get(compiled(starts, actions))


@dataclass
class Coverage:
    """How many steps were compared, and how often each event and race came up in them."""

    steps: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(self.steps + other.steps, self.counts + other.counts)


def compare_steps(env: Overcooked, records: Sequence[Record], batch: int = 8) -> Coverage:
    """Replay the reference's records in our engine; raises Difference at the first difference.

    All replays have the same length, so that one compilation serves the whole layout: what an
    episode has less is played beyond its end, where nothing may change any more.
    """
    run, total = build_runner(env), Coverage()
    length = env.horizon + BONUS_STEPS
    rng = np.random.default_rng(0)
    for first in range(0, len(records), batch):
        group = list(records[first : first + batch])
        padded = group + group[:1] * (batch - len(group))
        starts = {name: np.stack([r.states[name][0] for r in padded]) for name in FIELDS}
        actions = rng.integers(0, 6, (batch, length, 2))
        for row, record in zip(actions, padded, strict=True):
            row[: len(record.actions)] = record.actions
        ours = run(starts, actions)
        for index, record in enumerate(group):
            replay = jax.tree.map(lambda leaf, i=index: leaf[i], ours)
            _compare_start(env, record, replay)
            _compare_episode(env, record, replay.frames)
            _compare_absorbing(env, record, replay.frames)
            total += cover(env.kitchen, record)
            total.counts["absorbed step"] += length - len(record.actions)
    return total


def _compare_start(env: Overcooked, record: Record, ours: Replay) -> None:
    """The restored start is the reference's; a reset gives the reference's standard start."""
    starts = [(ours.first, ours.first_obs)]
    if record.label.startswith("reset"):
        starts.append((ours.fresh, ours.fresh_obs))
    for state, obs in starts:
        for name in FIELDS:
            _equal(env, record, -1, name, record.states[name][0], state[name])
        _equal(env, record, -1, "obs", record.obs[0], obs)


def _compare_episode(env: Overcooked, record: Record, frames: Frame) -> None:
    """Everything of the n steps; only when something differs, look for the first step of it."""
    steps = len(record.actions)
    team = np.repeat(record.sparse.sum(1, keepdims=True), 2, axis=1)
    truncated = record.states["time"][1:] >= env.horizon
    pairs = {name: (record.states[name][1:], frames.state[name]) for name in FIELDS} | {
        "sparse reward": (record.sparse, frames.sparse),
        "shaped reward": (record.shaped, frames.shaped),
        "team reward": (team, frames.reward),
        "events": (record.events, frames.events),
        "truncated": (truncated, frames.truncated),
        "terminated": (np.zeros(steps, bool), frames.terminated),
        "obs": (record.obs[1:], frames.obs),
    }
    found = []
    for name, (theirs, ours) in pairs.items():
        if not np.array_equal(theirs, ours[:steps]):
            bad = [t for t in range(steps) if not np.array_equal(theirs[t], ours[t])]
            found.append((bad[0], name))
    if found:
        step = min(found)[0]
        names = [name for when, name in found if when == step]
        for name in names:
            also = f" (and {', '.join(names[1:])})" if len(names) > 1 else ""
            _equal(env, record, step, name, pairs[name][0][step], pairs[name][1][step], also)


def _compare_absorbing(env: Overcooked, record: Record, frames: Frame) -> None:
    """Beyond the horizon our state stands still and pays nothing; the reference goes on there."""
    done = len(record.actions)
    pairs = [(name, record.states[name][-1], frames.state[name]) for name in FIELDS]
    pairs += [("obs", record.obs[-1], frames.obs), ("truncated", True, frames.truncated)]
    pairs += [
        (name, 0, getattr(frames, name))
        for name in ("reward", "sparse", "shaped", "events", "terminated")
    ]
    for name, still, values in pairs:
        _equal(env, record, None, name, np.broadcast_to(still, values[done:].shape), values[done:])


def _equal(
    env: Overcooked,
    record: Record,
    step: int | None,
    name: str,
    theirs: Any,
    ours: Any,
    also: str = "",
) -> None:
    theirs, ours = np.asarray(theirs), np.asarray(ours)
    if theirs.shape == ours.shape and np.array_equal(theirs, ours):
        return
    lines = [f"{env.kitchen.name}, {record.label}: {name!r} differs{also}"]
    if step is None:
        lines.append(f"after the end at step {len(record.actions)}")
        before = at(record.states, -1)
    else:
        before = at(record.states, max(step, 0))
        lines.append(f"step {step} from the start, before it:" if step >= 0 else "at the start:")
    lines += _describe(env.kitchen, before)
    if step is not None and step >= 0:
        lines.append("actions: " + ", ".join(ACTIONS[a] for a in record.actions[step]))
    lines += _where(name, theirs, ours)
    raise Difference("\n".join(lines))


def _describe(layout: Layout, snap: Snapshot) -> list[str]:
    """A state in words, under the plan of the kitchen."""
    rows = [list(row) for row in layout.rows]
    lines = []
    for agent, (x, y) in enumerate(snap["pos"]):
        rows[y][x] = str(agent + 1)
        facing, held = ACTIONS[snap["dir"][agent]], ITEMS[snap["held"][agent]]
        lines.append(f"agent {agent} (drawn as {agent + 1}) at ({x}, {y}) facing {facing}: {held}")
    for y, x in np.argwhere(snap["counter"]):
        lines.append(f"{ITEMS[snap['counter'][y, x]]} on ({x}, {y})")
    for cell, n, tick in zip(layout.pots, snap["pot_n"], snap["pot_tick"], strict=True):
        lines.append(f"pot {place(layout, cell)}: {n} onions, tick {tick}")
    return ["".join(row) for row in rows] + [*lines, f"time {snap['time']}"]


def _where(name: str, theirs: np.ndarray, ours: np.ndarray) -> list[str]:
    """The differing entries, the first ten of them, in words where a number needs them."""
    if theirs.shape != ours.shape:
        return [f"shape: reference {theirs.shape}, ours {ours.shape}"]
    lines = []
    for index in np.argwhere(theirs != ours)[:10]:
        where: Any = tuple(int(i) for i in index)
        if name == "obs" and len(where) == 4:
            where = f"agent {where[0]}, ({where[2]}, {where[1]}), channel {CHANNELS[where[3]]!r}"
        elif name == "events" and len(where) == 2:
            where = f"agent {where[0]}, {EVENT_NAMES[where[1]]!r}"
        lines.append(f"  {where}: reference {theirs[tuple(index)]}, ours {ours[tuple(index)]}")
    return lines


# ---------------------------------------------------------------- coverage


def cover(layout: Layout, record: Record) -> Coverage:
    """Count the events of a record, and the situations in which order or timing matters."""
    counts: Counter[str] = Counter()
    for index, name in enumerate(EVENT_NAMES):
        counts[name] += int(record.events[:, :, index].sum())
    old = {name: values[:-1] for name, values in record.states.items()}
    new = {name: values[1:] for name, values in record.states.items()}
    faced = old["pos"] + OFFSETS[old["dir"]]
    cell = faced[..., 1] * layout.width + faced[..., 0]
    interacts = record.actions == INTERACT
    both = interacts.all(1) & (cell[:, 0] == cell[:, 1])
    for step in np.flatnonzero(both):
        counts[_race(layout, at(old, int(step)), int(cell[step, 0]))] += 1
    counts["same cell"] = int(both.sum())
    counts.update(_walks(record.actions, old["pos"], new["pos"]))
    counts.update(_timing(layout, record, old, cell, interacts))
    counts["reached horizon"] = 1
    return Coverage(len(record.actions), +counts)


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
    steps = np.concatenate([OFFSETS, np.zeros((2, 2), int)])[actions]
    target = old + steps
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


# ---------------------------------------------------------------- kitchens and states by chance


def generate_layouts(seed: int, count: int) -> list[Layout]:
    """Kitchens by chance in which soup can be made; every third one is divided."""
    rng = np.random.default_rng(seed)
    found: list[Layout] = []
    while len(found) < count:
        layout = _try_layout(rng, divided=len(found) % 3 == 0)
        if layout is not None:
            found.append(layout)
    return found


def _try_layout(rng: Rng, divided: bool) -> Layout | None:
    height, width = int(rng.integers(3, 9)), int(rng.integers(4 + divided, 12))
    plan = np.full((height, width), "X")
    inside = rng.random((height - 2, width - 2)) < rng.choice([0.0, 0.15, 0.3])
    plan[1:-1, 1:-1] = np.where(inside, "X", " ")
    if divided:
        plan[:, rng.integers(2, width - 2)] = "X"
    floor = np.argwhere(plan == " ")
    if len(floor) < 2:
        return None
    for player, spot in zip("12", rng.permutation(floor)[:2], strict=True):
        plan[tuple(spot)] = player
    for symbol, most in (("P", 4), ("O", 3), ("D", 2), ("S", 2)):
        closed = np.argwhere(plan == "X")
        number = min(int(rng.integers(1, most + 1)), len(closed))
        for spot in rng.permutation(closed)[:number]:
            plan[tuple(spot)] = symbol
    try:
        layout = parse_layout("\n".join("".join(row) for row in plan))
    except UserError:
        return None
    return layout if _solvable(layout, divided) else None


def _solvable(layout: Layout, divided: bool) -> bool:
    """One agent can do everything, or both can together and share a counter to pass things on."""
    rooms = [layout.component(start) for start in layout.starts]
    reach = [{n for cell in room for n in layout.neighbours(cell).values()} for room in rooms]

    def complete(cells: set[int]) -> bool:
        kinds = {int(layout.kinds[c]) for c in cells}
        return {ONIONS, DISHES, POT, SERVING} <= kinds

    if (rooms[0] != rooms[1]) != divided:
        return False
    shared = any(layout.kinds[c] == COUNTER for c in reach[0] & reach[1])
    if divided and not shared:
        return False
    return complete(reach[0] | reach[1])


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
    rng: Rng

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


# ---------------------------------------------------------------- who acts


def chance(rng: Rng, interact: float = 1 / 6) -> Policy:
    """Both agents act by chance, with that share of interacts."""
    weights = [(1 - interact) / 5] * 5 + [interact]

    def act(_: Snapshot) -> tuple[int, int]:
        first, second = rng.choice(6, 2, p=weights)
        return int(first), int(second)

    return act


class Cook:
    """A hasty cook that fetches, cooks, serves and passes things over counters.

    It plays well enough that soups get delivered, and takes a chance action now and then, so that
    things end up where no plan would put them.
    """

    def __init__(self, layout: Layout, rng: Rng, noise: float = 0.1) -> None:
        self.layout, self.rng, self.noise = layout, rng, noise
        self.around = {int(c): layout.neighbours(int(c)) for c in layout.floor}
        self.reach: dict[int, frozenset[int]] = {}
        for cell in self.around:
            room = layout.component(cell)
            sides = {n for c in room for n in self.around[c].values()}
            self.reach[cell] = frozenset(n for n in sides if layout.kinds[n] != FLOOR)

    def act(self, snap: Snapshot, agent: int) -> int:
        """The action of one agent."""
        goals = self._goals(snap, agent) if self.rng.random() >= self.noise else set()
        return self._approach(snap, agent, goals) if goals else int(self.rng.integers(0, 6))

    def _goals(self, snap: Snapshot, agent: int) -> set[int]:
        """The tiles one of which to interact with next."""
        cells = snap["pos"][:, 1] * self.layout.width + snap["pos"][:, 0]
        reach = self.reach[int(cells[agent])]
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
        return empty & self.reach[int(cells[1 - agent])] or empty

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

    def _kind(self, kind: int) -> set[int]:
        return {int(c) for c in self.layout.cells(kind)}

    def _lying(self, snap: Snapshot, item: int) -> set[int]:
        counter = self.layout.kinds == COUNTER
        return {int(c) for c in np.flatnonzero(counter & (snap["counter"].reshape(-1) == item))}

    def _approach(self, snap: Snapshot, agent: int, goals: set[int]) -> int:
        """Walk the shortest way to a tile, turn to it, interact. Sometimes forgets the partner."""
        x, y = snap["pos"][agent]
        cell = int(y * self.layout.width + x)
        other = int(snap["pos"][1 - agent] @ [1, self.layout.width])
        blocked = other if self.rng.random() < 0.7 else -1
        found: set[int] = {cell}
        queue = deque([(cell, -1)])
        while queue:
            here, first = queue.popleft()
            for way, beside in self.around[here].items():
                if beside in goals:
                    if first >= 0:
                        return first
                    return INTERACT if snap["dir"][agent] == way else way
                if beside in self.around and beside not in found and beside != blocked:
                    found.add(beside)
                    queue.append((beside, way if first < 0 else first))
        return int(self.rng.integers(0, 6))


def scripted(layout: Layout, rng: Rng) -> Policy:
    """Two hasty cooks."""
    cook = Cook(layout, rng)
    return lambda snap: (cook.act(snap, 0), cook.act(snap, 1))


def mixed(layout: Layout, rng: Rng) -> Policy:
    """A hasty cook and a partner that interacts a lot by chance, on either side."""
    cook, other, agent = Cook(layout, rng), chance(rng, 0.4), int(rng.integers(2))

    def act(snap: Snapshot) -> tuple[int, int]:
        actions = list(other(snap))
        actions[agent] = cook.act(snap, agent)
        return actions[0], actions[1]

    return act


def eager(policy: Policy) -> Policy:
    """Both interact first: after an injection that is where the races are."""
    fresh = True

    def act(snap: Snapshot) -> tuple[int, int]:
        nonlocal fresh
        chosen, fresh = (INTERACT, INTERACT) if fresh else policy(snap), False
        return chosen

    return act


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
    injector = Injector(layout, horizon, rng)
    sources: dict[str, Callable[[], Policy]] = {
        "chance": lambda: chance(rng),
        "interacts": lambda: chance(rng, 0.5),
        "scripted": lambda: scripted(layout, rng),
        "mixed": lambda: mixed(layout, rng),
    }
    for kind, share in SHARES.items():
        done = episode = 0
        while done < share * steps:
            if kind == "injected":
                start = from_snapshot(layout, injector.draw())
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


def compare_layout(
    layout: Layout, steps: int, horizon: int = 400, seed: int = 0, batch: int = 8
) -> Coverage:
    """Both engines in one kitchen; raises Difference if they are not equal in everything."""
    name = layout.name if layout.name in CLASSIC else layout.text().replace("\n", "|")
    env = Overcooked(layout=name, horizon=horizon, encoding="grid")
    return compare_steps(env, list(play_all(layout, steps, horizon, seed)), batch)


# ---------------------------------------------------------------- the command

COLUMNS = {
    "deliver": "soup_delivery",
    "scoop": "soup_pickup",
    "dish+": "useful_dish_pickup",
    "drop O": "onion_drop",
    "drop D": "dish_drop",
    "drop S": "soup_drop",
    "collide": "collision",
    "same cell": "same cell",
    "absorbed": "absorbed step",
}


def main() -> int:
    """Compare on the five classic kitchens and on generated ones; 1 if anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--steps", type=int, default=200_000, help="steps in all kitchens together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--generated", type=int, default=20, help="number of generated kitchens")
    parser.add_argument("--horizon", type=int, default=400)
    options = parser.parse_args()
    begin = time.perf_counter()
    layouts = [parse_layout(text, name) for name, text in CLASSIC.items()]
    layouts += generate_layouts(options.seed, options.generated)
    share = -(-options.steps // len(layouts))
    print(f"{'layout':34}{'steps':>7}{'diff':>6}" + "".join(f"{c:>10}" for c in COLUMNS))
    total, first = Coverage(), ""
    for number, layout in enumerate(layouts):
        name = layout.name if layout.name in CLASSIC else _title(number, layout)
        try:
            found = compare_layout(layout, share, options.horizon, options.seed + 1000 * number)
        except Difference as difference:
            first = first or str(difference)
            print(f"{name:34}{'':>7}{'1+':>6}", flush=True)
            continue
        print(_row(name, found), flush=True)
        total += found
    print(_row("total", total))
    print("\ncoverage, counted on the reference's side:")
    for name, count in sorted(total.counts.items()):
        print(f"  {name:40}{count:>9}")
    print(f"\n{time.perf_counter() - begin:.0f} s")
    print(f"first difference:\n{first}" if first else "no difference")
    return 1 if first else 0


def _title(number: int, layout: Layout) -> str:
    apart = layout.starts[1] not in layout.component(layout.starts[0])
    size = f"{layout.width}x{layout.height}"
    return f"generated {number} {size} pots={len(layout.pots)}{' divided' if apart else ''}"


def _row(name: str, found: Coverage) -> str:
    counts = "".join(f"{found.counts[key]:>10}" for key in COLUMNS.values())
    return f"{name:34}{found.steps:>7}{0:>6}{counts}"


if __name__ == "__main__":
    sys.exit(main())
