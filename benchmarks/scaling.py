"""How far a device goes: steps per second of ever more games, and of ever more members.

    python -m benchmarks.scaling

Ten times as many games from 1,000 on, twice as many members from 8 on, until two rows in turn bring
less than a tenth more, or memory ends. Medians of three, compiling apart; the games are those of
`benchmarks.overcooked_steps` and `benchmarks.hanabi_steps`, every observation consumed.
"""

import warnings

import jax
import numpy as np

import zsc
from benchmarks import hanabi_steps, overcooked_steps
from benchmarks.beside import cost_of_a_step, span
from benchmarks.report import table, write_section
from benchmarks.training import KITCHEN, pool
from zsc.populations.presets import preset

GAMES = [10**n for n in range(3, 7)]
MEMBERS = [2**n for n in range(3, 10)]
REPEATS = 3
ENOUGH = 1.1
STEPS = 4_000_000  # of all games together in one turn, but at least 16 of each


def kitchens(games, encoding):
    """(turn) -> steps: random actions from the start of an episode on."""
    steps = min(max(STEPS // games, 16), overcooked_steps.STEPS)
    return overcooked_steps.played(KITCHEN, encoding, games, steps)


def hanabi(games, players):
    """(turn) -> steps of living games."""
    blocks = min(max(STEPS // games, 16) // hanabi_steps.BLOCK, hanabi_steps.BLOCKS)
    return hanabi_steps.played(players, games, blocks)


def training(members, name, chunk):
    """(turn) -> steps: some updates of the game's preset."""
    env = zsc.make(name)
    return pool(env, preset(env.spec).network(env.spec), chunk, members)


def rates(make, sizes, *settings):
    """[(size, steps per second [REPEATS])] up to the size that the device is busy with."""
    found, best, idle = [], 0.0, 0
    for size in sizes:
        try:
            rate = 1 / cost_of_a_step([make(size, *settings)], REPEATS)[0]
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            break
        found.append((size, rate))
        idle = 0 if np.median(rate) > ENOUGH * best else idle + 1
        best = max(best, np.median(rate))
        if idle == 2:
            break
    return found


def main() -> None:
    zsc.setup()
    warnings.simplefilter("ignore")
    work = {
        f"steps, {KITCHEN}, compact": (kitchens, GAMES, "compact"),
        f"steps, {KITCHEN}, 26 channels": (kitchens, GAMES, "grid"),
        "steps, Hanabi of two": (hanabi, GAMES, 2),
        "steps, Hanabi of five": (hanabi, GAMES, 5),
        f"training, {KITCHEN}, feed-forward": (training, MEMBERS, f"overcooked/{KITCHEN}", 10),
        "training, Hanabi of two, recurrent": (training, MEMBERS, "hanabi/full-2p", 2),
    }
    rows = []
    for name, (make, sizes, *settings) in work.items():
        unit = "members" if make is training else "games"
        for size, rate in rates(make, sizes, *settings):
            rows.append([name, f"{size:,} {unit}", span(rate, "{:,.0f}")])
            print(rows[-1], flush=True)
    device = jax.devices()[0].device_kind.lower().replace(" ", "-")
    write_section(f"scaling-{device}", table(["work", "batch", "steps/s"], rows))


if __name__ == "__main__":
    main()
