"""TrajeDi, trajectory diversity (Lupu et al. 2021, PMLR 139, "Trajectory diversity for zero-shot
coordination").

A population is trained by self-play plus coefficient * JSD_g, the Jensen-Shannon divergence of its
members' trajectories (equation 5 of the paper):

    JSD_g = (1/n) sum_i E_{tau ~ pi_i} (1/T) sum_t [log d_it - log dhat_t],
    d_it = prod_s pi_i(a_s | tau_s)^(g^|t - s|),   dhat_t = mean_i d_it.

The gradient is exact: that of members whose actions it judges, by the score of the trajectory, and
that of all members' densities (`Divergence`). The surrogates of public code are not this gradient:
on long games they lower each member's entropy and do nothing for diversity.

Deviations: partners are trained before the response instead of together with it, so that one stage
of best responses serves all methods; later epochs weigh trajectories by their importance, clipped
as PPO clips a ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy, Team
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.learn.base import Played
from zsc.play.rollout import Trajectory
from zsc.populations.hooks.groups import by_group
from zsc.populations.maximum_entropy import log_prob
from zsc.populations.recipe import Run, from_zero_on
from zsc.populations.two_stage import TwoStage, check_whole_games
from zsc.train.method import Method
from zsc.types import Array, Params


@dataclass(frozen=True)
class Divergence:
    """The joint loss: minus coefficient * JSD_g of each group of n members, summed over groups.

    Like the learner's own loss it is per step: the coefficient means the same in long games.

    size: n. coefficient: its weight. reach: g, from 0 (steps alone) to 1 (whole games). clip: how
    far the log of a trajectory's importance may go, in later epochs.
    """

    size: int
    coefficient: float
    reach: float
    clip: float = 0.2

    def __call__(self, params: Params, policy: Policy | Team, played: Played) -> Array:
        """[] the loss of games [M, T, E, R, ...]."""
        (games,) = played
        each = jax.vmap(partial(self.of_group, policy))
        whole = each(*by_group((params, games), self.size)).sum()
        return -self.coefficient * whole / games.action.shape[1]

    def of_group(self, policy: Policy | Team, params: Params, games: Trajectory) -> Array:
        """[] n JSD_g of one group's games [n, T, E, R, ...], so that its weight is a member's."""
        said = jax.vmap(
            lambda game: jax.vmap(lambda own: trajectory_log_prob(policy, own, game))(params)
        )(games)  # [n of the games, n of the judges, T, E]
        valid = games.valid.any(-1)
        old = (games.log_prob * games.valid).sum(-1).sum(1)  # [n, E]
        return surrogate(said, old, valid, self.reach, self.clip).mean(1).sum()


def surrogate(said: Array, old: Array, playing: Array, reach: float, clip: float) -> Array:
    """[n, E] what has the gradient of n JSD_g, the mean over trajectories that members `old` made.

    said, playing: as in `divergence`. old [n, E]: log probabilities of the trajectories when they
    were made. Each counts by its importance, whose gradient is the score.
    """
    own = jnp.diagonal(said, axis1=0, axis2=1)  # [T, E, n]
    weight = jnp.exp(jnp.clip(own.sum(0).T - old, -clip, clip))
    gap = divergence(said, reach, playing)
    # the score's variance is less about a mean, which changes no expectation
    base = jax.lax.stop_gradient(gap.mean(1, keepdims=True))
    return weight * (gap - base) + base


def trajectory_log_prob(policy: Policy | Team, params: Params, game: Trajectory) -> Array:
    """[T, E] log probability of the joint actions; forced moves say nothing."""
    return (log_prob(policy, params, game) * game.valid).sum(-1)


def divergence(said: Array, reach: float, playing: Array) -> Array:
    """[n, E] the mean over steps of log d_it - log dhat_t, for trajectories of each member i.

    said: [n of the trajectories, n of the judges, T, E] log probabilities of each step. playing:
    [n, T, E] the steps that count.
    """
    steps = jnp.arange(said.shape[2])
    apart = jnp.abs(steps[:, None] - steps[None])
    kernel = jnp.where(apart == 0, 1.0, jnp.float32(reach) ** apart)
    log_d = jnp.einsum("ts,ijse->ijte", kernel, said)
    log_mean = jax.nn.logsumexp(log_d, axis=1) - jnp.log(said.shape[1])  # [n, T, E]
    own = jnp.moveaxis(jnp.diagonal(log_d, axis1=0, axis2=1), -1, 0)
    counted = jnp.maximum(playing.sum(1), 1)
    return ((own - log_mean) * playing).sum(1) / counted


@dataclass(frozen=True, kw_only=True)
class TrajectoryDiversity(TwoStage):
    """Best responses to a population whose trajectories diverge.

    Beside the fields of `TwoStage`:

    coefficient: weight of the divergence.
    reach: g, how far along a trajectory a step's density looks: 0 compares steps, 1 whole games.
    """

    coefficient: float = 0.5
    reach: float = 0.5
    title: ClassVar[str] = "trajectory_diversity"
    partner_title: ClassVar[str] = "trajectory_diversity/partner"

    def __post_init__(self) -> None:
        super().__post_init__()
        from_zero_on(self, "coefficient")
        if not 0 <= self.reach <= 1:
            raise UserError(f"reach is {self.reach}: give a number from 0 to 1")

    def check(self, env: Environment) -> None:
        """Raise UserError for members with a memory that learn from parts of games."""
        check_whole_games(self, env.spec)

    def partner_method(self, run: Run) -> Method:
        """Self-play with the joint loss."""
        del run
        loss = Divergence(self.partners, self.coefficient, self.reach)
        return Method(self.partner_title, joint_loss=loss)
