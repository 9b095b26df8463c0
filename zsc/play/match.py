"""Who sits where: the static shape of the games of one update, and the draw for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy
from zsc.errors import UserError
from zsc.types import Array, Key, Params


@dataclass(frozen=True)
class MatchSpec:
    """The static part: which games a member plays for one update.

    Roles come before seats: role 0 is always the learner. Without a partner policy every role is
    the learner's and all of them learn. With one, role 0 learns and the other roles belong to the
    partner; the environments fall into `blocks` equal blocks of one partner each.
    """

    name: str = "self"
    partner: Policy | None = None  # None: self-play
    blocks: int = 1  # K, partners at the same time
    relabel: bool = False  # every role sees the game through its own random symmetry
    share: float = 1.0  # of the config's environments

    def __post_init__(self) -> None:
        if self.relabel and self.partner is not None and self.partner.needs_state:
            raise UserError("a partner that reads the state cannot play relabelled games")

    def envs(self, total: int) -> int:
        """E for this kind of game: its share of the total, a multiple of the blocks."""
        return max(self.blocks, round(total * self.share) // self.blocks * self.blocks)

    def learners(self, num_agents: int) -> int:
        """How many roles are the learner's."""
        return num_agents if self.partner is None else 1


class Match(NamedTuple):
    """The dynamic part for one member and one update.

    It belongs to the places of the batch: where games end early, to all that follow one another.
    """

    seats: Array  # [E, A] int32, role r of game e sits in seat seats[e, r]
    symmetry: Array  # [E, A] int32, the group element through which role r sees the game
    partners: Params = ()  # [K, ...] parameters of the partner of each block
    partner: Array = ()  # type: ignore[assignment]  # [K] int32, who they are in the pool


def draw_match(
    key: Key,
    spec: MatchSpec,
    *,
    envs: int,
    num_agents: int,
    symmetries: int,
    partners: Params = (),
    partner: Array | None = None,
) -> Match:
    """Random seats for the roles (only where there is a partner) and random symmetries."""
    seat_key, symmetry_key = jax.random.split(key)
    seats = jnp.broadcast_to(jnp.arange(num_agents), (envs, num_agents))
    if spec.partner is not None:
        turn = jax.random.randint(seat_key, (envs, 1), 0, num_agents)
        seats = (seats + turn) % num_agents
    elements = jnp.zeros((envs, num_agents), jnp.int32)
    if spec.relabel:
        elements = jax.random.randint(symmetry_key, elements.shape, 0, symmetries)
    index = jnp.zeros(spec.blocks, jnp.int32) if partner is None else partner
    return Match(seats, elements, partners, index)
