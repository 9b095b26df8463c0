"""Scripted partners, as ordinary policies."""

from zsc.bots.overcooked import BOTS as OVERCOOKED_BOTS
from zsc.bots.overcooked import overcooked_bots

__all__ = ["OVERCOOKED_BOTS", "overcooked_bots"]
