"""ROTATE, regret-driven open-ended training (Wang et al. 2025, arXiv 2505.23686).

In each round a fresh partner p and its own response b learn, the agent e being frozen, and then e
goes on learning with all partners so far. The partner looks for regret in every state instead of
from the start alone, so it cannot sabotage: it wants

    little with e, much with b, and much with e from states that it reached with b,

and b also learns from states that p reached with e. With one start for all, as in PAIRED, p would
spoil every game that it has not recognised as one with b.

Deviation: the baselines w V_SP(s) and V_XP(s) in the paper's advantages do not depend on the
action, and are each head's own value here. Memories begin empty in a state that was reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from zsc import keys as streams
from zsc.agents.policy import Policy, Team
from zsc.agents.pool import Label, Pool
from zsc.envs.base import Environment, EnvSpec
from zsc.learn.base import Played
from zsc.play.match import Match, MatchSpec
from zsc.play.rollout import visit
from zsc.populations.hooks.groups import Draw
from zsc.populations.presets import (
    PARTNERS_AT_ONCE,
    Preset,
    co_play_preset,
    diverse_preset,
    with_heads,
)
from zsc.populations.recipe import Load, Recipe, Run, at_least_one, from_zero_on
from zsc.populations.stage import Stage
from zsc.train.method import Matches, Member, Method, PerMember
from zsc.train.state import TrainState
from zsc.types import Array, Key, Params, State

PARTNER, RESPONSE = 0, 1  # their places in the team
WITH_RESPONSE, WITH_EGO = 0, 1  # value heads


@dataclass(frozen=True)
class MeetBoth:
    """The match hook of a partner: games with its response and with the frozen agent, of each kind
    some from the start and some from states that the other pair reached."""

    draws: tuple[Draw, ...]

    def __call__(self, mstate: Any, keys: Key, params: Params, partners: PerMember) -> Matches:
        """Matches [M, ...] of the four kinds."""
        del mstate, params

        def one(key: Key, ego: Params) -> Matches:
            theirs = jax.tree.map(lambda x: x[None], ego)
            split = jax.random.split(key, len(self.draws))
            return tuple(
                draw(k) if draw.spec.partner is None else draw(k, theirs)
                for draw, k in zip(self.draws, split, strict=True)
            )

        return jax.vmap(one)(keys, partners.value)


@dataclass(frozen=True)
class BeginWhereOthersCame:
    """The start hook: None for fresh games; the last two kinds begin where the other pair came."""

    env: Environment
    policy: Policy
    envs: int

    def __call__(
        self, mstate: Any, keys: Key, params: Params, matches: Matches, partners: PerMember
    ) -> tuple[State | None, ...]:
        """States [M, E, ...] of the kinds that do not begin anew."""
        del mstate, matches
        partner, response = params
        by = lambda other: jax.vmap(self._reach)(keys, partner, other)
        return None, None, by(partners.value), by(response)

    def _reach(self, key: Key, partner: Params, other: Params) -> State:
        """[E, ...] states of games of the two, the partner's seat being drawn."""
        both = jax.tree.map(lambda *x: jnp.stack(x), partner, other)
        agents = self.env.spec.num_agents
        seat_key, play_key = jax.random.split(key)
        seat = jax.random.randint(seat_key, (self.envs, 1), 0, agents)
        acts = jnp.where(jnp.arange(agents) == seat, 0, 1)
        return visit(self.env, self.policy, both, play_key, envs=self.envs, who=lambda key: acts)


@dataclass(frozen=True)
class Regret:
    """The reward hook: the partner's weight in each kind of games; its response always wants much.

    kept: w, the weight of what the partner earns with its response.
    """

    kept: float

    def __call__(self, member: Member, policy: Policy | Team, played: Played) -> Played:
        """The games with `weight` set."""
        del member, policy
        weights = (self.kept, -1.0, 0.0, 1.0)
        return tuple(_weighed(*pair) for pair in zip(played, weights, strict=True))


def _weighed(game: Any, weight: float) -> Any:
    roles = game.action.shape[-1]
    each = jnp.where(jnp.arange(roles) == PARTNER, weight, 1.0)
    return game._replace(weight=jnp.broadcast_to(each, (game.action.shape[1], roles)))


def begin_with_ego(key: Key, params: Params, partners: PerMember) -> tuple[tuple[()], PerMember]:
    """The init hook of partners: the frozen agents are handed on."""
    del key, params
    return (), partners


def begin_with_all(
    key: Key, params: Params, partners: tuple[PerMember, Array]
) -> tuple[Array, PerMember]:
    """The init hook of agents: partners come as (room [M, K, ...], how many there are)."""
    del key, params
    room, size = partners
    return jnp.asarray(size, jnp.int32), room


