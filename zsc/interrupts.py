"""Ctrl-C on the command line: one line and exit code 130, while everything is imported as well.

Importing takes seconds, and nobody of the command line is there yet to say something. So the first
thing that `import zsc` does, if the program is the command line, is to take over Ctrl-C until
`main` is ready for it. In any other program nothing is changed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

CODE = 130  # of a program that Ctrl-C ended
NOTHING = "stopped; nothing was written"


def is_command_line() -> bool:
    """True if this program is `zsc ...`, `python -m zsc ...` or `python -m zsc.cli ...`."""
    pairs = set(zip(sys.orig_argv, sys.orig_argv[1:], strict=False))
    module = bool(pairs & {("-m", "zsc"), ("-m", "zsc.cli")})
    return module or Path(sys.argv[0] if sys.argv else "").stem == "zsc"


def end() -> NoReturn:
    """End at once, without what Python does at its end: a second Ctrl-C would fall into it, and it
    waits for devices whose work nobody wants any more."""
    ignore()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or never there
            stream.flush()
    os._exit(CODE)


def allow() -> None:
    """Let Ctrl-C raise KeyboardInterrupt, as it usually does."""
    if signal.getsignal(signal.SIGINT) is _while_importing:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def ignore() -> None:
    """From now on Ctrl-C changes nothing: what has to be tidied up is being tidied up."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not the main thread, which alone is interrupted
        return


@contextmanager
def ignored() -> Iterator[None]:
    """Inside, Ctrl-C changes nothing."""
    before = signal.getsignal(signal.SIGINT)
    ignore()
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and before is not None:
            signal.signal(signal.SIGINT, before)


def _while_importing(number: int, frame: FrameType | None) -> None:
    del number, frame
    ignore()
    with suppress(OSError):  # not by print: the stream may be in the middle of a line
        os.write(2, f"zsc: {NOTHING}\n".encode())
    end()


if is_command_line() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _while_importing)
