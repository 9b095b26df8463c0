"""Other-play (Hu et al. 2020, arXiv 2003.02979): self-play through random relabellings.

In every game each player sees it through its own random symmetry (short games that follow one
another within an update share it), so an agent meets itself as a stranger would who named the same
things differently. Conventions that only work by shared names earn nothing; what is left is what
any other agent can find as well.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from zsc.agents.pool import Pool
from zsc.envs.base import Environment
from zsc.play.match import MatchSpec
from zsc.populations.recipe import Recipe, Run
from zsc.populations.self_play import final_members
from zsc.train.method import Method

METHOD = Method("other_play", specs=(MatchSpec(relabel=True),))


@dataclass(frozen=True, kw_only=True)
class OtherPlay(Recipe):
    """Self-play under the game's symmetries; the fields are those of `Recipe`."""

    def check(self, env: Environment) -> None:
        """Warn where the game has no symmetry, since other-play is self-play there."""
        if env.symmetry().trivial:
            warnings.warn(
                f"{env.spec.id} has no symmetry but the identity: other-play is self-play here "
                "(overcooked/mirror_ring has a mirror, lever has equal levers)",
                stacklevel=3,
            )

    def build(self, run: Run) -> Pool:
        """The final members."""
        return final_members(self, run, METHOD)
