"""Hanabi steps per second beside jaxmarl's, in one process.

    python -m benchmarks.hanabi_steps

1,024 games, random legal actions, every observation of every agent consumed by a checksum. jaxmarl
resets a game by itself when it ends; here ended games are dealt anew every 8 steps and only steps
of living games count. Both run on one device that may use all cores. Medians of seven, the two
taken in turns.
"""

import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np

import zsc
from benchmarks.beside import checksum, going_on, living
from benchmarks.report import table, write_section

GAMES, BLOCK, BLOCKS, REPEATS = 1_024, 8, 16, 7


def ours(players, games=GAMES, blocks=BLOCKS):
    """(carry, key) -> carry, steps of living games; and the first carry."""
    env = zsc.make(f"hanabi/full-{players}p")
    reset, idle = jax.vmap(env.reset), env.spec.idle_action

    def advance(key, state, mask):
        # one random word per game, spread over the actions: cheaper than one per action
        word = jax.random.bits(key, (games, 1))
        spread = np.arange(1, idle + 1, dtype=np.uint32) * np.uint32(0x9E3779B1)
        noise = ((word ^ spread) * np.uint32(0x85EBCA6B)) >> 1
        legal = mask[..., :idle].any(1)  # of whoever moves: the others can only wait
        move = jnp.where(legal, noise.astype(jnp.int32), -1).argmax(-1)
        action = jnp.where(mask[..., idle], idle, move[:, None])
        return jax.vmap(env.step, (None, 0, 0))(key, state, action)

    return living(reset, advance, games, BLOCK, blocks)


def played(players, games=GAMES, blocks=BLOCKS):
    """(turn) -> how many steps living games played; they go on from turn to turn."""
    return going_on(*ours(players, games, blocks))


def theirs(players):
    """The same for jaxmarl, whose step resets by itself, so that every step counts."""
    import jaxmarl

    env = jaxmarl.make("hanabi", num_agents=players)

    def step(carry, key):
        state, total = carry
        keys = jax.random.split(key, GAMES)
        legal = jax.vmap(env.get_legal_moves)(state)
        action = {
            agent: (jax.random.uniform(jax.random.fold_in(key, i), legal[agent].shape)
                    * legal[agent]).argmax(-1)
            for i, agent in enumerate(env.agents)
        }  # fmt: skip
        obs, state, *_ = jax.vmap(env.step)(keys, state, action)
        total = total + sum(checksum(x) for x in obs.values())
        return (state, total), GAMES

    def run(carry, key):
        carry, steps = jax.lax.scan(step, carry, jax.random.split(key, BLOCK))
        return carry, steps.sum()

    obs, state = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.key(0), GAMES))
    return jax.jit(run), (state, sum(checksum(x) for x in obs.values()))


def measure(players):
    """Steps per second of both, [REPEATS] each, taken in turns."""
    sides = [ours(players), theirs(players)]
    rates = [[], []]
    carries = [carry for _, carry in sides]
    for turn in range(REPEATS + 2):
        for side, (run, _) in enumerate(sides):
            key = jax.random.key(turn)
            began = time.perf_counter()
            carries[side], steps = jax.block_until_ready(run(carries[side], key))
            if turn >= 2:  # the first ones compile
                rates[side].append(int(steps) / (time.perf_counter() - began))
    return np.array(rates)


def main() -> None:
    zsc.setup(devices=1)
    warnings.simplefilter("ignore")
    rows = []
    for players in (2, 5):
        own, other = measure(players)
        ratio = own / other
        spread = lambda x, unit=1e3: (
            f"{np.median(x) / unit:.0f} k/s ({x.min() / unit:.0f} to {x.max() / unit:.0f})"
        )
        text = f"{np.median(ratio):.0f}x ({ratio.min():.0f} to {ratio.max():.0f})"
        rows.append([players, spread(own), spread(other), text])
        print(rows[-1], flush=True)
    write_section("hanabi-steps", table(["players", "here", "jaxmarl 0.2.0", "ratio"], rows))


if __name__ == "__main__":
    main()
