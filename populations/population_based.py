"""PBT, population-based training (Jaderberg et al. 2017, arXiv 1711.09846), as a pool of partners.

Members play with one another; every so often the worst of a population goes on as a copy of the
best, with a changed learning rate and entropy weight (as in the baseline of Carroll et al. 2019,
arXiv 1910.05789: each setting with probability 1/3 times .75 or 1.25).

Deviations: all members play at once, half of the games with themselves; lambda, clip, epochs and
the value coefficient stay, since programs are compiled with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from zsc.envs.base import EnvSpec
from zsc.learn.base import Hypers
from zsc.play.match import MatchSpec
from zsc.populations.hooks.groups import Draw, by_group, flat, others_at_once, some_others
from zsc.populations.presets import Preset, diverse_preset
from zsc.populations.recipe import Run, at_least_one
from zsc.populations.two_stage import TwoStage, at_least_two_partners
from zsc.train.method import Matches, Method, Told
from zsc.types import Array, Key, Params

_CHANCE, _FACTORS = 1.0 / 3.0, (0.75, 1.25)


class Settings(NamedTuple):
    """What each member has of its own; [M]."""

    rate: Array  # multiples of the schedule's learning rate
    entropy: Array  # and of its entropy weight
    score: Array  # running mean of returns


def usual_settings(key: Key, params: Params, partners: Params) -> tuple[Settings, Params]:
    """The init hook: everybody begins with the learner's own settings."""
    del key
    one = jnp.ones(len(jax.tree.leaves(params)[0]))
    return Settings(one, one, 0.0 * one), partners


def own_settings(mstate: Settings, hypers: Hypers) -> Hypers:
    """The tune hook."""
    return hypers._replace(rate=hypers.rate * mstate.rate, entropy=hypers.entropy * mstate.entropy)


@dataclass(frozen=True)
class MeetSome:
    """The match hook: games with itself, and with others of its group of `size`."""

    size: int
    own: Draw
    cross: Draw

    def __call__(self, mstate: Settings, keys: Key, params: Params, partners: Params) -> Matches:
        """Matches [M, ...] of self-play and of cross-play."""
        del mstate, partners
        own, cross, whom = jnp.moveaxis(jax.vmap(partial(jax.random.split, num=3))(keys), 1, 0)
        draw = partial(some_others, size=self.size, count=self.cross.spec.blocks)
        match = self.cross.live(cross, params, jax.vmap(lambda key: draw(key))(whom), self.size)
        return self.own.alone(own), match._replace(head=())


@dataclass(frozen=True)
class CopyBest:
    """The select hook: every 1 / rounds of the budget the worst becomes a changed copy of the best.

    size: n, members of a group.
    """

    size: int
    rounds: int

    def __call__(self, mstate: Settings, key: Key, told: Told) -> tuple[Settings, Array]:
        """The settings, and whose copy each member is."""
        earned = told.returns[0].mean(1) + told.returns[1].mean(1)
        score = mstate.score + 0.3 * (earned - mstate.score)
        over, ended = told.rounds_over(self.rounds)
        due = ended & (over < self.rounds)  # the last copy would learn no more
        by_score = by_group(score, self.size)
        everyone = by_group(jnp.arange(len(score)), self.size)
        worst = everyone == everyone[:, :1] + by_score.argmin(1)[:, None]
        best = everyone[:, :1] + by_score.argmax(1)[:, None]
        source = flat(jnp.where(due & worst, best, everyone))
        copied = source != jnp.arange(len(score))
        group_keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(len(by_score)))
        factors = jax.vmap(partial(_factors, count=self.size))(group_keys)  # [G, n, 2]
        change = jnp.where(copied[:, None], flat(factors), 1.0)
        return Settings(
            mstate.rate[source] * change[:, 0], mstate.entropy[source] * change[:, 1], score[source]
        ), source


def _factors(key: Key, count: int) -> Array:
    """[count, 2] by what learning rate and entropy weight are multiplied."""
    which, way = jax.random.split(key)
    changed = jax.random.bernoulli(which, _CHANCE, (count, 2))
    factor = jnp.asarray(_FACTORS)[jax.random.randint(way, (count, 2), 0, 2)]
    return jnp.where(changed, factor, 1.0)


@dataclass(frozen=True, kw_only=True)
class PopulationBased(TwoStage):
    """Best responses to a population in which the best are copied.

    Beside the fields of `TwoStage`:

    rounds: how often the worst of a population is replaced.
    """

    partners: int = 5
    rounds: int = 20
    title: ClassVar[str] = "population_based"
    partner_title: ClassVar[str] = "population_based/partner"

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "rounds")
        at_least_two_partners(self)

    def partner_preset(self, spec: EnvSpec) -> Preset:
        """Games for self-play and cross-play."""
        return diverse_preset(spec)

    def partner_method(self, run: Run) -> Method:
        """Half self-play, half with others; copies of the best."""
        policy = run.stages[0].network(run.env.spec)
        blocks = others_at_once(self.partners)
        specs = (
            MatchSpec("self", share=0.5),
            MatchSpec("cross", share=0.5, partner=policy, blocks=blocks),
        )
        envs, agents = run.stages[0].learner.envs, run.env.spec.num_agents
        return Method(
            self.partner_title,
            specs,
            init=usual_settings,
            match=MeetSome(self.partners, *(Draw(spec, envs, agents) for spec in specs)),
            tune=own_settings,
            select=CopyBest(self.partners, self.rounds),
        )
