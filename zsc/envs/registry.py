"""Games by name."""

from __future__ import annotations

from typing import Any

from zsc.envs.base import Environment
from zsc.envs.hanabi import VARIANTS, Hanabi
from zsc.envs.lever import Lever
from zsc.envs.overcooked import LAYOUTS, ManyKitchens, Overcooked
from zsc.errors import UserError, unknown

_GAMES: dict[str, tuple[Any, dict[str, Any]]] = {
    "lever": (Lever, {}),
    "lever/iterated": (Lever, {"rounds": 6}),
    "overcooked": (Overcooked, {}),
    **{f"overcooked/{name}": (Overcooked, {"layout": name}) for name in LAYOUTS},
    "overcooked/kitchens": (ManyKitchens, {}),
    "hanabi": (Hanabi, {}),
    **{f"hanabi/{name}": (Hanabi, sizes) for name, sizes in VARIANTS.items()},
}


#: By id, or by the family that it begins with.
_CLASSES: dict[str, Any] = {
    "lever": Lever,
    "overcooked": Overcooked,
    "overcooked/kitchens": ManyKitchens,
    "hanabi": Hanabi,
}


def rebuild(id: str, settings: dict[str, Any]) -> Environment:
    """The game with this id and all its settings, as a run's manifest tells them.

    Raises UserError for an unknown game or setting.
    """
    build = _CLASSES.get(id) or _CLASSES.get(id.split("/")[0])
    if build is None:
        raise unknown("environment", id, _GAMES)
    for setting in settings:
        if setting not in build.__dataclass_fields__:
            raise unknown(f"setting of {id}", setting, build.__dataclass_fields__)
    return build(**_hashable(settings))


def _hashable(settings: dict[str, Any]) -> dict[str, Any]:
    """Lists as tuples: JSON knows no other, and environments are hashed."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}


def list_envs() -> tuple[str, ...]:
    """Every name that `make` knows."""
    return tuple(_GAMES)


def make(name: str, **settings: Any) -> Environment:
    """The game of that name, e.g. `make("overcooked/cramped_room", horizon=200)`.

    Settings are the fields of the game's class. `make("overcooked", layout=TEXT)` builds any
    kitchen from a drawing. Raises UserError for an unknown name or setting.
    """
    if name not in _GAMES:
        raise unknown("environment", name, _GAMES)
    build, fixed = _GAMES[name]
    allowed = set(build.__dataclass_fields__) - set(fixed)
    for setting in settings:
        if setting not in allowed:
            raise unknown(f"setting of {name}", setting, allowed)
    if name == "overcooked" and "layout" not in settings:
        raise UserError('overcooked needs a layout: make("overcooked", layout=TEXT), or a name '
                        "such as overcooked/cramped_room")  # fmt: skip
    return build(**fixed, **_hashable(settings))
