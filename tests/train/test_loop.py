"""The loop on the host: which rows come when, what is saved, and who is told."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import pytest

from zsc.train.loop import Saving, fit
from zsc.train.sinks import JsonLines, Memory, Progress
from zsc.train.state import TrainState


def counting(state):
    """An update that counts; member m earns 100 m + the update."""
    earned = 100.0 * jnp.arange(2) + state.update + 1
    alive = state.alive & ~((jnp.arange(2) == 1) & (state.update >= 5))
    metrics = {"return": earned, "loss": -earned, "alive": alive.astype(jnp.float32)}
    return state._replace(update=state.update + 1, alive=alive), metrics


def quiet(state):
    """The same, and nobody stops."""
    after, metrics = counting(state)
    return after._replace(alive=state.alive), metrics | {"alive": jnp.ones(2)}


def begun(updates=0):
    return TrainState((), (), (), (), jnp.zeros(2), jnp.int32(updates), jnp.int32(9),
                      jnp.ones(2, bool))  # fmt: skip


class Listening(Memory):
    """Keeps what it was told, and when."""

    def __init__(self):
        super().__init__()
        self.chunks, self.seconds, self.closed, self.progress = [], [], 0, None

    def start(self, progress):
        self.progress = progress

    def write(self, rows, seconds):
        super().write(rows, seconds)
        self.chunks.append(len(rows))
        self.seconds.append(seconds)

    def close(self):
        self.closed += 1


@pytest.mark.parametrize(("chunk", "chunks"), [(3, [3, 3, 1]), (7, [7]), (20, [7]), (1, [1] * 7)])
def test_every_update_has_its_row_whatever_the_chunks(chunk, chunks):
    log = Listening()
    state = fit(quiet, begun(2), updates=9, chunk=chunk, sinks=[log], steps_per_update=10)
    assert int(state.update) == 9
    assert log.progress == Progress(2, 9, 10, 2)
    assert log.chunks == chunks
    assert log.closed == 1
    assert min(log.seconds) > 0
    assert [(row["update"], row["steps"]) for row in log.rows] == [
        (u, 10 * u) for u in range(3, 10)
    ]
    np.testing.assert_array_equal(log["return"], [[u, 100 + u] for u in range(3, 10)])


def test_what_is_done_is_not_done_again():
    log = Listening()
    state = fit(quiet, begun(9), updates=9, chunk=3, sinks=[log])
    assert int(state.update) == 9
    assert (log.rows, log.closed) == ([], 1)


def test_rows_are_told_before_the_state_that_follows_them_is_saved():
    log, order = Listening(), []
    due = lambda done: done in (4, 9)
    write = lambda state: order.append((int(state.update), len(log.rows)))
    fit(quiet, begun(), updates=9, chunk=2, sinks=[log], saving=Saving(due, write))
    assert order == [(4, 4), (9, 9)]
    assert [row["update"] for row in log.rows] == list(range(1, 10))


def test_a_member_that_stopped_is_told_once_with_its_numbers():
    words = r"member 1 is stopped at update 6: its loss is -106, its return 106; "
    with pytest.warns(UserWarning, match=words) as told:
        state = fit(counting, begun(), updates=9, chunk=2)
    assert len(told) == 1
    assert state.alive.tolist() == [True, False]


def test_sinks_are_closed_when_the_training_fails():
    class Failing(Listening):
        def write(self, rows, seconds):
            raise RuntimeError

    log = Failing()
    with pytest.raises(RuntimeError):
        fit(quiet, begun(), updates=9, chunk=3, sinks=[log])
    assert log.closed == 1


def test_the_callers_state_can_be_used_again():
    state = begun()
    for _ in range(2):
        assert int(fit(quiet, state, updates=3, chunk=3).update) == 3


def test_rows_of_updates_that_come_again_are_dropped(tmp_path):
    sink = JsonLines(tmp_path / "m.jsonl")
    row = lambda u: {"update": u, "return": np.array([1 / 3, u])}
    sink.start(Progress(0, 9, 1, 2))
    sink.write([row(1), row(2)], 1.0)
    sink.write([row(3)], 1.0)
    lines = [json.loads(line) for line in sink.path.read_text().splitlines()]
    assert [line["update"] for line in lines] == [1, 2, 3]
    assert lines[0]["return"] == [0.333333, 1.0]
    sink.start(Progress(2, 9, 1, 2))
    assert [json.loads(x)["update"] for x in sink.path.read_text().splitlines()] == [1, 2]
    sink.path.write_text(sink.path.read_text() + '{"upd')
    sink.start(Progress(9, 9, 1, 2))
    assert [json.loads(x)["update"] for x in sink.path.read_text().splitlines()] == [1, 2]
