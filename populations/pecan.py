"""PECAN (Lou et al. 2023, arXiv 2301.06387): an agent that recognises the level of its partner.

Stage 1 is that of MEP. The partners of one age are a group: untrained, halfway, trained, which is
their level. In stage 2 a partner is a random convex mixture of a group's policies,

    p(a | s) = sum over i of w_i p_i(a | s),  w uniform on the simplex, drawn for each episode,

or one of them: with probability max(`single`, 1 - (1 - single) progress / .7). Groups that the
agent earns least with, in one seat or the other, are met most, by the cube of their rank. The agent
acts on a context: which level it takes its partner for, from the last steps.

Deviations: the recogniser learns together with the agent, by cross-entropy from its own games, not
beforehand, and its context is always what it believes, where the authors tell the truth in .3 of
the batches; dense layers instead of self-attention; the agent is no member of a group; each update
has blocks of both kinds of partners, not phases; each (group, seat) has a value head of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np

from zsc import keys as streams
from zsc.agents.levels import blend, recognising_policy
from zsc.agents.policy import Policy, Team
from zsc.agents.pool import Label, Pool
from zsc.envs.base import EnvSpec
from zsc.errors import UserError
from zsc.learn.base import Played
from zsc.play.match import MatchSpec
from zsc.play.rollout import replay
from zsc.populations.hooks.partners import DrawPartners, Table, table_of, take_table
from zsc.populations.hooks.payoffs import KeepReturns
from zsc.populations.maximum_entropy import MaximumEntropy
from zsc.populations.presets import with_heads
from zsc.populations.recipe import Run, at_least_one
from zsc.train.method import Matches, Member, Method
from zsc.types import Array, Key, Params

_HURRY = 0.7  # share of the training after which single partners are as rare as they get


@dataclass(frozen=True)
class MeetMixtures:
    """The match hook: in each block a group of the member's table, mixed in a way of its own.

    draw: chooses groups, whose parameters [P, n, ...] are the partners. size: n. single: least
    chance of one partner alone.
    """

    draw: DrawPartners
    size: int
    single: float

    def __call__(self, table: Table, keys: Key, params: Params, partners: Params) -> Matches:
        """Matches [M, ...] with partners (parameters [K, n, ...], weights [K, n])."""
        (match,) = self.draw(table, keys, params, partners)
        blocks = self.draw.specs[0].blocks

        def weights(key: Key, progress: Array) -> Array:
            mix, one, alone = jax.random.split(jax.random.fold_in(key, 2), 3)
            mixed = jax.random.dirichlet(mix, jnp.ones(self.size), (blocks,))
            lone = jax.nn.one_hot(jax.random.randint(one, (blocks,), 0, self.size), self.size)
            chance = jnp.maximum(self.single, 1.0 - (1.0 - self.single) * progress / _HURRY)
            return jnp.where(jax.random.bernoulli(alone, chance, (blocks, 1)), lone, mixed)

        drawn = jax.vmap(weights)(keys, table.progress)
        return (match._replace(partners=(match.partners, drawn)),)


@dataclass(frozen=True)
class Recognise:
    """The loss hook: the cross-entropy of the partner's level, which the value head tells."""

    seats: int

    def __call__(
        self, params: Params, member: Member, policy: Policy | Team, played: Played
    ) -> Array:
        """[] its mean over the steps of living games."""
        del member
        (game,) = played
        said = jax.nn.log_softmax(replay(policy, params, game).extra)  # [T, E, 1, levels]
        level = jax.nn.one_hot(game.head // self.seats, said.shape[-1])  # [E, levels]
        error = -(said * level[:, None]).sum(-1) * game.playing
        return error.sum() / jnp.maximum(game.playing.sum(), 1)


@dataclass(frozen=True, kw_only=True)
class PECAN(MaximumEntropy):
    """Agents that recognise how good their partner is, trained with mixtures of MEP partners.

    Beside the fields of `MaximumEntropy`; blocks of mixtures cost `partners` times as much:

    window: steps that are looked at.
    single: least chance of a partner that is no mixture.
    """

    blocks: int = 8
    window: int = 10
    single: float = 0.3
    priority: float | None = 3.0
    fade: float = 0.0
    # each (group, seat) has a rank and a value head of its own, and nobody is met beside
    by_seat: bool = field(init=False, default=True, repr=False)
    knows_partner: bool = field(init=False, default=True, repr=False)
    foresees: bool = field(init=False, default=False, repr=False)
    weights: None = field(init=False, default=None, repr=False)
    self_play: float = field(init=False, default=0.0, repr=False)

    title: ClassVar[str] = "pecan"
    partner_title: ClassVar[str] = "pecan/partner"

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "window")
        if not 0 <= self.single <= 1:
            raise UserError(f"single is {self.single}: give a share from 0 to 1")

    @classmethod
    def published(cls, **settings: Any) -> Self:
        """Five partners and a small bonus, as in the paper."""
        return cls(**{"partners": 5, "alpha": 0.01} | settings)

    @classmethod
    def uniform(cls, **settings: Any) -> Self:
        """All groups are met alike."""
        return cls(**{"priority": 0.0} | settings)

    def responder(self, spec: EnvSpec) -> Policy:
        """What a response is. Raises UserError for a network that wants a grid."""
        levels = len(self.ages)
        network = with_heads(self.stages(spec)[1].network, levels * spec.num_agents)
        return recognising_policy(spec, levels, network=network, window=self.window)

    def train_responses(self, run: Run, partners: Pool) -> Pool:
        """Stage 2: one agent per run, with mixtures of its own partners of one age."""
        spec, levels = run.env.spec, len(self.ages)
        by_age = np.arange(len(partners)).reshape(self.members, self.partners, levels)
        places = by_age.swapaxes(1, 2).reshape(-1, self.partners)  # [members * levels, n]
        groups = jax.tree.map(lambda x: x[places], partners.params)
        table = table_of(
            np.arange(len(places)).reshape(self.members, levels), seats=spec.num_agents
        )
        mixed = blend(partners.policy, self.partners)
        specs = (MatchSpec("mixture", partner=mixed, blocks=self.blocks),)
        envs, rank = run.stages[1].learner.envs, self.priority or 0.0
        draw = DrawPartners(specs, envs, spec.num_agents, False, rank, self.fade, heads=True)
        method = Method(
            self.title,
            specs,
            init=take_table,
            match=MeetMixtures(draw, self.partners, self.single),
            loss=Recognise(spec.num_agents),
            after=KeepReturns(),
        )
        stage = run.stage(
            method,
            members=self.members,
            number=1,
            policy=self.responder(spec),
            offset=streams.RESPONSE_SEEDS,
            title="responses",
        )
        state = stage.train(run.log, partners=(table, groups))
        done, ids = stage.steps_done(state), np.array(partners.ids).reshape(self.members, -1)
        labels = [
            Label(self.title, run.seed, m, done, parents=tuple(dict.fromkeys(mine.tolist())))
            for m, mine in enumerate(ids)
        ]
        return stage.pool(state, labels)
