"""The command line, the roof of the house: it may use all three packages, nothing imports it."""

from __future__ import annotations

import errno
import io
import os
import pkgutil
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import tyro

from zsc import interrupts
from zsc.cli.shared import Machine
from zsc.errors import UserError, printable
from zsc.machine import cluster
from zsc.machine.progress import say

_NOTHING = interrupts.NOTHING
_NO_MEMORY = "the memory is used up: ask for less, e.g. fewer members, games or episodes"

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
    before = signal.getsignal(signal.SIGINT)
    command: Any = None
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a terminal that has no umlauts shows their escapes; what was worked out is not lost by it
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        interrupts.allow()
        warnings.showwarning = _note
        command = _parsed(arguments)
        code, said = _run(command)
    except UserError as error:
        code, said = 2, str(error)
    except KeyboardInterrupt:
        interrupts.ignore()  # a second one would fall into what is said and tidied up
        code, said = interrupts.CODE, getattr(command, "when_stopped", lambda: _NOTHING)()
    if said:
        say(f"zsc: {said}")
    if code == interrupts.CODE:
        if interrupts.is_command_line() and not cluster.joined():
            interrupts.end()
        if before is not None:
            signal.signal(signal.SIGINT, before)
    if code and cluster.joined():
        _leave_the_others(code)
    return code


def _parsed(arguments: list[str]) -> Any:
    """The command that was typed. Raises UserError, or SystemExit for what does not parse."""
    wanted = [name for name in COMMANDS if name in arguments[:1]] or COMMANDS
    commands = {name: _command(name, arguments[1:]) for name in wanted}
    return tyro.extras.subcommand_cli_from_dict(
        commands, args=arguments, prog="zsc", description="Zero-shot coordination toolkit."
    )


def _leave_the_others(code: int) -> None:
    """End as one of several processes: the usual way out waits for the others, which wait for this
    one; without the first, by whom they know each other, they could not even say why they stop."""
    if cluster.leads():
        time.sleep(3.0)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _note(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one line."""
    say(f"note: {printable(str(message))}")


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
        if sys.stdout is not None:  # which it is where the output was closed, as by >&-
            sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough, as in `zsc envs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0, ""
    except UserError:
        raise
    except OSError as error:  # no space, no permission, a file where a folder should be
        return 2, _told(error)
    except MemoryError:
        return 2, _NO_MEMORY
    except (RuntimeError, ValueError) as error:
        if "RESOURCE_EXHAUSTED" in str(error):
            return 2, _NO_MEMORY
        lost = cluster.explain_loss(error, getattr(command, "out", Path()))
        if lost is None:
            raise
        return 3, str(lost)
    return 0, ""


def _told(error: OSError) -> str:
    """What the system refused, and what to do."""
    why = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.filename or 'what was to be written'}: {why}: make room, or write elsewhere"
    if error.filename is None:
        return f"{why}: choose another path"
    return f"{error.filename}: {why}: choose another path"
