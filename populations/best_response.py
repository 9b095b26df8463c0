"""Best responses: agents that learn with partners who learn no more.

Against one partner this is what BR-Prox measures an agent by (Wang et al. 2024, arXiv 2310.05208);
against many, and checkpoints of them, it is the second stage of fictitious co-play.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from zsc import keys
from zsc.agents.guessing import predicting_policy
from zsc.agents.pool import Label, Pool, check_home
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.play.crossplay import versus
from zsc.play.match import MatchSpec
from zsc.populations.hooks.guesses import foretell
from zsc.populations.hooks.partners import DrawPartners, Table, table_of, take_table
from zsc.populations.hooks.payoffs import KeepReturns
from zsc.populations.presets import Preset, response_preset, with_heads
from zsc.populations.recipe import Load, Recipe, Run, at_least_one
from zsc.train.method import Method

_EPISODES = 32  # per seating, to choose among several tries


@dataclass(frozen=True, kw_only=True)
class BestResponse(Recipe):
    """One agent for each partner of a pool, trained with that partner and nobody else.

    partners: any pool of the game, scripted ones too; they stay as they are.
    tries: agents per partner, of which the one that earns most is kept.
    steps, learner, network: as in `Recipe`; None takes the game's preset for responses.
    """

    partners: Pool = field(kw_only=False)
    tries: int = 1
    members: int = field(init=False, default=1, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "tries")
        if len(self.partners) == 0:
            raise UserError("there are no partners to respond to: give a pool of at least 1")

    def check(self, env: Environment) -> None:
        """Raise UserError for partners of another game."""
        check_home(self.partners, env.spec)

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How a response learns in a game."""
        return (response_preset(spec).but(self.learner, self.steps, self.network),)

    def loads(self) -> tuple[Load, ...]:
        """All tries for all partners."""
        return (Load(len(self.partners) * self.tries),)

    def can_be_validated(self) -> bool:
        """Of several tries one is chosen in the end."""
        return self.tries == 1

    def build(self, run: Run) -> Pool:
        """The best responses, in the order of the partners."""
        groups = np.repeat(np.arange(len(self.partners)), self.tries)[:, None]
        pool = train_responses(
            run, self.partners, table_of(groups), "best_response", Meetings(blocks=1)
        )
        return self._best(run, pool)

    def _best(self, run: Run, pool: Pool) -> Pool:
        """Of the tries for each partner the one that earns most with it, both seatings."""
        if self.tries == 1:
            return pool
        key, chosen = keys.of_seed(run.seed, keys.CHOICE), []
        for place in range(len(self.partners)):
            mine = np.arange(self.tries) + place * self.tries
            partner = self.partners.take([place])
            played = versus(run.env, [pool.take(mine)], [partner], episodes=_EPISODES, key=key)
            chosen.append(mine[played.values[..., 0].mean((1, 2, 3)).argmax()])
        return pool.take(chosen)


@dataclass(frozen=True)
class Meetings:
    """How a response meets its partners.

    blocks: partners at the same time. uniform: all alike, whatever the table's weights are.
    self_play: share of the games that it plays with itself. priority: exponent of the rank of those
    that it earns least with, fade: the share of the training in which it goes, see `DrawPartners`.
    heads: each entry of the table teaches a value head of its own.
    foresees: the response acts on a prediction of what its partner will do, see
        `predicting_policy`.
    """

    blocks: int
    uniform: bool = True
    self_play: float = 0.0
    priority: float = 0.0
    fade: float = 0.0
    heads: bool = False
    foresees: bool = False

    def method(self, name: str, partners: Pool, envs: int, num_agents: int) -> Method:
        """The method of a best-response stage."""
        strangers = MatchSpec(
            "partner", partner=partners.policy, blocks=self.blocks, share=1.0 - self.self_play
        )
        alone = (MatchSpec("self", share=self.self_play),) if self.self_play > 0 else ()
        specs = (strangers, *alone)
        how = self.uniform, self.priority, self.fade, self.heads
        return Method(
            name,
            specs=specs,
            init=take_table,
            match=DrawPartners(specs, envs, num_agents, *how),
            loss=foretell if self.foresees else None,
            after=KeepReturns() if self.priority else None,
        )


def train_responses(
    run: Run, partners: Pool, table: Table, method: str, meetings: Meetings
) -> Pool:
    """Agents [M] that learn with their own partners: row m of the table. Labels name them.

    The run's last stage says how they learn.
    """
    plan, spec = run.stages[-1], run.env.spec
    network = plan.network
    if meetings.heads:
        network = with_heads(network, table.places.shape[1])
    stage = run.stage(
        meetings.method(method, partners, plan.learner.envs, spec.num_agents),
        number=-1,
        policy=predicting_policy(spec, network=network) if meetings.foresees else network(spec),
        members=len(table.places),
        offset=keys.RESPONSE_SEEDS,
        title="responses",
    )
    state = stage.train(run.log, partners=(table, partners.params))
    done = stage.steps_done(state)
    ids = partners.ids
    labels = [
        Label(method, run.seed, m, done, parents=tuple(ids[place] for place in dict.fromkeys(mine)))
        for m, mine in enumerate(np.asarray(table.places).tolist())
    ]
    return stage.pool(state, labels)
