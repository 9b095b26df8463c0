"""Cross-play of 8 x 8 policies beside what one would write, and of 64 x 64 alone.

    python -m benchmarks.crossplay

Feed-forward agents on cramped_room, 10 episodes of 400 steps in both seatings of each pair. Beside
it, in the same process: a jitted function called for every ordered pair (it compiles once), and one
vmap of the same function over all pairs; both with this package's game and network, and with
jaxmarl's game and its baseline's network. Warm times; medians of five, taken in turns.
"""

import subprocess
import sys
import time
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp

import zsc
from benchmarks.beside import ratio, seconds, span
from benchmarks.ippo import FeedForwardNet
from benchmarks.report import table, write_section
from zsc import Label, make_pool, mlp_policy
from zsc.agents.policy import Inputs
from zsc.play.crossplay import crossplay

EPISODES, REPEATS = 10, 5


def agents(env, count):
    policy = mlp_policy(env.spec)
    params = jax.lax.map(policy.init, jax.random.split(jax.random.key(0), count))
    return make_pool(env.spec, policy, params, [Label("untrained", member=i) for i in range(count)])


def cell(reset, step, horizon):
    """(params of two, key) -> mean return: what a script does for each cell of a matrix.

    reset(key) -> game; step(one, two, game, key) -> game, reward.
    """

    def episode(one, two, key):
        game = reset(jax.random.fold_in(key, horizon))
        play = lambda game, key: step(one, two, game, key)
        return jax.lax.scan(play, game, jax.random.split(key, horizon))[1].sum()

    def mean(one, two, key):
        keys = jax.random.split(key, EPISODES)
        return jax.vmap(episode, (None, None, 0))(one, two, keys).mean()

    return mean


def own_cell(env, policy):
    """A cell of our game and network."""

    def act(params, obs, seat, key):
        seen = Inputs(obs, jnp.ones(6, bool), jnp.array(False), jnp.int32(seat))
        return jax.random.categorical(key, policy.apply(params, (), seen)[1].logits)

    def step(one, two, game, key):
        state, shown = game
        keys = jax.random.split(key, 3)
        moves = [act(p, shown.obs[s], s, keys[s]) for s, p in enumerate((one, two))]
        state, shown = env.step(keys[2], state, jnp.stack(moves))
        return (state, shown), shown.reward[0]

    return cell(env.reset, step, env.spec.horizon)


def jaxmarl_cell(env, network):
    """A cell of jaxmarl's game and its baseline's network."""

    def step(one, two, game, key):
        obs, state = game
        keys = jax.random.split(key, 3)
        moves = {}
        for params, agent, choose in zip((one, two), env.agents, keys, strict=False):
            _, logits, _ = network.apply(params, (), obs[agent], jnp.array(False))
            moves[agent] = jax.random.categorical(choose, logits)
        obs, state, reward, *_ = env.step(keys[2], state, moves)
        return (obs, state), reward[env.agents[0]]

    return cell(env.reset, step, 400)


def loops(mean, params):
    """Two runs of a cell over all pairs: a jitted call for each, and one vmap."""
    one_cell = jax.jit(mean)
    one_of = [jax.tree.map(lambda x, i=i: x[i], params) for i in range(8)]
    all_cells = jax.jit(jax.vmap(jax.vmap(mean, (None, 0, None)), (0, None, None)))
    return (
        lambda turn: [one_cell(one, two, jax.random.key(turn)) for one in one_of for two in one_of],
        lambda turn: all_cells(params, params, jax.random.key(turn)),
    )


def main() -> None:
    zsc.setup()  # first: jaxmarl makes arrays when it is imported, and devices are then fixed
    import jaxmarl
    from jaxmarl.environments.overcooked import overcooked_layouts

    warnings.simplefilter("ignore")
    env = zsc.make("overcooked/cramped_room")
    pool = agents(env, 8)
    game = jaxmarl.make("overcooked", layout=overcooked_layouts["cramped_room"])
    network = FeedForwardNet(6)
    seen = (), jnp.zeros(game.observation_space(game.agents[0]).shape), jnp.array(False)
    keys = jax.random.split(jax.random.key(1), 8)
    theirs = jax.lax.map(lambda key: network.init(key, *seen), keys)
    runs = [
        lambda turn: crossplay(env, [pool], episodes=EPISODES, key=jax.random.key(turn)).values,
        *loops(own_cell(env, pool.policy), pool.params),
        *loops(jaxmarl_cell(game, network), theirs),
    ]
    own, *others = seconds(runs, REPEATS)
    names = [
        f"{how}, {whose}"
        for whose in ("game and network of this package", "game and network of jaxmarl's baseline")
        for how in ("a jitted call per pair", "one vmap over all pairs")
    ]
    rows = [["here", span(own, unit=" s"), ""]]
    rows += [
        [name, span(x, unit=" s"), ratio(own, x)] for name, x in zip(names, others, strict=True)
    ]
    # in a process of its own: what a process once needed is never taken off its count
    command = [sys.executable, "-m", "benchmarks.crossplay", "large"]
    large = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    write_section("crossplay", f"{table(['8 x 8', 'time', 'ratio'], rows)}\n\n{large}")


def most_memory() -> int:
    """KiB that this process has had at most; getrusage would count the parent's as well."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if "VmHWM" in line).split()[1])


def large() -> None:
    """Time and memory of a matrix of 64 x 64."""
    zsc.setup(cache=False)
    env = zsc.make("overcooked/cramped_room")
    many = agents(env, 64)
    before = most_memory()
    began = time.perf_counter()
    crossplay(env, [many], episodes=EPISODES, key=jax.random.key(0))
    spent = time.perf_counter() - began
    grown = (most_memory() - before) / 2**20
    print(
        f"64 x 64 (40,960 episodes of 400 steps), compiling included: {spent:.0f} s; the process "
        f"grew by {grown:.2f} GiB."
    )


if __name__ == "__main__":
    large() if sys.argv[1:] == ["large"] else main()
