"""The one exception for input that a user can mend, and the helper that words it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 2_000  # characters of a message; names from files can be of any length


class UserError(ValueError):
    """Input that cannot be used. The message is one line: what came, and what to do.

    Names from files stand in it, so it is made printable: see `printable`.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(shorten(printable(str(message)), _LONGEST))


def printable(text: str) -> str:
    """The text as one line: line ends, terminal codes and broken characters as their escapes.

    >>> print(printable("two\\nlines"))
    two\\nlines
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def shorten(text: str, most: int) -> str:
    """The text with at most so many characters; what is too much is left out in the middle."""
    if len(text) <= most:
        return text
    head = (most - 5) // 2
    return f"{text[:head]} ... {text[head + 5 - most :]}"


def unknown(what: str, value: object, allowed: Iterable[str]) -> UserError:
    """The error for a name that is not known, with the allowed ones and the nearest match.

    >>> print(unknown("method", "fpc", ["sp", "fcp"]))
    unknown method 'fpc': use one of fcp, sp; did you mean 'fcp'?
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UserError(f"unknown {what} {str(value)!r}: use one of {', '.join(names)}{hint}")
