"""Overcooked by the rules of 2019 and 2020: kitchens, dynamics, observations, symmetries."""

from zsc.envs.overcooked.drawings import parse_layout
from zsc.envs.overcooked.env import Overcooked
from zsc.envs.overcooked.generator import digest, is_solvable, random_layouts
from zsc.envs.overcooked.kitchens import ManyKitchens, RandomKitchens, stack_terrains
from zsc.envs.overcooked.layout_files import read_layout
from zsc.envs.overcooked.layouts import (
    BRIGADES,
    CLASSIC,
    LAYOUTS,
    MIRRORED,
    Layout,
    Terrain,
)
from zsc.envs.overcooked.orders import ORDERED
from zsc.envs.overcooked.rules import Rules
from zsc.envs.overcooked.solvable import Difficulty, difficulty
from zsc.envs.overcooked.templates import TemplateKitchens

__all__ = [
    "BRIGADES",
    "CLASSIC",
    "LAYOUTS",
    "MIRRORED",
    "ORDERED",
    "Difficulty",
    "Layout",
    "ManyKitchens",
    "Overcooked",
    "RandomKitchens",
    "Rules",
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
