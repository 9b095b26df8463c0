"""Methods as values: who plays whom, what is rewarded, a joint loss, what happens to the pool.

Self-play, other-play, fictitious co-play, maximum-entropy populations and most of the rest differ
in these four places only; the training loop is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from zsc.agents.policy import Policy
from zsc.play.match import Match, MatchSpec
from zsc.play.rollout import Trajectory
from zsc.types import Array, Key, Params, PyTree

Matches: TypeAlias = tuple[Match, ...]  # one per MatchSpec, leaves [M, ...]
Trajectories: TypeAlias = tuple[Trajectory, ...]  # one per MatchSpec, leaves [M, T, E, R, ...]

InitHook: TypeAlias = Callable[[Key, Params, Params], tuple[PyTree, Params]]
MatchHook: TypeAlias = Callable[[PyTree, Key, Params, Params], Matches]
RewardHook: TypeAlias = Callable[[PyTree, Policy, Params, Trajectories], Trajectories]
LossHook: TypeAlias = Callable[[Policy, Params, Trajectories], Array]
AfterHook: TypeAlias = Callable[[PyTree, Params, dict[str, Array], Params], tuple[PyTree, Params]]


@dataclass(frozen=True)
class Method:
    """The whole difference between training methods: pure hooks, all optional.

    init(key, params, pool) -> (mstate, pool): the method's own state before the first update.
    match(mstate, keys [M], params, pool) -> Matches: partners, seats and symmetries of an update.
        Called once per segment with the same keys, so that live partners are up to date while
        seats and symmetries stay. Without it the draws are uniform.
    reward(mstate, policy, params, trajectories) -> trajectories: changes what is learned from,
        never what is reported.
    loss(policy, params, trajectories) -> []: added to the sum of the members' losses.
    after(mstate, params, metrics, pool) -> (mstate, pool): once per update, when the episodes are
        over; metrics as in the log, each [M], and "progress" [], the share of the budget used up.

    params are [M, ...], pool is [P, ...] or whatever `init` made of it. Hooks must be the same
    function objects from run to run (module level, or cached), so that programs are compiled once.
    """

    name: str
    specs: tuple[MatchSpec, ...] = (MatchSpec(),)
    init: InitHook | None = None
    match: MatchHook | None = None
    reward: RewardHook | None = None
    loss: LossHook | None = None
    after: AfterHook | None = None


def no_method_state(key: Key, params: Params, pool: Params) -> tuple[Any, Params]:
    """The init hook of a method that remembers nothing."""
    del key, params
    return (), pool
