"""The waiting room: people who want the same game, until there are enough who are still there.

Somebody counts only while their page is connected, so nobody is paired with a closed tab.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from zsc.web.line import Line


@dataclass
class _Room:
    need: int
    begin: Callable[[tuple[str, ...]], None]
    people: dict[str, float] = field(default_factory=dict)  # since when each waits


class Rooms:
    """Waiting rooms by what is waited for."""

    def __init__(self) -> None:
        self._rooms: dict[Hashable, _Room] = {}
        self._at: dict[str, Hashable] = {}
        self._lines: dict[str, Line] = {}
        self._limits: dict[str, asyncio.TimerHandle] = {}

    def enter(
        self,
        who: str,
        what: Hashable,
        need: int,
        begin: Callable[[tuple[str, ...]], None],
        *,
        limit: float | None = None,
        late: Callable[[], None] | None = None,
    ) -> None:
        """Wait for a game of `need` people; `begin` gets them, longest waiting first.

        limit: after so many seconds the person waits no more, and `late` is called.
        """
        self.leave(who)
        room = self._rooms.setdefault(what, _Room(need, begin))
        room.people[who] = time.monotonic()
        self._at[who] = what
        if limit is not None:
            loop = asyncio.get_running_loop()
            self._limits[who] = loop.call_later(limit, self._too_long, who, late)
        self._look(what)

    def arrive(self, who: str, line: Line) -> bool:
        """A person's page is connected; False if this person waits for nothing."""
        self._lines[who] = line
        if who not in self._at:
            return False
        self._look(self._at[who])
        return True

    def leave(self, who: str, *, gone: bool = True) -> None:
        """A person waits no more; gone: the page is closed, or the person has changed its mind."""
        what = self._at.pop(who, None)
        timer = self._limits.pop(who, None)
        if timer is not None:
            timer.cancel()
        if what is not None:
            self._rooms[what].people.pop(who, None)
            if gone:
                self._look(what)

    def waits(self, who: str) -> bool:
        """True if the person is in a room."""
        return who in self._at

    def _too_long(self, who: str, late: Callable[[], None] | None) -> None:
        self._limits.pop(who, None)
        self.leave(who)
        if late is not None:
            late()

    def _look(self, what: Hashable) -> None:
        """Begin if enough are there, else tell those who wait how many are."""
        room = self._rooms[what]
        there = [who for who in room.people if who in self._lines and self._lines[who].open]
        if len(there) >= room.need:
            chosen = tuple(sorted(there, key=lambda who: room.people[who])[: room.need])
            for who in chosen:
                self.leave(who, gone=False)
            room.begin(chosen)
            return
        for who in there:
            self._lines[who].send("waiting", here=len(there), need=room.need)
        if not room.people:
            del self._rooms[what]
