"""MEP, maximum entropy population-based training (Zhao et al. 2023, arXiv 2112.11701).

Stage 1 trains partners by self-play and pays each step -alpha log pibar(a | s), where pibar is the
mean policy of the population, the learner included (equation 4): what others rarely do is worth
more. Stage 2 is a best response that meets more often whom it earns least with (section 4.3).

Deviations: all members learn at once, each from games of its own, instead of taking turns; stage 2
is that of `TwoStage`. `MaximumEntropy.published()` is the paper's: one rank for each (partner,
seat), its cube, to the end. alpha .01, as published, is nearly the same as independent seeds (ten
equal levers and five members: 4.3 different ones instead of 4.1, with .1 it is 4.9). The default
is .1, and .03 in kitchens, where with .1 six of twenty partners learned nothing. The authors' code
takes the probabilities of the first game for all games; here each has its own. Bonuses are in no
reported return.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy, Team
from zsc.envs.base import Environment
from zsc.learn.base import Played
from zsc.nets import distribution
from zsc.play.rollout import Trajectory, replay
from zsc.populations.hooks.groups import own_group
from zsc.populations.presets import bonus_preset
from zsc.populations.recipe import Run, from_zero_on
from zsc.populations.two_stage import TwoStage, check_whole_games
from zsc.train.method import Member, Method
from zsc.types import Array, Params

_LEAST = 1e-5  # of a mean probability: rarer actions are not worth more


@dataclass(frozen=True)
class PopulationEntropy:
    """The reward hook: minus the log of how likely the group's mean policy was to do the same.

    size: n, members of a group. alpha: the weight of the bonus, in units of reward.
    """

    size: int
    alpha: float

    def __call__(self, member: Member, policy: Policy | Team, played: Played) -> Played:
        """The games with the bonus in `reward`."""
        (game,) = played
        each = lambda params: jnp.exp(log_prob(policy, params, game))
        mean = jax.lax.map(each, own_group(member, self.size)).mean(0)
        bonus = -self.alpha * jnp.log(jnp.maximum(mean, _LEAST))
        return (game._replace(reward=game.reward + bonus * game.valid),)


def log_prob(policy: Policy | Team, params: Params, game: Trajectory) -> Array:
    """[T, E, R] log probabilities of what was done by other parameters."""
    out = replay(policy, params, game)
    return distribution(out.logits, game.inputs.mask).log_prob(game.action)


@dataclass(frozen=True, kw_only=True)
class MaximumEntropy(TwoStage):
    """Best responses to a population that is paid for being varied.

    Beside the fields of `TwoStage`:

    alpha: weight of the bonus; None takes the game's preset.
    """

    alpha: float | None = None
    title: ClassVar[str] = "maximum_entropy"
    partner_title: ClassVar[str] = "maximum_entropy/partner"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha is not None:
            from_zero_on(self, "alpha")

    @classmethod
    def published(cls, **settings: Any) -> Self:
        """The paper's second stage and bonus: ranks of (partner, seat), cubed, to the end."""
        paper: dict[str, Any] = {"priority": 3.0, "fade": 0.0, "by_seat": True, "alpha": 0.01}
        return cls(**paper | settings)

    def check(self, env: Environment) -> None:
        """Raise UserError for members with a memory that learn from parts of games."""
        check_whole_games(self, env.spec)

    def partner_method(self, run: Run) -> Method:
        """Self-play with the bonus."""
        alpha = bonus_preset(run.env.spec) if self.alpha is None else self.alpha
        return Method(self.partner_title, reward=PopulationEntropy(self.partners, alpha))
