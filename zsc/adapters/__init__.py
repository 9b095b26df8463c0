"""Doors to other libraries: their games as ours, and ours as theirs.

    zsc.make("jaxmarl", env="MPE_simple_spread_v3", horizon=26)   any game of jaxmarl
    zsc.make("jumanji", env="RobotWarehouse-v0")                  jumanji's with several agents
    zsc.adapters.to_jaxmarl(env)                                  ours as a jaxmarl environment
    zsc.adapters.to_pettingzoo(env)                               ours as a ParallelEnv
    zsc.adapters.to_aec(env)                                      ours, agent by agent
    zsc.adapters.to_gymnasium(env, partners)                      one seat, strangers in the others

Games of pgx are played against each other, one player at a time: none of them fits a team.

The other library is imported when a door is opened, so that it need not be installed.
"""

from zsc.adapters.gymnasium import to_gymnasium
from zsc.adapters.jaxmarl import JaxmarlGame, to_jaxmarl
from zsc.adapters.jumanji import JumanjiGame
from zsc.adapters.pettingzoo import to_aec, to_pettingzoo

__all__ = ["JaxmarlGame", "JumanjiGame", "to_aec", "to_gymnasium", "to_jaxmarl", "to_pettingzoo"]
