"""Foraging steps per second beside jumanji's, in one process.

    python -m benchmarks.foraging_steps

1,024 games, any of the six actions, every observation and mask consumed by a checksum. Games that
are cleared are dealt anew at once by jumanji's own auto-reset wrapper, and at the end of 100 steps
here, which is inside the measured time; the last column is its engine with no resets at all. A
cleared game that stands still counts no steps. Medians of seven, taken in turns.
"""

import warnings

import jax
import jax.numpy as jnp

import zsc
from benchmarks.beside import checksum, cost_of_a_step, ratio, span
from benchmarks.overcooked_steps import moves
from benchmarks.report import table, write_section

GAMES, STEPS, REPEATS = 1_024, 100, 7
NAMES = ("lbf/8x8-2p-2f", "lbf/7x7-2p-3f", "lbf/2s-10x10-3p-3f")


def ours(name, encoding):
    """(key) -> how many steps were played, and a number that depends on all that was seen."""
    env = zsc.make(name, encoding=encoding)

    def run(key):
        state, shown = jax.vmap(env.reset)(jax.random.split(key, GAMES))

        def step(carry, key):
            state, over, total, count = carry
            action = moves(key, (GAMES, env.players))
            state, shown = jax.vmap(env.step, (None, 0, 0))(key, state, action)
            seen = checksum(shown.obs).sum() + checksum(shown.mask.astype(jnp.int8)).sum()
            total = total + seen + shown.reward.sum()
            return (state, shown.done, total, count + (~over).sum()), None

        carry = state, shown.done, checksum(shown.obs).sum() * 1.0, jnp.int32(0)
        (_, _, total, count), _ = jax.lax.scan(step, carry, jax.random.split(key, STEPS))
        return total, count

    return jax.jit(run)


def theirs(name, encoding, reset):
    """The same for jumanji's engine, with its auto-reset or with games that go on for ever."""
    from jumanji.environments.routing.lbf.env import LevelBasedForaging
    from jumanji.environments.routing.lbf.generator import RandomGenerator
    from jumanji.wrappers import AutoResetWrapper

    ours = zsc.make(name)
    env = LevelBasedForaging(
        generator=RandomGenerator(
            grid_size=ours.size, fov=ours.view, num_agents=ours.players, num_food=ours.foods,
            force_coop=True,
        ),
        grid_observation=encoding == "grid",
        time_limit=STEPS,
    )  # fmt: skip
    env = AutoResetWrapper(env) if reset else env

    def run(key):
        state, shown = jax.vmap(env.reset)(jax.random.split(key, GAMES))
        view = lambda shown: shown.observation.agents_view

        def step(carry, key):
            state, total = carry
            state, shown = jax.vmap(env.step)(state, moves(key, (GAMES, ours.players)))
            mask = shown.observation.action_mask.astype(jnp.int8)
            total = total + checksum(view(shown)).sum() + checksum(mask).sum() + shown.reward.sum()
            return (state, total), None

        carry = state, checksum(view(shown)).sum() * 1.0
        (_, total), _ = jax.lax.scan(step, carry, jax.random.split(key, STEPS))
        return total, jnp.int32(GAMES * STEPS)

    return jax.jit(run)


def played(run):
    """(turn) -> how many steps were played."""
    return lambda turn: int(jax.block_until_ready(run(jax.random.key(turn)))[1])


def main(repeats=REPEATS, write=write_section) -> None:
    zsc.setup(devices=1)
    warnings.simplefilter("ignore")
    rows = []
    for name in NAMES:
        for encoding in ("vector", "grid"):
            sides = [ours(name, encoding), *(theirs(name, encoding, x) for x in (True, False))]
            mine, reset, bare = cost_of_a_step([played(run) for run in sides], repeats)
            rates = [span(1e-6 / x, unit=" M/s") for x in (mine, reset, bare)]
            rows.append([name, encoding, *rates, ratio(mine, reset), ratio(mine, bare)])
            print(rows[-1], flush=True)
    columns = ["game", "seen", "here", "jumanji, auto-reset", "jumanji, no resets", "", "no resets"]
    write("foraging-steps", table(columns, rows))


if __name__ == "__main__":
    main()
