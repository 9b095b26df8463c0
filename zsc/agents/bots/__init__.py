"""Scripted partners, as ordinary policies."""

from collections.abc import Callable
from typing import TypeAlias

from zsc.agents.bots.hanabi import BOTS as HANABI_BOTS
from zsc.agents.bots.hanabi import hanabi_bots
from zsc.agents.bots.overcooked import BOTS as OVERCOOKED_BOTS
from zsc.agents.bots.overcooked import overcooked_bots
from zsc.agents.bots.smax import BOTS as SMAX_BOTS
from zsc.agents.bots.smax import smax_bots
from zsc.agents.pool import Pool
from zsc.envs.base import Environment
from zsc.envs.registry import bots_of
from zsc.errors import UserError
from zsc.registry import Registry

__all__ = [
    "HANABI_BOTS",
    "OVERCOOKED_BOTS",
    "SMAX_BOTS",
    "hanabi_bots",
    "overcooked_bots",
    "register_bots",
    "scripted_partners",
    "smax_bots",
]

MakeBots: TypeAlias = Callable[[Environment], Pool]

_BOTS: Registry[MakeBots] = Registry("game with scripted partners", "register_bots")


def register_bots(game: str, make: MakeBots) -> None:
    """Give a game its scripted partners: a function from the environment to their pool.

    game: the family, "overcooked" for all kitchens. It comes before what the family names itself.
    An entry point of the group "zsc.register_bots" does the same. Raises UserError for a game that
    has some by another call.
    """
    _BOTS.add(game, make)


def scripted_partners(env: Environment) -> Pool:
    """All scripted partners of a game. Raises UserError if there are none."""
    make = _BOTS.find(env.spec.id.partition("/")[0]) or bots_of(env)
    if make is None:
        raise UserError(
            f"there are no scripted partners for {env.spec.id}: leave out --bots, or add some by "
            "zsc.register_bots"
        )
    return make(env)
