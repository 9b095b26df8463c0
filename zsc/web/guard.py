"""What is let in: known messages of a small size at a bounded rate, from this page only.

Nothing that a browser sends becomes part of a path or of a page, and nothing it sends is run.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from zsc.files import decode_json
from zsc.schema import MisfitError, as_type

SOCKET_BYTES = 2_048  # of a message
BODY_BYTES = 64 * 1_024  # of a form: answers in words, a drawing of a kitchen
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def new_token() -> str:
    """128 random bits, as text."""
    return secrets.token_hex(16)


def new_id() -> str:
    """64 random bits, as text: names a participant or a game, lets nobody in."""
    return secrets.token_hex(8)


def same(given: str, wanted: str) -> bool:
    """Equality that takes as long whatever is given."""
    return secrets.compare_digest(given.encode(), wanted.encode())


@dataclass(frozen=True)
class Ready:
    """The person clicked: the game may begin, or go on."""


@dataclass(frozen=True)
class Act:
    """A key or a button: what the person wants to do next."""

    action: int
    at: float = 0.0  # the browser's clock, milliseconds since 1970
    seen: int = -1  # the newest step that was drawn


@dataclass(frozen=True)
class Drawn:
    """A step was drawn."""

    step: int
    at: float


@dataclass(frozen=True)
class Focus:
    """The page lost or got the person's attention."""

    has: bool
    at: float = 0.0


@dataclass(frozen=True)
class Pong:
    """The answer to a ping."""

    number: int


@dataclass(frozen=True)
class Leave:
    """The person ends the game, or no longer waits for one."""


Message: TypeAlias = Ready | Act | Drawn | Focus | Pong | Leave
MESSAGES: Mapping[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (Ready, Act, Drawn, Focus, Pong, Leave)
}


def message_of(text: str | bytes) -> Message:
    """A message from a browser. Raises MisfitError for anything but those above."""
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if len(data) > SOCKET_BYTES:
        raise MisfitError(f"a message of {len(data)} bytes")
    try:
        told = decode_json(data)
    except ValueError as error:
        raise MisfitError(str(error)) from None
    kind = MESSAGES.get(str(told.get("type"))) if isinstance(told, dict) else None
    if kind is None:
        raise MisfitError("a message of no known type")
    return as_type(kind, told)


class Rate:
    """A bucket of tokens: so many at once, refilled at so many a second."""

    def __init__(
        self, a_second: float, at_once: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._most, self._now = a_second, at_once, now
        self._left, self._then = at_once, now()

    def take(self, much: float = 1.0) -> bool:
        """True if there was enough left."""
        now = self._now()
        self._left = min(self._most, self._left + (now - self._then) * self._rate)
        self._then = now
        if self._left < much:
            return False
        self._left -= much
        return True


class Rates:
    """A bucket for each of many, such as addresses; the ones used longest ago are forgotten."""

    def __init__(self, a_second: float, at_once: float, most: int = 4_096) -> None:
        self._made, self._most = (a_second, at_once), most
        self._of: dict[str, Rate] = {}

    def take(self, who: str) -> bool:
        """True if there was enough left for this one."""
        rate = self._of.pop(who, None) or Rate(*self._made)
        self._of[who] = rate
        while len(self._of) > self._most:
            self._of.pop(next(iter(self._of)))
        return rate.take()


def own_origin(origin: str | None, host: str | None) -> bool:
    """True if a request with this Origin header came from a page of this server.

    Browsers send it with every socket and every form; what is no browser has to send it too.
    """
    if not origin or not host:
        return False
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def known_host(host: str | None, allowed: Iterable[str]) -> bool:
    """True if the Host header is a name of this server: other names are another site's, pointed
    here. Nothing in `allowed` allows all."""
    names = tuple(allowed)
    if not names:
        return True
    bare = (host or "").lower()
    bare = bare if bare.endswith("]") else bare.rpartition(":")[0] or bare
    return bare in names
