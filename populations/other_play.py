"""Other-play (Hu et al. 2020, arXiv 2003.02979): self-play through random relabellings.

Every episode each player sees the game through its own random symmetry, so an agent meets itself as
a stranger would who named the same things differently. Conventions that only work by shared names
earn nothing; what is left is what any other agent can find as well.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

from populations.self_play import train_and_label
from populations.stage import MakePolicy, Stage, log_for
from zsc.envs.base import Environment
from zsc.learn.ppo import PPOConfig
from zsc.match import MatchSpec
from zsc.method import Method
from zsc.policy import mlp_policy
from zsc.pool import Pool

METHOD = Method("other_play", specs=(MatchSpec(relabel=True),))


@dataclass(frozen=True)
class OtherPlay:
    """PPO self-play under the game's symmetries. Fields as in `SelfPlay`."""

    members: int = 8
    steps: float = 500_000
    ppo: PPOConfig = field(default_factory=PPOConfig)
    policy: MakePolicy = mlp_policy

    def train(
        self,
        env: Environment,
        *,
        seed: int = 0,
        out: str | Path | None = None,
        resume: bool = False,
        progress: bool = False,
        settings: dict[str, object] | None = None,
    ) -> Pool:
        """A pool of `members` agents; with `out` also a run folder. Raises UserError.

        Warns where the game has no symmetry: other-play is self-play there.
        """
        if env.symmetry().trivial:
            warnings.warn(
                f"{env.spec.id} has no symmetry but the identity: other-play is self-play here "
                "(overcooked/mirror_ring has a mirror, lever has equal levers)",
                stacklevel=2,
            )
        stage = Stage(env, METHOD, self.policy(env.spec), self.ppo, self.members, self.steps, seed)
        return train_and_label(stage, log_for(out, resume, settings or {}, progress))
