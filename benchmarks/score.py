"""One pool of each method against the held-out rosters of a kitchen and of small Hanabi.

    python -m benchmarks.score [GAME ...]        (part of make bench)

Pools are kept in runs/score and gone on with. With a table of people's games (see README) a second
argument --humans FILE adds clones of people to the kitchen.
"""

import sys
from pathlib import Path

import zsc
from benchmarks.report import interval_text, table, write_section
from zsc.evaluation.heldout import roster, score
from zsc.populations import BehaviourCloning, FictitiousCoPlay, HighEntropy, OtherPlay, SelfPlay
from zsc.populations.presets import preset
from zsc.records.overcooked_tables import human_games

RUNS = Path("runs/score")
SEEDS, EPISODES = 6, 128
GAMES = ("overcooked/coordination_ring", "hanabi/tiny-2p")


def recipes(env):
    """Every method that means something in the game, and its seed."""
    usual = preset(env.spec)
    kitchen = env.spec.id.startswith("overcooked")
    fcp = FictitiousCoPlay(
        members=SEEDS,
        partners=8 if kitchen else 3,
        steps=None if kitchen else usual.steps,
        partner_steps=None if kitchen else usual.steps / 2,
    )
    found = {"SP": (SelfPlay(members=SEEDS), 0), "HE": (HighEntropy(members=SEEDS), 200)}
    if not kitchen:  # the classic kitchens have no symmetry
        found["OP"] = (OtherPlay(members=SEEDS), 100)
    return found | {"FCP": (fcp, 300)}


def trained(env):
    """The pools."""
    for name, (recipe, seed) in recipes(env).items():
        out = RUNS / env.spec.id.replace("/", "-") / name.lower()
        resume = (out / "manifest.json").exists()
        yield name, recipe.train(env, seed=seed, out=out, resume=resume)


def rows_of(found, digits):
    """One line per group."""
    parts = ["score", "score IQM", "BR-Prox", "BR-Prox unclipped", "worst partner", "worst quarter"]
    for group, line in found.summary().iterrows():
        cells = [
            interval_text(
                *(line[f"{part}{bound}"] for bound in ("", " low", " high")),
                2 if part.startswith("BR") else digits,
            )
            for part in parts
        ]
        yield [group, int(line["agents"]), *cells, f"{line['above best']:.0%}"]


def main() -> None:
    zsc.setup()
    games, humans = sys.argv[1:], None
    if "--humans" in games:
        at = games.index("--humans")
        games, humans = games[:at], games[at + 1]
    for game in games or GAMES:
        env = zsc.make(game)
        held = roster(game)
        pools = dict(trained(env))
        if humans and game.startswith("overcooked"):
            games_played = human_games(humans, env)
            pools["clones of people"] = BehaviourCloning(games_played, members=SEEDS).train(env)
        digits = 0 if game.startswith("overcooked") else 2
        columns = ["", "seeds", "score", "IQM", "BR-Prox", "unclipped", "worst partner"]
        columns += ["worst quarter", "above best"]
        found = score(env, pools, held, episodes=EPISODES)
        by = found.by_partner()
        partners = [[name, *(f"{x:.{digits}f}" for x in line)] for name, line in
                    by.drop(columns="seats").iterrows()]  # fmt: skip
        text = table(columns, list(rows_of(found, digits)))
        each = table(["partner", *by.columns[:-1]], partners)
        cells = f"{held.name}: {int(found.counts.sum())} cells (partner and seat)"
        write_section(f"score-{game}", f"{cells}.\n\n{text}\n\n{each}")


if __name__ == "__main__":
    main()
