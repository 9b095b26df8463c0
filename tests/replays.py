"""Games of a reference engine, written down, and our engine that replays them.

The reference plays first. Then ours starts from each of its states and does one step (which says
where a difference begins), and from its first state plays all steps (which adds differences up).
Every number has to be equal, floats to `TOLERANCE`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.base import Environment, TimeStep

TOLERANCE = 1e-6
Numbers = dict[str, np.ndarray]


class DifferenceError(AssertionError):
    """The two engines do not agree."""


class Games(NamedTuple):
    """E games of T steps; what is after a game's end is not looked at."""

    states: Numbers  # [E, T + 1, ...] by the names of our snapshot
    actions: np.ndarray  # [E, T, A]
    shown: Numbers  # [E, T + 1, ...] what is seen: "obs", "mask"
    paid: Numbers  # [E, T, ...] of the step: "reward", "terminated", "truncated"
    keys: Any = None  # [E, T] random keys of the steps

    @property
    def live(self) -> np.ndarray:
        """[E, T] bool: the step was played before the end."""
        done = self.paid["terminated"] | self.paid["truncated"]
        before = np.cumsum(done, axis=1) - done
        return before == 0

    @property
    def steps(self) -> int:
        """How many steps were played."""
        return int(self.live.sum())


def compare(env: Environment, games: Games) -> None:
    """Raises DifferenceError at the first number that is not the same."""
    live = games.live
    over = games.paid["terminated"] | games.paid["truncated"]
    run, keys = _replays(env), _keys(games)
    before = {name: x[:, :-1] for name, x in games.states.items()}
    start = {name: x[:, 0] for name, x in games.states.items()}
    ways = {
        "one step": run.inject(keys, before, games.actions),
        "from the start": run.play(keys, start, games.actions),
    }
    wanted = {name: x[:, 1:] for name, x in (games.states | games.shown).items()} | games.paid
    for how, ours in ways.items():
        for name, theirs in wanted.items():
            where = live & ~over if name == "mask" else live
            check_same(
                f"{name}, {how}", theirs[where], np.asarray(ours[name])[where], np.argwhere(where)
            )
    first = run.begin(start)
    for name in games.shown:
        check_same(f"{name} at the start", games.shown[name][:, 0], getattr(first, name))


def check_same(name: str, theirs: Any, ours: Any, where: np.ndarray | None = None) -> None:
    """Raises DifferenceError that says what differs; where [X, .] is what to call the entries."""
    theirs, ours = np.asarray(theirs), np.asarray(ours)
    if theirs.shape != ours.shape:
        raise DifferenceError(f"{name}: shapes {theirs.shape} and {ours.shape}")
    apart = np.abs(theirs.astype(np.float64) - ours.astype(np.float64)) > TOLERANCE
    if apart.any():
        index = np.argwhere(apart)[0]
        at = index if where is None else (*where[index[0]], *index[1:])
        told = f"reference {theirs[tuple(index)]}, ours {ours[tuple(index)]}"
        raise DifferenceError(
            f"{name}: {int(apart.sum())} differ, the first at {tuple(at)}: {told}"
        )


def _numbers(env: Environment, state: Any, seen: TimeStep) -> dict[str, Any]:
    names = ("obs", "mask", "reward", "terminated", "truncated")
    return env.snapshot(state) | {name: getattr(seen, name) for name in names}


def _keys(games: Games) -> Any:
    count = games.actions.shape[:2]
    return jnp.broadcast_to(jax.random.key(0), count) if games.keys is None else games.keys


class _Replays(NamedTuple):
    """Our engine, compiled."""

    inject: Callable[..., Numbers]  # [E, T, ...] one step from each of the reference's states
    play: Callable[..., Numbers]  # [E, T, ...] all steps from its first states
    begin: Callable[..., TimeStep]  # [E, ...] what is shown in its first states


@cache
def _replays(env: Environment) -> _Replays:
    def one(key: Any, state: Any, action: Any) -> dict[str, Any]:
        return _numbers(env, *env.step(key, env.restore(state), action))

    def play(keys: Any, state: Any, actions: Any) -> dict[str, Any]:
        def step(state: Any, now: Any) -> tuple[Any, dict[str, Any]]:
            state, seen = env.step(now[0], state, now[1])
            return state, _numbers(env, state, seen)

        return jax.lax.scan(step, env.restore(state), (keys, actions))[1]

    begin = lambda state: env.show(env.restore(state))
    return _Replays(*map(jax.jit, (jax.vmap(jax.vmap(one)), jax.vmap(play), jax.vmap(begin))))
