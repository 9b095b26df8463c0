"""Methods by name: what `zsc train NAME` trains. Recipes register themselves, foreign ones too."""

from __future__ import annotations

from typing import Any

from zsc.registry import Registry

#: Classes of recipes: `RECIPES.get("sp")(members=8).train(env, seed=0)`.
RECIPES: Registry[Any] = Registry("method", "register_method")


def register_method(name: str, recipe: Any) -> None:
    """Make a class of recipes known by a name, e.g. `register_method("sp", SelfPlay)`.

    An installed package needs no call: an entry point of the group "zsc.register_method" names the
    class. Raises UserError for a name that is taken.
    """
    RECIPES.add(name, recipe)
