"""The command line, the roof of the house: it may use all three packages, nothing imports it."""

from __future__ import annotations

import io
import os
import pkgutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import tyro

from zsc.cli.shared import Machine
from zsc.errors import UserError, printable
from zsc.machine import cluster

#: Where each command is. Only the one that is asked for is imported: plots and statistics take
#: longer to load than a training takes to start.
COMMANDS = {
    "demo": "zsc.cli.demo:Demo",
    "envs": "zsc.cli.play:Envs",
    "train": "zsc.cli.train:Train",
    "crossplay": "zsc.cli.play:CrossPlayRuns",
    "score": "zsc.cli.judge:ScoreRuns",
    "report": "zsc.cli.judge:Report",
    "render": "zsc.cli.play:Render",
    "record": "zsc.cli.play:RecordGames",
    "convert": "zsc.cli.play:Convert",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (2 for input that cannot be used)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a terminal that has no umlauts shows their escapes; what was worked out is not lost by it
        sys.stdout.reconfigure(errors="backslashreplace")
    wanted = [name for name in COMMANDS if name in arguments[:1]] or COMMANDS
    warnings.showwarning = _note
    try:
        commands = {name: _command(name, arguments[1:]) for name in wanted}
    except UserError as error:
        print(f"zsc: {error}", file=sys.stderr)
        return 2
    command = tyro.extras.subcommand_cli_from_dict(
        commands, args=arguments, prog="zsc", description="Zero-shot coordination toolkit."
    )
    code, said = _run(command)
    if said:
        print(f"zsc: {said}", file=sys.stderr)
    if code and cluster.several():
        # the usual way out waits for the other processes, which wait for this one; without the
        # first, by whom they know each other, the others could not even say why they stop
        if cluster.leads():
            time.sleep(3.0)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _note(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one line."""
    print(f"note: {printable(str(message))}", file=sys.stderr)


def _command(name: str, arguments: list[str]) -> Any:
    """The class behind a command; that of a training depends on its method."""
    if name == "train":
        return pkgutil.resolve_name("zsc.cli.train:command")(arguments)
    return pkgutil.resolve_name(COMMANDS[name])


def _run(command: Any) -> tuple[int, str]:
    """Exit code and what to say of it."""
    try:
        if not 0 <= getattr(command, "seed", 0) < 2**31:
            raise UserError(f"seed is {command.seed}: use one from 0 to {2**31 - 1}")
        getattr(command, "machine", Machine()).start()
        command()
        sys.stdout.flush()
    except UserError as error:
        return 2, str(error)
    except BrokenPipeError:  # whoever reads has enough, as in `zsc envs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0, ""
    except KeyboardInterrupt:
        return 130, "stopped; a training goes on with the same command and --resume"
    except OSError as error:  # no space, no permission, a file where a folder should be
        where = error.filename or "what is printed"
        return 2, printable(f"{where}: {error.strerror}: choose another path")
    except (RuntimeError, ValueError) as error:
        lost = cluster.explain_loss(error, getattr(command, "out", Path()))
        if lost is None:
            raise
        return 3, str(lost)
    return 0, ""
