"""Scripted partners, as ordinary policies."""

from zsc.bots.hanabi import BOTS as HANABI_BOTS
from zsc.bots.hanabi import hanabi_bots
from zsc.bots.overcooked import BOTS as OVERCOOKED_BOTS
from zsc.bots.overcooked import overcooked_bots

__all__ = ["HANABI_BOTS", "OVERCOOKED_BOTS", "hanabi_bots", "overcooked_bots"]