@dataclass(frozen=True)
class MeetAll:
    """The match hook of agents: all partners so far, alike."""

    draw: Draw

    def __call__(self, mstate: Array, keys: Key, params: Params, partners: PerMember) -> Matches:
        """Matches [M, ...]."""
        del params

        def one(key: Key, room: Params) -> Match:
            whom, seats = jax.random.split(key)
            who = jax.random.randint(whom, (self.draw.spec.blocks,), 0, mstate)
            return self.draw(seats, jax.tree.map(lambda x: x[who], room), who)

        return (jax.vmap(one)(keys, partners.value),)


@dataclass(frozen=True, kw_only=True)
class ROTATE(Recipe):
    """Agents that learn with partners which were each trained to show them regret.

    Beside the fields of `Recipe`:

    rounds: partners, one after the other.
    kept: weight of what a partner earns with its own response.
    steps: of an agent, in all rounds together.
    partner_steps: of a partner; None takes the game's preset.
    """

    members: int = 4
    rounds: int = 8
    kept: float = 2.0
    partner_steps: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        from_zero_on(self, "kept")
        at_least_one(self, "rounds")

    def stages(self, spec: EnvSpec) -> tuple[Preset, Preset]:
        """How partners and agents learn in a game, each in one round."""
        partner = diverse_preset(spec, kinds=4)
        usual = co_play_preset(spec).but(self.learner, self.steps, self.network)
        each = usual._replace(steps=usual.steps / self.rounds)
        return partner.but(None, self.partner_steps, self.network), each

    def loads(self) -> tuple[Load, Load]:
        """Both have all partners so far beside them."""
        return Load(2 * self.members), Load(self.members, kept=self.rounds)

    def agents(self, spec: EnvSpec) -> Policy:
        """All are of one kind: a value head for games with the response, and with the agent."""
        return with_heads(self.stages(spec)[0].network, 2)(spec)

    def can_be_validated(self) -> bool:
        """The agents come of many rounds."""
        return False

    def build(self, run: Run) -> Pool:
        """The agents; their partners are in the run folder's `partners/`."""
        policy = self.agents(run.env.spec)
        fresh = run.stage(Method("fresh"), members=self.members, number=1, policy=policy)
        ego = fresh.begin()
        like = lambda x: jnp.zeros((self.members, self.rounds, *x.shape[1:]), x.dtype)
        room = jax.tree.map(like, ego.params)
        for number in range(self.rounds):
            found = self.train_partner(run, number, ego.params)
            put = lambda old, new, at=number: old.at[:, at].set(new)
            room = jax.tree.map(put, room, found)
            stage, ego = self.train_ego(run, number, PerMember(room), ego)
        done = stage.steps_done(ego) * self.rounds
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), room)
        names = [Label("rotate/partner", run.seed, i) for i in range(self.members * self.rounds)]
        run.log.write_pool(stage.measured(policy, flat, names), "partners")
        return stage.pool(ego, [Label("rotate", run.seed, m, done) for m in range(self.members)])

    def train_partner(self, run: Run, number: int, ego: Params) -> Params:
        """[M, ...] partners that show the agents regret."""
        policy, quarter = self.agents(run.env.spec), 0.25
        pair = partial(MatchSpec, share=quarter, cast=(PARTNER, RESPONSE), value=WITH_RESPONSE)
        game = partial(MatchSpec, share=quarter, cast=(PARTNER,), partner=policy, value=WITH_EGO)
        specs = (
            pair("response"),
            game("ego"),
            pair("response/from ego"),
            game("ego/from response"),
        )
        envs, agents = run.stages[0].learner.envs, run.env.spec.num_agents
        method = Method(
            "rotate/partner",
            specs,
            init=begin_with_ego,
            match=MeetBoth(tuple(Draw(spec, envs, agents) for spec in specs)),
            start=BeginWhereOthersCame(run.env, policy, specs[0].envs(envs)),
            reward=Regret(self.kept),
        )
        stage = run.stage(
            method,
            members=self.members,
            policy=Team((policy, policy)),
            offset=streams.PARTNER_SEEDS + number,
            name=f"partner{number}",
            title=f"partner {number + 1} of {self.rounds}",
        )
        return stage.train(run.log, PerMember(ego)).params[PARTNER]

    def train_ego(
        self, run: Run, number: int, room: PerMember, ego: TrainState
    ) -> tuple[Stage, TrainState]:
        """The agents after a round with all partners so far, going on from what they were."""
        policy = self.agents(run.env.spec)
        spec = MatchSpec("partner", partner=policy, blocks=PARTNERS_AT_ONCE)
        draw = Draw(spec, run.stages[1].learner.envs, run.env.spec.num_agents)
        stage = run.stage(
            Method("rotate", (spec,), init=begin_with_all, match=MeetAll(draw)),
            members=self.members,
            number=1,
            policy=policy,
            offset=streams.RESPONSE_SEEDS + number,
            name=f"agents{number}",
            title=f"agents, round {number + 1} of {self.rounds}",
        )
        go_on = lambda state: state._replace(params=ego.params, learner=ego.learner)
        return stage, stage.train(run.log, (room, jnp.int32(number + 1)), begin=go_on)
