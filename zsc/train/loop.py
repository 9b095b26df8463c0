"""The host loop of a training: chunks of updates as programs, sinks, saving."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zsc.errors import UserError
from zsc.learn.base import Metrics
from zsc.machine.cluster import copied, to_host
from zsc.machine.members import replicate
from zsc.train.sinks import Progress, Row, Sink
from zsc.train.state import TrainState, place
from zsc.train.update import Update
from zsc.types import Array


class Saving(NamedTuple):
    """When a state is to be kept, and how."""

    due: Callable[[int], bool]  # (updates done) -> now?
    write: Callable[[TrainState], None]


class Watching(NamedTuple):
    """When a population is to be looked at while it learns."""

    due: Callable[[int], bool]  # (updates done) -> now?
    look: Callable[[TrainState], bool]  # True: it has learned enough


def fit(
    update: Update,
    state: TrainState,
    *,
    updates: int,
    chunk: int = 10,
    sinks: Sequence[Sink] = (),
    steps_per_update: int = 1,
    saving: Saving | None = None,
    watching: Watching | None = None,
    stage: str = "",
) -> TrainState:
    """Train until `updates` updates are done in all; `chunk` at a time are one device program.

    A member whose numbers go bad (a loss that is no number) is stopped with a warning that names it
    and keeps its last good parameters; the others go on. Raises UserError once all are stopped.

    After each chunk every sink gets one row per update: {"update", "steps", metric: [M] ...}, steps
    being those of one member. The next chunk is handed to the device before the rows of the last
    one are read, so that it does not wait for the host.

    saving: when and how the state is kept. The rows before it are handed to the sinks first, so
    that whoever goes on from it misses none.

    watching: who looks at the state now and then, between two chunks, and may end the training
    early: what it was is then saved. Nobody waits for that where it is not asked for. stage: what
    the sinks are told of a training in several.
    """
    run = _chunk(update, chunk)
    done = int(state.update)
    alive = np.asarray(to_host(state.alive))
    state = copied(state)  # the caller's arrays are not given away
    for sink in sinks:
        sink.start(Progress(done, updates, steps_per_update, len(state.key), stage))
    last = time.perf_counter()

    def report(log: Metrics, begun: int, count: int) -> None:
        """Hand the rows of a chunk to the sinks; raises UserError once nobody is left."""
        nonlocal alive, last
        rows = _rows(log, begun, count, steps_per_update)
        _tell_stopped(rows, alive)
        alive = rows[-1]["alive"] > 0
        seconds, last = time.perf_counter() - last, time.perf_counter()
        if not alive.any():  # what follows would be the same numbers until the end
            rows = rows[: 1 + next(i for i, row in enumerate(rows) if not row["alive"].any())]
        for sink in sinks:
            sink.write(rows, seconds)
        if not alive.any():
            raise _all_stopped(rows[-1])

    try:
        waiting: tuple[Metrics, int, int] | None = None
        while done < updates:
            count = min(chunk, updates - done)
            state, log = run(state, np.int32(count))
            if waiting is not None:
                report(*waiting)
            waiting, done = (log, done, count), done + count
            looked = watching is not None and watching.due(done)
            saved = saving is not None and saving.due(done)
            if looked or saved:
                report(*waiting)
                waiting = None
            enough = watching is not None and looked and watching.look(state)
            if saving is not None and (saved or enough):
                saving.write(state)
            if enough:
                break
        if waiting is not None:
            report(*waiting)
    finally:
        for sink in sinks:
            sink.close()
    return state


def _rows(log: Metrics, begun: int, count: int, steps_per_update: int) -> list[dict[str, Any]]:
    """What the sinks get of `count` updates after `begun`, on the host."""
    host = jax.tree.map(np.asarray, log)
    return [
        {"update": begun + i + 1, "steps": (begun + i + 1) * steps_per_update}
        | {name: value[i] for name, value in host.items()}
        for i in range(count)
    ]


@lru_cache(maxsize=64)
def _chunk(
    update: Update, size: int
) -> Callable[[TrainState, ArrayLike], tuple[TrainState, Metrics]]:
    """Up to `size` updates as one program; how many is an argument, so a rest compiles nothing."""
    once = jax.jit(update)  # traced a single time, for its shapes and for the loop

    def run(state: TrainState, count: Array) -> tuple[TrainState, Metrics]:
        shapes = jax.eval_shape(once, state)[1]
        log = jax.tree.map(lambda x: jnp.zeros((size, *x.shape), x.dtype), shapes)

        def body(index: Array, carry: tuple[TrainState, Metrics]) -> tuple[TrainState, Metrics]:
            state, log = carry
            state, metrics = once(state)
            return state, jax.tree.map(lambda rows, row: rows.at[index].set(row), log, metrics)

        state, log = jax.lax.fori_loop(0, count, body, (state, log))
        return place(state), replicate(log, len(state.key))

    return jax.jit(run, donate_argnums=0)


def _tell_stopped(rows: Sequence[Row], alive: np.ndarray) -> None:
    """Warn of members that were alive before these rows and are not any more."""
    for row in rows:
        if not row["alive"].any():
            return  # the error that follows says so
        for member in np.flatnonzero(alive & (row["alive"] == 0)):
            warnings.warn(
                f"member {member} is stopped at update {row['update']}: its loss is "
                f"{row['loss'][member]:g}, its return {row['return'][member]:g}; it keeps what it "
                "was before, the others go on",
                stacklevel=4,
            )
        alive = alive & (row["alive"] > 0)


def _all_stopped(row: Row) -> UserError:
    """The error for a population of which nobody is left."""
    members, loss, earned = len(row["alive"]), row["loss"], row["return"]
    bad = int(np.argmin(np.isfinite(loss) & np.isfinite(earned)))
    who = "its only member is" if members == 1 else f"all {members} members are"
    return UserError(
        f"the training ended at update {row['update']}: {who} stopped, the loss of member {bad} "
        f"is {loss[bad]:g}, its return {earned[bad]:g}; start anew with other settings, e.g. a "
        "smaller learning rate"
    )
