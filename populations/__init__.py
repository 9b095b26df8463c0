"""Recipes: one per published way to train a population of partners.

from populations import FictitiousCoPlay, OtherPlay, SelfPlay

pool = SelfPlay(members=8, steps=500_000).train(env, seed=0)
"""

from populations.behaviour_cloning import BehaviourCloning
from populations.best_response import BestResponse
from populations.fictitious_co_play import FictitiousCoPlay
from populations.high_entropy import HighEntropy
from populations.method import Method
from populations.other_play import OtherPlay
from populations.self_play import SelfPlay

#: Recipes by the names of the command line.
RECIPES = {"sp": SelfPlay, "op": OtherPlay, "he": HighEntropy, "fcp": FictitiousCoPlay}

__all__ = [
    "RECIPES",
    "BehaviourCloning",
    "BestResponse",
    "FictitiousCoPlay",
    "HighEntropy",
    "Method",
    "OtherPlay",
    "SelfPlay",
]
