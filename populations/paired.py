"""PAIRED and minimax return as methods for partners (Dennis et al. 2020, arXiv 2012.02096).

Three policies learn at the same time: an adversary p, the agent e, and p's own response b. The
adversary maximises the regret J(p, b) - J(p, e), so it looks for ways of playing that can be
answered, but not by e; b and e maximise what they earn with it. `PAIRED.minimax()` is the older
form: p minimises J(p, e), which ends in sabotage. The agents are the e.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import jax.numpy as jnp

from zsc.agents.policy import Policy, Team
from zsc.agents.pool import Label, Pool
from zsc.envs.base import EnvSpec
from zsc.learn.base import Played
from zsc.play.match import MatchSpec
from zsc.populations.presets import Preset, diverse_preset, with_heads
from zsc.populations.recipe import Recipe, Run
from zsc.train.method import Member, Method

ADVERSARY, EGO, RESPONSE = 0, 1, 2  # their places in the team


def _against_ego(game: Any) -> Any:
    """The game of adversary and agent, in which the adversary wants little."""
    roles = game.action.shape[-1]
    weight = jnp.where(jnp.arange(roles) == 0, -1.0, 1.0)
    return game._replace(weight=jnp.broadcast_to(weight, (game.action.shape[1], roles)))


def regret(member: Member, policy: Policy | Team, played: Played) -> Played:
    """The reward hook of PAIRED."""
    del member, policy
    response, ego = played
    return response, _against_ego(ego)


def sabotage(member: Member, policy: Policy | Team, played: Played) -> Played:
    """The reward hook of minimax return."""
    del member, policy
    return (_against_ego(played[0]),)


@dataclass(frozen=True, kw_only=True)
class PAIRED(Recipe):
    """Agents that learn with an adversary that maximises their regret.

    Beside the fields of `Recipe`:

    regret: False for an adversary that minimises what they earn.
    """

    members: int = 4
    regret: bool = True

    @classmethod
    def minimax(cls, **settings: Any) -> Self:
        """The adversary wants the agent to earn nothing."""
        return cls(**{"regret": False} | settings)

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How the three learn in a game."""
        return (diverse_preset(spec).but(self.learner, self.steps, self.network),)

    def agents(self, spec: EnvSpec) -> Policy:
        """Value heads for games with the response, and with the agent."""
        return with_heads(self.stages(spec)[0].network, 2)(spec)

    def can_be_validated(self) -> bool:
        """Its members are teams."""
        return False

    def build(self, run: Run) -> Pool:
        """The agents; adversaries are in the run folder's `partners/`."""
        one = self.agents(run.env.spec)
        ego = MatchSpec("ego", share=0.5, cast=(ADVERSARY, EGO), value=1)
        response = MatchSpec("response", share=0.5, cast=(ADVERSARY, RESPONSE))
        method = Method("minimax", (ego,), reward=sabotage)
        if self.regret:
            method = Method("paired", (response, ego), reward=regret)
        stage = run.stage(method, members=self.members, policy=Team((one, one, one)))
        state = stage.train(run.log)
        done = stage.steps_done(state)
        pools = [
            stage.pool(
                state,
                [Label(name, run.seed, m, done) for m in range(self.members)],
                part=part,
            )
            for part, name in ((EGO, method.name), (ADVERSARY, f"{method.name}/adversary"))
        ]
        run.log.write_pool(pools[1], "partners")
        return pools[0]
