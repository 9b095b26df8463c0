"""How much memory there is, and whether what is asked for fits: looked at before it is taken."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from zsc.errors import UserError
from zsc.machine.runtime import device_memory

#: What a user may use instead of what the machine says: bytes, or "24G", or "unlimited".
VARIABLE = "ZSC_MEMORY"

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_GROUPS = Path("/sys/fs/cgroup")


def check(what: str, need: float, advice: str, *, on_device: bool = False) -> None:
    """Raise UserError if something clearly does not fit.

    what: the subject of the sentence, e.g. "a matrix of 9 agents". need: bytes, counted low.
    advice: what to change. on_device: it lies on the devices that compute, not on the host.
    """
    have = device_room() if on_device else room()
    if have is not None and need > have:
        raise UserError(
            f"{what} needs about {in_words(need)} of memory, there are {in_words(have)}: {advice}, "
            f"or set {VARIABLE} (e.g. {VARIABLE}=64G, or unlimited) if there is more"
        )


def device_room() -> int | None:
    """Bytes that the devices of this process have together; None if nobody says.

    The devices of a CPU share the host's memory.
    """
    stated = _stated()
    if stated is not None or jax.default_backend() == "cpu":
        return room()
    return device_memory() * len(jax.local_devices()) or None


def room() -> int | None:
    """Bytes of the host that this process may use: what $ZSC_MEMORY states, else the least of what
    the machine has and what it is allowed. None if nobody says, or for no limit."""
    stated = _stated()
    if stated is not None:
        return None if math.isinf(stated) else int(stated)
    return min((*_machine(), *_allowed(), *_group_limits()), default=None)


def bytes_of(tree: Any) -> int:
    """What the arrays of a pytree take, or what they would if they are shapes only."""
    leaves = jax.tree.leaves(tree)
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in leaves)


def in_words(size: float) -> str:
    """Bytes as a person says them.

    >>> in_words(3 * 2**30), in_words(1000)
    ('3.0 GiB', '1000 bytes')
    """
    for unit, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB")):
        if size >= unit:
            return f"{size / unit:,.{0 if size >= 100 * unit else 1}f} {name}"
    return f"{size:.0f} bytes"


def _stated() -> float | None:
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if text.lower() in ("unlimited", "none", "inf"):
        return math.inf
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise UserError(f"{VARIABLE} is {text!r}: give bytes, e.g. 24G, or unlimited")
    return float(found[1]) * _UNITS[found[2].upper()]


def _machine() -> Iterator[int]:
    with contextlib.suppress(AttributeError, ValueError, OSError):  # not on every system
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if size > 0:
            yield size


def _allowed() -> Iterator[int]:
    """What `ulimit -v` allows."""
    with contextlib.suppress(ImportError, OSError):
        import resource

        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        if soft != resource.RLIM_INFINITY:
            yield soft


def _group_limits() -> Iterator[int]:
    """What control groups allow, as a scheduler or a container sets them (both versions)."""
    for file in _group_files():
        with contextlib.suppress(OSError, ValueError):  # absent, or "max"
            yield int(file.read_text())


def _group_files() -> Iterator[Path]:
    """Where the limits of this process's group stand, and those of the groups around it."""
    names = {2: (_GROUPS, "memory.max"), 1: (_GROUPS / "memory", "memory.limit_in_bytes")}
    yield from (base / name for base, name in names.values())
    with contextlib.suppress(OSError, ValueError):  # no such system, or another way to write it
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kinds, group = line.split(":", 2)
            if kinds and "memory" not in kinds.split(","):
                continue
            base, name = names[1 if kinds else 2]
            here = base / group.strip("/")
            yield from (up / name for up in (here, *here.parents) if base in up.parents)
