"""CoMeDi, diverse conventions by cross-play and mixed play (Sarkar et al. 2023, arXiv 2310.15414).

Members are trained one after the other. Member k maximises

    J(k, k) - cross * J(k, j*) + mixed * J_M(k, j*),

where j* is the earlier member that it plays best with (equation 2). J_M is mixed play: the two play
together, one seat acting by either of them at random at each step; from a state that this reaches
the member goes on with itself. So it cannot sabotage: after whatever a stranger did, it goes on as
well as it can. The first member plays with itself alone. Values of the three kinds of games have
heads of their own.

Deviations: j* is known by a running mean of returns, half of the cross-play being with others; the
runs of several members are trained side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from zsc import keys as streams
from zsc.agents.policy import Policy, Team
from zsc.agents.pool import Label, Pool
from zsc.envs.base import Environment, EnvSpec
from zsc.learn.base import Played
from zsc.play.match import Match, MatchSpec
from zsc.play.rollout import visit
from zsc.populations.hooks.groups import Draw, of_blocks
from zsc.populations.hooks.payoffs import mean_returns, moved
from zsc.populations.presets import Preset, diverse_preset, with_heads
from zsc.populations.recipe import Load, Run, from_zero_on
from zsc.populations.two_stage import TwoStage
from zsc.train.method import Matches, Member, Method, PerMember, Told
from zsc.types import Array, Key, Params, State

SELF, CROSS, MIXED = 0, 1, 2  # the kinds of games
_ELDERS_AT_ONCE = 4


class Earlier(NamedTuple):
    """The method's state."""

    earned: Array  # [M, K] running mean of returns with each earlier member, nan before
    size: Array  # [] int32 how many there are


def begin_earlier(
    key: Key, params: Params, partners: tuple[PerMember, Array]
) -> tuple[Earlier, PerMember]:
    """The init hook: partners come as (room for K members [M, K, ...], how many there are)."""
    del key
    room, size = partners
    shape = jax.tree.leaves(room.value)[0].shape[:2]
    return Earlier(jnp.full(shape, jnp.nan), jnp.asarray(size, jnp.int32)), room


def most_compatible(earned: Array, size: Array) -> Array:
    """[] the place of the earlier member that most is earned with; untried ones come first."""
    there = jnp.arange(len(earned)) < size
    return jnp.argmax(jnp.where(there, jnp.nan_to_num(earned, nan=jnp.inf), -jnp.inf))


