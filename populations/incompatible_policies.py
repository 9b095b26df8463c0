"""LIPO, learning incompatible policies (Charakorn et al. 2023, ICLR, "Generating diverse
cooperative agents by learning incompatible policies").

Member i maximises J(i, i) - weight * max_{j != i} J(i, j) (equation 4): it plays well with itself,
and badly with whichever other member it still plays best with. Each other member has a value head
of its own. With `latents` > 1 a policy is many: it is told a random one-hot z in each game, and a
discriminator that guesses z from what it sees and how likely it is to act makes its manners differ
(section 4.3); gradients go through the action probabilities. Partners are then every member with
every z.

Deviation: which member is the most compatible is known by a running mean of returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy, Team
from zsc.agents.told import latent_policy, with_latent
from zsc.envs.base import EnvSpec
from zsc.learn.base import Played
from zsc.play.match import MatchSpec
from zsc.play.rollout import replay
from zsc.populations.hooks.groups import (
    Draw,
    KeepEarned,
    NothingEarned,
    meet_most_compatible,
    only_most_compatible,
    others_at_once,
)
from zsc.populations.hooks.guesses import (
    cross_entropy,
    discriminator,
    each_latent,
    guess_latent,
    told_latents,
)
from zsc.populations.presets import Preset, diverse_preset, with_heads
from zsc.populations.recipe import Run, at_least_one, from_zero_on
from zsc.populations.two_stage import TwoStage, at_least_two_partners
from zsc.train.method import Matches, Member, Method
from zsc.types import Array, Key, Params


@dataclass(frozen=True)
class MeetOthers:
    """The match hook: games with itself, and with others of its group of `size`."""

    own: Draw
    cross: Draw
    size: int
    latents: int

    def __call__(self, mstate: Array, keys: Key, params: Params, partners: Params) -> Matches:
        """Matches [M, ...] of self-play and of cross-play."""
        del partners
        split = jax.vmap(partial(jax.random.split, num=5))(keys)
        own, cross, whom, one, two = jnp.moveaxis(split, 1, 0)
        plays = params[0] if self.latents > 1 else params
        meet = jax.vmap(partial(meet_most_compatible, blocks=self.cross.spec.blocks))
        found = (
            self.own.alone(own),
            self.cross.live(cross, plays, meet(whom, mstate), self.size),
        )
        if self.latents == 1:
            return found
        tell = jax.vmap(partial(told_latents, latents=self.latents))
        return tell(found[0], one), tell(found[1], two)


@dataclass(frozen=True)
class ShunMostCompatible:
    """The reward hook: games with the most compatible other count -weight, with others nothing;
    all teach the value. The method's state [M, n - 1] is what was earned with each other."""

    weight: float

    def __call__(self, member: Member, policy: Policy | Team, played: Played) -> Played:
        """The games with `weight` set."""
        del policy
        own, cross = played
        shunned = only_most_compatible(member.matches[1], member.mstate[member.index])
        return own, cross._replace(weight=-self.weight * shunned[:, None])


@dataclass(frozen=True)
class TellLatents:
    """The loss hook: the discriminator's cross-entropy, which the policy lowers as well."""

    latents: int
    weight: float

    def __call__(
        self, params: Params, member: Member, policy: Policy | Team, played: Played
    ) -> Array:
        """[] its mean over the kinds of games."""
        del member
        each = []
        for game in played:
            said = replay(policy, params, game, (0,) * game.action.shape[-1]).logits
            seen = game.inputs
            logits = guess_latent(self.latents, params[1], seen.obs, said, seen.mask)
            each.append(cross_entropy(logits, seen.latent, game.valid))
        return self.weight * jnp.stack(each).mean()


@dataclass(frozen=True, kw_only=True)
class IncompatiblePolicies(TwoStage):
    """Best responses to members that are badly compatible with each other.

    Beside the fields of `TwoStage`:

    weight: of the return with the most compatible other member (the paper's lambda_XP).
    latents: manners of each member, 1 for none.
    discriminator: weight of the loss that tells manners apart.
    """

    weight: float = 0.5
    latents: int = 1
    discriminator: float = 0.1
    title: ClassVar[str] = "incompatible_policies"
    partner_title: ClassVar[str] = "incompatible_policies/partner"
    ages: ClassVar[tuple[str, ...]] = ("final",)

    def __post_init__(self) -> None:
        super().__post_init__()
        from_zero_on(self, "weight", "discriminator")
        at_least_one(self, "latents")
        at_least_two_partners(self)

    def partner_preset(self, spec: EnvSpec) -> Preset:
        """Games for self-play and cross-play."""
        return diverse_preset(spec)

    def partner_policy(self, run: Run) -> Policy | Team:
        """A policy with a value head for itself and each other member; with its discriminator."""
        network = with_heads(run.stages[0].network, self.partners)
        spec = run.env.spec
        if self.latents == 1:
            return network(spec)
        told = latent_policy(spec, self.latents, network=network)
        return Team((told, discriminator(spec, self.latents)))

    def partner_method(self, run: Run) -> Method:
        """Half self-play, half cross-play with the others."""
        policy = self.partner_policy(run)
        plays = policy.policies[0] if isinstance(policy, Team) else policy
        blocks = others_at_once(self.partners)
        own = MatchSpec("self", share=0.5)
        cross = MatchSpec("cross", share=0.5, partner=plays, blocks=blocks)
        draw = partial(Draw, envs=run.stages[0].learner.envs, num_agents=run.env.spec.num_agents)
        return Method(
            self.partner_title,
            (own, cross),
            init=NothingEarned(self.partners - 1),
            match=MeetOthers(draw(own), draw(cross), self.partners, self.latents),
            reward=ShunMostCompatible(self.weight),
            loss=TellLatents(self.latents, self.discriminator) if self.latents > 1 else None,
            after=KeepEarned(self.partners),
        )

    def agents_of(self, policy: Policy, room: Params) -> tuple[Policy, Params]:
        """Every member with every latent."""
        if self.latents == 1:
            return policy, room
        return with_latent(policy, self.latents), each_latent(room, self.latents)
