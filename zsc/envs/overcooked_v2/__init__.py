"""OvercookedV2: layouts, dynamics, observations, symmetries, pictures."""

from zsc.envs.overcooked_v2.drawings import LAYOUTS, PAPER
from zsc.envs.overcooked_v2.env import OvercookedV2
from zsc.envs.overcooked_v2.layouts import Layout, parse_layout

__all__ = ["LAYOUTS", "PAPER", "Layout", "OvercookedV2", "parse_layout"]
