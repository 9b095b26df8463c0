"""Best responses: agents that learn with partners who learn no more.

Against one partner this is what BR-Prox measures an agent by (Wang et al. 2024, arXiv 2310.05208);
against many, and checkpoints of them, it is the second stage of fictitious co-play.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.pool import Label, Pool, check_home
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.learn.ppo import PPOConfig
from zsc.play.crossplay import versus
from zsc.play.match import MatchSpec
from zsc.populations.hooks.partners import take_table, uniform_partners
from zsc.populations.presets import MakePolicy, Preset, response_preset
from zsc.populations.stage import Log, Stage, open_log
from zsc.train.method import Method

# responses do not start from the seeds that self-play with the same seed uses
_OFFSET = 2_000_003
_EPISODES = 32  # per seating, to choose among several tries


@dataclass(frozen=True)
class BestResponse:
    """One agent for each partner of a pool, trained with that partner and nobody else.

    partners: any pool of the game, scripted ones too; they stay as they are.
    tries: agents per partner, of which the one that earns most is kept.
    steps, ppo, policy: as in `SelfPlay`; None takes the game's preset for responses.
    """

    partners: Pool
    tries: int = 1
    steps: float | None = None
    ppo: PPOConfig | None = None
    policy: MakePolicy | None = None

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise UserError(f"tries is {self.tries}: each partner needs at least 1")
        if len(self.partners) == 0:
            raise UserError("there are no partners to respond to: give a pool of at least 1")

    def plans(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How a response learns in a game."""
        return (response_preset(spec).but(self.ppo, self.steps, self.policy),)

    def train(
        self,
        env: Environment,
        *,
        seed: int = 0,
        out: str | Path | None = None,
        resume: bool = False,
        progress: bool = False,
    ) -> Pool:
        """The best responses, in the order of the partners; arguments as in `SelfPlay.train`.

        Raises UserError for partners of another game.
        """
        check_home(self.partners, env.spec)
        with open_log(self, env, seed, out, resume, progress) as log:
            finished = log.done()
            if finished is not None:
                return finished
            (plan,) = self.plans(env.spec)
            groups = np.repeat(np.arange(len(self.partners)), self.tries)[:, None]
            pool = train_responses(
                env,
                self.partners,
                groups,
                plan,
                method="best_response",
                seed=seed,
                blocks=1,
                log=log,
            )
            pool = self._best(env, pool, seed)
            log.write_pool(pool)
            return pool

    def _best(self, env: Environment, pool: Pool, seed: int) -> Pool:
        """Of the tries for each partner the one that earns most with it, both seatings."""
        if self.tries == 1:
            return pool
        key, chosen = jax.random.fold_in(jax.random.key(seed), 2**31 - 4), []
        for place in range(len(self.partners)):
            mine = np.arange(self.tries) + place * self.tries
            partner = self.partners.take([place])
            played = versus(env, [pool.take(mine)], [partner], episodes=_EPISODES, key=key)
            chosen.append(mine[played.values[..., 0].mean((1, 2, 3)).argmax()])
        return pool.take(chosen)


def train_responses(
    env: Environment,
    partners: Pool,
    groups: np.ndarray,
    plan: Preset,
    *,
    method: str,
    seed: int,
    blocks: int,
    log: Log,
) -> Pool:
    """Agents [M] that learn with their own share of the partners: groups [M, n] of places.

    Their labels name the partners.
    """
    spec = MatchSpec("partner", partner=partners.policy, blocks=blocks)
    stage = Stage(
        env=env,
        method=Method(
            method,
            specs=(spec,),
            init=take_table,
            match=uniform_partners(spec, plan.ppo.envs, env.spec.num_agents),
        ),
        policy=plan.policy(env.spec),
        ppo=plan.ppo,
        members=len(groups),
        steps=plan.steps,
        seed=seed + _OFFSET,
        title="responses",
    )
    state = stage.train(log, pool=(jnp.asarray(groups, jnp.int32), partners.params))
    done = stage.steps_done(state)
    ids = np.array(partners.ids)
    labels = [
        replace(Label(method, seed, m, done), parents=tuple(ids[mine].tolist()))
        for m, mine in enumerate(groups)
    ]
    return stage.pool(state, labels)
