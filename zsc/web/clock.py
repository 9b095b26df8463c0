"""A clock of deadlines: equal steps without drift, however long the work between them takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

TICK = 0.150  # seconds, as in the published games of people


class Tick(NamedTuple):
    """When a step began, beside when it should have."""

    late: float  # seconds after its deadline
    missed: int  # whole periods that were left out, because the step before took so long


class Clock:
    """Deadlines start + n * period. After a pause they begin anew."""

    def __init__(
        self,
        period: float = TICK,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.period, self._now, self._sleep = period, now, sleep
        self._due = now()

    def restart(self) -> None:
        """The next tick is one period from now."""
        self._due = self._now()

    async def tick(self) -> Tick:
        """Wait for the next deadline.

        Steps that take longer than a period hold the game up, they are not made up for in a hurry:
        whole periods are left out, and counted.
        """
        self._due += self.period
        wait = self._due - self._now()
        if wait > 0:
            await self._sleep(wait)
        late = max(0.0, self._now() - self._due)
        missed = int(late / self.period)
        self._due += missed * self.period
        return Tick(late, missed)
