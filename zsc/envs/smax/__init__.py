"""SMAX: battles of small units, a team of agents against scripted enemies or another team."""

from zsc.envs.smax.env import Smax
from zsc.envs.smax.units import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario", "Smax"]
