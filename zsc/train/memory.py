"""Whether a population fits into memory, from shapes alone, before anything is made or written."""

from __future__ import annotations

import math
from functools import partial

import jax
import numpy as np

from zsc.agents.policy import Policy, Team
from zsc.envs.base import Environment, EnvSpec
from zsc.learn.base import Learner, Task
from zsc.learn.ppo import PPOConfig
from zsc.machine.memory import bytes_of, check
from zsc.play.match import MatchSpec
from zsc.train.state import as_learner, segment_length

_COPIES = 2  # of a state at the same time: what an update makes, and what is kept or written


def check_population(
    env: Environment,
    policy: Policy | Team,
    learner: PPOConfig | Learner,
    *,
    members: int,
    kept: int = 0,
) -> None:
    """Raise UserError for a population that clearly does not fit.

    members: how many are trained at the same time. kept: parameter sets that each keeps or is
    given beside its own, such as checkpoints and partners. The count is low: parameters, what the
    learner keeps of each member, and the samples of those that play at the same time; what the
    network needs meanwhile is left out.
    """
    learner = as_learner(learner)
    key = jax.eval_shape(lambda: jax.random.key(0))
    params = jax.eval_shape(policy.init, key)
    own = jax.eval_shape(partial(learner.init, Task(env, policy, (MatchSpec(),))), key, params)
    each = _COPIES * (bytes_of(params) + bytes_of(own)) + kept * bytes_of(params)
    at_work = min(members, len(jax.local_devices()))
    samples = segment_length(env, learner) * learner.envs
    played = at_work * samples * env.spec.num_agents * bytes_per_sample(env.spec)
    what = f"training {members:,} members with {learner.envs:,} games each"
    if members * each > played:
        advice = "train fewer members"
    else:
        advice = "play fewer games at the same time (learner.envs), or in more segments"
    processes = jax.process_count()
    check(what, members * each / processes + played, advice, on_device=True)


def bytes_per_sample(spec: EnvSpec) -> int:
    """What one step of one agent takes in a trajectory."""
    seen = math.prod(spec.obs_shape) * np.dtype(spec.obs_dtype).itemsize
    return seen + spec.num_actions + 6 * 4  # mask; action, its likelihood, value, reward, targets
