"""SyKLRBR, synchronous k-level reasoning with a best response (Cui et al. 2021, arXiv 2207.07166).

Level 0 is the uniform policy. Level i best-responds to level i - 1,

    pi_i = BR(pi_{i-1}),   i = 1 .. K,

all of them at the same time, so that each meets the CURRENT level below it and learns what to do
in places which the final one would not reach. One more agent best-responds to a distribution over
levels; here the level max(0, K - n) with n from a Poisson distribution, so that the last level is
met most. No symmetry has to be known: the sequence is anchored in the uniform policy.

The agents are these best responses; all levels are in the run folder's `partners/`.

Deviations: PPO, or whatever learner is given, where the paper has deep Q-learning. The paper's own
weights of levels were not found; these are the shape that public code uses. Levels that are met
make a share of random moves (`tremble`, 0 for none): a level that does one thing for sure teaches
the next one nothing of all else, and what it is left with there the level after that exploits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import exp, factorial

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import trembling
from zsc.agents.pool import Label, Pool
from zsc.envs.base import EnvSpec
from zsc.errors import UserError
from zsc.play.match import Match, MatchSpec
from zsc.populations.hooks.groups import Draw
from zsc.populations.presets import Preset, response_preset
from zsc.populations.recipe import Load, Recipe, Run, at_least_one
from zsc.train.method import Matches, Method
from zsc.train.state import as_learner
from zsc.types import Array, Key, Params

_TITLE = "k_level"


@dataclass(frozen=True)
class MeetLower:
    """The match hook: level i meets level i - 1 as it is now, the last of a group some of all.

    A group has K levels, 1 first, and the best response. weights [K + 1]: how often it meets each
    level, 0 first. Partners are `trembling`, a share of their moves at random: level 0 is anybody
    who always does, the others do `tremble` of the time.
    """

    draw: Draw
    weights: tuple[float, ...]
    tremble: float = 0.0

    def __call__(self, mstate: tuple[()], keys: Key, params: Params, partners: Params) -> Matches:
        """Matches [M, ...]; `Match.partner` is the place of the partner, -1 for level 0."""
        del mstate, partners
        return (jax.vmap(partial(self._one, params))(keys, jnp.arange(len(keys))),)

    def _one(self, everyone: Params, key: Key, member: Array) -> Match:
        size, blocks = len(self.weights), self.draw.spec.blocks
        first, level = member // size * size, member % size  # its partner's level, if it has one
        level_key, match_key = jax.random.split(key)
        odds = jnp.log(jnp.asarray(self.weights))
        drawn = jax.random.categorical(level_key, odds, shape=(blocks,))
        level = jnp.where(level == size - 1, drawn, level)
        place = first + jnp.maximum(level - 1, 0)
        theirs = jax.tree.map(lambda x: x[place], everyone)
        shakes = jnp.where(level == 0, 1.0, self.tremble)
        return self.draw(match_key, (theirs, shakes), jnp.where(level == 0, -1, place))


def poisson_weights(levels: int, rate: float) -> tuple[float, ...]:
    """[K + 1] the chance of level max(0, K - n), level 0 first, n from a Poisson distribution.

    >>> [round(x, 3) for x in poisson_weights(2, 1.0)]
    [0.264, 0.368, 0.368]
    """
    above = [exp(-rate) * rate**n / factorial(n) for n in range(levels)]
    return (max(0.0, 1.0 - sum(above)), *reversed(above))


@dataclass(frozen=True, kw_only=True)
class KLevel(Recipe):
    """Best responses to levels of reasoning that are learned at the same time.

    members: independent runs, each with levels and a best response of its own.
    levels: K, beside level 0. rate: mean of the Poisson distribution, levels below the last; 0 for
        the last one alone.
    tremble: share of random moves of all levels as partners, see above.
    blocks: partners that the best response meets at the same time.
    steps, learner: of each level; None takes the game's preset for best responses.
    """

    members: int = 4
    levels: int = 5
    rate: float = 1.0
    tremble: float = 0.1
    blocks: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "levels", "blocks")
        if not 0 <= self.rate < float("inf"):
            raise UserError(f"rate is {self.rate}: give a number from 0 on")
        if not 0 <= self.tremble <= 1:
            raise UserError(f"tremble is {self.tremble}: give a share from 0 to 1")

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How levels learn in a game. Raises UserError for games that blocks do not divide."""
        plan = response_preset(spec).but(self.learner, self.steps, self.network)
        if plan.learner.envs % self.blocks:
            raise UserError(
                f"{plan.learner.envs} games cannot be shared by {self.blocks} partners: "
                "make learner.envs a multiple of blocks"
            )
        return (plan,)

    def loads(self) -> tuple[Load, ...]:
        """All levels and the best responses, each beside its partners."""
        return (Load(self.members * (self.levels + 1), kept=self.blocks),)

    def can_be_validated(self) -> bool:
        """Its members are all levels at once."""
        return False

    def build(self, run: Run) -> Pool:
        """The best responses; the levels are in the run folder's `partners/`."""
        plan = run.stages[0]
        acts = trembling(as_learner(plan.learner).plays(plan.network(run.env.spec)))
        spec = MatchSpec("lower", partner=acts, blocks=self.blocks)
        draw = Draw(spec, plan.learner.envs, run.env.spec.num_agents)
        match = MeetLower(draw, poisson_weights(self.levels, self.rate), self.tremble)
        size = self.levels + 1
        stage = run.stage(Method(_TITLE, (spec,), match=match), members=self.members * size)
        state = stage.train(run.log)
        done, numbers = stage.steps_done(state), np.arange(self.members * size)
        names = [*(f"{_TITLE}/{i + 1}" for i in range(self.levels)), _TITLE]
        labels = [Label(names[m % size], run.seed, int(m // size), done) for m in numbers]
        pool = stage.pool(state, labels)
        levels = pool.take(numbers % size < self.levels)
        # level 0 first: the uniform policy, whatever the parameters
        nobody = jax.tree.map(lambda x: x[:1], levels.params)
        both = jax.tree.map(lambda x, y: jnp.concatenate([x, y]), nobody, levels.params)
        epsilon = (jnp.arange(len(levels) + 1) == 0).astype(jnp.float32)
        named = [Label(f"{_TITLE}/0", run.seed), *(replace(x, id="") for x in levels.labels)]
        run.log.write_pool(stage.measured(acts, (both, epsilon), named), "partners")
        return pool.take(numbers % size == self.levels)
