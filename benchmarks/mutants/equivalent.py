"""Mutants that cannot change what the program does, each with the reason.

A key is (file, what stood there, what stands there instead).
"""

from __future__ import annotations

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "populations/stage.py",
        "time.monotonic() - last >= seconds",
        "time.monotonic() - last > seconds",
    ): "a clock is equal to a number of seconds by chance only",
    (
        "zsc/learn/q_learning.py",
        "epsilon * inputs.mask",
        "(epsilon / inputs.mask)",
    ): "legal actions keep epsilon, and whoever samples masks the others",
}
