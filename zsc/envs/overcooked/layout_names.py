"""Names for kitchens that somebody drew."""

from __future__ import annotations

import re

from zsc.envs.overcooked.layouts import LAYOUTS
from zsc.envs.overcooked.orders import ORDERED
from zsc.errors import UserError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


def check_name(name: str, layout: str) -> None:
    """Raise UserError for a name that would mean another kitchen, or is none; "" is no name."""
    if not name:
        return
    known = (*LAYOUTS, *ORDERED)
    if layout in known:
        raise UserError(f"the kitchen {layout} has its name: give name={name!r} to a drawing")
    if name in known:
        raise UserError(f"{name!r} is the name of another kitchen: choose another one")
    if not _NAME.fullmatch(name):
        raise UserError(
            f"name is {name!r}: give up to 40 letters, digits and _ . -, a letter or digit first"
        )
