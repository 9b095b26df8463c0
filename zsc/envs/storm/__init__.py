"""STORM for two players: matrix games in a grid. Rules, pay-offs, observations, pictures."""

from zsc.envs.storm.env import VARIANTS, Storm
from zsc.envs.storm.fields import PAYOFFS
from zsc.envs.storm.state import State

__all__ = ["PAYOFFS", "VARIANTS", "State", "Storm"]
