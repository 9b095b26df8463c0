"""Other libraries, imported when they are asked for."""

from __future__ import annotations

import importlib
from types import ModuleType

from zsc.errors import UserError


def other(name: str, package: str) -> ModuleType:
    """A module of another library. Raises UserError if the library is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"this needs {package} ({error}): install it by `pip install {package}`"
        ) from None
