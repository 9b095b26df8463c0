"""A game with people on the server: the compiled rules and policies of training, step by step.

One jitted function for each game and kind of partner does rules, policies and what is shown. Its
parameters are arguments, so all members of a pool share it. It is compiled by `warm`, before
anybody plays.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from zsc.agents.policy import Policy
from zsc.agents.pool import Pool, check_home
from zsc.agents.views import agents_of
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.play.stepping import Now, advance, first
from zsc.switches import door
from zsc.types import Array, Key, Params

NOBODY = -1  # the entry of a seat that an agent acts in


class Shown(NamedTuple):
    """What there is to see after a step, on the host."""

    snapshot: dict[str, Any]  # `env.snapshot` in numpy
    obs: np.ndarray  # [A, ...]
    mask: np.ndarray  # [A, N] what may be done next
    action: np.ndarray  # [A] the joint action that led here, -1 at the start
    reward: np.ndarray  # [A] what it paid
    events: np.ndarray  # [A, events]
    done: bool


@dataclass(frozen=True)
class Cast:
    """Who plays in a game beside people: one agent for each of some seats."""

    env: Environment
    agents: tuple[Pool, ...] = ()  # of one agent each, as they play (`partner`)
    seats: tuple[int, ...] = ()  # theirs; people have the others

    def __post_init__(self) -> None:
        for pool in self.agents:
            check_home(pool, self.env.spec)
        seats = range(self.env.spec.num_agents)
        if len(self.agents) != len(self.seats) or len({*self.seats} & {*seats}) != len(self.seats):
            raise UserError(
                f"{len(self.agents)} agents in seats {self.seats} of {self.env.spec.id}: give each "
                f"a seat of its own among {list(seats)}"
            )

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The agents' kinds: with the game, what has to be compiled."""
        return tuple(pool.policy for pool in self.agents)

    @property
    def people(self) -> tuple[int, ...]:
        """The seats of people."""
        return tuple(s for s in range(self.env.spec.num_agents) if s not in self.seats)


def partner(pool: Pool, member: int, env: Environment, *, greedy: bool) -> Pool:
    """One agent of a pool as it plays in a game. Raises UserError if it cannot."""
    if not 0 <= member < len(pool):
        raise UserError(f"the pool has members 0 to {len(pool) - 1}, not {member}")
    one = agents_of(pool.take([member]), env, greedy)
    check_home(one, env.spec)
    return one


class Stage:
    """One game that is played. The start seed, the cast and what people did make all of it.

    The game of seed s is episode 0 of `zsc.record(..., seed=s)`. Not for several threads at a time.
    """

    def __init__(self, cast: Cast, seed: int) -> None:
        self.cast, self.seed, self.time = cast, seed, 0
        self._params = tuple(jax.tree.map(lambda x: x[0], pool.params) for pool in cast.agents)
        self._begin()

    @door
    def _begin(self) -> None:
        self._seats = np.asarray(self.cast.seats, np.int32)
        self._key = jax.random.fold_in(jax.random.key(self.seed), 0)
        now, seen = _begin(self.cast.env, self.cast.policies, self._key)
        self._now, self.shown = now, _on_host(seen)

    @door
    def step(self, given: Sequence[int]) -> Shown:
        """One step: given[seat] is what each person does, `NOBODY` where an agent sits."""
        now, seen = _step(
            self.cast.env,
            self.cast.policies,
            self._params,
            self._seats,
            self._key,
            self._now,
            np.int32(self.time),
            np.asarray(given, np.int32),
        )
        self._now, self.time = now, self.time + 1
        self.shown = _on_host(seen)
        return self.shown

    def replay(self, actions: Sequence[Sequence[int]], marks: Sequence[str] = ()) -> None:
        """Play recorded joint actions again, from the start.

        Raises UserError if the agents now do something else, or the states differ from their marks:
        other weights, or another version of the game.
        """
        for step, wanted in enumerate(actions):
            done = self.step(wanted)
            same = not marks or marks[step] == mark(done.snapshot)
            if done.action.tolist() != list(wanted) or not same:
                raise UserError(
                    f"step {step} of a recorded game comes out otherwise now: use the pools and "
                    "the toolkit version that it was played with"
                )


def warm(cast: Cast) -> None:
    """Compile all that a game of this cast needs."""
    Stage(cast, 0).step([0] * cast.env.spec.num_agents)


def mark(snapshot: Mapping[str, Any]) -> str:
    """Eight digits that tell states apart, of the arrays that `restore` needs."""
    check = 0
    for leaf in jax.tree.leaves(snapshot):
        array = np.asarray(leaf)
        # whole numbers of any width are the same state
        wide = array.astype(np.int64) if array.dtype.kind in "iub" else array
        check = zlib.crc32(np.ascontiguousarray(wide).tobytes(), check)
    return f"{check:08x}"


@partial(jax.jit, static_argnums=(0, 1))
def _begin(env: Environment, policies: tuple[Policy, ...], key: Key) -> tuple[Now, Any]:
    now = first(env, policies, key)
    return now, _seen(env, now)


@partial(jax.jit, static_argnums=(0, 1))
def _step(
    env: Environment,
    policies: tuple[Policy, ...],
    params: tuple[Params, ...],
    seats: Array,
    key: Key,
    now: Now,
    time: Array,
    given: Array,
) -> tuple[Now, Any]:
    after = advance(env, policies, params, seats, key, now, time, given)
    return after, _seen(env, after)


def _seen(env: Environment, now: Now) -> Shown:
    shown: Any = now.shown
    acted: Any = now.acted
    return Shown(
        snapshot=env.snapshot(now.state),
        obs=shown.obs,
        mask=shown.mask,
        action=acted,
        reward=shown.reward,
        events=shown.info["events"],
        done=shown.done,
    )


def _on_host(seen: Any) -> Shown:
    found: Shown = jax.device_get(seen)
    return found._replace(done=bool(found.done))
