"""Methods as values; the type lives in `zsc.method`, where the training loop needs it."""

from zsc.method import Matches, Method, Trajectories

__all__ = ["Matches", "Method", "Trajectories"]
