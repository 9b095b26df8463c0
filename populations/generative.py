"""GAMMA: generative agents as partners (Liang et al. 2024, arXiv 2411.13934).

Stage 1 is that of MEP. Its members are recorded with each other, and a variational autoencoder
learns who they are: the encoder q(z | tau) reads what one player of a game saw and did, the decoder
p(a | tau, z) is a policy with a memory that is told z. Minimised is the mean over players of

    - sum over t of log p(a_t | o_1..t, z) + beta KL(q(z | tau) || N(0, I)),  z ~ q(z | tau),

where beta rises linearly from `kl_start` to `kl` (from .01 to 1 in the paper). In stage 2 each
partner is the decoder with a z from N(0, I), which it keeps for an episode. Whom the prior makes
are ordinary agents: samples are in the run folder's `partners/`, stage 1's members in `members/`.
If samples earn far less with themselves than the members do (`label.skill`), beta ended too low.

Deviations: the autoencoder reads whole games, not chunks of 100 steps; encoders are dense layers
and a memory, not convolutions; as many partners are met at a time as there are `blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np

from zsc import keys as streams
from zsc.agents.networks import MakePolicy
from zsc.agents.policy import Policy, gru_policy, in_turns
from zsc.agents.pool import Label, Pool
from zsc.agents.told import latent_policy, widened, with_latent
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.machine.memory import check as check_memory
from zsc.play.match import Match, MatchSpec
from zsc.populations.hooks.groups import Draw, by_group
from zsc.populations.hooks.players import PartnerModel, learn_partners
from zsc.populations.maximum_entropy import MaximumEntropy
from zsc.populations.recipe import Load, Run, at_least_one
from zsc.populations.stage import Stage
from zsc.train.method import Matches, Method, PerMember
from zsc.types import Key, Params


@dataclass(frozen=True)
class MeetGenerated:
    """The match hook: in each block the member's decoder with a z of its own from N(0, I)."""

    draw: Draw
    size: int

    def __call__(
        self, mstate: tuple[()], keys: Key, params: Params, partners: PerMember
    ) -> Matches:
        """Matches [M, ...] with partners (decoder [K, ...], z [K, Z])."""
        del mstate, params
        blocks = self.draw.spec.blocks

        def one(key: Key, decoder: Params) -> Match:
            latent = jax.random.normal(jax.random.fold_in(key, 1), (blocks, self.size))
            everywhere = lambda x: jnp.broadcast_to(x, (blocks, *x.shape))
            return self.draw(key, (jax.tree.map(everywhere, decoder), latent))

        return (jax.vmap(one)(keys, partners.value),)


