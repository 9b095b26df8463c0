"""Cross-play of 8 x 8 policies beside what one would write, and of 64 x 64 alone.

    python -m benchmarks.crossplay

Feed-forward agents on cramped_room, 10 episodes of 400 steps in both seatings of each pair. Beside
it, in the same process: a jitted function called for every ordered pair (it compiles once), and one
vmap of the same function over all pairs. Warm times; medians of five, taken in turns.
"""

import resource
import time
import warnings

import jax
import jax.numpy as jnp
import numpy as np

import zsc
from benchmarks.beside import ratio, seconds
from benchmarks.report import table, write_section
from zsc import Label, make_pool, mlp_policy
from zsc.crossplay import crossplay
from zsc.policy import Inputs

EPISODES, REPEATS = 10, 5


def agents(env, count):
    policy = mlp_policy(env.spec)
    params = jax.lax.map(policy.init, jax.random.split(jax.random.key(0), count))
    return make_pool(env.spec, policy, params, [Label("untrained", member=i) for i in range(count)])


def naive(env, policy):
    """(params of two, key) -> mean return: what a script does for each cell of a matrix."""

    def act(params, obs, seat, key):
        seen = Inputs(obs, jnp.ones(6, bool), jnp.array(False), jnp.int32(seat))
        return jax.random.categorical(key, policy.apply(params, (), seen)[1].logits)

    def episode(one, two, key):
        def step(carry, key):
            state, shown = carry
            keys = jax.random.split(key, 3)
            moves = [act(p, shown.obs[s], s, keys[s]) for s, p in enumerate((one, two))]
            state, shown = env.step(keys[2], state, jnp.stack(moves))
            return (state, shown), shown.reward[0]

        _, reward = jax.lax.scan(step, env.reset(key), jax.random.split(key, env.spec.horizon))
        return reward.sum()

    def cell(one, two, key):
        keys = jax.random.split(key, EPISODES)
        return jax.vmap(episode, (None, None, 0))(one, two, keys).mean()

    return cell


def main() -> None:
    zsc.setup()
    warnings.simplefilter("ignore")
    env = zsc.make("overcooked/cramped_room")
    pool = agents(env, 8)
    cell = naive(env, pool.policy)
    one_cell = jax.jit(cell)
    at = lambda i: jax.tree.map(lambda x: x[i], pool.params)
    all_cells = jax.jit(jax.vmap(jax.vmap(cell, (None, 0, None)), (0, None, None)))
    runs = [
        lambda turn: crossplay(env, [pool], episodes=EPISODES, key=jax.random.key(turn)).values,
        lambda turn: [
            one_cell(at(i), at(j), jax.random.key(turn)) for i in range(8) for j in range(8)
        ],
        lambda turn: all_cells(pool.params, pool.params, jax.random.key(turn)),
    ]
    own, loop, whole = seconds(runs, REPEATS)
    text = lambda x: f"{np.median(x):.2f} s ({x.min():.2f} to {x.max():.2f})"
    rows = [
        ["here", text(own), ""],
        ["a jitted call per pair", text(loop), ratio(own, loop)],
        ["one vmap over all pairs", text(whole), ratio(own, whole)],
    ]
    many = agents(env, 64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    crossplay(env, [many], episodes=EPISODES, key=jax.random.key(0))
    spent = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    large = (
        f"64 x 64 (40,960 episodes of 400 steps), compiling included: {spent:.0f} s; the process "
        f"grew by {grown:.2f} GiB."
    )
    write_section("crossplay", f"{table(['8 x 8', 'time', 'ratio'], rows)}\n\n{large}")


if __name__ == "__main__":
    main()
