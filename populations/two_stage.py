"""Two-stage recipes: a population of partners, then best responses to it. Written once.

Recipes say how partners are trained (`partner_method`), and maybe what of them is kept. The second
stage is the same for all: each response meets the frozen partners of its own run.

In the papers all partners are met alike (FCP), or by rank, those that pay least most (MEP). In
kitchens a response that meets all alike does half of the work: with competent partners that pays,
and it never learns the whole of it, which nobody does for it where a partner is idle. Here those
that it earns least with are met more often, and less and less so until at the end all are met
alike: first it learns the whole of the work, then to share it. The figures are in
benchmarks/RESULTS.md, section "Fictitious co-play".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import jax
import numpy as np

from zsc import keys
from zsc.agents.networks import MakePolicy
from zsc.agents.policy import Policy, Team, policies_of
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.base import EnvSpec
from zsc.errors import UserError
from zsc.learn.base import Learner
from zsc.learn.ppo import PPOConfig
from zsc.machine.cluster import to_host
from zsc.play.crossplay import self_play_returns
from zsc.populations.best_response import Meetings, train_responses
from zsc.populations.hooks.partners import table_of
from zsc.populations.hooks.snapshots import with_snapshots
from zsc.populations.presets import PARTNERS_AT_ONCE, Preset, co_play_preset, preset
from zsc.populations.recipe import Load, Recipe, Run, at_least_one, from_zero_on
from zsc.populations.stage import STOPPED, Stage
from zsc.train.method import Method
from zsc.types import Params

CHECKPOINTS = ("initial", "mid", "final")
_SKILL_EPISODES = 8


@dataclass(frozen=True, kw_only=True)
class TwoStage(Recipe):
    """Best responses to a population of partners; subclasses write `partner_method`.

    members: independent runs, each with `partners` partners of its own and one best response.
    steps, learner: of a best response; None takes the game's preset for co-play.
    network: of partners and best responses; None takes the game's preset. response_network: of best
        responses alone, such as one with a memory.
    partner_steps, partner_learner: of a partner; None takes the game's preset.
    responses: False for the partners alone, as they were at the end: a pool of diverse agents.
    priority: exponent of the rank of partners, those that pay least being met most; 0 for none.
        None is 2, but 0 in games that may end early: an untrained partner ends them at once, and
        nothing can be learned from it.
    fade: share of the training, its last, over which the exponent goes to 0: so a response learns
        the whole of the work first, and then what its partners do alike.
    by_seat: each (partner, seat) has a rank of its own, as in MEP's second stage.
    knows_partner: each partner teaches a value head of its own, so that the value, which acting
        does not need, knows who the partner is (ZSC-Eval's --use_agent_policy_id).
    foresees: a response acts on a prediction of what its partner will do, learned beside, as in
        E3T, and in the manner of LIAM (arXiv 2006.09447), which foretells observations as well.
    weights: how often partners of each age are met beside that, in proportion; None for alike.
    self_play: share of the games that a response plays with itself.
    blocks: partners that a best response meets at the same time.
    snapshots: checkpoints among which the halfway one is looked for.
    """

    members: int = 4
    partners: int = 8
    partner_steps: float | None = None
    partner_learner: PPOConfig | Learner | None = None
    response_network: MakePolicy | None = None
    responses: bool = True
    priority: float | None = None
    fade: float = 1.0
    by_seat: bool = False
    knows_partner: bool = False
    foresees: bool = False
    weights: tuple[float, ...] | None = None
    self_play: float = 0.0
    blocks: int = PARTNERS_AT_ONCE
    snapshots: int = 20

    #: The method's name in labels, and the ages of a partner that are kept.
    title: ClassVar[str] = "two_stage"
    partner_title: ClassVar[str] = "partners"
    ages: ClassVar[tuple[str, ...]] = CHECKPOINTS

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "members", "partners", "blocks", "snapshots")
        if not 0 <= self.self_play < 1:
            raise UserError(f"self_play is {self.self_play}: give a share from 0 to less than 1")
        if self.weights is not None and len(self.weights) != len(self.ages):
            raise UserError(f"{len(self.weights)} weights: give {len(self.ages)}, for {self.ages}")
        if not 0 <= self.fade <= 1:
            raise UserError(f"fade is {self.fade}: give a share from 0 to 1")
        if self.priority is not None:
            from_zero_on(self, "priority")

    @classmethod
    def uniform(cls, **settings: Any) -> Self:
        """All partners are met alike, and nobody else: the published form of FCP."""
        published: dict[str, Any] = {"weights": None, "self_play": 0.0, "priority": 0.0}
        return cls(**published | settings)

    def partner_method(self, run: Run) -> Method:
        """How partners are trained; they are `partners` neighbours along the member axis."""
        raise NotImplementedError

    def partner_policy(self, run: Run) -> Policy | Team:
        """What is trained in stage 1; of a team the first policy is the partner."""
        return run.stages[0].network(run.env.spec)

    def agents_of(self, policy: Policy, room: Params) -> tuple[Policy, Params]:
        """Whom the checkpoints [M, S, ...] of trained members are: a policy, and theirs."""
        return policy, room

    def partner_preset(self, spec: EnvSpec) -> Preset:
        """How a partner learns in a game unless told otherwise."""
        return preset(spec)

    def stages(self, spec: EnvSpec) -> tuple[Preset, Preset]:
        """How partners and best responses learn in a game. Raises UserError."""
        response = co_play_preset(spec).but(
            self.learner, self.steps, self.response_network or self.network
        )
        if response.learner.envs % self.blocks:
            raise UserError(
                f"{response.learner.envs} games cannot be shared by {self.blocks} partners: "
                "make learner.envs a multiple of blocks"
            )
        first = self.partner_preset(spec).but(
            self.partner_learner, self.partner_steps, self.network
        )
        return first, response

    def loads(self) -> tuple[Load, ...]:
        """The partners with their checkpoints, and the best responses with theirs."""
        partners = Load(self.members * self.partners, kept=self.snapshots + 1)
        responses = Load(self.members, kept=self.partners * len(self.ages))
        return (partners, responses) if self.responses else (partners,)

    def can_be_validated(self) -> bool:
        """The responses are; partners alone are what they are."""
        return self.responses

    def build(self, run: Run) -> Pool:
        """The best responses, or the partners; these are in the run folder's `partners/`."""
        partners = run.log.done("partners") or self.train_partners(run)
        run.log.write_pool(partners, "partners")
        if self.responses:
            return self.train_responses(run, partners)
        return partners.take([p.checkpoint in ("final", STOPPED) for p in partners.labels])

    def train_partners(self, run: Run) -> Pool:
        """Stage 1: the partners of all runs, those of one run together, the ages of one in turn."""
        policy = self.partner_policy(run)
        part = 0 if isinstance(policy, Team) else None
        stage = run.stage(
            with_snapshots(self.partner_method(run), self.snapshots, part),
            members=self.members * self.partners,
            policy=policy,
            offset=keys.PARTNER_SEEDS,
            name="partners",
            title="partners",
        )
        state = stage.train(run.log)
        plays, room = self.agents_of(policies_of(policy)[0], state.partners.value)
        skill = skills(stage, plays, room)  # [S, M]
        slots = dict(zip(CHECKPOINTS, choose_checkpoints(skill).T, strict=True))
        slot = np.stack([slots[age] for age in self.ages], axis=1).reshape(-1)
        member = np.repeat(np.arange(skill.shape[1]), len(self.ages))
        done, alive = stage.steps_done(state), to_host(state.alive)
        agents_each = skill.shape[1] // stage.members

        def label(age: str, s: int, m: int) -> Label:
            well = age != "final" or alive[m // agents_each]
            return Label(
                method=self.partner_title,
                seed=run.seed,
                member=m,
                step=int(done * s / self.snapshots),
                skill=float(skill[s, m]),
                checkpoint=age if well else STOPPED,
            )

        ages = self.ages * skill.shape[1]
        labels = [label(*each) for each in zip(ages, slot.tolist(), member.tolist(), strict=True)]
        params = jax.tree.map(lambda x: x[member, slot], room)
        return make_pool(run.env.spec, plays, params, labels)

    def train_responses(self, run: Run, partners: Pool) -> Pool:
        """Stage 2: one best response per run, against its own share of the partners."""
        groups = np.arange(len(partners)).reshape(self.members, -1)
        by_age = dict(zip(self.ages, self.weights or (1.0,) * len(self.ages), strict=True))
        weights = [by_age.get(p.checkpoint, by_age["final"]) for p in partners.labels]
        even = len(set(weights)) == 1
        usual = 2.0 if run.env.spec.fixed_length else 0.0
        meetings = Meetings(
            self.blocks,
            even,
            self.self_play,
            usual if self.priority is None else self.priority,
            self.fade,
            self.knows_partner,
            self.foresees,
        )
        table = table_of(
            groups,
            weights[: groups.shape[1]],
            seats=run.env.spec.num_agents if self.by_seat else None,
        )
        return train_responses(run, partners, table, self.title, meetings)


def choose_checkpoints(skill: np.ndarray) -> np.ndarray:
    """[M, 3] which of the checkpoints [S, M] are initial, mid and final.

    Mid is the one whose return is closest to half of the final one; the earliest of equals.
    """
    last = len(skill) - 1
    middle = np.abs(skill[1:] - skill[last] / 2).argmin(0) + 1
    return np.stack([np.zeros_like(middle), middle, np.full_like(middle, last)], axis=1)


def skills(stage: Stage, policy: Policy, checkpoints: Params) -> np.ndarray:
    """[S, M] mean self-play return of checkpoints [M, S, ...]."""
    key = keys.of_seed(stage.seed, keys.CHECKPOINT_SKILL)
    flat = jax.tree.map(lambda x: x.swapaxes(0, 1).reshape(-1, *x.shape[2:]), checkpoints)
    returns = self_play_returns(stage.env, policy, flat, episodes=_SKILL_EPISODES, key=key)
    return returns.reshape(len(jax.tree.leaves(checkpoints)[0][0]), -1)


def at_least_two_partners(recipe: TwoStage) -> None:
    """Raise UserError for a population of one, where members are to differ from others."""
    if recipe.partners < 2:
        raise UserError(
            f"partners is {recipe.partners}: members differ from others, give 2 or more"
        )


def check_whole_games(recipe: TwoStage, spec: EnvSpec) -> None:
    """Raise UserError for partners with a memory that learn from parts of games.

    Methods in which members judge each other's games need them whole: nobody knows what another
    member would remember in the middle of one.
    """
    first = recipe.stages(spec)[0]
    if first.network(spec).recurrent and first.learner.segments > 1:
        raise UserError(
            "partners with a memory judge each other's games from the start: give a "
            "partner_learner with segments=1, or a network without a memory"
        )
