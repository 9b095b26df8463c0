"""Self-play: every agent learns with itself, and only with itself.

The baseline of all zero-shot coordination: strong with itself, and bound to whatever conventions
its seed stumbled on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zsc.agents.policy import Policy
from zsc.agents.pool import Label, Pool
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.learn.ppo import PPOConfig
from zsc.populations.presets import MakePolicy, Preset, preset
from zsc.populations.stage import Log, Stage, open_log
from zsc.train.method import Method

METHOD = Method("self_play")


@dataclass(frozen=True)
class SelfPlay:
    """PPO with one parameter set in all seats.

    members: agents trained at the same time, each with its own seed; member m of a seed is the
        same agent however many others are trained beside it.
    steps: environment steps per member; None takes the game's preset.
    ppo: how a member learns; None takes the game's preset.
    policy: makes the network for a game: `mlp_policy`, `cnn_policy`, `gru_policy`, or your own;
        None takes the game's preset.
    """

    members: int = 8
    steps: float | None = None
    ppo: PPOConfig | None = None
    policy: MakePolicy | None = None

    def __post_init__(self) -> None:
        if self.members < 1:
            raise UserError(f"members is {self.members}: a population needs at least 1")

    def method(self, env: Environment) -> Method:
        """What is trained; recipes of the same shape replace it."""
        del env
        return METHOD

    def plans(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How its only stage learns in a game."""
        return (preset(spec).but(self.ppo, self.steps, self.policy),)

    def plays(self, policy: Policy) -> Policy:
        """How the finished agents act, given what they learned with."""
        return policy

    def train(
        self,
        env: Environment,
        *,
        seed: int = 0,
        out: str | Path | None = None,
        resume: bool = False,
        progress: bool = False,
    ) -> Pool:
        """A pool of `members` agents.

        out: a run folder to make, or with `resume` to go on with. progress: draw a bar.
        Raises UserError for settings that cannot be trained or a folder that is in the way.
        """
        with open_log(self, env, seed, out, resume, progress) as log:
            return log.done() or train_one_stage(self, self.method(env), env, seed, log)


def train_one_stage(
    recipe: SelfPlay, method: Method, env: Environment, seed: int, log: Log
) -> Pool:
    """Train a recipe that is a single stage; its final members are the pool."""
    (plan,) = recipe.plans(env.spec)
    stage = Stage(
        env=env,
        method=method,
        policy=plan.policy(env.spec),
        ppo=plan.ppo,
        members=recipe.members,
        steps=plan.steps,
        seed=seed,
    )
    state = stage.train(log)
    done = stage.steps_done(state)
    labels = [Label(method.name, seed, m, done) for m in range(stage.members)]
    pool = stage.pool(state, labels, recipe.plays(stage.policy))
    log.write_pool(pool)
    return pool
