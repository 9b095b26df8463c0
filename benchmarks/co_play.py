"""Fictitious co-play as published, and meeting most whom it earns least with.

    python -m benchmarks.co_play KITCHEN [--times 6] [--forms prioritised uniform]

Each of six runs has eight self-play seeds of its own, kept in runs/co_play with everything else and
gone on with. Rows: held-out score and BR-Prox on the kitchen's roster beside self-play's, what a
response earns with its own partners by age, as a share of what the final ones earn with themselves,
and with itself. Settings were chosen on other partners than the roster's; the search is in
RESULTS.md.
"""

import argparse
import time
from pathlib import Path

import jax
import numpy as np

import zsc
from benchmarks.report import interval_text, table, write_section
from zsc.evaluation.heldout import roster, score
from zsc.play.crossplay import versus
from zsc.populations import FictitiousCoPlay, SelfPlay
from zsc.populations.presets import preset

RUNS, SEED, RESPONSES = 6, 41_000, 9
FOLDER = Path("runs/co_play")
COLUMNS = [
    "agents",
    "held-out score",
    "BR-Prox",
    "score of each run",
    "with own untrained / halfway / final",
    "with own final, share of what these earn",
    "with itself",
]
FORMS = {"prioritised": FictitiousCoPlay, "uniform": FictitiousCoPlay.uniform}


def kept(path, make):
    """The pool in a folder, made if it is not there, and the seconds that took."""
    if (path / "manifest.json").exists():
        return zsc.load_pool(path), None
    began = time.perf_counter()
    pool = make()
    pool.save(path)
    return pool, time.perf_counter() - began


def with_own(env, pool, partners, age):
    """[runs] what each response earns with its own partners of an age, both seatings."""
    found = []
    for run, label in enumerate(pool.labels):
        mine = [i for i, p in enumerate(partners.labels)
                if p.id in label.parents and p.checkpoint == age]  # fmt: skip
        key = jax.random.key(5)
        played = versus(env, [pool.take([run])], [partners.take(mine)], episodes=16, key=key)
        found.append(played.values[..., 0].mean())
    return np.array(found)


def of(line, name, digits):
    """A figure of a score's summary with its interval."""
    return interval_text(*(line[f"{name}{end}"] for end in ("", " low", " high")), digits)


def itself(env, pool):
    """[runs] what each agent earns with itself."""
    return zsc.self_play_returns(env, pool.policy, pool.params, episodes=32, key=jax.random.key(6))


def main(kitchen, times, forms):
    env, folder = zsc.make(kitchen), FOLDER / kitchen.replace("/", "-")
    budget = times * preset(env.spec).steps
    recipes = {name: FORMS[name](members=RUNS, steps=budget) for name in forms}
    first = FictitiousCoPlay(members=RUNS)
    partners, seconds = kept(
        folder / "partners", lambda: first.train_partners(first.running(env, SEED))
    )
    print("partners", seconds, flush=True)
    finals = partners.where(checkpoint="final")
    own = np.array([label.skill for label in finals.labels]).reshape(RUNS, -1).mean(1)
    entries = {"SP": finals.take(np.arange(RUNS) * (len(finals) // RUNS))}
    longer = SelfPlay(members=RUNS, steps=budget)
    alone, _ = kept(folder / f"sp-{times:g}", lambda: longer.train(env, seed=61_001))
    entries["SP, as long"] = alone
    rows, cost = [], {}
    for name, recipe in recipes.items():
        make = lambda recipe=recipe: recipe.train_responses(
            recipe.running(env, RESPONSES), partners
        )
        entries[name], cost[name] = kept(folder / f"{name}-{times:g}", make)
        print(name, cost[name], flush=True)
    scored = score(env, entries, roster(kitchen))
    summary = scored.summary()
    for name, pool in entries.items():
        line = summary.loc[name]
        cells = [name, of(line, "score", 0), of(line, "BR-Prox", 2)]
        cells.append(" ".join(f"{x:.0f}" for x in scored.runs(name).mean(1)))
        if name in recipes:
            ages = [with_own(env, pool, partners, age) for age in ("initial", "mid", "final")]
            cells.append(" / ".join(f"{x.mean():.0f}" for x in ages))
            cells.append(" ".join(f"{x:.2f}" for x in ages[-1] / own))
        else:
            cells += ["", ""]
        cells.append(" ".join(f"{x:.0f}" for x in itself(env, pool)))
        rows.append(cells)
        print(cells, flush=True)
    took = ", ".join(f"{name} {s:.0f} s" for name, s in cost.items() if s is not None)
    text = (
        f"`python -m benchmarks.co_play {kitchen} --times {times:g}`: {RUNS} independent runs of "
        f"{budget:,.0f} steps, each with eight partners of its own; {scored.roster}, 64 episodes a "
        f"cell. {took}"
    )
    title = f"Fictitious co-play: {kitchen}, {times:g} times"
    write_section(title, f"{text}\n\n{table(COLUMNS, rows)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kitchen")
    parser.add_argument("--times", type=float, default=6.0, help="budget, in presets of self-play")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    given = parser.parse_args()
    zsc.setup()
    main(given.kitchen, given.times, given.forms)
