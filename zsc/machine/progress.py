"""Lines that say how far something is: what a terminal's bar is where there is no terminal.

They go to the standard error, line by line, so that a cluster's log shows them while it is written
and a table on the standard output stays a table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_STEP = 0.1  # a line for so much of the whole,
_OFTEN = 5.0  # but not more often than every so many seconds,
_SELDOM = 300.0  # and at least one in so many


def say(text: str) -> None:
    """A line on the standard error; nobody who reads is no fault."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # the reader has enough, or the stream was closed
        return


class Lines:
    """Says now and then how far something is, of which `total` parts have to be done."""

    def __init__(
        self,
        what: str,
        total: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], None] = say,
    ) -> None:
        self.what, self.total, self.clock, self.say = what, total, clock, say
        self.began = self.last = clock()
        self.done = self.told = 0
        self.compiled = False

    def start(self, text: str, done: int = 0) -> None:
        """It begins, or goes on after so many parts: the compiler comes first."""
        self.done = self.told = done
        self.say(f"{self.what}: {text}; compiling")

    def move(self, done: int, more: str = "") -> None:
        """So many parts are done in all; more: what else to say of it."""
        self.done = done
        now, more = self.clock(), f"{', ' if more else ''}{more}"
        if not self.compiled:
            self.compiled = True
            self._tell(now, f"compiled and begun in {now - self.began:.0f} s{more}")
        elif done < self.total and (
            now - self.last >= _SELDOM
            or (done - self.told >= _STEP * self.total and now - self.last >= _OFTEN)
        ):
            self._tell(now, f"{now - self.began:.0f} s{more}")

    def end(self) -> None:
        """It is over, or was cut off."""
        took = self.clock() - self.began
        how = "done" if self.done >= self.total else f"stopped at {self._share()}"
        self.say(f"{self.what}: {how} in {took:.0f} s")

    def _share(self) -> str:
        return f"{self.done / max(self.total, 1):.0%}"

    def _tell(self, now: float, text: str) -> None:
        self.last, self.told = now, self.done
        self.say(f"{self.what}: {self._share()}, {text}")
