"""Our engine plays what the reference did; every number of every state has to be equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import zsc
from tests.hanabi_oracle.coverage import cover
from tests.hanabi_oracle.games import play_all
from tests.hanabi_oracle.record import (
    COLOURS,
    FIELDS,
    NO_CARD,
    DifferenceError,
    Record,
    Snapshot,
    Variant,
    at,
    read_move,
    section_of,
)
from zsc.envs.base import Environment

BONUS_STEPS = 2  # steps played beyond the longest game, to see that the terminal state absorbs
BATCH = 50  # records that are replayed at once
AFTER_END = "moves after the end"  # whether a step changed any part of a terminal state
SEATED = ("obs", "mask", "reward", "hands")  # the first axis is the player

Numbers = dict[str, Any]  # by name: what is compared, one row for each state


@cache
def build_env(variant: Variant) -> Environment:
    """Our game of these sizes: the one of that name, or built by its sizes."""
    if variant.name != "hanabi":
        return zsc.make(variant.name)
    sizes = variant._asdict() | {"copies": variant.copies}
    del sizes["name"]
    return zsc.make("hanabi", **sizes)


def compare_variant(
    variant: Variant, games: int, seed: int = 0, batch: int = BATCH
) -> Counter[str]:
    """Both engines with these sizes; raises DifferenceError if they are not equal in everything."""
    records, total = play_all(variant, games, seed), Counter[str]()
    while group := list(islice(records, batch)):
        total += compare_records(group, batch)
    return total


def compare_records(records: list[Record], batch: int = BATCH) -> Counter[str]:
    """Play the reference's records; raises DifferenceError at the first difference.

    Returns what was covered. All replays of a variant have the same shape, so that one compilation
    serves them: what a game has less is played beyond its end, where nothing may change.
    """
    variant, total = records[0].variant, Counter[str]()
    env, run = build_env(variant), build_runner(variant)
    _check_sizes(variant, env, records)
    padded = [*records, *records[:1] * (batch - len(records))]
    actions = np.stack([_actions(record, env.spec.horizon + BONUS_STEPS) for record in padded])
    ours = run(np.stack([record.deck for record in padded]), actions)
    for index, record in enumerate(records):
        _equal(record, expected(record, actions.shape[1]), {k: v[index] for k, v in ours.items()})
        total += cover(record)
        total["absorbed step"] += actions.shape[1] - len(record.moves)
    return total


def _check_sizes(variant: Variant, env: Environment, records: list[Record]) -> None:
    spec, longest = env.spec, max(records, key=lambda record: len(record.moves))
    theirs = (variant.players, variant.num_moves + 1, records[0].obs.shape[2:])
    ours = (spec.num_agents, spec.num_actions, spec.obs_shape)
    if theirs != ours:
        raise DifferenceError(f"{variant}: players, moves, bits: reference {theirs}, ours {ours}")
    if len(longest.moves) > spec.horizon:
        raise DifferenceError(
            f"{variant}, {longest.label}: {len(longest.moves)} moves, our horizon is {spec.horizon}"
        )


def _actions(record: Record, length: int) -> np.ndarray:
    """[length, P] the moves of a record, no-ops of the waiting players; anything after the end."""
    players, noop = record.variant.players, record.variant.num_moves
    actions = np.random.default_rng(0).integers(0, noop + 1, (length, players))
    actions[: len(record.moves)] = noop
    actions[np.arange(len(record.moves)), record.movers] = record.moves
    return actions


@cache
def build_runner(variant: Variant) -> Callable[[np.ndarray, np.ndarray], Numbers]:
    """One compiled program: from decks [batch, D, 2] and actions [batch, T, P] to what happened."""
    env, key = build_env(variant), jax.random.key(0)

    def look(state: Any, seen: Any) -> Numbers:
        snap = env.snapshot(state)
        return {name: snap[name] for name in FIELDS} | {
            "obs": seen.obs,
            "mask": seen.mask,
            "reward": seen.reward,
            "terminated": seen.terminated,
            "truncated": seen.truncated,
        }

    def step(state: Any, action: Any) -> tuple[Any, Numbers]:
        after, seen = env.step(key, state, action)
        same = jax.tree.leaves(jax.tree.map(jnp.array_equal, state, after))
        moved = env.snapshot(state)["terminal"] & ~jnp.stack(same).all()
        return after, look(after, seen) | {AFTER_END: moved}

    def replay(deck: Any, actions: Any) -> Numbers:
        state, seen = env.reset_from_deck(deck)
        first = look(state, seen) | {AFTER_END: jnp.array(False)}
        _, rest = jax.lax.scan(step, state, actions)
        return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, rest)

    compiled = jax.jit(jax.vmap(replay))
    return lambda decks, actions: jax.device_get(compiled(decks, actions))


def expected(record: Record, length: int) -> Numbers:
    """What our engine has to show: [length + 1, ...] each, row 0 is the start.

    Beyond the end the last state stands still and pays nothing.
    """
    over = length - len(record.moves)
    rows = record.states | {
        "obs": record.obs,
        "mask": _masks(record),
        "reward": np.concatenate([np.zeros_like(record.reward[:1]), record.reward]),
        "terminated": record.states["terminal"],
        "truncated": np.zeros_like(record.states["terminal"]),
        AFTER_END: np.zeros_like(record.states["terminal"]),
    }
    shown = {
        name: np.concatenate([values, np.repeat(values[-1:], over, axis=0)])
        for name, values in rows.items()
    }
    shown["reward"][len(record.moves) + 1 :] = 0
    return shown


def _masks(record: Record) -> np.ndarray:
    """[n + 1, P, N] what everybody may do: those who wait only the no-op; at the end anything."""
    turns = np.arange(len(record.moves))
    mask = np.zeros((len(record.legal), record.variant.players, record.variant.num_moves + 1), bool)
    mask[..., -1] = True
    mask[turns, record.movers, :-1] = record.legal[:-1]
    mask[turns, record.movers, -1] = False
    mask[-1] = True
    return mask


def _equal(record: Record, theirs: Numbers, ours: Numbers) -> None:
    """Raise at the first state that differs. Whose turn it is counts while the game goes on."""
    found = {}
    for name, rows in theirs.items():
        count = len(record.moves) if name == "cur" else len(rows)
        if not np.array_equal(rows[:count], ours[name][:count]):
            pairs = zip(rows[:count], ours[name][:count], strict=True)
            found[name] = [np.array_equal(a, b) for a, b in pairs].index(False)
    if not found:
        return
    step = min(found.values())
    name, *more = [name for name, where in found.items() if where == step]
    also = f" (and {', '.join(more)})" if more else ""
    lines = [f"{record.variant}; {record.label}, step {step}: {name!r} differs{also}"]
    lines += _where(record.variant, name, theirs[name][step], ours[name][step])
    raise DifferenceError("\n".join(lines + _when(record, step)))


def _where(variant: Variant, name: str, theirs: np.ndarray, ours: np.ndarray) -> list[str]:
    """The differing entries, the first ten of them, in words where a number needs them."""
    if theirs.shape != ours.shape:
        return [f"  shape: reference {theirs.shape}, ours {ours.shape}"]
    places = np.argwhere(theirs != ours)
    lines = []
    for index in places[:10]:
        where = [int(i) for i in index]
        words = [f"seat {where.pop(0)}"] if name in SEATED else []
        if name == "obs":
            words.append(f"bit {where[0]}, {section_of(variant, where[0])}")
        elif name == "mask":
            move = "no-op" if where[0] == variant.num_moves else read_move(variant, where[0])
            words.append(f"move {where[0]}, {move}")
        elif where:
            words.append(str(where))
        values = f"reference {theirs[tuple(index)]}, ours {ours[tuple(index)]}"
        lines.append(f"  {', '.join([*words, values])}")
    return lines + [f"  and {len(places) - 10} more"] * (len(places) > 10)


def _when(record: Record, step: int) -> list[str]:
    """A state in words: the one before the move, the move, and the reference's state after it."""
    done = len(record.moves)
    if step == 0:
        return ["at the start:", *_describe(at(record.states, 0))]
    if step > done:
        return [f"after the end at step {done}:", *_describe(at(record.states, -1))]
    before = at(record.states, step - 1)
    move = read_move(record.variant, int(record.moves[step - 1]))
    return [
        "before the move:",
        *_describe(before),
        f"move of seat {record.movers[step - 1]}: {move}",
        "after it, by the reference:",
        *_describe(at(record.states, step)),
    ]


def _describe(snap: Snapshot) -> list[str]:
    counts = {name: int(snap[name]) for name in ("score", "life", "info", "deck_size")}
    discards = [
        f"{_card(card)} x{snap['discard_counts'][tuple(card)]}"
        for card in np.argwhere(snap["discard_counts"])
    ]
    return [
        "  " + ", ".join(f"{name} {count}" for name, count in counts.items()),
        f"  fireworks {snap['fireworks'].tolist()}, discards {' '.join(discards) or 'none'}",
        *[
            f"  seat {seat}: {' '.join(_card(card) for card in hand if card[0] != NO_CARD)}"
            for seat, hand in enumerate(snap["hands"])
        ],
    ]


def _card(card: np.ndarray) -> str:
    return f"{COLOURS[card[0]]}{card[1] + 1}"
