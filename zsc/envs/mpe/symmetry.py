"""The symmetries of particle worlds: turns and flips of the plane, landmarks, words.

The plane has eight of them, which permute axes and change signs; landmarks may change their
places in the list wherever they are drawn alike, together with the colours that name them; and no
word means anything by itself. Of ten words only the cyclic shifts are listed: they bring every
word to every other, which is all that the expectation over relabellings sees of one message.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, product
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.envs.mpe.scenes import MOVES, Entry, ParticleState, Scene
from zsc.envs.symmetry import Symmetry
from zsc.types import Array


class _Map(NamedTuple):
    """One element: new axis a is sign[a] * old axis[a]; old landmark, word, seat to new one."""

    axis: tuple[int, int]
    sign: tuple[int, int]
    landmark: tuple[int, ...]
    word: tuple[int, ...]
    seat: tuple[int, ...]


def symmetry_of(scene: Scene) -> Symmetry:
    """The group of a particle world."""
    maps = _maps(scene)
    size, words = max(map(len, scene.entries)), max(scene.symbols, 1)
    index, sign = zip(*[_observed(scene, m, size) for m in maps], strict=True)
    action = np.array([[_actions(scene, m, seat) for seat in range(scene.agents)] for m in maps])
    axis, flip = (np.array([getattr(m, name) for m in maps]) for name in ("axis", "sign"))
    landmark = np.array([m.landmark for m in maps])
    word = np.array([m.word or tuple(range(words)) for m in maps])
    seat = np.array([m.seat for m in maps])

    def move(g: Array, state: ParticleState) -> ParticleState:
        turn = lambda x: x[..., jnp.asarray(axis)[g]] * jnp.asarray(flip, jnp.float32)[g]
        come = jnp.argsort(jnp.asarray(seat)[g])
        from_ = jnp.argsort(jnp.asarray(landmark)[g])
        named = lambda table, x: jnp.where(x < 0, x, jnp.asarray(table, jnp.int32)[g][x])
        return state._replace(
            pos=turn(state.pos)[come],
            vel=turn(state.vel)[come],
            landmark=turn(state.landmark)[from_],
            goal=named(landmark, state.goal)[come],
            said=named(word, state.said)[come],
        )

    return Symmetry(
        obs_index=np.array(index), obs_sign=np.array(sign), action_index=action, seat_index=seat,
        move_state=move,
    )  # fmt: skip


@cache
def _maps(scene: Scene) -> list[_Map]:
    still = tuple(range(scene.agents))
    words = [_rolled(scene.symbols, by) for by in range(max(scene.symbols, 1))]
    if 0 < scene.symbols <= 3:
        words = list(permutations(range(scene.symbols)))
    found = []
    for axis, sign in product(((0, 1), (1, 0)), product((1, -1), (1, -1))):
        if scene.fixed:
            places = np.array(scene.fixed)
            turned = places[:, list(axis)] * sign
            goes = [int(abs(places - p).sum(1).argmin()) for p in turned]
            if abs(places[goes] - turned).max() > 1e-6:
                continue
            seat = tuple(goes[: scene.agents])
            landmark = tuple(place - scene.agents for place in goes[scene.agents :])
            found.append(_Map(axis, sign, landmark, (), seat))
            continue
        for landmark in permutations(range(scene.landmarks)):
            found += [_Map(axis, sign, landmark, word, still) for word in words]
    return sorted(found, key=lambda m: m != _identity(scene, m))


def _identity(scene: Scene, like: _Map) -> _Map:
    word = tuple(range(scene.symbols)) if like.word else ()
    seats, landmarks = tuple(range(scene.agents)), tuple(range(scene.landmarks))
    return _Map((0, 1), (1, 1), landmarks, word, seats)


def _rolled(count: int, by: int) -> tuple[int, ...]:
    return tuple((i + by) % count for i in range(count)) if count else ()


def _observed(scene: Scene, m: _Map, size: int) -> tuple[np.ndarray, np.ndarray]:
    """[A, size] of the new observation: which old entry, and with which sign."""
    index = np.tile(np.arange(size), (scene.agents, 1))
    sign = np.ones((scene.agents, size), np.int64)
    for seat, entries in enumerate(scene.entries):
        place = {entry: i for i, entry in enumerate(entries)}
        # by the new seat's list of others, in which old entries stand under new names
        after = {entry: i for i, entry in enumerate(scene.entries[m.seat[seat]])}
        for entry, old in place.items():
            new, flipped = _renamed(m, entry)
            index[seat, after[new]] = old
            sign[seat, after[new]] = flipped
    return index, sign


def _renamed(m: _Map, entry: Entry) -> tuple[Entry, int]:
    what, which, axis = entry
    if what in ("landmark", "colour"):
        which = m.landmark[which]
    elif what == "word":
        which = m.word[which]
    elif what == "agent":
        which = m.seat[which]
    if axis < 0:
        return (what, which, axis), 1
    new = m.axis.index(axis)
    return (what, which, new), m.sign[new]


def _actions(scene: Scene, m: _Map, seat: int) -> list[int]:
    """[N] the new name of each action of a seat: words and moves."""
    moves = [0] + [_move(m, axis, sign) for axis in (0, 1) for sign in (-1, 1)]
    word = m.word or tuple(range(max(scene.symbols, 1)))
    speaks, walks = _does(scene.speaks, seat), _does(scene.moves, seat)
    count = num_actions(scene)
    if speaks and walks:
        return [MOVES * word[c] + moves[u] for c in range(scene.symbols) for u in range(MOVES)]
    own = list(word) if speaks else moves
    return own + list(range(len(own), count))


def _does(seats: tuple[bool, ...], seat: int) -> bool:
    return bool(seats) and seats[seat]


def _move(m: _Map, axis: int, sign: int) -> int:
    new = m.axis.index(axis)
    return 1 + 2 * new + (sign * m.sign[new] > 0)


def num_actions(scene: Scene) -> int:
    """Actions of the seat that has the most."""
    return max(own_actions(scene, seat) for seat in range(scene.agents))


def own_actions(scene: Scene, seat: int) -> int:
    """Actions of one seat: moves, words, or all pairs of both."""
    moves = MOVES if _does(scene.moves, seat) else 1
    return moves * (scene.symbols if _does(scene.speaks, seat) else 1)
