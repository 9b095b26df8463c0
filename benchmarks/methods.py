"""All methods on one game: what does an agent earn with partners that it never trained with?

    python -m benchmarks.methods GAME [--only sp fcp ...] [--runs 5] [--partners 5] [--seed 71000]

Each method is trained with its preset in so many independent runs, kept in runs/methods with
everything else and gone on with. Rows: held-out score and BR-Prox on the game's roster, sampled and
greedy, with intervals over runs; cross-play among the runs; environment steps and seconds of a run.
The floor acts at random, the ceiling are the roster's best responses.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import zsc
from benchmarks.report import interval_text, table, write_section
from zsc import populations as p
from zsc.evaluation import crossplay
from zsc.evaluation.heldout import roster, score

FOLDER = Path("runs/methods")
COLUMNS = [
    "method",
    "held-out score",
    "BR-Prox",
    "score, greedy",
    "BR-Prox, greedy",
    "with itself",
    "with other runs",
    "steps of a run (M)",
    "seconds of a run",
]


def recipes(runs: int, partners: int) -> dict[str, p.Recipe]:
    """The recipe of each row, its presets unless a pool's size is asked for."""
    pool = {"members": runs, "partners": partners}
    return {
        "sp": p.SelfPlay(members=runs),
        "op": p.OtherPlay(members=runs),
        "he": p.HighEntropy(members=runs),
        "sa": p.StateAugmentation(members=2 * runs, groups=2),
        "e3t": p.E3T(members=runs),
        "e3t, reduced": p.E3T.reduced(members=runs),
        "any-play": p.AnyPlay(members=runs),
        "fcp": p.FictitiousCoPlay(**pool),
        "mep": p.MaximumEntropy(**pool),
        "trajedi": p.TrajectoryDiversity(**pool),
        "lipo": p.IncompatiblePolicies(**pool),
        "brdiv": p.BestResponseDiversity(**pool),
        "lbrdiv": p.LagrangianDiversity(**pool),
        "comedi": p.CoMeDi(**pool),
        "hsp": p.HiddenUtility(members=runs, partners=partners + 1, biased=3, draws=8),
        "pbt": p.PopulationBased(**pool),
        "cole": p.COLE(members=runs),
        "paired": p.PAIRED(members=runs),
        "rotate": p.ROTATE(members=runs),
        "k-level": p.KLevel(members=runs),
        "gamma": p.GenerativePartners(**pool),
        "pecan": p.PECAN(**pool),
    }


def longer(recipe: p.Recipe, spec: zsc.EnvSpec, times: float) -> p.Recipe:
    """A method of one stage with so many times its preset's steps, as responses have."""
    if len(recipe.stages(spec)) > 1 or recipe.steps is not None:
        return recipe
    return replace(recipe, steps=times * p.presets.preset(spec).steps)


def steps_of_a_run(recipe: p.Recipe, spec: zsc.EnvSpec) -> float:
    """Environment steps of one run, partners included."""
    stages = recipe.stages(spec)
    if isinstance(recipe, p.ROTATE):
        return recipe.rounds * (stages[0].steps + stages[1].steps)
    if isinstance(recipe, p.KLevel):
        return (recipe.levels + 1) * stages[0].steps
    if len(stages) == 1:
        return stages[0].steps
    trained = recipe.partners
    if isinstance(recipe, p.HiddenUtility):
        trained = recipe.partners - recipe.biased + recipe.draws
    return trained * stages[0].steps + stages[1].steps


def kept(env, name, recipe, seed, folder):
    """The pool of a method, trained if it is not there, and the seconds its stages took."""
    place = folder / name.replace(", ", "-")
    done = (place / "pool" / "manifest.json").exists()
    pool = zsc.load_pool(place) if done else None
    if pool is None:
        pool = recipe.train(env, seed=seed, out=place, resume=place.exists())
    last = [file.read_text().splitlines()[-1] for file in place.glob("metrics*.jsonl")]
    return pool, max(json.loads(row)["seconds"] for row in last)


def at_random(env) -> zsc.Pool:
    """Agents that take any legal action."""
    policy = zsc.mixture(zsc.constant_policy(num_actions=env.spec.num_actions), 1.0)
    labels = [zsc.Label("random")]
    return zsc.make_pool(env.spec, policy, jnp.zeros(1, jnp.int32), labels)


def among_runs(env, name, pool):
    """Mean returns with itself and with other runs; groups of one run are strangers as a whole."""
    if len(pool) == 1:
        return "-", "-"
    values = crossplay(env, {name: pool}, episodes=16, seed=3).matrix()
    alone = np.eye(len(values), dtype=bool)
    strangers = ~alone
    if pool.labels[0].method == "state_augmentation":  # two groups, each knows its own
        half = np.arange(len(values)) < len(values) // 2
        strangers = half[:, None] != half[None]
    return f"{values[alone].mean():.0f}", f"{values[strangers].mean():.0f}"


def main(game, only, runs, partners, seed, times):
    env, folder = zsc.make(game), FOLDER / game.replace("/", "-")
    every = recipes(runs, partners)
    pools, rows, cost = {}, [], {}
    for name in only or every:
        recipe = longer(every[name], env.spec, times)
        pools[name], seconds = kept(env, name, recipe, seed, folder)
        cost[name] = steps_of_a_run(recipe, env.spec) / 1e6, seconds / runs
        print(name, f"{seconds:.0f} s", flush=True)
    pools["random"] = at_random(env)
    scored = {greedy: score(env, pools, roster(game), greedy=greedy) for greedy in (False, True)}
    told = {greedy: one.summary() for greedy, one in scored.items()}
    digits = 0 if (env.spec.max_return or 100) > 50 else 2
    order = sorted(pools, key=lambda name: -told[False].loc[name, "score"])
    for name in order:
        cells = [name]
        for greedy in (False, True):
            line = told[greedy].loc[name]
            of = lambda column, line=line: [line[f"{column}{end}"] for end in ("", " low", " high")]
            cells += [interval_text(*of("score"), digits), interval_text(*of("BR-Prox"), 2)]
        cells += [*among_runs(env, name, pools[name])]
        steps, seconds = cost.get(name, (0.0, 0.0))
        rows.append([*cells, f"{steps:.1f}", f"{seconds:.0f}"])
        print(cells, flush=True)
    best = scored[False].best[scored[False].counts].mean()
    names = "" if not only else " --only " + " ".join(f'"{x}"' if " " in x else x for x in only)
    command = f"python -m benchmarks.methods {game} --runs {runs} --partners {partners}{names}"
    text = (
        f"`{command}`: {runs} runs of each method, pools of {partners}, "
        f"methods of one stage with {times:g} times the preset of self-play; {scored[False].roster}"
        f", 64 episodes a cell, intervals over runs. The roster's best responses earn "
        f"{best:.{digits}f}. Seconds were taken with other work on the machine: they only rank."
    )
    write_section(f"All methods: {game}", f"{text}\n\n{table(COLUMNS, rows)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("game")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--partners", type=int, default=5)
    parser.add_argument("--seed", type=int, default=71_000)
    parser.add_argument("--times", type=float, default=6.0, help="for methods of one stage")
    given = parser.parse_args()
    zsc.setup()
    main(given.game, given.only, given.runs, given.partners, given.seed, given.times)
