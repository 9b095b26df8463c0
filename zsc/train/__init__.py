"""Training a population: methods as values, one update for all members, the host loop."""

from zsc.train.loop import fit
from zsc.train.method import Method
from zsc.train.state import TrainState, init_state
from zsc.train.update import make_update

__all__ = ["Method", "TrainState", "fit", "init_state", "make_update"]
