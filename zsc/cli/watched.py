"""Options of zsc train for those who want to see how it goes: validation, and other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from zsc.agents.bots import scripted_partners
from zsc.agents.pool import Pool, load_pool
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.train.sinks import Sink
from zsc.train.trackers import mlflow, tensorboard, wandb
from zsc.train.validation import Validation

Program: TypeAlias = Literal["tensorboard", "wandb", "mlflow"]
_BOTS = "bots"


@dataclass(frozen=True)
class Watched:
    """Who looks on while a population learns."""

    validate: tuple[str, ...] = ()
    """Judge the agents while they learn, by partners that they do not learn with: "bots", or the
    folder of a run, a pool or a roster (its validation partners). RUN/best keeps who did best."""
    validate_every: float | None = None
    """Environment steps per member between two looks; a twentieth of the training if left out."""
    validate_episodes: int = 16
    """Episodes with each partner, in each seat."""
    patience: int | None = None
    """End the training when no member did better in so many looks."""
    track: tuple[Program, ...] = ()
    """Tell other programs too: tensorboard (in RUN/tensorboard), wandb, mlflow."""

    def sinks(self, out: Path) -> list[Sink]:
        """What tells them. Raises UserError for a program that is not installed."""
        name = str(out)
        make = {
            "tensorboard": lambda: tensorboard(out / "tensorboard"),
            "wandb": lambda: wandb(name=name),
            "mlflow": lambda: mlflow(run_name=name),
        }
        return [make[program]() for program in dict.fromkeys(self.track)]

    def validation(self, env: Environment) -> Validation | None:
        """Who judges, if anybody does. Raises UserError for partners that are not there."""
        if not self.validate:
            if self.patience is not None or self.validate_every is not None:
                raise UserError("nobody judges the agents: say who by --validate, e.g. bots")
            return None
        return Validation(
            tuple(partners(name, env) for name in self.validate),
            every=self.validate_every,
            episodes=self.validate_episodes,
            patience=self.patience,
        )

    def check_clones(self) -> None:
        """Raise UserError for behaviour cloning: clones do not play while they learn."""
        if self.validate or self.patience is not None:
            raise UserError("bc learns without playing: it holds out games, --validate is not its")


def partners(name: str, env: Environment) -> Pool:
    """Partners by name or folder. Raises UserError."""
    if name == _BOTS:
        return scripted_partners(env)
    folder = Path(name)
    if (folder / "roster.json").exists():
        if not (folder / "validation" / "manifest.json").exists():
            raise UserError(
                f"{name} has partners to be scored with, and none for validation: make one with "
                "zsc roster make --validation, or validate with another pool"
            )
        return load_pool(folder / "validation")
    return load_pool(folder)
