"""Recipes: one per published way to train a population of partners.

from zsc.populations import FictitiousCoPlay, OtherPlay, SelfPlay

pool = SelfPlay(members=8, steps=500_000).train(env, seed=0)
"""

if __name__ != "zsc.populations":  # the folder seen from beside it: two copies of every class
    raise ImportError("import zsc.populations")

from zsc.populations.any_play import AnyPlay
from zsc.populations.behaviour_cloning import BehaviourCloning
from zsc.populations.best_response import BestResponse
from zsc.populations.best_response_diversity import BestResponseDiversity, LagrangianDiversity
from zsc.populations.cole import COLE
from zsc.populations.comedi import CoMeDi
from zsc.populations.cross_environment import CrossEnvironment
from zsc.populations.e3t import E3T
from zsc.populations.fictitious_co_play import FictitiousCoPlay
from zsc.populations.generative import GenerativePartners
from zsc.populations.hidden_utility import HiddenUtility
from zsc.populations.high_entropy import HighEntropy
from zsc.populations.human_regularised import HumanRegularised
from zsc.populations.incompatible_policies import IncompatiblePolicies
from zsc.populations.k_level import KLevel
from zsc.populations.maximum_entropy import MaximumEntropy
from zsc.populations.off_belief import OffBelief
from zsc.populations.other_play import OtherPlay
from zsc.populations.paired import PAIRED
from zsc.populations.pecan import PECAN
from zsc.populations.population_based import PopulationBased
from zsc.populations.recipe import Recipe, Run
from zsc.populations.rotate import ROTATE
from zsc.populations.sad import SAD
from zsc.populations.self_play import SelfPlay
from zsc.populations.state_augmentation import StateAugmentation
from zsc.populations.trajectory_diversity import TrajectoryDiversity
from zsc.train.method import Method
from zsc.train.recipes import register_method

# the order is that of the page of methods: one stage, pools with a response, open-ended
register_method("sp", SelfPlay)
register_method("op", OtherPlay)
register_method("he", HighEntropy)
register_method("sa", StateAugmentation)
register_method("cec", CrossEnvironment)
register_method("e3t", E3T)
register_method("any-play", AnyPlay)
register_method("obl", OffBelief)
register_method("k-level", KLevel)
register_method("sad", SAD)
register_method("fcp", FictitiousCoPlay)
register_method("mep", MaximumEntropy)
register_method("trajedi", TrajectoryDiversity)
register_method("lipo", IncompatiblePolicies)
register_method("brdiv", BestResponseDiversity)
register_method("lbrdiv", LagrangianDiversity)
register_method("comedi", CoMeDi)
register_method("hsp", HiddenUtility)
register_method("gamma", GenerativePartners)
register_method("pecan", PECAN)
register_method("pbt", PopulationBased)
register_method("cole", COLE)
register_method("paired", PAIRED)
register_method("rotate", ROTATE)
register_method("br", BestResponse)
register_method("bc", BehaviourCloning)
register_method("hr", HumanRegularised)

__all__ = [
    "COLE",
    "E3T",
    "PAIRED",
    "PECAN",
    "ROTATE",
    "SAD",
    "AnyPlay",
    "BehaviourCloning",
    "BestResponse",
    "BestResponseDiversity",
    "CoMeDi",
    "CrossEnvironment",
    "FictitiousCoPlay",
    "GenerativePartners",
    "HiddenUtility",
    "HighEntropy",
    "HumanRegularised",
    "IncompatiblePolicies",
    "KLevel",
    "LagrangianDiversity",
    "MaximumEntropy",
    "Method",
    "OffBelief",
    "OtherPlay",
    "PopulationBased",
    "Recipe",
    "Run",
    "SelfPlay",
    "StateAugmentation",
    "TrajectoryDiversity",
]
