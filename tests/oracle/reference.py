"""The reference engine: the PyPI package `overcooked`, with `old_dynamics` the rules of 2019.

Builds it for a kitchen, converts its states, lets it play and writes down what it did.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import combinations
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
    INTERACT,
    ITEMS,
    NOTHING,
    OFFSETS,
    SOUPS,
    STAY,
    TOMATO,
    DifferenceError,
    Policy,
    Record,
    Snapshot,
    cells_at,
    place,
)
from zsc.envs.overcooked import CLASSIC, Layout
from zsc.envs.overcooked.events import event_names
from zsc.envs.overcooked.layouts import FLOOR, POT, TOMATOES

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
    _check_plan(layout, mdp)
    return mdp


def reference_2020(layout: Layout, told: Mapping[str, Any] | str) -> Any:
    """The reference engine by the rules of 2020.

    told: the name of one of the reference's own files, or what such a file would say.
    """
    if isinstance(told, str):
        mdp = OvercookedGridworld.from_layout_name(told)
    else:
        base = {name: copy.deepcopy(value) for name, value in told.items() if name != "grid"}
        mdp = OvercookedGridworld.from_grid(layout.text().split("\n"), base)
    _check_plan(layout, mdp)
    return mdp


def _check_plan(layout: Layout, mdp: Any) -> None:
    rows = tuple("".join(row) for row in mdp.terrain_mtx)
    starts = tuple(y * layout.width + x for x, y in mdp.start_player_positions)
    if (rows, starts) != (layout.rows, layout.starts):
        raise DifferenceError(
            f"{layout.name}: the plan differs\n{layout.text()}\nreference: {rows}"
        )


def to_snapshot(layout: Layout, state: Any, *, new: bool = False) -> Snapshot:
    """The snapshot of a reference state. Refuses states that a snapshot cannot say.

    new: with tomatoes, as by the rules of 2020.
    """
    counter = np.zeros((layout.height, layout.width), np.int64)
    pots = {place(layout, cell): i for i, cell in enumerate(layout.pots)}
    inside, pot_tick = np.zeros((2, len(pots)), np.int64), np.full(len(pots), -1)
    for (x, y), item in state.objects.items():
        if (x, y) in pots:
            inside[:, pots[x, y]] = _counts(item)
            pot_tick[pots[x, y]] = item._cooking_tick
        else:
            counter[y, x] = _code(item)
    assert new or not inside[1].any()
    return {
        "pos": np.array([player.position for player in state.players]),
        "dir": np.array([Direction.DIRECTION_TO_INDEX[p.orientation] for p in state.players]),
        "held": np.array([_code(p.held_object) for p in state.players]),
        "counter": counter,
        "pot_n": inside[0],
        "pot_tick": pot_tick,
        "time": np.array(state.timestep),
    } | ({"pot_t": inside[1]} if new else {})


def _counts(soup: Any) -> tuple[int, int]:
    return soup.ingredients.count("onion"), soup.ingredients.count("tomato")


def _code(item: Any) -> int:
    if item is None:
        return NOTHING
    if item.name == "soup":
        assert item.is_ready
        return SOUPS[_counts(item)]
    return ITEMS.index(item.name)


def from_snapshot(layout: Layout, snap: Snapshot, mdp: Any = None) -> Any:
    """The reference state that a snapshot describes.

    mdp: the engine of the kitchen, whose orders hold by the rules of 2020.
    """
    players = []
    for agent in range(len(layout.starts)):
        pos = tuple(int(v) for v in snap["pos"][agent])
        facing = Direction.INDEX_TO_DIRECTION[int(snap["dir"][agent])]
        players.append(PlayerState(pos, facing, _item(int(snap["held"][agent]), pos)))
    objects = {}
    for y, x in np.argwhere(snap["counter"]):
        pos = (int(x), int(y))
        objects[pos] = _item(int(snap["counter"][y, x]), pos)
    tomatoes = snap.get("pot_t", np.zeros_like(snap["pot_n"]))
    for cell, onions, more, tick in zip(
        layout.pots, snap["pot_n"], tomatoes, snap["pot_tick"], strict=True
    ):
        if onions or more:
            pos = place(layout, cell)
            objects[pos] = SoupState.get_soup(pos, int(onions), int(more), cooking_tick=int(tick))
    orders, bonus = (
        (ONION_SOUP, []) if mdp is None else (mdp.start_all_orders, mdp.start_bonus_orders)
    )
    return OvercookedState(
        players, objects, bonus_orders=bonus, all_orders=orders, timestep=int(snap["time"])
    )


def _item(code: int, pos: tuple[int, ...]) -> Any:
    if code == NOTHING:
        return None
    for (onions, tomatoes), soup in SOUPS.items():
        if code == soup:
            return SoupState.get_soup(pos, onions, tomatoes, finished=True)
    return ObjectState(ITEMS[code], pos)


def play(layout: Layout, mdp: Any, start: Any, policy: Policy, horizon: int, label: str) -> Record:
    """Let the reference play from a start state up to the horizon and write everything down."""
    new, agents = not mdp.old_dynamics, len(layout.starts)
    state, snaps = start, [to_snapshot(layout, start, new=new)]
    obs, rows = [_encode(mdp, state, horizon)], []
    asked = _spy(mdp)
    for _ in range(max(horizon - state.timestep, 0)):
        chosen = policy(snaps[-1])
        asked.clear()
        state, info = mdp.get_state_transition(
            state, tuple(Action.INDEX_TO_ACTION[a] for a in chosen)
        )
        snaps.append(to_snapshot(layout, state, new=new))
        obs.append(_encode(mdp, state, horizon))
        events = _events(layout, info["event_infos"], snaps[-2], snaps[-1], chosen, asked)
        rewards = (info["sparse_reward_by_agent"], info["shaped_reward_by_agent"])
        rows.append((chosen, *rewards, events))
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return Record(
        label=label,
        actions=np.array(columns[0], np.int64).reshape(-1, agents),
        states={name: np.stack([snap[name] for snap in snaps]) for name in snaps[0]},
        obs=np.stack(obs),
        sparse=np.array(columns[1], np.float64).reshape(-1, agents),
        shaped=np.array(columns[2], np.float64).reshape(-1, agents),
        events=np.array(columns[3], bool).reshape(-1, agents, len(event_names(new))),
    )


def _spy(mdp: Any) -> list[bool]:
    """What the engine finds each time it asks whether empty hands start a pot, in their order."""
    asked: list[bool] = []
    plain = type(mdp).soup_to_be_cooked_at_location

    def ask(state: Any, pos: Any) -> bool:
        asked.append(plain(mdp, state, pos))
        return asked[-1]

    mdp.soup_to_be_cooked_at_location = ask
    return asked


def _encode(mdp: Any, state: Any, horizon: int) -> np.ndarray:
    """[A, H, W, channels] the engine's encoding; of more than two cooks put together from pairs.

    A pair's encoding knows both cooks and all that lies or is cooked; what the others hold is in
    other pairs' encodings.
    """
    agents = len(state.players)
    if agents == 2:
        return _two(mdp, state, horizon)
    pairs = {}
    for one, other in combinations(range(agents), 2):
        both = copy.copy(state)
        both.players = (state.players[one], state.players[other])
        pairs[one, other] = _two(mdp, both, horizon)
    rest = np.max([views[0][..., 10:] for views in pairs.values()], axis=0)
    alone = []  # of each cook its position and direction
    for agent in range(agents):
        pair = next(pair for pair in pairs if agent in pair)
        own = pairs[pair][pair.index(agent)]
        alone.append((own[..., :1], own[..., 2:6]))
    seen = []
    for agent in range(agents):
        order = [alone[agent], *(alone[other] for other in range(agents) if other != agent)]
        seen.append(np.concatenate([*(p for p, _ in order), *(d for _, d in order), rest], axis=-1))
    return np.stack(seen)


def _two(mdp: Any, state: Any, horizon: int) -> np.ndarray:
    players, mdp.num_players = mdp.num_players, 2
    views = np.stack(mdp.lossless_state_encoding(state, horizon=horizon))
    mdp.num_players = players
    assert views.min() >= 0
    assert views.max() < 256
    return views.transpose(0, 2, 1, 3).astype(np.uint8)


def _events(
    layout: Layout,
    log: dict[str, list[bool]],
    old: Snapshot,
    new: Snapshot,
    actions: Sequence[int],
    asked: Sequence[bool],
) -> np.ndarray:
    """[A, events] the reference's log; events that it does not know follow from its states.

    What they follow from: every interact that does something changes what the agent holds, or puts
    a pot on, and only the other agents can keep an agent from walking onto floor.
    """
    tomatoes = "pot_t" in old
    if not tomatoes and len(actions) == 2:
        assert log["optimal_onion_potting"] == log["viable_onion_potting"] == log["potting_onion"]
        assert not any(log["catastrophic_onion_potting"] + log["useless_onion_potting"])
        assert not any(any(log[name]) for name in log if "tomato" in name)
    rows, answers = [], iter(asked)
    for agent, action in enumerate(actions):
        changed = old["held"][agent] != new["held"][agent]
        target = cells_at(layout, old["pos"][agent] + OFFSETS[action])
        free = layout.kinds[target] == FLOOR
        moved = (old["pos"][agent] != new["pos"][agent]).any()
        faced = layout.kinds[cells_at(layout, old["pos"][agent] + OFFSETS[old["dir"][agent]])]
        empty = action == INTERACT and old["held"][agent] == NOTHING
        started = empty and faced == POT and tomatoes and next(answers)
        derived = {
            "tomato_dispensed": empty and faced == TOMATOES and new["held"][agent] == TOMATO,
            "cooking_start": started,
            "useful_interact": action == INTERACT and (changed or started),
            "useless_interact": action == INTERACT and not (changed or started),
            "collision": action < STAY and free and not moved,
            "blocked": action < STAY and not free,
            "stay": action == STAY,
        }
        names = event_names(tomatoes)
        rows.append([log[n][agent] if n in log else derived[n] for n in names])
    assert next(answers, None) is None
    return np.array(rows, bool)
