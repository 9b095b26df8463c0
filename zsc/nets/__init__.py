"""Neural networks: all flax and distrax code of the project."""

from zsc.nets.heads import distribution, entropy, log_prob, log_probs, sample
from zsc.nets.mixers import Monotone
from zsc.nets.networks import Critic, FeedForward, Recurrent

__all__ = [
    "Critic",
    "FeedForward",
    "Monotone",
    "Recurrent",
    "distribution",
    "entropy",
    "log_prob",
    "log_probs",
    "sample",
]
