"""Neural networks: all flax and distrax code of the project."""

from zsc.nets.heads import distribution, sample
from zsc.nets.networks import FeedForward, Recurrent

__all__ = ["FeedForward", "Recurrent", "distribution", "sample"]
