"""BRDiv and L-BRDiv: pairs of a partner and its response, each of no use to the others.

BRDiv (Rahman et al. 2023, arXiv 2207.14138): n pairs (p_i, b_i) maximise

    sum_i (1 + 2 w) J(p_i, b_i) - w sum_{j != i} mean [J(p_i, b_j) + J(p_j, b_i)],

so that each partner wants a response of its own. L-BRDiv (Rahman et al. 2024, arXiv 2308.09595)
maximises sum_i J(p_i, b_i) subject to J(p_i, b_i) >= J(p_i, b_j) + margin and >= J(p_j, b_i) +
margin, by Lagrange multipliers that rise where a constraint is broken.

A member is one pair that learns together; it plays with itself, and each of the two with the
others' counterparts. Values of games with another pair have heads of their own. Deviations: in a
game of two pairs each learns from its own copy of it; multipliers follow measured returns, as
shares of what a pair earns, not values of the critic.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy, Team
from zsc.envs.base import EnvSpec
from zsc.learn.base import Played
from zsc.play.match import MatchSpec
from zsc.populations.hooks.groups import (
    Draw,
    by_group,
    earned_with_others,
    of_blocks,
    others,
    others_at_once,
    some_others,
)
from zsc.populations.presets import Preset, diverse_preset, with_heads
from zsc.populations.recipe import Run, from_zero_on
from zsc.populations.two_stage import TwoStage, at_least_two_partners
from zsc.train.method import Matches, Member, Method, Told
from zsc.types import Array, Key, Params

PARTNER, RESPONSE = 0, 1  # their places in the team


@dataclass(frozen=True)
class MeetCounterparts:
    """The match hook: games of the pair, of its partner with others' responses, and the reverse."""

    size: int
    pair: Draw
    partner: Draw
    response: Draw

    def __call__(self, mstate: Any, keys: Key, params: Params, partners: Params) -> Matches:
        """Matches [M, ...] of the three kinds of games."""
        del mstate, partners
        split = jax.vmap(partial(jax.random.split, num=5))(keys)
        own, one, two, *whom = jnp.moveaxis(split, 1, 0)
        count = self.partner.spec.blocks
        drawn = [jax.vmap(lambda key: some_others(key, self.size, count))(k) for k in whom]
        return (
            self.pair.alone(own),
            self.partner.live(one, params[RESPONSE], drawn[0], self.size),
            self.response.live(two, params[PARTNER], drawn[1], self.size),
        )


@dataclass(frozen=True)
class Weigh:
    """The reward hook: all kinds of games weigh as the objective says.

    The method's state [2, M, n - 1] are the weights of cross-play: of the member's partner with
    each other's response, and of its response with each other's partner.
    """

    def __call__(self, member: Member, policy: Policy | Team, played: Played) -> Played:
        """The games with `weight` set."""
        del policy
        own, *cross = played
        against = member.mstate[:, member.index]  # [2, n - 1]
        weighed = [
            game._replace(weight=-of_blocks(match, each[match.head - 1])[:, None])
            for game, match, each in zip(cross, member.matches[1:], against, strict=True)
        ]
        return own._replace(weight=jnp.full((own.action.shape[1], 1), self.own(against))), *weighed

    def own(self, against: Array) -> Array:
        """[] the weight of a pair's own games: 1, and what it must be kept above others by."""
        return 1.0 + against.mean(1).sum()


@dataclass(frozen=True)
class EqualWeights:
    """The init hook of BRDiv: all cross-play weighs w."""

    weight: float
    count: int

    def __call__(self, key: Key, params: Params, partners: Params) -> tuple[Array, Params]:
        """[2, M, n - 1] the same weight for all."""
        del key
        members = len(jax.tree.leaves(params)[0])
        return jnp.full((2, members, self.count), self.weight), partners


