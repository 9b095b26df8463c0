"""Level-based foraging: rules, starts, observations, symmetries, pictures."""

from zsc.envs.lbf.env import VARIANTS, Foraging
from zsc.envs.lbf.state import State

__all__ = ["VARIANTS", "Foraging", "State"]
