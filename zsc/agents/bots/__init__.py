"""Scripted partners, as ordinary policies."""

from zsc.agents.bots.hanabi import BOTS as HANABI_BOTS
from zsc.agents.bots.hanabi import hanabi_bots
from zsc.agents.bots.overcooked import BOTS as OVERCOOKED_BOTS
from zsc.agents.bots.overcooked import overcooked_bots
from zsc.agents.pool import Pool
from zsc.envs.base import Environment
from zsc.envs.hanabi import Hanabi
from zsc.envs.overcooked import Overcooked
from zsc.errors import UserError

__all__ = [
    "HANABI_BOTS",
    "OVERCOOKED_BOTS",
    "hanabi_bots",
    "overcooked_bots",
    "scripted_partners",
]


def scripted_partners(env: Environment) -> Pool:
    """All scripted partners of a game. Raises UserError if there are none."""
    if isinstance(env, Overcooked):
        return overcooked_bots(env)
    if isinstance(env, Hanabi):
        return hanabi_bots(env)
    raise UserError(f"there are no scripted partners for {env.spec.id}: leave out --bots")