@dataclass(frozen=True)
class RaiseBroken:
    """The after hook of L-BRDiv: the multiplier of a constraint rises by rate * how far it is
    broken, as a share of what pairs earn, and falls by how far it is kept; never below 0."""

    size: int
    margin: float
    rate: float

    def __call__(
        self, mstate: Array, params: Params, told: Told, partners: Params
    ) -> tuple[Array, Params]:
        """The multipliers [2, M, n - 1] after an update."""
        del params
        own = told.returns[0].mean(1)  # [M]
        theirs = own[others(len(own), self.size)]  # [M, n - 1] what each other pair earns
        usual = by_group(jnp.abs(own), self.size).mean(1)
        scale = jnp.repeat(jnp.maximum(usual, 1e-6), self.size)[:, None]
        moved = []
        for kind, multipliers in enumerate(mstate, start=1):
            cross = earned_with_others(told, self.size, kind)
            # the same game is compared with both pairs that are in it
            gap = (jnp.minimum(own[:, None], theirs) - cross) / scale - self.margin
            after = jnp.maximum(multipliers - self.rate * gap, 0.0)
            moved.append(jnp.where(jnp.isfinite(cross), after, multipliers))
        return jnp.stack(moved), partners


@dataclass(frozen=True, kw_only=True)
class BestResponseDiversity(TwoStage):
    """Best responses to partners that each want a response of their own (BRDiv).

    Beside the fields of `TwoStage`:

    weight: w, of cross-play.
    """

    weight: float = 0.5
    title: ClassVar[str] = "best_response_diversity"
    partner_title: ClassVar[str] = "best_response_diversity/partner"
    ages: ClassVar[tuple[str, ...]] = ("final",)

    def __post_init__(self) -> None:
        super().__post_init__()
        from_zero_on(self, "weight")
        at_least_two_partners(self)

    def partner_preset(self, spec: EnvSpec) -> Preset:
        """Games for self-play and cross-play."""
        return diverse_preset(spec)

    def partner_policy(self, run: Run) -> Team:
        """The partner and its response, with a value head for each other pair."""
        one = with_heads(run.stages[0].network, self.partners)(run.env.spec)
        return Team((one, one))

    def partner_method(self, run: Run) -> Method:
        """Games of pairs, and of each half with the others' counterparts."""
        one = self.partner_policy(run).policies[0]
        blocks = others_at_once(self.partners)
        specs = (
            MatchSpec("pair", share=0.5, cast=(PARTNER, RESPONSE)),
            MatchSpec("partner", share=0.25, cast=(PARTNER,), partner=one, blocks=blocks),
            MatchSpec("response", share=0.25, cast=(RESPONSE,), partner=one, blocks=blocks),
        )
        envs, agents = run.stages[0].learner.envs, run.env.spec.num_agents
        draws = (Draw(spec, envs, agents) for spec in specs)
        return Method(
            self.partner_title,
            specs,
            init=EqualWeights(self.begin_weight(), self.partners - 1),
            match=MeetCounterparts(self.partners, *draws),
            reward=Weigh(),
            after=self.change_weights(),
        )

    def begin_weight(self) -> float:
        """The weight of cross-play at first."""
        return self.weight

    def change_weights(self) -> RaiseBroken | None:
        """How it changes."""
        return None


@dataclass(frozen=True, kw_only=True)
class LagrangianDiversity(BestResponseDiversity):
    """BRDiv with a multiplier for each constraint instead of one weight (L-BRDiv).

    margin: by how much a pair has to earn more than mixed pairs, as a share of what pairs earn.
    multiplier_rate: how fast multipliers change.
    """

    weight: float = 0.0
    margin: float = 0.5
    multiplier_rate: float = 0.05
    title: ClassVar[str] = "lagrangian_diversity"
    partner_title: ClassVar[str] = "lagrangian_diversity/partner"

    def __post_init__(self) -> None:
        super().__post_init__()
        from_zero_on(self, "margin", "multiplier_rate")

    def change_weights(self) -> RaiseBroken:
        """By how far constraints are broken."""
        return RaiseBroken(self.partners, self.margin, self.multiplier_rate)
