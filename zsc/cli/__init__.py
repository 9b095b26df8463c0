"""The command line, the roof of the house: it may use all three packages, nothing imports it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import tyro

import zsc
from zsc.cli.demo import Demo
from zsc.cli.judge import Report, ScoreRuns
from zsc.cli.play import Convert, CrossPlayRuns, Envs, RecordGames, Render
from zsc.cli.train import Train
from zsc.errors import UserError

COMMANDS: dict[str, Callable[..., Any]] = {
    "demo": Demo,
    "envs": Envs,
    "train": Train,
    "crossplay": CrossPlayRuns,
    "score": ScoreRuns,
    "report": Report,
    "render": Render,
    "record": RecordGames,
    "convert": Convert,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (2 for input that cannot be used)."""
    command = tyro.extras.subcommand_cli_from_dict(
        COMMANDS, args=arguments, prog="zsc", description="Zero-shot coordination toolkit."
    )
    warnings.showwarning = lambda message, *_, **__: print(f"note: {message}", file=sys.stderr)
    try:
        if not 0 <= getattr(command, "seed", 0) < 2**31:
            raise UserError(f"seed is {command.seed}: use one from 0 to {2**31 - 1}")
        zsc.setup()
        command()
    except UserError as error:
        print(f"zsc: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "zsc: stopped; a training goes on with the same command and --resume", file=sys.stderr
        )
        return 130
    except OSError as error:  # no space, no permission, a file where a folder should be
        print(f"zsc: {error.filename}: {error.strerror}: choose another path", file=sys.stderr)
        return 2
    return 0
