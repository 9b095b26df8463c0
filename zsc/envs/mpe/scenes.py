"""What differs between particle worlds: who is there, what is said, seen and paid.

Spread, reference and speaker_listener are those of Lowe et al. 2017 (arXiv 1706.02275) as jaxmarl
0.2.0 and mpe2 play them. Rendezvous is cooperative reaching in a particle world as LIPO uses it
(Charakorn et al. 2023): four landmarks are equally good, so there are four conventions, known in
advance, and two agents that hold different ones fail together.

Entries of an observation are named, so that a symmetry can be worked out from the names: (what,
which, axis), where `which` is a landmark, another agent or a symbol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np

from zsc.types import Array

#: (what, which one, axis 0 or 1); -1 where there is none
Entry: TypeAlias = tuple[str, int, int]

MOVES = 5  # none, -x, +x, -y, +y


class ParticleState(NamedTuple):
    """Where everything is; distances are in units of the arena, which has no walls."""

    pos: Array  # [A, 2] float32
    vel: Array  # [A, 2] float32
    landmark: Array  # [L, 2] float32
    goal: Array  # [A] int32, the landmark that an agent should reach; -1 if none
    said: Array  # [A] int32, the last message, -1 before the first
    time: Array  # [] int32


class Scene(NamedTuple):
    """One particle world. Functions of a state are of ONE game."""

    agents: int
    landmarks: int
    horizon: int
    entries: tuple[tuple[Entry, ...], ...]  # by seat; shorter ones are padded with zeros
    observe: Callable[[ParticleState, int], list[Array]]  # by seat, as `entries`
    reward: Callable[[ParticleState], Array]  # [A]
    symbols: int = 0  # messages that can be said
    speaks: tuple[bool, ...] = ()  # by seat
    moves: tuple[bool, ...] = ()  # by seat
    radius: float = 0.15  # of an agent
    collide: bool = False
    own_reward: bool = False  # agents are paid differently
    goals: str = "none"  # "each": a landmark for every agent, "shared": one for all
    fixed: tuple[tuple[float, float], ...] = ()  # where agents and landmarks start, not drawn


def _vector(what: str, which: int = -1) -> list[Entry]:
    return [(what, which, 0), (what, which, 1)]


def _landmarks(count: int) -> list[Entry]:
    return [entry for i in range(count) for entry in _vector("landmark", i)]


def _away(state: ParticleState, agent: int) -> list[Array]:
    """Landmarks as seen from an agent."""
    return list((state.landmark - state.pos[agent]).reshape(-1))


def _distance(a: Array, b: Array) -> Array:
    return jnp.sqrt(jnp.square(a - b).sum(-1))


def _told(said: Array, symbols: int) -> list[Array]:
    return [(said == symbol).astype(jnp.float32) for symbol in range(symbols)]


def _colour(goal: Array, count: int, dim: float, bright: float) -> list[Array]:
    return [jnp.where(goal == i, bright, dim) for i in range(count)]


# --- spread: three agents shall cover three landmarks without touching -------------------------


def _spread_observe(state: ParticleState, agent: int) -> list[Array]:
    others = [j for j in range(3) if j != agent]
    away = [x for j in others for x in state.pos[j] - state.pos[agent]]
    silent = [jnp.float32(0)] * 4
    return [*state.vel[agent], *state.pos[agent], *_away(state, agent), *away, *silent]


def _spread_reward(state: ParticleState) -> Array:
    apart = _distance(state.pos[:, None], state.pos[None])  # [A, A]
    touches = ((apart < 2 * 0.15) & ~np.eye(3, dtype=bool)).sum(1)
    covered = _distance(state.landmark[:, None], state.pos[None]).min(1).sum()
    return -0.5 * touches - 0.5 * covered


def _spread_entries(agent: int) -> tuple[Entry, ...]:
    others = [j for j in range(3) if j != agent]
    seen = [entry for j in others for entry in _vector("agent", j)]
    silent: list[Entry] = [("nothing", i, -1) for i in range(4)]
    return (*_vector("vel"), *_vector("pos"), *_landmarks(3), *seen, *silent)


# --- reference: each knows where the other one should go ---------------------------------------

_WORDS = 10


def _reference_observe(state: ParticleState, agent: int) -> list[Array]:
    other = 1 - agent
    colour = _colour(state.goal[other], 3, 0.25, 0.75)
    heard = _told(state.said[other], _WORDS)
    return [*state.vel[agent], *_away(state, agent), *colour, *heard]


def _to_goals(state: ParticleState) -> Array:
    """[A] how far each agent is from its goal."""
    return _distance(state.pos, state.landmark[state.goal])


def _reference_reward(state: ParticleState) -> Array:
    own = -_to_goals(state)[::-1]  # an agent is paid for the other, whom it tells
    return 0.5 * own + 0.5 * own.mean()


_REFERENCE = (
    *_vector("vel"),
    *_landmarks(3),
    *((("colour", i, -1)) for i in range(3)),
    *((("word", i, -1)) for i in range(_WORDS)),
)

# --- speaker and listener: one knows the goal and cannot move, the other moves -----------------


def _speaker_observe(state: ParticleState, agent: int) -> list[Array]:
    if agent == 0:
        return _colour(state.goal[1], 3, 0.15, 0.65)
    return [*state.vel[1], *_away(state, 1), *_told(state.said[0], 3)]


def _speaker_reward(state: ParticleState) -> Array:
    far = state.pos[1] - state.landmark[state.goal[1]]
    return jnp.broadcast_to(-jnp.square(far).sum(), 2)


_SPEAKER: tuple[Entry, ...] = tuple(("colour", i, -1) for i in range(3))
_LISTENER = (*_vector("vel"), *_landmarks(3), *((("word", i, -1)) for i in range(3)))

# --- rendezvous: meet at any one of four landmarks ---------------------------------------------

_FAR = 2.25  # of the landmarks from the middle


def _rendezvous_observe(state: ParticleState, agent: int) -> list[Array]:
    away = state.pos[1 - agent] - state.pos[agent]
    return [*state.vel[agent], *state.pos[agent], *_away(state, agent), *away]


def _rendezvous_reward(state: ParticleState) -> Array:
    middle = state.pos.mean(0)
    near = _distance(state.landmark, middle).min()
    apart = _distance(state.pos[0], state.pos[1]) / 2  # each from the middle
    return jnp.broadcast_to(1.0 - near - apart, 2)


def _rendezvous_entries(agent: int) -> tuple[Entry, ...]:
    seen = _vector("agent", 1 - agent)
    return (*_vector("vel"), *_vector("pos"), *_landmarks(4), *seen)


_CORNER = _FAR * 0.5**0.5

SCENES: dict[str, Scene] = {
    "spread": Scene(
        agents=3,
        landmarks=3,
        horizon=25,
        entries=tuple(_spread_entries(agent) for agent in range(3)),
        observe=_spread_observe,
        reward=_spread_reward,
        moves=(True,) * 3,
        collide=True,
        own_reward=True,
    ),
    "reference": Scene(
        agents=2,
        landmarks=3,
        horizon=25,
        entries=(_REFERENCE, _REFERENCE),
        observe=_reference_observe,
        reward=_reference_reward,
        symbols=_WORDS,
        speaks=(True, True),
        moves=(True, True),
        own_reward=True,
        goals="each",
    ),
    "speaker_listener": Scene(
        agents=2,
        landmarks=3,
        horizon=25,
        entries=(_SPEAKER, _LISTENER),
        observe=_speaker_observe,
        reward=_speaker_reward,
        symbols=3,
        speaks=(True, False),
        moves=(False, True),
        radius=0.075,
        goals="shared",
    ),
    "rendezvous": Scene(
        agents=2,
        landmarks=4,
        horizon=50,
        entries=tuple(_rendezvous_entries(agent) for agent in range(2)),
        observe=_rendezvous_observe,
        reward=_rendezvous_reward,
        moves=(True, True),
        fixed=(
            (-0.3, 0.0),
            (0.3, 0.0),
            *((x * _CORNER, y * _CORNER) for x in (-1.0, 1.0) for y in (-1.0, 1.0)),
        ),
    ),
}
