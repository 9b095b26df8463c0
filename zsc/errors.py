"""The one exception for input that a user can mend, and the helper that words it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Input that cannot be used. The message is one line: what came, and what to do."""


def unknown(what: str, value: object, allowed: Iterable[str]) -> UserError:
    """The error for a name that is not known, with the allowed ones and the nearest match.

    >>> print(unknown("method", "fpc", ["sp", "fcp"]))
    unknown method 'fpc': use one of fcp, sp; did you mean 'fcp'?
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UserError(f"unknown {what} {str(value)!r}: use one of {', '.join(names)}{hint}")
