"""Other-play (Hu et al. 2020, arXiv 2003.02979): self-play through random relabellings.

Every episode each player sees the game through its own random symmetry, so an agent meets itself as
a stranger would who named the same things differently. Conventions that only work by shared names
earn nothing; what is left is what any other agent can find as well.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from populations.self_play import SelfPlay, train_one_stage
from populations.stage import open_log
from zsc.envs.base import Environment
from zsc.match import MatchSpec
from zsc.method import Method
from zsc.pool import Pool

METHOD = Method("other_play", specs=(MatchSpec(relabel=True),))


@dataclass(frozen=True)
class OtherPlay(SelfPlay):
    """PPO self-play under the game's symmetries; the fields are those of `SelfPlay`."""

    def train(
        self,
        env: Environment,
        *,
        seed: int = 0,
        out: str | Path | None = None,
        resume: bool = False,
        progress: bool = False,
    ) -> Pool:
        """A pool of `members` agents; arguments and errors as in `SelfPlay.train`.

        Warns where the game has no symmetry: other-play is self-play there.
        """
        if env.symmetry().trivial:
            warnings.warn(
                f"{env.spec.id} has no symmetry but the identity: other-play is self-play here "
                "(overcooked/mirror_ring has a mirror, lever has equal levers)",
                stacklevel=2,
            )
        log = open_log(self, env, seed, out, resume, progress)
        return train_one_stage(self, METHOD, env, seed, log)
