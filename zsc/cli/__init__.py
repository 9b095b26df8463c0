"""The command line, the roof of the house: it may use all three packages, nothing imports it."""

from __future__ import annotations

import errno
import gc
import io
import os
import pkgutil
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from zsc import interrupts
from zsc.errors import UserError, printable, unknown
from zsc.version import __version__

_NOTHING = interrupts.NOTHING
_NO_MEMORY = "the memory is used up: ask for less, e.g. fewer members, games or episodes"
_WIDTH = 12  # of the column of commands
_HELP = ("-h", "--help")
_BY_ACTION = ("roster", "study")  # whose class depends on the word that follows


class Command(NamedTuple):
    """Where a command is, and what it does: the first sentence of its class."""

    place: str
    does: str


#: Only the command that is asked for is imported: plots and statistics take longer to load than a
#: training takes to start, and the list of commands needs none of them.
COMMANDS = {
    "demo": Command(
        "zsc.cli.demo:Demo",
        "Train self-play, other-play and fictitious co-play pools, let everyone play with "
        "everyone, and draw what comes out.",
    ),
    "envs": Command(
        "zsc.cli.games:Envs", "List the games, or draw kitchens that are made by chance."
    ),
    "train": Command("zsc.cli.train:Train", "Train a population and write it to a run folder."),
    "watch": Command("zsc.cli.watch:Watch", "Show the curves of a run while it learns."),
    "compare": Command("zsc.cli.watch:Compare", "Put runs side by side: settings and returns."),
    "plot": Command(
        "zsc.cli.draw:Plot", "Draw the curves of runs, or a cross-play; or write it as a table."
    ),
    "crossplay": Command(
        "zsc.cli.play:CrossPlayRuns", "Let the pools of several runs play each other."
    ),
    "score": Command(
        "zsc.cli.judge:ScoreRuns",
        "Score pools with held-out partners: a named roster that ships with the package, or your "
        "own.",
    ),
    "roster": Command(
        "zsc.cli.rosters:roster", "List the rosters of held-out partners, or make one."
    ),
    "report": Command(
        "zsc.cli.judge:Report",
        "Write one web page about a cross-play: matrix with episodes to watch, tables, curves.",
    ),
    "render": Command("zsc.cli.games:Render", "Write a film of one episode."),
    "record": Command(
        "zsc.cli.games:RecordGames",
        "Keep whole games in a file: states, observations, actions, rewards, events.",
    ),
    "convert": Command(
        "zsc.cli.games:Convert",
        "Turn games that people played into a file of games: Overcooked-AI's tables; Hanabi of "
        "HanabiData, AH2AC2 or hanabi.live.",
    ),
    "play": Command(
        "zsc.cli.people:Play",
        "Play with agents in a browser: with those of runs, scripted ones, or one another.",
    ),
    "export-page": Command(
        "zsc.cli.export_page:ExportPage",
        "Write one web page in which anyone plays Overcooked with agents, without a server.",
    ),
    "study": Command(
        "zsc.cli.people:study",
        "Studies with people: new, check, pilot, run, export, withdraw.",
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (2 for input that cannot be used)."""
    parse = _parsed if arguments is not None else _parsed_undisturbed
    arguments = sys.argv[1:] if arguments is None else arguments
    before = signal.getsignal(signal.SIGINT)
    command: Any = None
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a terminal that has no umlauts shows their escapes; what was worked out is not lost by it
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        warnings.showwarning = _note
        if _answered(arguments):
            return 0
        command = parse(arguments)  # imports what the command needs
        interrupts.allow()
        code, said = _run(command)
    except UserError as error:
        code, said = 2, str(error)
    except KeyboardInterrupt:
        interrupts.ignore()  # a second one would fall into what is said and tidied up
        code, said = interrupts.CODE, getattr(command, "when_stopped", lambda: _NOTHING)()
    except BrokenPipeError:  # of a help text, as in `zsc train --help | head`
        code, said = _enough_read(), ""
    if said:
        _say(f"zsc: {said}")
    if code == interrupts.CODE:
        if interrupts.is_command_line() and not _joined():
            interrupts.end()
        if before is not None:
            signal.signal(signal.SIGINT, before)
    if code and _joined():
        _leave_the_others(code)
    return code


def _answered(arguments: list[str]) -> bool:
    """Answer what needs no command: which version, and which commands there are."""
    if arguments[:1] == ["--version"]:
        print(f"zsc {__version__}", flush=True)
    elif arguments[:1] and arguments[0] in _HELP:
        print(_listed(), flush=True)
    else:
        return False
    return True


def _listed() -> str:
    """All commands, a line or two for each."""
    import textwrap

    lines = ["usage: zsc COMMAND ...", "", "Zero-shot coordination toolkit.", ""]
    for name, command in COMMANDS.items():
        told = textwrap.wrap(command.does, 86 - _WIDTH)
        lines += [f"  {name:{_WIDTH}s}{told[0]}", *(" " * (_WIDTH + 2) + line for line in told[1:])]
    lines += ["", "zsc COMMAND --help tells more of each; zsc --version tells which one this is."]
    return "\n".join(lines)


def _parsed(arguments: list[str]) -> Any:
    """The command that was typed. Raises UserError, or SystemExit for what does not parse."""
    if not arguments:
        print(_listed(), file=sys.stderr, flush=True)
        raise SystemExit(2)
    name = arguments[0]
    if name not in COMMANDS:
        raise unknown("command", name, COMMANDS)
    import tyro

    commands = {name: _command(name, arguments[1:])}
    try:
        return tyro.extras.subcommand_cli_from_dict(commands, args=arguments, prog="zsc")
    except SystemExit:  # its help is printed
        if sys.stdout is not None:
            sys.stdout.flush()
        raise


def _parsed_undisturbed(arguments: list[str]) -> Any:
    """The command of a program of its own: looking for garbage among what is imported, which stays
    to the end, would take a third of a second of each start."""
    gc.disable()
    try:
        return _parsed(arguments)
    finally:
        gc.freeze()
        gc.enable()


def _say(text: str) -> None:
    from zsc.machine.progress import say

    say(text)


def _joined() -> bool:
    """True in one of several processes; where nobody imported what they meet by, there are none."""
    cluster = sys.modules.get("zsc.machine.cluster")
    return cluster is not None and bool(cluster.joined())


def _enough_read() -> int:
    """Whoever reads has enough, as in `zsc envs | head`; the exit code."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _leave_the_others(code: int) -> None:
    """End as one of several processes: the usual way out waits for the others, which wait for this
    one; without the first, by whom they know each other, they could not even say why they stop."""
    from zsc.machine import cluster

    if cluster.leads():
        time.sleep(3.0)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _note(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one line."""
    _say(f"note: {printable(str(message))}")


def _command(name: str, arguments: list[str]) -> Any:
    """The class behind a command; that of a training depends on its method, for instance."""
    if name == "train":
        return pkgutil.resolve_name("zsc.cli.train:command")(arguments)
    found = pkgutil.resolve_name(COMMANDS[name].place)
    return found(arguments) if name in _BY_ACTION else found


def _run(command: Any) -> tuple[int, str]:
    """Exit code and what to say of it."""
    from zsc.cli.shared import Machine
    from zsc.machine import cluster

    try:
        _check_seed(getattr(command, "seed", 0))
        getattr(command, "machine", Machine()).start()
        command()
        if sys.stdout is not None:  # which it is where the output was closed, as by >&-
            sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough, as in `zsc envs | head`
        return _enough_read(), ""
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


def _check_seed(seed: int | tuple[int, ...]) -> None:
    """Raise UserError for a seed, or one of several, that no key is made of."""
    for one in seed if isinstance(seed, tuple) else (seed,):
        if not 0 <= one < 2**31:
            raise UserError(f"seed is {one}: use one from 0 to {2**31 - 1}")


def _told(error: OSError) -> str:
    """What the system refused, and what to do."""
    why = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.filename or 'what was to be written'}: {why}: make room, or write elsewhere"
    if error.filename is None:
        return f"{why}: choose another path"
    return f"{error.filename}: {why}: choose another path"
