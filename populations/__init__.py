"""Recipes: one per published way to train a population of partners.

from zsc.populations import FictitiousCoPlay, OtherPlay, SelfPlay

pool = SelfPlay(members=8, steps=500_000).train(env, seed=0)
"""

if __name__ != "zsc.populations":  # the folder seen from beside it: two copies of every class
    raise ImportError("import zsc.populations")

from zsc.populations.behaviour_cloning import BehaviourCloning
from zsc.populations.best_response import BestResponse
from zsc.populations.fictitious_co_play import FictitiousCoPlay
from zsc.populations.high_entropy import HighEntropy
from zsc.populations.other_play import OtherPlay
from zsc.populations.recipe import Recipe, Run
from zsc.populations.self_play import SelfPlay
from zsc.train.method import Method
from zsc.train.recipes import register_method

register_method("sp", SelfPlay)
register_method("op", OtherPlay)
register_method("he", HighEntropy)
register_method("fcp", FictitiousCoPlay)
register_method("br", BestResponse)
register_method("bc", BehaviourCloning)

__all__ = [
    "BehaviourCloning",
    "BestResponse",
    "FictitiousCoPlay",
    "HighEntropy",
    "Method",
    "OtherPlay",
    "Recipe",
    "Run",
    "SelfPlay",
]
