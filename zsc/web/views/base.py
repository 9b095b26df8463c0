"""The registry of views by game family, and the plain view for games that have none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zsc.envs.base import Environment
from zsc.registry import Registry
from zsc.web.stage import Shown
from zsc.web.views import hanabi, overcooked, overcooked_v2

PAGES = Path(__file__).parent.parent / "pages"


@dataclass(frozen=True)
class View:
    """How the games of a family are drawn.

    name: of the script as pages ask for it. script: the file, a module of JavaScript that exports
        `mount(root, about, act)`, see `pages/view-plain.js`.
    scene: what does not change in a game; "keys" in it maps a browser's key codes to actions.
    state: what the person in a seat may see of a step, and nothing else.
    story: what happened in a step in terms that all may know, or None.
    fits: False for games of the family that it cannot draw.
    """

    name: str
    script: Path
    scene: Callable[[Any], dict[str, Any]]
    state: Callable[[Any, Shown, int], dict[str, Any]]
    story: Callable[[Any, Shown], Any] = lambda env, shown: None
    fits: Callable[[Any], bool] = lambda env: True


VIEWS: Registry[View] = Registry("view", "register_view")


def register_view(family: str, view: View) -> None:
    """Say how the games of a family are drawn. Raises UserError for a family that has a view."""
    VIEWS.add(family, view)


def view_of(env: Environment) -> View:
    """The view of a game."""
    found = VIEWS.find(env.spec.id.partition("/")[0])
    return found if found is not None and found.fits(env) else PLAIN


def script_of(name: str) -> Path | None:
    """The script of a view by the name that a page asks for, None if there is none."""
    known = (PLAIN, *(view for family in VIEWS if (view := VIEWS.find(family)) is not None))
    return next((view.script for view in known if view.name == name), None)


def legal(shown: Shown, seat: int) -> list[int]:
    """The actions that a person has."""
    return [int(a) for a in np.flatnonzero(shown.mask[seat])]


def _plain_scene(env: Environment) -> dict[str, Any]:
    return {"actions": list(env.spec.action_names), "idle": env.spec.idle_action}


def _plain_state(env: Environment, shown: Shown, seat: int) -> dict[str, Any]:
    values = np.asarray(shown.obs[seat], np.float64).reshape(-1)
    numbers = [[int(i), round(float(values[i]), 4)] for i in np.flatnonzero(values)[:400]]
    return {"obs": numbers, "size": values.size, "legal": legal(shown, seat)}


PLAIN = View("plain", PAGES / "view-plain.js", _plain_scene, _plain_state)

register_view(
    "overcooked",
    View(
        "overcooked",
        PAGES / "view-overcooked.js",
        overcooked.scene,
        overcooked.state,
        fits=overcooked.fits,
    ),
)
register_view(
    "overcooked_v2",
    View(
        "overcooked_v2",
        PAGES / "view-overcooked_v2.js",
        overcooked_v2.scene,
        overcooked_v2.state,
    ),
)
register_view(
    "hanabi",
    View("hanabi", PAGES / "view-hanabi.js", hanabi.scene, hanabi.state, hanabi.story),
)
