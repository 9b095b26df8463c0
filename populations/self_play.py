"""Self-play: every agent learns with itself, and only with itself.

The baseline of all zero-shot coordination: strong with itself, and bound to whatever conventions
its seed stumbled on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from populations.stage import Log, MakePolicy, Stage, log_for
from zsc.envs.base import Environment
from zsc.learn.ppo import PPOConfig
from zsc.method import Method
from zsc.policy import mlp_policy
from zsc.pool import Label, Pool

METHOD = Method("self_play")


@dataclass(frozen=True)
class SelfPlay:
    """PPO with one parameter set in all seats.

    members: agents trained at the same time, each with its own seed; member m of seed s is the
        same agent however many others are trained beside it.
    steps: environment steps per member.
    policy: makes the network for a game, e.g. `mlp_policy`, `cnn_policy`, `gru_policy`.
    """

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
        """A pool of `members` agents; with `out` also a run folder. Raises UserError."""
        stage = Stage(env, METHOD, self.policy(env.spec), self.ppo, self.members, self.steps, seed)
        return train_and_label(stage, log_for(out, resume, settings or {}, progress))


def train_and_label(stage: Stage, log: Log) -> Pool:
    """Train one stage and make its final members the pool, saved if the log has a run."""
    state = stage.train(log)
    done = stage.steps_done(state)
    labels = [Label(stage.method.name, stage.seed, m, done) for m in range(stage.members)]
    pool = stage.pool(state.params, labels)
    if log.run is not None and not log.run.finished:
        pool.save(log.run.path / "pool")
    return pool
