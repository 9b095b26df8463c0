"""Methods as values: who plays whom, from where, what is rewarded, what becomes of the partners.

Self-play, other-play, fictitious co-play, maximum-entropy populations and most of the rest differ
in these places only; the training loop is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import jax

from zsc.agents.policy import Policy, Team
from zsc.learn.base import Hypers, Metrics, Played
from zsc.play.match import Match, MatchSpec
from zsc.types import Array, Key, Params, PyTree, State

Matches: TypeAlias = tuple[Match, ...]  # one per MatchSpec


class Member(NamedTuple):
    """One member of a population as its hooks know it."""

    index: Array  # type: ignore[assignment]  # [] int32
    params: Params  # its own
    matches: Matches  # whom it plays, leaves without a member axis
    everyone: Params  # [M, ...] the parameters of all members
    mstate: PyTree  # the method's state
    partners: Params  # the frozen partners


class Told(NamedTuple):
    """What an update leaves for the method, when its episodes are over."""

    metrics: Metrics  # as in the log, each [M]
    matches: Matches  # leaves [M, ...]
    returns: tuple[Array, ...]  # one per MatchSpec, [M, K]: mean true return with each block
    update: Array  # [] int32, updates done, this one included
    budget: Array  # [] int32, updates to do in all

    @property
    def progress(self) -> Array:
        """[] the share of the budget that is used up."""
        return self.update / jax.numpy.maximum(self.budget, 1)

    def rounds_over(self, rounds: int) -> tuple[Array, Array]:
        """[] how many of so many equal parts of the budget are over; [] bool: one just ended."""
        over = self.update * rounds // self.budget
        return over, over > (self.update - 1) * rounds // self.budget


class PerMember(NamedTuple):
    """Marks a part of the partners whose leaves are [M, ...], such as each member's checkpoints:
    it is dealt to the devices as the members are, instead of standing on each of them."""

    value: PyTree


InitHook: TypeAlias = Callable[[Key, Params, Params], tuple[PyTree, Params]]
MatchHook: TypeAlias = Callable[[PyTree, Key, Params, Params], Matches]
StartHook: TypeAlias = Callable[[PyTree, Key, Params, Matches, Params], tuple[State | None, ...]]
RewardHook: TypeAlias = Callable[[Member, Policy | Team, Played], Played]
LossHook: TypeAlias = Callable[[Params, Member, Policy | Team, Played], Array]
JointLossHook: TypeAlias = Callable[[Params, Policy | Team, Played], Array]
TuneHook: TypeAlias = Callable[[PyTree, Hypers], Hypers]
SelectHook: TypeAlias = Callable[[PyTree, Key, Told], tuple[PyTree, Array]]
AfterHook: TypeAlias = Callable[[PyTree, Params, Told, Params], tuple[PyTree, Params]]


@dataclass(frozen=True)
class Method:
    """The whole difference between training methods: pure hooks, all optional.

    init(key, params [M], partners) -> (mstate, partners): the method's own state before the first
        update.
    match(mstate, keys [M], params [M], partners) -> Matches [M, ...]: partners, seats and
        symmetries of an update. Called once per segment with the same keys, so that live partners
        are up to date while seats and symmetries stay. Without it the draws are uniform.
    start(mstate, keys [M], params [M], matches, partners) -> states [M, E, ...], one per MatchSpec:
        where the episodes of an update begin; None for fresh games.
    reward(member, policy, played) -> played: changes what ONE member learns from, never what is
        reported. Leaves are [T, E, R, ...]; terms of learning such as KL go here, too.
    loss(params, member, policy, played) -> []: added to the loss of ONE member. Its games are those
        of a minibatch: what belongs to a game is read from the trajectory (`inputs.latent`), not
        from `member.matches`, which is in the order of the places.
    joint_loss(params [M], policy, played [M]) -> []: added to the sum of all losses. It alone needs
        the trajectories of all members at once, and so memory that grows with them.
    tune(mstate, hypers [M]) -> hypers [M]: each member's own learning rate, entropy weight, ...
    select(mstate, key, told) -> (mstate, source [M]): member m goes on as a copy of source[m].
    after(mstate, params [M], told, partners) -> (mstate, partners): once per update, when the
        episodes are over.

    Hooks must be equal from run to run, so that programs are compiled once: functions of a module,
    or frozen dataclasses with `__call__`.

    >>> def sparse_only(member, policy, played):
    ...     return tuple(game._replace(shaped=0.0 * game.shaped) for game in played)
    >>> Method("no shaping", reward=sparse_only).specs[0].name
    'self'
    """

    name: str
    specs: tuple[MatchSpec, ...] = (MatchSpec(),)
    init: InitHook | None = None
    match: MatchHook | None = None
    start: StartHook | None = None
    reward: RewardHook | None = None
    loss: LossHook | None = None
    joint_loss: JointLossHook | None = None
    tune: TuneHook | None = None
    select: SelectHook | None = None
    after: AfterHook | None = None


def no_method_state(key: Key, params: Params, partners: Params) -> tuple[Any, Params]:
    """The init hook of a method that remembers nothing."""
    del key, params
    return (), partners
