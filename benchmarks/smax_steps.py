"""SMAX steps per second beside jaxmarl's, in one process.

    python -m benchmarks.smax_steps [SCENARIO ...]

1,024 games against scripted enemies, random legal actions, every observation of every agent
consumed by a checksum. jaxmarl resets a game by itself when it ends; here ended games are begun
anew every 10 steps and only steps of living games count. Both run on one device that may use all
cores. Medians of seven, the two taken in turns.
"""

import argparse
import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np

import zsc
from benchmarks.beside import checksum, going_on, living, ratio, seconds, span
from benchmarks.report import table, write_section

GAMES, BLOCK, BLOCKS, REPEATS = 1_024, 10, 10, 7
SCENARIOS = ("3m", "2s3z")


def legal(key, mask):
    """Random legal actions [..., A], from a word for each agent."""
    actions = mask.shape[-1]
    spread = np.arange(1, actions + 1, dtype=np.uint32) * np.uint32(0x9E3779B1)
    word = jax.random.bits(key, (*mask.shape[:-1], 1))
    noise = ((word ^ spread) * np.uint32(0x85EBCA6B)) >> 1
    return jnp.where(mask, noise.astype(jnp.int32), -1).argmax(-1).astype(jnp.int32)


def ours(scenario, games=GAMES, blocks=BLOCKS):
    """(turn) -> how many steps living games played; they go on from turn to turn."""
    env = zsc.make(f"smax/{scenario}")
    reset, advance = jax.vmap(env.reset), jax.vmap(env.step)

    def act(key, state, mask):
        choose, draw = jax.random.split(key)
        return advance(jax.random.split(draw, games), state, legal(choose, mask))

    return going_on(*living(reset, act, games, BLOCK, blocks))


def theirs(scenario, games=GAMES, steps=BLOCK * BLOCKS):
    """The same for jaxmarl, whose step resets by itself, so that every step counts."""
    from jaxmarl.environments.smax import HeuristicEnemySMAX, map_name_to_scenario

    env = HeuristicEnemySMAX(scenario=map_name_to_scenario(scenario))
    side_by_side = lambda per_agent: jnp.stack([per_agent[a] for a in env.agents], 1)

    def step(carry, key):
        state, total = carry
        choose, draw = jax.random.split(key)
        mask = side_by_side(jax.vmap(env.get_avail_actions)(state)).astype(bool)
        action = dict(zip(env.agents, legal(choose, mask).T, strict=True))
        obs, state, *_ = jax.vmap(env.step)(jax.random.split(draw, games), state, action)
        return (state, total + sum(checksum(obs[a]) for a in env.agents)), None

    @jax.jit
    def run(carry, key):
        return jax.lax.scan(step, carry, jax.random.split(key, steps))[0]

    obs, state = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), games))
    carry = state, sum(checksum(obs[a]) for a in env.agents)

    def play(turn):
        nonlocal carry
        carry = jax.block_until_ready(run(carry, jax.random.key(turn)))
        return games * steps

    return play


def compare(scenario):
    """A row of the table."""
    began = time.perf_counter()
    mine = ours(scenario)
    mine(0)
    compiling = time.perf_counter() - began
    began = time.perf_counter()
    other = theirs(scenario)
    other(0)
    also = time.perf_counter() - began
    counts = [[], []]
    keep = lambda run, kept: lambda turn: kept.append(run(turn))
    spent = seconds([keep(mine, counts[0]), keep(other, counts[1])], REPEATS)
    cost = spent / np.array(counts)[:, 1:]  # the first turn was to warm up
    rates = [span(1e-3 / side, "{:.0f}", " k/s") for side in cost]
    return [scenario, *rates, ratio(*cost), f"{compiling:.0f} s, {also:.0f} s"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smax_steps")
    parser.add_argument("scenarios", nargs="*", default=SCENARIOS)
    parser.add_argument("--print", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    zsc.setup(devices=1)
    warnings.simplefilter("ignore")
    rows = []
    for scenario in options.scenarios:
        rows.append(compare(scenario))
        print(rows[-1], flush=True)
    columns = ["scenario", "here", "jaxmarl 0.2.0", "times as fast", "compiling, both"]
    text = table(columns, rows)
    print(text) if options.print else write_section("smax-steps", text)


if __name__ == "__main__":
    main()
