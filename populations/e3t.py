"""E3T, efficient end-to-end training (Yan et al. 2023, NeurIPS): no pool, one stage.

The agent plays with a slow copy of itself that acts at random in a share of the steps: the mixture
(1 - epsilon) copy + epsilon uniform (equation 3). A predictor looks at the last observations and at
what the partner did, and says what it will do next; the agent acts on that as well. In place of its
own prediction the copy is told a random context, so that it plays in many ways. The predictor
learns by cross-entropy alone, and nobody learns from the copy's steps.

`E3T.reduced()` is the form that ZSC-Eval evaluates: no predictor, epsilon .25. Deviation: the
context of a copy is drawn for each episode, and so one manner for all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import jax
import jax.numpy as jnp

from zsc.agents.guessing import predicting_policy, told_context, unit
from zsc.agents.policy import Policy, mixture
from zsc.agents.pool import Pool
from zsc.envs.base import EnvSpec
from zsc.errors import UserError
from zsc.play.match import Match, MatchSpec
from zsc.populations.hooks.groups import Draw
from zsc.populations.hooks.guesses import foretell
from zsc.populations.recipe import Recipe, Run, at_least_one
from zsc.populations.self_play import final_members
from zsc.train.method import Matches, Method, PerMember, Told
from zsc.types import Key, Params


def begin_copy(key: Key, params: Params, partners: Params) -> tuple[tuple[()], PerMember]:
    """The init hook: the slow copy of each member is what it begins as."""
    del key, partners
    return (), PerMember(jax.tree.map(jnp.array, params))


@dataclass(frozen=True)
class FollowSlowly:
    """The after hook: copies move towards their members by this share of the way."""

    share: float

    def __call__(
        self, mstate: tuple[()], params: Params, told: Told, partners: PerMember
    ) -> tuple[tuple[()], PerMember]:
        """The exponential moving averages after an update."""
        del told
        near = lambda old, new: old + self.share * (new - old)
        return mstate, PerMember(jax.tree.map(near, partners.value, params))


@dataclass(frozen=True)
class MeetCopy:
    """The match hook: each member with its copy, which is told a random context of this size."""

    draw: Draw
    context: int

    def __call__(
        self, mstate: tuple[()], keys: Key, params: Params, partners: PerMember
    ) -> Matches:
        """Matches [M, ...]."""
        del mstate, params

        def one(key: Key, copy: Params) -> Match:
            match = self.draw(key, jax.tree.map(lambda x: x[None], copy))
            if not self.context:
                return match
            shape = (*match.seats.shape, self.context)
            return match._replace(latent=unit(jax.random.normal(jax.random.fold_in(key, 1), shape)))

        return (jax.vmap(one)(keys, partners.value),)


@dataclass(frozen=True, kw_only=True)
class E3T(Recipe):
    """Agents that learn with a half random copy of themselves and foretell their partner.

    Beside the fields of `Recipe`:

    epsilon: share of the copy's steps that are random (the paper: .7 in cramped_room, else .3).
    follow: by what share of the way the copy follows, after each update.
    window: steps that the predictor looks back; 0 for no predictor.
    """

    epsilon: float = 0.3
    follow: float = 0.1
    window: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("epsilon", "follow"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} is {getattr(self, name)}: give a share from 0 to 1")
        if self.window:
            at_least_one(self, "window")

    @classmethod
    def reduced(cls, **settings: Any) -> Self:
        """The form without a predictor, of ZSC-Eval's table."""
        return cls(**{"window": 0, "epsilon": 0.25} | settings)

    def agents(self, spec: EnvSpec) -> Policy:
        """What the agents are."""
        network = self.stages(spec)[0].network
        if not self.window:
            return network(spec)
        return predicting_policy(spec, network=network, window=self.window)

    def build(self, run: Run) -> Pool:
        """The final members."""
        spec, policy = run.env.spec, self.agents(run.env.spec)
        copy = told_context(policy) if self.window else policy
        games = MatchSpec("copy", partner=mixture(copy, self.epsilon))
        draw = Draw(games, run.stages[0].learner.envs, spec.num_agents)
        context = (spec.num_agents - 1) * spec.num_actions if self.window else 0
        method = Method(
            "e3t",
            (games,),
            init=begin_copy,
            match=MeetCopy(draw, context),
            loss=foretell if self.window else None,
            after=FollowSlowly(self.follow),
        )
        return final_members(self, run, method, policy=policy)