@dataclass(frozen=True)
class MeetEarlier:
    """The match hook: half of the cross-play is with the most compatible, half with anybody."""

    draws: tuple[Draw, Draw, Draw]

    def __call__(self, mstate: Earlier, keys: Key, params: Params, partners: PerMember) -> Matches:
        """Matches [M, ...] of the three kinds of games."""
        del params
        one = partial(self._one, mstate.size)
        return tuple(jax.vmap(one)(keys, mstate.earned, partners.value))

    def _one(self, size: Array, key: Key, earned: Array, room: Params) -> Matches:
        blocks = self.draws[CROSS].spec.blocks
        own, cross, mixed, whom = jax.random.split(key, 4)
        anybody = jax.random.randint(whom, (blocks,), 0, jnp.maximum(size, 1))
        most = most_compatible(earned, size)
        who = jnp.where(jnp.arange(blocks) < (blocks + 1) // 2, most, anybody)
        theirs = jax.tree.map(lambda x: x[who], room)
        return (
            self.draws[SELF](own),
            self.draws[CROSS](cross, theirs, who),
            self.draws[MIXED](mixed),
        )


@dataclass(frozen=True)
class BeginMixed:
    """The start hook: games of mixed play begin where the member and j* came together."""

    env: Environment
    policy: Policy
    envs: int

    def __call__(
        self, mstate: Earlier, keys: Key, params: Params, matches: Matches, partners: PerMember
    ) -> tuple[State | None, ...]:
        """None for fresh games, states [M, E, ...] for mixed play."""
        del matches
        reach = partial(self._reach, mstate.size)
        return None, None, jax.vmap(reach)(keys, params, mstate.earned, partners.value)

    def _reach(self, size: Array, key: Key, own: Params, earned: Array, room: Params) -> State:
        most = most_compatible(earned, size)
        both = jax.tree.map(lambda mine, x: jnp.stack([mine, x[most]]), own, room)
        agents = self.env.spec.num_agents
        seat_key, play_key = jax.random.split(key)
        seat = jax.random.randint(seat_key, (self.envs, 1), 0, agents)
        mine = jnp.arange(agents) == seat  # where only the member acts

        def who(key: Key) -> Array:
            either = jax.random.randint(key, mine.shape, 0, 2)
            return jnp.where(mine, 0, either)

        return visit(self.env, self.policy, both, play_key, envs=self.envs, who=who)


@dataclass(frozen=True)
class WeighKinds:
    """The reward hook: cross-play with j* counts -cross, mixed play +mixed; the first member has
    nobody to differ from."""

    cross: float
    mixed: float

    def __call__(self, member: Member, policy: Policy | Team, played: Played) -> Played:
        """The games with `weight` set."""
        del policy
        own, cross, mixed = played
        earned, size = member.mstate.earned[member.index], member.mstate.size
        match: Match = member.matches[CROSS]
        worst = match.partner == most_compatible(earned, size)
        share = of_blocks(match, worst / worst.mean())
        later = (size > 0) * 1.0
        return (
            own,
            cross._replace(weight=-self.cross * later * share[:, None]),
            mixed._replace(weight=jnp.full((mixed.action.shape[1], 1), self.mixed * later)),
        )


def keep_earned(
    mstate: Earlier, params: Params, told: Told, partners: PerMember
) -> tuple[Earlier, PerMember]:
    """The after hook: running means of returns with earlier members."""
    del params
    members, room = mstate.earned.shape
    places = jnp.broadcast_to(jnp.arange(room), (members, room))
    new = mean_returns(told, places, kind=CROSS)
    return mstate._replace(earned=moved(mstate.earned, new, 0.3)), partners


@dataclass(frozen=True, kw_only=True)
class CoMeDi(TwoStage):
    """Best responses to members that were trained one after the other to differ, without sabotage.

    Beside the fields of `TwoStage`:

    cross: weight of cross-play.
    mixed: weight of mixed play.
    """

    partners: int = 5
    cross: float = 1.0
    mixed: float = 0.5
    title: ClassVar[str] = "comedi"
    partner_title: ClassVar[str] = "comedi/partner"
    ages: ClassVar[tuple[str, ...]] = ("final",)

    def __post_init__(self) -> None:
        super().__post_init__()
        from_zero_on(self, "cross", "mixed")

    def partner_preset(self, spec: EnvSpec) -> Preset:
        """Games of three kinds."""
        return diverse_preset(spec, kinds=3)

    def partner_policy(self, run: Run) -> Policy:
        """A policy with a value head for each kind of games."""
        return with_heads(run.stages[0].network, 3)(run.env.spec)

    def loads(self) -> tuple[Load, ...]:
        """One member of each run at a time, and its elders."""
        return (Load(self.members, kept=self.partners), *super().loads()[1:])

    def partner_method(self, run: Run) -> Method:
        """Self-play, cross-play with elders, mixed play."""
        policy = self.partner_policy(run)
        third = 1.0 / 3.0
        specs = (
            MatchSpec("self", share=third),
            MatchSpec("cross", share=third, partner=policy, blocks=_ELDERS_AT_ONCE, value=CROSS),
            MatchSpec("mixed", share=third, value=MIXED),
        )
        envs, agents = run.stages[0].learner.envs, run.env.spec.num_agents
        own, cross, mixed = (Draw(spec, envs, agents) for spec in specs)
        return Method(
            self.partner_title,
            specs,
            init=begin_earlier,
            match=MeetEarlier((own, cross, mixed)),
            start=BeginMixed(run.env, policy, specs[MIXED].envs(envs)),
            reward=WeighKinds(self.cross, self.mixed),
            after=keep_earned,
        )

    def train_partners(self, run: Run) -> Pool:
        """Stage 1: one member after the other; room is made for all of them, so one program."""
        policy = self.partner_policy(run)
        empty = jax.tree.map(
            lambda x: jnp.zeros((self.members, self.partners, *x.shape), x.dtype),
            jax.eval_shape(policy.init, jax.random.key(0)),
        )
        room, labels = PerMember(empty), []
        for number in range(self.partners):
            stage = run.stage(
                self.partner_method(run),
                members=self.members,
                policy=policy,
                offset=streams.PARTNER_SEEDS + number,
                name=f"partners{number}",
                title=f"partner {number + 1} of {self.partners}",
            )
            state = stage.train(run.log, (room, jnp.int32(number)))
            put = lambda old, new, at=number: old.at[:, at].set(new)
            room = PerMember(jax.tree.map(put, room.value, state.params))
            done = stage.steps_done(state)
        for member in range(self.members * self.partners):
            labels.append(Label(self.partner_title, run.seed, member, done))
        flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), room.value)
        return stage.measured(policy, flat, labels)
