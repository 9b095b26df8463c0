"""Fictitious co-play (Strouse et al. 2021, arXiv 2110.08176): a best response to many skills.

Stage 1 trains independent self-play seeds and keeps three checkpoints of each: untrained, halfway,
final. Stage 2 freezes them and trains an agent that meets one of them per episode, on a random
seat.

In the paper all checkpoints are met alike. In kitchens such a response does half of the work: with
competent partners that pays, and it never learns the whole of it, which nobody does for it where a
partner is idle. Here those that it earns least with are met more often, by rank, as in the second
stage of MEP (Zhao et al. 2023, arXiv 2112.11701), and less and less so until at the end all are met
alike: first it learns the whole of the work, then to share it. `FictitiousCoPlay.uniform()` is the
published form. The figures are in benchmarks/RESULTS.md, section "Fictitious co-play".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from zsc import keys
from zsc.agents.policy import Policy
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.base import EnvSpec
from zsc.errors import UserError
from zsc.learn.base import Learner
from zsc.learn.ppo import PPOConfig
from zsc.play.crossplay import self_play_returns
from zsc.populations.best_response import Meetings, train_responses
from zsc.populations.hooks.partners import table_of
from zsc.populations.hooks.snapshots import BeginSnapshots, TakeSnapshots
from zsc.populations.presets import PARTNERS_AT_ONCE, Preset, co_play_preset, preset
from zsc.populations.recipe import Load, Recipe, Run, at_least_one
from zsc.populations.stage import Stage
from zsc.train.method import Method
from zsc.types import Params

CHECKPOINTS = ("initial", "mid", "final")
_SKILL_EPISODES = 8


@dataclass(frozen=True, kw_only=True)
class FictitiousCoPlay(Recipe):
    """Best responses to checkpoints of self-play seeds.

    members: best responses, each with `partners` self-play seeds of its own, so that members are
        independent runs of the method.
    steps, learner: of a best response; None takes the game's preset for co-play.
    network: of partners and best responses; None takes the game's preset.
    partner_steps, partner_learner: the same for the self-play seeds; None takes the game's preset.
    priority: exponent of the rank of partners, those that pay least being met most; 0 for none.
        None is 2, but 0 in games that may end early: an untrained partner ends them at once, and
        nothing can be learned from it.
    fade: share of the training, its last, over which the exponent goes to 0: so a response learns
        the whole of the work first, and then what its partners do alike.
    weights: how often untrained, halfway and final partners are met beside that, in proportion.
    self_play: share of the games that a response plays with itself.
    blocks: partners that a best response meets at the same time.
    snapshots: checkpoints among which the halfway one is looked for.
    """

    members: int = 4
    partners: int = 8
    partner_steps: float | None = None
    partner_learner: PPOConfig | Learner | None = None
    priority: float | None = None
    fade: float = 1.0
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    self_play: float = 0.0
    blocks: int = PARTNERS_AT_ONCE
    snapshots: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "members", "partners", "blocks", "snapshots")
        if not 0 <= self.self_play < 1:
            raise UserError(f"self_play is {self.self_play}: give a share from 0 to less than 1")
        if len(self.weights) != len(CHECKPOINTS):
            raise UserError(f"{len(self.weights)} weights: give three, for {CHECKPOINTS}")
        if not 0 <= self.fade <= 1:
            raise UserError(f"fade is {self.fade}: give a share from 0 to 1")
        if self.priority is not None and not 0 <= self.priority < float("inf"):
            raise UserError(f"priority is {self.priority}: give a number from 0 on")

    @classmethod
    def uniform(cls, **settings: Any) -> FictitiousCoPlay:
        """The published form: all checkpoints are met alike, and nobody else."""
        published: dict[str, Any] = {"weights": (1.0, 1.0, 1.0), "self_play": 0.0, "priority": 0.0}
        return cls(**published | settings)

    def stages(self, spec: EnvSpec) -> tuple[Preset, Preset]:
        """How partners and best responses learn in a game. Raises UserError."""
        response = co_play_preset(spec).but(self.learner, self.steps, self.network)
        if response.learner.envs % self.blocks:
            raise UserError(
                f"{response.learner.envs} games cannot be shared by {self.blocks} partners: "
                "make learner.envs a multiple of blocks"
            )
        first = preset(spec).but(self.partner_learner, self.partner_steps, self.network)
        return first, response

    def loads(self) -> tuple[Load, Load]:
        """The partners with their checkpoints, and the best responses with theirs."""
        partners = Load(self.members * self.partners, kept=self.snapshots + 1)
        return partners, Load(self.members, kept=self.partners * len(CHECKPOINTS))

    def build(self, run: Run) -> Pool:
        """The best responses; the run folder's `partners/` holds whom they were trained with."""
        partners = run.log.done("partners") or self.train_partners(run)
        run.log.write_pool(partners, "partners")
        return self.train_responses(run, partners)

    def train_partners(self, run: Run) -> Pool:
        """Stage 1: [members x partners x 3] agents, the three checkpoints of a seed together."""
        snapshots = BeginSnapshots(self.snapshots), TakeSnapshots(self.snapshots)
        stage = run.stage(
            Method("self_play", init=snapshots[0], after=snapshots[1]),
            members=self.members * self.partners,
            offset=keys.PARTNER_SEEDS,
            name="partners",
            title="partners",
        )
        state = stage.train(run.log)
        room = state.partners.value
        policy = run.stages[0].network(run.env.spec)
        skill = _skills(stage, policy, room)  # [S, M]
        slot = choose_checkpoints(skill).reshape(-1)
        member = np.repeat(np.arange(stage.members), len(CHECKPOINTS))
        done = stage.steps_done(state)
        labels = [
            Label(
                method="self_play",
                seed=run.seed,
                member=int(m),
                step=int(done * s / self.snapshots),
                skill=float(skill[s, m]),
                checkpoint=CHECKPOINTS[i % len(CHECKPOINTS)],
            )
            for i, (s, m) in enumerate(zip(slot, member, strict=True))
        ]
        params = jax.tree.map(lambda x: x[member, slot], room)
        return make_pool(run.env.spec, policy, params, labels)

    def train_responses(self, run: Run, partners: Pool) -> Pool:
        """Stage 2: one best response per member, against its own share of the partners."""
        groups = np.arange(len(partners)).reshape(self.members, -1)
        even = len(set(self.weights)) == 1
        usual = 2.0 if run.env.spec.fixed_length else 0.0
        priority = usual if self.priority is None else self.priority
        meetings = Meetings(self.blocks, even, self.self_play, priority, self.fade)
        table = table_of(groups, np.tile(self.weights, self.partners))
        return train_responses(run, partners, table, "fictitious_co_play", meetings)


def choose_checkpoints(skill: np.ndarray) -> np.ndarray:
    """[M, 3] which of the checkpoints [S, M] are initial, mid and final.

    Mid is the one whose return is closest to half of the final one; the earliest of equals.
    """
    last = len(skill) - 1
    middle = np.abs(skill[1:] - skill[last] / 2).argmin(0) + 1
    return np.stack([np.zeros_like(middle), middle, np.full_like(middle, last)], axis=1)


def _skills(stage: Stage, policy: Policy, checkpoints: Params) -> np.ndarray:
    """[S, M] mean self-play return of checkpoints [M, S, ...]."""
    key = jax.random.fold_in(jax.random.key(stage.seed), keys.CHECKPOINT_SKILL)
    flat = jax.tree.map(lambda x: x.swapaxes(0, 1).reshape(-1, *x.shape[2:]), checkpoints)
    returns = self_play_returns(stage.env, policy, flat, episodes=_SKILL_EPISODES, key=key)
    return returns.reshape(-1, stage.members)
