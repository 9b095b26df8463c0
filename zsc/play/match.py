"""Who sits where: the static shape of the games of one update, and the draw for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy
from zsc.checks import settle
from zsc.errors import UserError
from zsc.types import Array, Key, Params


@dataclass(frozen=True)
class MatchSpec:
    """The static part: which games a member plays for one update.

    Roles come before seats: role 0 is always the learner. Without a partner policy every role is
    the learner's and all of them learn. With one, the first roles learn, one for each entry of
    `cast`, and the other roles belong to the partner.

    name: of the games, in the names of metrics.
    partner: the policy of whoever does not learn; None for self-play.
    blocks: K, partners at the same time: the games fall into K equal blocks of one partner each.
    relabel: every role sees the game through a random symmetry of its own.
    share: of the games of an update that are of this kind.
    cast: which of a team's policies plays role r; the last one plays the rest of the learner's.
    value: which of the policy's value heads learns from these games; `Match.head` says it for
        each block instead.
    several: each of the partner's roles has a parameter set of its own; else one plays them all.

    Raises UserError for a partner that reads the state in relabelled games.
    """

    name: str = "self"
    partner: Policy | None = None
    blocks: int = 1
    relabel: bool = False
    share: float = 1.0
    cast: tuple[int, ...] = (0,)
    value: int = 0
    several: bool = False

    def __post_init__(self) -> None:
        settle(self)
        if self.relabel and self.partner is not None and "state" in self.partner.reads:
            raise UserError("a partner that reads the state cannot play relabelled games")
        if not self.cast:
            raise UserError("cast is empty: name the policy of at least one role, e.g. (0,)")

    def envs(self, total: int) -> int:
        """E for this kind of game: its share of the total, a multiple of the blocks.

        >>> MatchSpec(blocks=8, share=0.5).envs(50)
        24
        """
        return max(self.blocks, round(total * self.share) // self.blocks * self.blocks)

    def learners(self, num_agents: int) -> int:
        """R: how many roles are the learner's. Raises UserError for more than there are seats."""
        if len(self.cast) > num_agents - (self.partner is not None):
            raise UserError(
                f"cast {self.cast} and {'a' if self.partner else 'no'} partner need more than the "
                f"{num_agents} seats of the game"
            )
        return num_agents if self.partner is None else len(self.cast)

    def players(self, num_agents: int) -> tuple[int, ...]:
        """[R] which of a team's policies plays each of the learner's roles.

        >>> MatchSpec(cast=(0, 1)).players(3)
        (0, 1, 1)
        """
        missing = self.learners(num_agents) - len(self.cast)
        return self.cast + (self.cast[-1],) * missing

    @property
    def seated(self) -> bool:
        """True if roles differ, so that it matters who sits where."""
        return self.partner is not None or len(set(self.cast)) > 1


class Match(NamedTuple):
    """The dynamic part for one member and one update.

    It belongs to a place of the batch. Where games end early, all games of that place share it.
    """

    seats: Array  # [E, A] int32, role r of game e sits in seat seats[e, r]
    symmetry: Array  # [E, A] int32, the group element through which role r sees the game
    partners: Params = ()  # [K, ...] of the partner of each block; [K, A - R, ...] if `several`
    partner: Array = ()  # type: ignore[assignment]  # [K] int32, who they are in the pool
    latent: Any = ()  # [E, A, ...] what role r is told beside what it sees
    head: Any = ()  # [K] int32, the value head that learns from each block, if not `spec.value`


def draw_match(
    key: Key,
    spec: MatchSpec,
    *,
    envs: int,
    num_agents: int,
    symmetries: int,
    partners: Params = (),
    partner: Array | None = None,
    turn: Array | None = None,
) -> Match:
    """Random seats for the roles (only where roles differ) and random symmetries.

    envs: E. symmetries: elements of the game's group. partners, partner: as in `Match`. turn [K]:
    the seat of role 0 in each block, the others following; below 0 it is drawn for each game.
    """
    seat_key, symmetry_key = jax.random.split(key)
    seats = jnp.broadcast_to(jnp.arange(num_agents), (envs, num_agents))
    if spec.seated:
        drawn = jax.random.randint(seat_key, (envs, 1), 0, num_agents)
        if turn is not None:
            fixed = jnp.repeat(turn, envs // len(turn))[:, None]
            drawn = jnp.where(fixed < 0, drawn, fixed)
        seats = (seats + drawn) % num_agents
    elements = jnp.zeros((envs, num_agents), jnp.int32)
    if spec.relabel:
        elements = jax.random.randint(symmetry_key, elements.shape, 0, symmetries)
    index = jnp.zeros(spec.blocks, jnp.int32) if partner is None else partner
    return Match(seats, elements, partners, index)
