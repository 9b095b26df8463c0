"""Overcooked steps per second beside jaxmarl's, in one process, on the five classic kitchens.

    python -m benchmarks.overcooked_steps

1,024 games, random actions, every observation of every agent consumed by a checksum. jaxmarl resets
a game inside its step; here games run in step and are all dealt anew after 400 steps, which is
inside the measured time. Both run on one device that may use all cores. Medians of seven, taken in
turns.
"""

import warnings

import jax
import numpy as np

import zsc
from benchmarks.beside import checksum, ratio, seconds
from benchmarks.report import table, write_section

GAMES, STEPS, REPEATS = 1_024, 400, 7
#: our names, and theirs
KITCHENS = {
    "cramped_room": "cramped_room",
    "asymmetric_advantages": "asymm_advantages",
    "coordination_ring": "coord_ring",
    "forced_coordination": "forced_coord",
    "counter_circuit": "counter_circuit",
}


def moves(key, shape):
    """Random actions for both sides, from a byte each: they should not be what is measured."""
    return (jax.random.bits(key, shape, np.uint8) % 6).astype(np.int32)


def ours(kitchen, encoding, games=GAMES, steps=STEPS):
    """(key) -> a number that depends on every observation of so many steps of all games."""
    return stepped(zsc.make(f"overcooked/{kitchen}", encoding=encoding), games, steps)


def stepped(env, games=GAMES, steps=STEPS):
    """`ours` for any kitchen."""

    def run(key):
        state, shown = jax.vmap(env.reset)(jax.random.split(key, games))

        def step(carry, key):
            state, total = carry
            action = moves(key, (games, env.spec.num_agents))
            state, shown = jax.vmap(env.step, (None, 0, 0))(key, state, action)
            return (state, total + checksum(shown.obs)), None

        carry = state, checksum(shown.obs)
        (_, total), _ = jax.lax.scan(step, carry, jax.random.split(key, steps))
        return total.sum()

    return jax.jit(run)


def played(kitchen, encoding, games=GAMES, steps=STEPS):
    """(turn) -> how many steps were played: those of `ours`."""
    run = ours(kitchen, encoding, games, steps)

    def play(turn):
        jax.block_until_ready(run(jax.random.key(turn)))
        return games * steps

    return play


def theirs(kitchen):
    """The same for jaxmarl's engine, at its own best setting: steps without a Python loop."""
    import jaxmarl
    from jaxmarl.environments.overcooked import overcooked_layouts

    return their_steps(jaxmarl.make("overcooked", layout=overcooked_layouts[KITCHENS[kitchen]]))


def their_steps(env):
    """`theirs` for any of its kitchens."""

    def run(key):
        obs, state = jax.vmap(env.reset)(jax.random.split(key, GAMES))
        total = sum(checksum(x) for x in obs.values())

        def step(carry, key):
            state, total = carry
            draw, move = jax.random.split(key)
            action = dict(zip(env.agents, moves(draw, (len(env.agents), GAMES)), strict=True))
            keys = jax.random.split(move, GAMES)
            obs, state, *_ = jax.vmap(env.step)(keys, state, action)
            return (state, total + sum(checksum(x) for x in obs.values())), None

        (_, total), _ = jax.lax.scan(step, (state, total), jax.random.split(key, STEPS))
        return total.sum()

    return jax.jit(run)


def text(spent):
    rates = GAMES * STEPS / spent / 1e6
    return f"{np.median(rates):.2f} M/s ({rates.min():.2f} to {rates.max():.2f})"


def beside(kitchen, sides):
    """The row of a kitchen: our two encodings and the reference, in turns."""
    runs = [lambda turn, run=run: run(jax.random.key(turn)) for run in sides]
    compact, grid, other = seconds(runs, REPEATS)
    ratios = [ratio(x, other) for x in (compact, grid)]
    return [kitchen, text(compact), text(grid), text(other), *ratios]


def main() -> None:
    zsc.setup(devices=1)
    warnings.simplefilter("ignore")
    rows = []
    for kitchen in KITCHENS:
        sides = ours(kitchen, "compact"), ours(kitchen, "grid"), theirs(kitchen)
        rows.append(beside(kitchen, sides))
        print(rows[-1], flush=True)
    columns = ["kitchen", "compact", "26 channels", "jaxmarl 0.2.0", "compact", "26 channels"]
    write_section("overcooked-steps", table(columns, rows))


if __name__ == "__main__":
    main()
