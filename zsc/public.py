"""What `import zsc` offers, in one place; it is loaded when the first of it is asked for."""

from zsc.agents.bots import hanabi_bots, overcooked_bots, register_bots
from zsc.agents.networks import register_network
from zsc.agents.policy import (
    Inputs,
    Out,
    Policy,
    Team,
    cnn_policy,
    constant_policy,
    greedy,
    gru_policy,
    mixture,
    mlp_policy,
    told,
    trembling,
)
from zsc.agents.policy import register as register_policy
from zsc.agents.pool import Label, Pool, Roster, join, load_pool, make_pool, save_pool
from zsc.agents.told import latent_policy, with_latent
from zsc.envs.base import Environment, EnvSpec, TimeStep
from zsc.envs.contract import check_environment
from zsc.envs.registry import Family, list_envs, make, register_env
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError
from zsc.learn.base import Learner
from zsc.learn.critic import CentralCritic
from zsc.learn.ppo import PPOConfig, ppo
from zsc.learn.q_learning import QConfig, iql, qmix, vdn
from zsc.machine.runtime import setup
from zsc.play.crossplay import self_play_returns
from zsc.play.episode import record
from zsc.play.film import film, save_gif, save_mp4
from zsc.play.match import Match, MatchSpec
from zsc.records.record import Record, load_record
from zsc.train import Member, PerMember, Told, TrainState, fit, init_state, make_update
from zsc.train.method import Method
from zsc.train.recipes import register_method
from zsc.version import __version__

__all__ = [
    "CentralCritic",
    "EnvSpec",
    "Environment",
    "Family",
    "Inputs",
    "Label",
    "Learner",
    "Match",
    "MatchSpec",
    "Member",
    "Method",
    "Out",
    "PPOConfig",
    "PerMember",
    "Policy",
    "Pool",
    "QConfig",
    "Record",
    "Roster",
    "Symmetry",
    "Team",
    "TimeStep",
    "Told",
    "TrainState",
    "UserError",
    "__version__",
    "check_environment",
    "cnn_policy",
    "constant_policy",
    "film",
    "fit",
    "greedy",
    "gru_policy",
    "hanabi_bots",
    "init_state",
    "iql",
    "join",
    "latent_policy",
    "list_envs",
    "load_pool",
    "load_record",
    "make",
    "make_pool",
    "make_update",
    "mixture",
    "mlp_policy",
    "overcooked_bots",
    "ppo",
    "qmix",
    "record",
    "register_bots",
    "register_env",
    "register_method",
    "register_network",
    "register_policy",
    "save_gif",
    "save_mp4",
    "save_pool",
    "self_play_returns",
    "setup",
    "told",
    "trembling",
    "vdn",
    "with_latent",
]