@dataclass(frozen=True, kw_only=True)
class GenerativePartners(MaximumEntropy):
    """Best responses to partners that a model of a MEP population makes up.

    members, partners and the fields of the stages: as in `TwoStage`. alpha: as in `MaximumEntropy`.
    recorded: games of each run's members that the autoencoder learns from.
    latent: Z, how many numbers say who a partner is.
    model_steps, batch, rate: of the autoencoder's training.
    kl_start, kl: how much z costs at its beginning and end.
    decoder: its network, and the encoder's, for flat observations; None is `gru_policy`.
    samples: generated agents of each run in the run folder's `partners/`.
    responses: False for these alone.
    """

    recorded: int = 512
    latent: int = 16
    model_steps: int = 3000
    batch: int = 64
    rate: float = 3e-3
    kl_start: float = 0.01
    kl: float = 1.0
    decoder: MakePolicy | None = None
    samples: int = 16
    # who is met is drawn from the prior: nothing is there to be ranked or weighed
    priority: float | None = field(init=False, default=0.0, repr=False)
    fade: float = field(init=False, default=0.0, repr=False)
    by_seat: bool = field(init=False, default=False, repr=False)
    knows_partner: bool = field(init=False, default=False, repr=False)
    foresees: bool = field(init=False, default=False, repr=False)
    weights: None = field(init=False, default=None, repr=False)
    self_play: float = field(init=False, default=0.0, repr=False)

    title: ClassVar[str] = "generative"
    partner_title: ClassVar[str] = "generative/member"

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "recorded", "latent", "model_steps", "batch", "samples")
        if not 0 <= self.kl_start <= self.kl < float("inf"):
            raise UserError(
                f"kl_start is {self.kl_start} and kl {self.kl}: give numbers from 0 on, the "
                "second one not below the first"
            )

    @classmethod
    def published(cls, **settings: Any) -> Self:
        """Eight members and a small bonus, as in the paper."""
        return cls(**{"partners": 8, "alpha": 0.01} | settings)

    @classmethod
    def uniform(cls, **settings: Any) -> Self:
        """The same: nobody who is made up is met more than another."""
        return cls(**settings)

    def loads(self) -> tuple[Load, ...]:
        """The members with their checkpoints, and the responses with their partners."""
        first = super().loads()[0]
        return (first, Load(self.members, kept=self.blocks)) if self.responses else (first,)

    def check(self, env: Environment) -> None:
        """Raise UserError for a decoder that wants a grid, or more games than fit into memory."""
        super().check(env)
        self.model(env)
        spec = env.spec
        entry = np.dtype(spec.obs_dtype).itemsize * int(np.prod(spec.obs_shape)) + 16
        size = self.recorded * spec.num_agents * spec.horizon * entry
        check_memory(f"{self.recorded:,} recorded games", size, "record fewer", on_device=True)

    def model(self, env: Environment) -> PartnerModel:
        """The autoencoder for a game. Raises UserError for a decoder that wants a grid."""
        wide = replace(widened(env.spec, env.spec.num_actions), num_actions=2 * self.latent)
        return PartnerModel(
            encoder=(self.decoder or gru_policy)(wide),
            decoder=in_turns(env.spec, self._told(env.spec)),
            size=self.latent,
            steps=self.model_steps,
            batch=self.batch,
            rate=self.rate,
            kl_start=self.kl_start,
            kl=self.kl,
        )

    def build(self, run: Run) -> Pool:
        """The best responses, or samples of the partners."""
        generated = run.log.done("partners")
        if generated is None:
            members = run.log.done("members") or self.train_partners(run)
            run.log.write_pool(members, "members")
            generated = self.generate(run, members)
            run.log.write_pool(generated, "partners")
        return self.train_responses(run, generated) if self.responses else generated

    def generate(self, run: Run, members: Pool) -> Pool:
        """Samples [members * samples] of the decoders that learned from the members of each run."""
        groups = by_group(members.params, len(members) // self.members)
        model, root = self.model(run.env), jax.random.key(run.seed)
        each = jax.vmap(partial(jax.random.fold_in, jax.random.fold_in(root, streams.MODEL)))
        keys = each(jnp.arange(self.members))
        decoders = learn_partners(run.env, members.policy, model, self.recorded, groups, keys)
        of_one = lambda key: jax.random.normal(
            jax.random.fold_in(key, 2), (self.samples, self.latent)
        )
        latents = jax.vmap(of_one)(keys).reshape(-1, self.latent)
        who = np.repeat(np.arange(self.members), self.samples)
        ids = np.array(members.ids).reshape(self.members, -1)
        parents = [tuple(dict.fromkeys(mine.tolist())) for mine in ids]
        labels = [
            Label("generative/partner", run.seed, int(m), parents=parents[int(m)]) for m in who
        ]
        params = jax.tree.map(lambda x: x[who], decoders), latents
        policy = with_latent(self._told(run.env.spec), self.latent)
        return self._responding(run, policy).measured(policy, params, labels)

    def train_responses(self, run: Run, partners: Pool) -> Pool:
        """Stage 2: one best response per run, to the decoder of its own samples."""
        stage = self._responding(run, partners.policy)
        decoders = jax.tree.map(lambda x: x[:: self.samples], partners.params[0])
        state = stage.train(run.log, partners=PerMember(decoders))
        done, ids = stage.steps_done(state), np.array(partners.ids).reshape(self.members, -1)
        labels = [
            Label(self.title, run.seed, m, done, parents=tuple(dict.fromkeys(mine.tolist())))
            for m, mine in enumerate(ids)
        ]
        return stage.pool(state, labels)

    def _told(self, spec: EnvSpec) -> Policy:
        """What plays as z says. Raises UserError for a network that wants a grid."""
        return latent_policy(spec, self.latent, network=self.decoder or gru_policy)

    def _responding(self, run: Run, partner: Policy) -> Stage:
        games = MatchSpec("generated", partner=partner, blocks=self.blocks)
        draw = Draw(games, run.stages[1].learner.envs, run.env.spec.num_agents)
        method = Method(self.title, (games,), match=MeetGenerated(draw, self.latent))
        return run.stage(
            method, members=self.members, number=1, offset=streams.RESPONSE_SEEDS, title="responses"
        )
