"""A person's socket, as games see it: messages in order, and only the newest state.

A slow browser makes nobody wait: a state that was not sent yet is replaced by the next one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

from zsc.web.log import line_of

_MOST = 64  # messages that a browser may be behind


class Socket(Protocol):
    """What a line needs of a socket."""

    async def send_text(self, data: str) -> None:
        """Send a text."""

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close it, and say why."""


class Line:
    """What is to be sent to one browser."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._said: deque[str] = deque()
        self._state: str | None = None
        self._more = asyncio.Event()
        self.open = True
        self._closing: tuple[int, str] | None = None

    def send(self, kind: str, **what: Any) -> None:
        """Send a message after those before it."""
        if self._state is not None:  # it comes before what is said of it
            self._said.append(self._state)
            self._state = None
        self._said.append(line_of({"type": kind} | what))
        if len(self._said) > _MOST:
            self.close(1013, "too slow")
        self._more.set()

    def state(self, **what: Any) -> None:
        """Send a state, instead of one that is still waiting to be sent."""
        self._state = line_of({"type": "state"} | what)
        self._more.set()

    def close(self, code: int, reason: str) -> None:
        """Close after what was said; the reason is short."""
        if self._closing is None:
            self._closing = (code, reason)
        self.open = False
        self._more.set()

    async def run(self) -> None:
        """Send until it is closed."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._said:
                await self._socket.send_text(self._said.popleft())
            if self._state is not None:
                text, self._state = self._state, None
                await self._socket.send_text(text)
            if self._closing is not None:
                await self._socket.close(*self._closing)
                return
