"""Overcooked, the 2019 rules: layouts, dynamics, observations, symmetries, pictures."""

from zsc.envs.overcooked.env import Overcooked
from zsc.envs.overcooked.generator import digest, is_solvable, random_layouts
from zsc.envs.overcooked.kitchens import ManyKitchens, RandomKitchens, stack_terrains
from zsc.envs.overcooked.layout_files import read_layout
from zsc.envs.overcooked.layouts import (
    CLASSIC,
    LAYOUTS,
    MIRRORED,
    Layout,
    Terrain,
    parse_layout,
)
from zsc.envs.overcooked.solvable import Difficulty, difficulty
from zsc.envs.overcooked.templates import TemplateKitchens

__all__ = [
    "CLASSIC",
    "LAYOUTS",
    "MIRRORED",
    "Difficulty",
    "Layout",
    "ManyKitchens",
    "Overcooked",
    "RandomKitchens",
    "TemplateKitchens",
    "Terrain",
    "difficulty",
    "digest",
    "is_solvable",
    "parse_layout",
    "random_layouts",
    "read_layout",
    "stack_terrains",
]
