"""Fictitious co-play (Strouse et al. 2021, arXiv 2110.08176): a best response to many skills.

Stage 1 trains independent self-play seeds and keeps three checkpoints of each: untrained, halfway,
final. Stage 2 freezes them and trains an agent that meets a uniformly drawn one per episode, on a
random seat.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.learn.ppo import PPOConfig
from zsc.play.crossplay import self_play_returns
from zsc.populations.best_response import train_responses
from zsc.populations.hooks.snapshots import snapshot_hooks
from zsc.populations.presets import MakePolicy, Preset, preset, response_preset
from zsc.populations.stage import Log, Stage, open_log
from zsc.train.method import Method
from zsc.types import Params

STAGES = ("initial", "mid", "final")
_SKILL_EPISODES = 8
# partners do not start from the seeds that self-play with the same seed uses
_PARTNERS = 1_000_003


@dataclass(frozen=True)
class FictitiousCoPlay:
    """Best responses to checkpoints of self-play seeds.

    members: best responses, each with `partners` self-play seeds of its own, so that members are
        independent runs of the method.
    steps: environment steps per best response; None takes three times the game's preset.
    ppo: how a best response learns; None takes the game's preset with at least 16 games.
    policy: makes the networks of partners and best responses; None takes the game's preset.
    partner_steps, partner_ppo: the same for the self-play seeds; None takes the game's preset.
    blocks: partners that a best response meets at the same time.
    snapshots: checkpoints among which the halfway one is looked for.
    """

    members: int = 4
    steps: float | None = None
    ppo: PPOConfig | None = None
    policy: MakePolicy | None = None
    partners: int = 8
    partner_steps: float | None = None
    partner_ppo: PPOConfig | None = None
    blocks: int = 8
    snapshots: int = 20

    def __post_init__(self) -> None:
        if self.members < 1:
            raise UserError(f"members is {self.members}: a population needs at least 1")
        if self.partners < 1:
            raise UserError(f"partners is {self.partners}: each best response needs at least 1")
        if min(self.blocks, self.snapshots) < 1:
            raise UserError("blocks and snapshots have to be at least 1")

    def plans(self, spec: EnvSpec) -> tuple[Preset, Preset]:
        """How partners and best responses learn in a game. Raises UserError."""
        response = response_preset(spec).but(self.ppo, self.steps, self.policy)
        if response.ppo.envs % self.blocks:
            raise UserError(
                f"{response.ppo.envs} games cannot be shared by {self.blocks} partners: "
                "make ppo.envs a multiple of blocks"
            )
        return preset(spec).but(self.partner_ppo, self.partner_steps, self.policy), response

    def train(
        self,
        env: Environment,
        *,
        seed: int = 0,
        out: str | Path | None = None,
        resume: bool = False,
        progress: bool = False,
    ) -> Pool:
        """A pool of `members` best responses; arguments and errors as in `SelfPlay.train`.

        The run folder's `partners/` holds the pool that they were trained with.
        """
        with open_log(self, env, seed, out, resume, progress) as log:
            finished = log.done()
            if finished is not None:
                return finished
            partners = log.done("partners") or self.train_partners(env, seed, log)
            log.write_pool(partners, "partners")
            pool = self.train_responses(env, seed, log, partners)
            log.write_pool(pool)
            return pool

    def train_partners(self, env: Environment, seed: int, log: Log) -> Pool:
        """Stage 1: [members x partners x 3] agents, the three checkpoints of a seed together."""
        init, after = snapshot_hooks(self.snapshots)
        plan, _ = self.plans(env.spec)
        stage = Stage(
            env=env,
            method=Method("self_play", init=init, after=after),
            policy=plan.policy(env.spec),
            ppo=plan.ppo,
            members=self.members * self.partners,
            steps=plan.steps,
            seed=seed + _PARTNERS,
            name="partners",
            title="partners",
        )
        state = stage.train(log)
        skill = _skills(stage, state.pool)  # [S, M]
        slot = choose_checkpoints(skill).reshape(-1)
        member = np.repeat(np.arange(stage.members), len(STAGES))
        done = stage.steps_done(state)
        labels = [
            Label(
                method="self_play",
                seed=seed,
                member=int(m),
                step=int(done * s / self.snapshots),
                skill=float(skill[s, m]),
                stage=STAGES[i % len(STAGES)],
            )
            for i, (s, m) in enumerate(zip(slot, member, strict=True))
        ]
        params = jax.tree.map(lambda x: x[slot, member], state.pool)
        return make_pool(env.spec, stage.policy, params, labels)

    def train_responses(self, env: Environment, seed: int, log: Log, partners: Pool) -> Pool:
        """Stage 2: one best response per member, against its own share of the partners."""
        _, plan = self.plans(env.spec)
        return train_responses(
            env,
            partners,
            np.arange(len(partners)).reshape(self.members, -1),
            plan,
            method="fictitious_co_play",
            seed=seed,
            blocks=self.blocks,
            log=log,
        )


def choose_checkpoints(skill: np.ndarray) -> np.ndarray:
    """[M, 3] which of the checkpoints [S, M] are initial, mid and final.

    Mid is the one whose return is closest to half of the final one; the earliest of equals.
    """
    last = len(skill) - 1
    middle = np.abs(skill[1:] - skill[last] / 2).argmin(0) + 1
    return np.stack([np.zeros_like(middle), middle, np.full_like(middle, last)], axis=1)


def _skills(stage: Stage, checkpoints: Params) -> np.ndarray:
    """[S, M] mean self-play return of checkpoints [S, M, ...]."""
    key = jax.random.fold_in(jax.random.key(stage.seed), 2**31 - 3)
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), checkpoints)
    returns = self_play_returns(stage.env, stage.policy, flat, episodes=_SKILL_EPISODES, key=key)
    return returns.reshape(-1, stage.members)
