"""Fictitious co-play (Strouse et al. 2021, arXiv 2110.08176): a best response to many skills.

Stage 1 trains independent self-play seeds and keeps three checkpoints of each: untrained, halfway,
final. Stage 2 freezes them and trains an agent that meets a uniformly drawn one per episode, on a
random seat.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from populations.partners import uniform_partners
from populations.snapshots import snapshot_hooks
from populations.stage import Log, MakePolicy, Stage, log_for
from zsc.crossplay import self_play_returns
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.learn.ppo import PPOConfig
from zsc.match import MatchSpec
from zsc.method import Method
from zsc.policy import mlp_policy
from zsc.pool import Label, Pool

STAGES = ("initial", "mid", "final")


@dataclass(frozen=True)
class FictitiousCoPlay:
    """Best responses to checkpoints of self-play seeds.

    members: best responses, each with `partners` self-play seeds of its own, so that members are
        independent runs of the method.
    steps, partner_steps: environment steps per best response and per self-play seed; 0 for
        partner_steps means as many as steps.
    snapshots: checkpoints among which the halfway one is looked for.
    blocks: partners that a best response meets at the same time.
    """

    members: int = 4
    steps: float = 1_000_000
    ppo: PPOConfig = field(default_factory=lambda: PPOConfig(envs=16))
    policy: MakePolicy = mlp_policy
    partners: int = 8
    partner_steps: float = 0
    partner_ppo: PPOConfig = field(default_factory=PPOConfig)
    snapshots: int = 20
    blocks: int = 8

    def __post_init__(self) -> None:
        if self.partners < 1:
            raise UserError(f"partners is {self.partners}: each best response needs at least 1")
        if self.ppo.envs % self.blocks:
            raise UserError(
                f"{self.ppo.envs} games cannot be shared by {self.blocks} partners: "
                "make ppo.envs a multiple of blocks"
            )

    def train(
        self,
        env: Environment,
        *,
        seed: int = 0,
        out: str | Path | None = None,
        resume: bool = False,
        progress: bool = False,
        settings: dict[str, object] | None = None,
    ) -> Pool:
        """A pool of `members` best responses; with `out` also a run folder, whose `partners/`
        holds the pool they were trained with. Raises UserError."""
        log = log_for(out, resume, settings or {}, progress)
        partners = self.train_partners(env, seed, log)
        pool = self.train_responses(env, seed, log, partners)
        if log.run is not None and not log.run.finished:
            if not (log.run.path / "partners" / "manifest.json").exists():
                partners.save(log.run.path / "partners")
            pool.save(log.run.path / "pool")
        return pool

    def train_partners(self, env: Environment, seed: int, log: Log) -> Pool:
        """Stage 1: [members x partners x 3] agents, the three checkpoints of a seed together."""
        init, after = snapshot_hooks(self.snapshots)
        stage = Stage(
            env,
            Method("self_play", init=init, after=after),
            self.policy(env.spec),
            self.partner_ppo,
            self.members * self.partners,
            self.partner_steps or self.steps,
            seed,
            name="partners",
            title="partners",
        )
        state = stage.train(log)
        skill = _skills(stage, state.pool)  # [S, M]
        chosen = choose_checkpoints(skill)  # [M, 3]
        member = np.repeat(np.arange(chosen.shape[0]), len(STAGES))
        slot = chosen.reshape(-1)
        params = jax.tree.map(lambda x: x[slot, member], state.pool)
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
        from zsc.pool import make_pool

        return make_pool(env.spec, stage.policy, params, labels)

    def train_responses(self, env: Environment, seed: int, log: Log, partners: Pool) -> Pool:
        """Stage 2: one best response per member, against its own share of the partners."""
        spec = MatchSpec("partner", partner=partners.policy, blocks=self.blocks)
        allowed = np.arange(len(partners), dtype=np.int32).reshape(self.members, -1)
        stage = Stage(
            env,
            Method(
                "fictitious_co_play",
                specs=(spec,),
                init=_allow,
                match=uniform_partners(spec, self.ppo.envs, env.spec.num_agents),
            ),
            self.policy(env.spec),
            self.ppo,
            self.members,
            self.steps,
            seed + 1_000_003,  # not the seeds of the partners
            title="responses",
        )
        state = stage.train(log, pool=(jnp.asarray(allowed), partners.params))
        ids = np.array(partners.ids)
        done = stage.steps_done(state)
        labels = [
            replace(Label(stage.method.name, seed, m, done), parents=tuple(ids[allowed[m]].tolist()))
            for m in range(self.members)
        ]
        return stage.pool(state.params, labels)


def _allow(key, params, pool):  # type: ignore[no-untyped-def]
    """The init hook: the table of allowed partners is the method's state, the rest the pool."""
    del key, params
    return pool


def choose_checkpoints(skill: np.ndarray) -> np.ndarray:
    """[M, 3] which of the checkpoints [S, M] are initial, mid and final.

    Mid is the one whose return is closest to half of the final one; the earliest of equals.
    """
    last = len(skill) - 1
    middle = np.abs(skill[1:] - skill[last] / 2).argmin(0) + 1
    return np.stack([np.zeros_like(middle), middle, np.full_like(middle, last)], axis=1)


def _skills(stage: Stage, checkpoints) -> np.ndarray:  # type: ignore[no-untyped-def]
    """[S, M] mean self-play return of checkpoints [S, M, ...]."""
    key = jax.random.fold_in(jax.random.key(stage.seed), 2)
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), checkpoints)
    returns = self_play_returns(stage.env, stage.policy, flat, episodes=8, key=key)
    return returns.reshape(-1, stage.members)
