"""Overcooked, the 2019 rules: layouts, dynamics, observations, symmetries, pictures."""

from zsc.envs.overcooked.env import Overcooked
from zsc.envs.overcooked.layouts import CLASSIC, LAYOUTS, MIRRORED, Layout, parse_layout

__all__ = ["CLASSIC", "LAYOUTS", "MIRRORED", "Layout", "Overcooked", "parse_layout"]
