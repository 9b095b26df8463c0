"""STORM steps per second beside jaxmarl's storm_2p, in one process.

    python -m benchmarks.storm_steps

1,024 games, random actions, every observation of both agents written, and consumed by a checksum in
the next step (in the same one the compiler works it out anew inside of the sum). jaxmarl's `step`
works out a whole reset in each step; its `step_env` (last column) still works out two. Here all
games are dealt anew after 152 steps, which is inside the measured time. Medians of seven, taken in
turns.
"""

import warnings

import jax
import numpy as np

import zsc
from benchmarks.beside import checksum, ratio, seconds
from benchmarks.report import table, write_section

GAMES, STEPS, REPEATS = 1_024, 152, 7


def moves(key, shape):
    """Random actions for both sides, from a byte each: they should not be what is measured."""
    return (jax.random.bits(key, shape, np.uint8) % 5).astype(np.int32)


def ours(name, encoding):
    """(key) -> a number that depends on every observation of so many steps of all games."""
    env = zsc.make(name, encoding=encoding)

    def run(key):
        state, shown = jax.vmap(env.reset)(jax.random.split(key, GAMES))

        def step(carry, key):
            state, obs, total, paid = carry
            draw, move = jax.random.split(key)
            keys = jax.random.split(move, GAMES)
            state, shown = jax.vmap(env.step)(keys, state, moves(draw, (GAMES, 2)))
            return (state, shown.obs, total + checksum(obs), paid + shown.reward.sum()), None

        carry = state, shown.obs, checksum(shown.obs), 0.0
        (_, obs, total, paid), _ = jax.lax.scan(step, carry, jax.random.split(key, STEPS))
        return checksum(obs).sum() + total.sum() + paid

    return jax.jit(run)


def theirs(auto_reset):
    """The same for jaxmarl's engine."""
    from jaxmarl.environments.storm.storm_2p import InTheGrid_2p

    env = InTheGrid_2p()

    def consumed(obs):
        obs = obs.values() if isinstance(obs, dict) else obs
        return sum(checksum(x["observation"]).sum() + checksum(x["inventory"]).sum() for x in obs)

    def run(key):
        obs, state = jax.vmap(env.reset)(jax.random.split(key, GAMES))

        def step(carry, key):
            state, obs, total, paid = carry
            draw, move = jax.random.split(key)
            action = moves(draw, (2, GAMES))
            keys = jax.random.split(move, GAMES)
            play = env.step if auto_reset else env.step_env
            total = total + consumed(obs)
            obs, state, reward, *_ = jax.vmap(play)(keys, state, (action[0], action[1]))
            return (state, obs, total, paid + sum(x.sum() for x in reward)), None

        carry = state, obs, 0.0, 0.0
        (_, obs, total, paid), _ = jax.lax.scan(step, carry, jax.random.split(key, STEPS))
        return consumed(obs) + total + paid

    return jax.jit(run)


def text(spent):
    rates = GAMES * STEPS / spent / 1e6
    return f"{np.median(rates):.2f} M/s ({rates.min():.2f} to {rates.max():.2f})"


def main(repeats=REPEATS, write=write_section) -> None:
    zsc.setup(devices=1)
    warnings.simplefilter("ignore")
    sides = [ours("storm/prisoners_dilemma", x) for x in ("vector", "grid")]
    sides += [theirs(True), theirs(False)]
    vector, grid, auto, bare = seconds(
        [lambda turn, run=run: run(jax.random.key(turn)) for run in sides], repeats
    )
    rows = [
        [name, text(mine), text(auto), text(bare), ratio(mine, auto), ratio(mine, bare)]
        for name, mine in (("vector", vector), ("grid", grid))
    ]
    columns = ["seen", "here", "jaxmarl 0.2.0, step", "step_env", "step", "step_env"]
    write("storm-steps", table(columns, rows))


if __name__ == "__main__":
    main()
