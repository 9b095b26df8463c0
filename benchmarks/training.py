"""Training beside the public baselines, restated in `benchmarks.ippo`, in one process.

    python -m benchmarks.training [rates] [goal] [fcp]

rates: environment steps per second, medians of five turns: a pool of 8 here, beside 8 seeds of the
baseline under `vmap` (feed-forward), or one seed (the others take too long).
goal: seconds of training, without compiling, until all of 8 agents earn 200 on cramped_room: the
mean of 16 episodes with sampled actions on either side.
fcp: fictitious co-play beside the same runs one by one, each in a process of its own: all of them
with this package's trainer, and with the public baseline's for the partners.
"""

import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import jax
import numpy as np

import zsc
from benchmarks import ippo
from benchmarks.beside import cost_of_a_step, ratio, seconds, span
from benchmarks.pools import GOAL, reached
from benchmarks.pools import train as train_pool
from benchmarks.report import table, write_section
from zsc.populations import FictitiousCoPlay
from zsc.populations.presets import preset
from zsc.train import fit, init_state, make_update
from zsc.train.method import Method
from zsc.train.sinks import Memory
from zsc.train.state import steps_per_update

MEMBERS, REPEATS = 8, 5
KITCHEN = "cramped_room"


def pool(env, policy, chunk, members=MEMBERS):
    """(turn) -> steps that living games played: `chunk` more updates of all members."""
    ppo, method = preset(env.spec).learner, Method("self_play")
    update = make_update(env, policy, method, ppo)
    state = init_state(env, policy, method, ppo, members=members, seed=0, updates=10_000)

    def run(_):
        nonlocal state
        log = Memory()
        done = int(state.update) + chunk
        state = fit(update, state, updates=done, chunk=chunk, sinks=[log])
        living = log["playing"].mean() if "playing" in log.rows[0] else 1.0
        return chunk * members * steps_per_update(env, ppo) * living

    return run


def baseline(env, network, settings, seeds, updates, **options):
    """(turn) -> steps played: `updates` more updates of some seeds of the baseline."""
    init, update = ippo.make(env, network, settings, **options)
    runner = jax.lax.map(init, jax.random.split(jax.random.key(0), seeds))
    # one seed without an axis of one, which costs a CPU something
    each = jax.vmap(update) if seeds > 1 else update
    runner = runner if seeds > 1 else jax.tree.map(lambda x: x[0], runner)
    several = jax.jit(lambda r: jax.lax.fori_loop(0, updates, lambda _, r: each(r), r))

    def run(_):
        nonlocal runner
        runner = jax.block_until_ready(several(runner))
        return seeds * updates * settings.envs * settings.steps

    return run


def jaxmarl_kitchen():
    import jaxmarl
    from jaxmarl.environments.overcooked import overcooked_layouts

    return jaxmarl.make("overcooked", layout=overcooked_layouts[KITCHEN])


def feed_forward():
    env = zsc.make(f"overcooked/{KITCHEN}")
    other = baseline(jaxmarl_kitchen(), ippo.FeedForwardNet(6), ippo.FF, MEMBERS, 5, shaped=True)
    return pool(env, zsc.mlp_policy(env.spec), 20), other


def convolutional():
    env = zsc.make(f"overcooked/{KITCHEN}", encoding="grid")
    # its own 32 games of 128 steps take minutes for one update: 8 of 32 here
    settings = ippo.CNN._replace(envs=8, steps=32)
    other = baseline(jaxmarl_kitchen(), ippo.ConvNet(6), settings, 1, 2, shaped=True)
    return pool(env, zsc.cnn_policy(env.spec), 5), other


def recurrent():
    import jaxmarl

    env = zsc.make("hanabi/full-2p")
    game = jaxmarl.make("hanabi", num_agents=2)
    network = ippo.RecurrentNet(game.action_space(game.agents[0]).n)
    settings = ippo.RNN._replace(envs=64)  # of 1,024
    other = baseline(game, network, settings, 1, 2, shaped=False, hidden=network.width)
    return pool(env, preset(env.spec).network(env.spec), 4), other


def rates() -> None:
    """The table of steps per second."""
    kinds = {
        "feed-forward, Overcooked": feed_forward,
        "convolutional, Overcooked, 26 channels": convolutional,
        "recurrent, Hanabi of two": recurrent,
    }
    rows = []
    for name, make in kinds.items():
        sides = make()
        cost = cost_of_a_step(sides, REPEATS)
        rows.append([name, *(span(1 / x, "{:,.0f}") for x in cost), ratio(*cost)])
        print(rows[-1], flush=True)
    columns = ["network and game", "here, steps/s", "baseline, steps/s", "ratio"]
    write_section("training-rates", table(columns, rows))


