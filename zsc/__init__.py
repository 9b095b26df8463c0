"""The ground of the toolkit: games, policies, playing, learning, storing.

import zsc
from zsc.populations import SelfPlay
from zsc.evaluation import crossplay

zsc.setup()
env = zsc.make("overcooked/coordination_ring")
pool = SelfPlay(members=8).train(env, seed=0)
crossplay(env, {"SP": pool}, episodes=32, seed=0).heatmap()
"""

from typing import TYPE_CHECKING, Any

from zsc import interrupts  # noqa: F401  it listens while the rest is imported

if TYPE_CHECKING:
    from zsc.public import *  # noqa: F403
    from zsc.public import __all__ as __all__
    from zsc.public import __version__ as __version__


def __getattr__(name: str) -> Any:
    """A public name, loaded with all of them when the first is asked for; or a room of the house.

    jax and its friends take two seconds to import, which `zsc --help` need not wait for.
    """
    from importlib import import_module
    from importlib.util import find_spec

    known = not name.startswith("__") or name in ("__all__", "__version__")
    if known and find_spec(f"{__name__}.{name}"):
        return import_module(f"{__name__}.{name}")
    public = import_module(f"{__name__}.public") if known else None
    if not hasattr(public, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(public, name))


def __dir__() -> list[str]:
    from zsc import public

    return sorted({*globals(), *public.__all__})
