"""Training a population: methods as values, one update for all members, the host loop."""

from zsc.train.loop import fit
from zsc.train.method import Member, Method, PerMember, Told
from zsc.train.state import TrainState, init_state
from zsc.train.update import make_update

__all__ = [
    "Member",
    "Method",
    "PerMember",
    "Told",
    "TrainState",
    "fit",
    "init_state",
    "make_update",
]
