"""Hanabi for two to five players: rules, observations, symmetry, pictures."""

from zsc.envs.hanabi.env import ENCODINGS, EVENT_NAMES, VARIANTS, Hanabi
from zsc.envs.hanabi.rules import Rules, State

__all__ = ["ENCODINGS", "EVENT_NAMES", "VARIANTS", "Hanabi", "Rules", "State"]
