"""Counting compilations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax

_events: list[str] = []
jax.monitoring.register_event_duration_secs_listener(
    lambda name, seconds, **_: _events.append(name)
)


@contextmanager
def compiles() -> Iterator[Callable[[], int]]:
    """Inside, the yielded function says how many programs were compiled (or fetched) so far."""
    before = len(_events)
    count = lambda: sum(
        name == "/jax/core/compile/backend_compile_duration" for name in _events[before:]
    )
    yield count
