"""Populations beside each other: members that know of one another are neighbours of one group.

M members are M / n runs of a method with n members each. Nothing of another run is ever read, so a
run is the same alone as beside others.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from zsc.play.match import Match, MatchSpec, draw_match
from zsc.populations.hooks.payoffs import mean_returns, moved
from zsc.train.method import Member, Told
from zsc.types import Array, Key, Params, PyTree


def own_group(member: Member, size: int) -> Params:
    """[n, ...] the parameters of all members of this member's group, itself included."""
    first = member.index // size * size
    cut = lambda x: jax.lax.dynamic_slice_in_dim(x, first, size)
    return jax.tree.map(cut, member.everyone)


def by_group(tree: PyTree, size: int) -> PyTree:
    """[M, ...] as [M / n, n, ...]."""
    return jax.tree.map(lambda x: x.reshape(len(x) // size, size, *x.shape[1:]), tree)


def flat(tree: PyTree) -> PyTree:
    """[G, n, ...] as [G n, ...], the inverse of `by_group`."""
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), tree)


def others(members: int, size: int) -> Array:
    """[M, n - 1] the other members of each member's group, the next one first.

    >>> others(4, 2).tolist()
    [[1], [0], [3], [2]]
    """
    index = jnp.arange(members)
    step = 1 + jnp.arange(size - 1)
    return index[:, None] // size * size + (index[:, None] + step) % size


def others_at_once(size: int) -> int:
    """How many others a member of a group meets at the same time: a power of two up to 4, so that
    games and minibatches are shared evenly.

    >>> [others_at_once(size) for size in (2, 3, 4, 5, 9)]
    [1, 2, 2, 4, 4]
    """
    return 4 if size > 4 else 2 if size > 2 else 1


@dataclass(frozen=True)
class Draw:
    """Seats and symmetries of one kind of games; partners as they are given."""

    spec: MatchSpec
    envs: int
    num_agents: int

    def __call__(self, key: Key, partners: Params = (), partner: Array | None = None) -> Match:
        """The match of one member, with the parameters [K, ...] of its partners."""
        return draw_match(
            key,
            self.spec,
            envs=self.spec.envs(self.envs),
            num_agents=self.num_agents,
            symmetries=1,
            partners=partners,
            partner=partner,
        )

    def alone(self, keys: Key) -> Match:
        """The matches of all members, without partners."""
        return jax.vmap(lambda key: self(key))(keys)

    def live(self, keys: Key, params: Params, who: Array, size: int) -> Match:
        """The matches of all members with others of their groups of `size` as they are now.

        params [M, ...]: of which each member gets those of who [M, K], see `others`. Head 0 of a
        value is for other games, head 1 + i for those with the member's i-th other.
        """
        place = jnp.take_along_axis(others(len(who), size), who, axis=1)
        theirs = jax.tree.map(lambda x: x[place], params)
        match = jax.vmap(self)(keys, theirs, place)
        return match._replace(head=1 + who)


def some_others(key: Key, size: int, count: int) -> Array:
    """[count] numbers of others, 0 to size - 2: all different if there are as many."""
    order = jax.random.permutation(key, size - 1)
    return order[jnp.arange(count) % (size - 1)]


def of_blocks(match: Match, value: Array) -> Array:
    """[E] values [K] of one member's blocks for each of its games."""
    return jnp.repeat(value, len(match.seats) // len(value))


def earned_with_others(told: Told, size: int, kind: int = 1) -> Array:
    """[M, n - 1] the mean return of an update with each other member; nan for those not met."""
    members = len(told.metrics["return"])
    return mean_returns(told, others(members, size), kind=kind)


@dataclass(frozen=True)
class NothingEarned:
    """The init hook of methods whose state is a running mean of returns with others [M, count]."""

    count: int

    def __call__(self, key: Key, params: Params, partners: Params) -> tuple[Array, Params]:
        """All nan: not yet."""
        del key
        members = len(jax.tree.leaves(params)[0])
        return jnp.full((members, self.count), jnp.nan), partners


@dataclass(frozen=True)
class KeepEarned:
    """The after hook that goes with it; `rate` is the weight of the newest update."""

    size: int
    rate: float = 0.3

    def __call__(
        self, mstate: Array, params: Params, told: Told, partners: Params
    ) -> tuple[Array, Params]:
        """The means moved towards what was earned in this update."""
        del params
        return moved(mstate, earned_with_others(told, self.size), self.rate), partners


def meet_most_compatible(key: Key, earned: Array, blocks: int) -> Array:
    """[blocks] numbers of others, of whom the member earned [n - 1] as a running mean.

    Half of the blocks are the one that it earns most with, the rest are drawn, so that all stay
    known; before they are, all are drawn.
    """
    drawn = some_others(key, len(earned) + 1, blocks)
    known, most = jnp.isfinite(earned).all(), jnp.argmax(earned)
    chosen = jnp.arange(blocks) < (blocks + 1) // 2
    return jnp.where(known & chosen, most.astype(drawn.dtype), drawn)


def only_most_compatible(match: Match, earned: Array) -> Array:
    """[E] weights of mean 1 of a member's games that are 0 but with whom it earns most.

    All are 0 before all others are known.
    """
    worst = jnp.isfinite(earned).all() & (match.head - 1 == jnp.argmax(earned))
    share = jnp.maximum(worst.mean(), 1.0 / len(worst))
    return of_blocks(match, worst / share)