def baseline_to_goal(seeds):
    """(seconds, steps of each seed) until the mean of the last 16 episodes was 200 for all."""
    settings = ippo.FF
    init, update = ippo.make(jaxmarl_kitchen(), ippo.FeedForwardNet(6), settings, shaped=True)
    run = jax.jit(jax.vmap(update))
    runner = jax.lax.map(init, jax.random.split(jax.random.key(0), seeds))
    jax.block_until_ready(run(runner))  # compiled
    steps = np.zeros(seeds)
    began, count = time.perf_counter(), 0
    while (steps == 0).any() and count < settings.budget:
        runner, count = run(runner), count + settings.envs * settings.steps
        there = np.asarray(runner.returned.mean(-1)) >= GOAL
        steps[there & (steps == 0)] = count
    assert (steps > 0).all(), f"the baseline ended with seeds below {GOAL}"
    return time.perf_counter() - began, steps


def goal() -> None:
    """Time to 200 for eight; ours for five seeds, the baseline for one times eight."""
    ours, need = [], []
    for seed in range(REPEATS + 1):
        clock, *_ = train_pool(KITCHEN, seed)
        when = reached(clock)
        assert (when >= 0).all(), f"seed {seed}: not every member reached {GOAL}"
        if seed:  # the first compiled
            ours.append(clock.seconds[when.max()])
            need += [clock.rows[i]["steps"] for i in when]
    theirs, steps = baseline_to_goal(MEMBERS)
    million = lambda x: span(np.array(x) / 1e6, unit=" M")
    times = theirs / np.array(ours)
    rows = [
        ["here, 8 members", span(ours, "{:.1f}", " s"), million(need), span(times, "{:.0f}", "x")],
        ["baseline, 8 seeds", f"{theirs:.0f} s", million(steps), ""],
    ]
    write_section("training-goal", table(["", "all 8 at 200 after", "steps each", "ratio"], rows))


FCP = FictitiousCoPlay(members=1, partners=8, partner_steps=250_000, steps=750_000)
ALONE = FictitiousCoPlay(members=1, partners=1, partner_steps=250_000, steps=750_000)


def process(*args: str) -> None:
    """This file again, as a run of its own."""
    subprocess.run([sys.executable, "-m", "benchmarks.training", *args], check=True)


def whole(seed: str) -> None:
    """All of fictitious co-play."""
    FCP.train(zsc.make(f"overcooked/{KITCHEN}"), seed=int(seed))


def partner(seed: str, out: str) -> None:
    """One self-play seed and its three checkpoints."""
    trained = ALONE.train_partners(ALONE.running(zsc.make(f"overcooked/{KITCHEN}"), int(seed)))
    trained.save(Path(out) / seed)


def response(seed: str, folder: str) -> None:
    """One best response to all partners in a folder."""
    pools = [zsc.load_pool(path) for path in sorted(Path(folder).iterdir())]
    partners = zsc.make_pool(
        zsc.make(f"overcooked/{KITCHEN}").spec,
        pools[0].policy,
        jax.tree.map(lambda *x: np.concatenate(x), *(pool.params for pool in pools)),
        [label for pool in pools for label in pool.labels],
    )
    ALONE.train_responses(ALONE.running(zsc.make(f"overcooked/{KITCHEN}"), int(seed)), partners)


def baseline_partner(seed: str, _: str) -> None:
    """One self-play seed of the public baseline; the time is that of any seed."""
    updates = FCP.partner_steps // (ippo.FF.envs * ippo.FF.steps)
    train = baseline(jaxmarl_kitchen(), ippo.FeedForwardNet(6), ippo.FF, 1, updates, shaped=True)
    train(int(seed))


def one_by_one(kind, folder):
    """(turn) -> the runs of `whole`, each in its own process, as scripts for one seed do it."""

    def run(turn):
        pools = Path(folder) / str(turn)
        for i in range(FCP.partners):
            process(kind, str(1000 * turn + i), str(pools))
        process("response", str(turn), str(pools))

    return run


def fcp() -> None:
    """Fictitious co-play as one program and as nine runs; three turns, for they are long."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {
            "together": lambda turn: process("whole", str(turn)),
            "one by one": one_by_one("partner", folder),
            # the baseline's agents cannot play here: its response learns with those of before
            "one by one, partners by the baseline": one_by_one("baseline_partner", folder),
        }
        spent = seconds(list(sides.values()), 3)
    steps = FCP.members * (FCP.partners * FCP.partner_steps + FCP.steps)
    rows = [
        [name, span(x, "{:.0f}", " s"), f"{np.median(steps / x) / 1e3:.0f} k/s",
         "" if name == "together" else ratio(spent[0], x)]
        for name, x in zip(sides, spent, strict=True)
    ]  # fmt: skip
    write_section("training-fcp", table(["", "time", "steps/s", "together is faster by"], rows))


PARTS = {"rates": rates, "goal": goal, "fcp": fcp}


def main() -> None:
    zsc.setup()
    warnings.simplefilter("ignore")
    kinds = (whole, partner, baseline_partner, response)
    runs = {kind.__name__: kind for kind in kinds}
    if len(sys.argv) > 1 and sys.argv[1] in runs:
        runs[sys.argv[1]](*sys.argv[2:])
        return
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()


if __name__ == "__main__":
    main()
