"""Win rates of IPPO, MAPPO and QMIX in SMAX, trained with the presets.

    python -m benchmarks.smax [SCENARIO ...] [--learners ippo qmix] [--steps 2e6] [--minutes 20]

One agent of each learner plays all allies. A curve has the win rate of 128 battles with sampled
actions (QMIX: greedy ones) at each of ten points; training stops at the budget of steps or of
minutes of its own clock, compiling left out, whichever comes first. The published figures
(jaxmarl's default settings, 1e7 steps, three seeds): smacv2_5_units MAPPO 81.5 +- 1.1 %, IPPO
63.2 +- 3.5 %.
"""

import argparse
import sys
import time

import jax
import jax.numpy as jnp

import zsc
from benchmarks.report import table, write_section
from zsc.agents.policy import Inputs
from zsc.learn.critic import CentralCritic
from zsc.learn.ppo import ppo
from zsc.learn.q_learning import QConfig, qmix
from zsc.play.acting import act, fresh_carry
from zsc.populations.presets import preset
from zsc.train import fit, init_state, make_update
from zsc.train.method import Method
from zsc.train.state import steps_per_update, updates_for

SCENARIOS = ("3m", "2s3z", "smacv2_5_units")
POINTS, BATTLES = 10, 128


def learner_of(name, spec):
    """The learner of that name with the preset's settings."""
    usual = preset(spec).learner
    if name == "qmix":
        return qmix(QConfig(envs=32, capacity=2048, batch=32, steps=8, learning_rate=1e-3))
    return ppo(usual) if name == "ippo" else ppo(usual, CentralCritic(widths=(128, 64)))


def win_rate(env, policy, battles=BATTLES):
    """(params, key) -> the share of battles that a team of one agent wins; compiled."""
    win = env.spec.event_names.index("win")
    agents, everyone = env.spec.num_agents, jnp.arange(env.spec.num_agents)

    def battle(params, key):
        state, shown = env.reset(key)

        def step(now, key):
            state, shown, carry, first = now
            seen = Inputs(shown.obs, shown.mask, jnp.broadcast_to(first, agents), everyone)
            noise = jax.random.gumbel(key, shown.mask.shape)
            one = lambda carry, seen, noise: act(policy, params, carry, seen, noise)
            carry, action = jax.vmap(one)(carry, seen, noise)
            state, shown = env.step(jax.random.fold_in(key, 1), state, action)
            now = state, shown, carry, jnp.array(False)
            return now, shown.info["events"][0, win]

        begin = state, shown, fresh_carry(policy, (agents,)), jnp.array(True)
        return jax.lax.scan(step, begin, jax.random.split(key, env.spec.horizon))[1].any()

    several = jax.vmap(battle, (None, 0))
    return jax.jit(lambda params, key: several(params, jax.random.split(key, battles)).mean())


def curve(scenario, name, steps, minutes, seed=0):
    """[(steps, seconds, win rate)] in the course of a training."""
    env = zsc.make(f"smax/{scenario}")
    policy, learner = preset(env.spec).network(env.spec), learner_of(name, env.spec)
    method = Method("self_play")
    updates = updates_for(env, learner, steps)
    update = make_update(env, policy, method, learner)
    state = init_state(env, policy, method, learner, members=1, seed=seed, updates=updates)
    rate = win_rate(env, learner.plays(policy))
    first = lambda state: jax.tree.map(lambda x: x[0], state.params)
    points = [(0, 0.0, float(rate(first(state), jax.random.key(seed))))]
    print(scenario, name, *points[-1], flush=True)
    state = fit(update, state, updates=1, chunk=1)
    spent, part, done = 0.0, max(1, updates // POINTS), 1
    while done < updates and spent < 60 * minutes:
        done = min(updates, done + part)
        began = time.perf_counter()
        state = fit(update, state, updates=done, chunk=part)
        jax.block_until_ready(state)
        spent += time.perf_counter() - began
        win = float(rate(first(state), jax.random.key(seed)))
        points.append((done * steps_per_update(env, learner), spent, win))
        print(scenario, name, *points[-1], flush=True)
    return points


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smax")
    parser.add_argument("scenarios", nargs="*", default=SCENARIOS)
    parser.add_argument("--learners", nargs="*", default=["ippo", "mappo", "qmix"])
    parser.add_argument("--steps", type=float, default=2e6)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--print", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    zsc.setup(devices=1)
    rows = []
    for scenario in options.scenarios:
        for name in options.learners:
            points = curve(scenario, name, options.steps, options.minutes)
            wins = ", ".join(f"{100 * win:.0f}" for _, _, win in points)
            last = points[-1]
            rows.append([scenario, name, wins, f"{last[0] / 1e6:.2f} M", f"{last[1] / 60:.1f} min"])
    columns = ["scenario", "learner", "win rate in %, at equal distances", "steps", "training"]
    text = table(columns, rows)
    print(text) if options.print else write_section("smax", text)


if __name__ == "__main__":
    sys.exit(main())
