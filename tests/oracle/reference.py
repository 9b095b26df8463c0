"""The reference engine: the PyPI package `overcooked` with `old_dynamics`, the rules of 2019.

Builds it for a kitchen, converts its states, lets it play and writes down what it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from overcooked.mdp.actions import Action, Direction  # type: ignore[import-untyped]
from overcooked.mdp.overcooked_mdp import (  # type: ignore[import-untyped]
    ObjectState,
    OvercookedGridworld,
    OvercookedState,
    PlayerState,
    SoupState,
)

from tests.oracle.record import (
    FIELDS,
    INTERACT,
    ITEMS,
    NOTHING,
    OFFSETS,
    POT_SIZE,
    SOUP,
    STAY,
    DifferenceError,
    Policy,
    Record,
    Snapshot,
    cells_at,
    place,
)
from zsc.envs.overcooked import CLASSIC, Layout
from zsc.envs.overcooked.dynamics import EVENT_NAMES
from zsc.envs.overcooked.layouts import FLOOR

#: Our name of a kitchen and the reference's, where the two differ.
REFERENCE_NAMES = {"counter_circuit": "counter_circuit_o_1order"}
ONION_SOUP = [{"ingredients": ["onion", "onion", "onion"]}]


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
        raise DifferenceError(
            f"{layout.name}: the plan differs\n{layout.text()}\nreference: {rows}"
        )
    return mdp


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
        assert item.is_ready
        assert item.ingredients == ["onion"] * POT_SIZE
    return ITEMS.index(item.name)


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
    assert views.min() >= 0
    assert views.max() < 256
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
        free = layout.kinds[cells_at(layout, old["pos"][agent] + OFFSETS[action])] == FLOOR
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
