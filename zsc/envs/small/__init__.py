"""Games of seconds with known answers: in each one only the right method gets the right one."""

from zsc.envs.small.cat_and_dog import CatAndDog, HiddenGame, HiddenState
from zsc.envs.small.rounds import HiddenCoin, RoundGame, TwoStepLever, TwoStepMatrix
from zsc.envs.small.switch_riddle import SwitchRiddle

__all__ = [
    "CatAndDog",
    "HiddenCoin",
    "HiddenGame",
    "HiddenState",
    "RoundGame",
    "SwitchRiddle",
    "TwoStepLever",
    "TwoStepMatrix",
]
