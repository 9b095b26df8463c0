"""Names for what can be plugged in: games, policies, methods, scripted partners.

One pattern for all of them. What is registered in the program is found at once; what installed
packages offer as entry points (of the group "zsc.register_env", say) is loaded the first time that
a name is missing or all names are asked for.
"""

from __future__ import annotations

import pkgutil
import warnings
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from zsc.errors import UserError, unknown

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one kind by name.

    kind: what an error calls them. register: the public function that adds one; entry points of
    the group "zsc.<register>" name what it would be given.
    """

    def __init__(self, kind: str, register: str) -> None:
        self.kind, self.register = kind, register
        self._known: dict[str, T] = {}
        self._loaded = False

    def add(self, name: str, value: T) -> T:
        """Make a thing known under a name. Raises UserError if the name means another one.

        A class or function of the same place in the same module replaces the older one: that is a
        cell of a notebook run again.
        """
        if not isinstance(name, str) or not name or "/" in name:
            raise UserError(
                f"{self.kind} cannot be called {name!r}: give it a name without a slash"
            )
        if name in self._known and not _same(self._known[name], value):
            raise UserError(
                f"{self.kind} {name!r} is registered already, as {_place(self._known[name])}: "
                f"give {_place(value)} another name"
            )
        self._known[name] = value
        return value

    def find(self, name: str) -> T | None:
        """The thing of that name, or None."""
        if name not in self._known:
            self._load()
        return self._known.get(name)

    def get(self, name: str, what: str | None = None) -> T:
        """The thing of that name. Raises UserError, with the nearest match, if there is none."""
        found = self.find(name)
        if found is None:
            raise self.unknown(what or name)
        return found

    def unknown(self, name: str, allowed: tuple[str, ...] | None = None) -> UserError:
        """The error for a name that is not known, which says how to make it known."""
        said = unknown(self.kind, name, self.names() if allowed is None else allowed)
        return UserError(f"{said}; one of your own: import what calls zsc.{self.register}")

    def names(self) -> tuple[str, ...]:
        """All names, in the order in which they came."""
        self._load()
        return tuple(self._known)

    def __contains__(self, name: str) -> bool:
        return self.find(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _load(self) -> None:
        """What installed packages offer, once. One that fails is named and left out."""
        if self._loaded:
            return
        self._loaded = True  # first: a plug-in may ask for names itself
        for point in entry_points(group=f"zsc.{self.register}"):
            try:
                self.add(point.name, point.load())
            except Exception as error:  # whatever a foreign module raises, the others still count
                said = " ".join(f"{type(error).__name__}: {error}".split())
                warnings.warn(
                    f"plug-in {point.name!r} ({point.value}) of zsc.{self.register} is left out: "
                    f"{said}",
                    stacklevel=2,
                )


def resolve(what: Any) -> Any:
    """The thing itself, imported where it is named as "module:function"."""
    return pkgutil.resolve_name(what) if isinstance(what, str) else what


def _same(old: Any, new: Any) -> bool:
    return bool(old is new or old == new) or ("<" not in _place(old) and _place(old) == _place(new))


def _place(value: Any) -> str:
    """Where a class or function is defined; "<...>" in it for what has no place of its own."""
    name = getattr(value, "__qualname__", None)
    return f"<{value!r}>" if name is None else f"{value.__module__}.{name}"
