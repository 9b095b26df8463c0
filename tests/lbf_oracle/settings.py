"""The games in which both engines are compared."""

from __future__ import annotations

from zsc.envs.lbf import Foraging

_THEIRS = {"start": "jumanji", "blame": "everyone"}

#: jumanji's rules: all in view, part in view, windows; penalties, levels, crowds.
JUMANJI = {
    "8x8-2p-2f": Foraging(**_THEIRS),
    "7x7-2p-3f, penalty, not normalized": Foraging(
        size=7, view=7, foods=3, penalty=0.3, normalize=False, horizon=60, **_THEIRS
    ),
    "10x10-3p-3f, any level, sight 3, penalty": Foraging(
        size=10, view=3, players=3, foods=3, cooperate=False, penalty=0.1, **_THEIRS
    ),
    "12x12-4p-5f, sight 2, windows": Foraging(
        size=12, view=2, players=4, foods=5, cooperate=False, max_level=3, encoding="grid",
        **_THEIRS,
    ),
    "5x5-3p-1f, windows": Foraging(
        size=5, view=5, players=3, foods=1, horizon=30, encoding="grid", **_THEIRS
    ),
}  # fmt: skip

#: The original's rules.
ORIGINAL = {
    "8x8-2p-2f": Foraging(rules="original", horizon=50),
    "10x10-3p-3f, any level, sight 3, penalty": Foraging(
        rules="original", size=10, view=3, players=3, foods=3, cooperate=False, penalty=0.1
    ),
    "8x8-4p-4f, sight 2, windows, not normalized": Foraging(
        rules="original", view=2, players=4, foods=4, cooperate=False, normalize=False,
        encoding="grid", horizon=50,
    ),
    "5x5-4p-2f, any level, sight 2": Foraging(
        rules="original", size=5, view=2, players=4, foods=2, cooperate=False, horizon=30
    ),
    "5x5-4p-1f, windows": Foraging(
        rules="original", size=5, view=5, players=4, foods=1, encoding="grid", penalty=0.2,
        horizon=30,
    ),
}  # fmt: skip
