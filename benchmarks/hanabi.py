"""SP, XP and conventions on a game of Hanabi, with intervals over seeds.

    python -m benchmarks.hanabi [tiny-2p | mini-2p] [STEPS METHOD ...]

Six seeds each of self-play, other-play, high-entropy self-play and FCP (each best response with its
own three self-play seeds), and the rule bots as strangers. Runs are kept in runs/hanabi; called
again, it goes on with them. With STEPS (per seed) and methods, e.g. `mini-2p 3.5e6 SP`, only these,
for that long.
"""

import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import zsc
from benchmarks.report import PICTURES, interval_text, table, write_section
from zsc.agents.bots import hanabi_bots
from zsc.evaluation import CrossPlay, crossplay
from zsc.evaluation.games.conventions import conditional_actions, draw_conditional_actions
from zsc.populations import FictitiousCoPlay, HighEntropy, OtherPlay, SelfPlay
from zsc.populations.presets import preset

RUNS = Path("runs/hanabi")
SEEDS = 6
STRANGERS = ("outer", "iggi", "piers", "van_den_bergh")


def recipes(env, steps=None):
    """All methods; with steps, trained for so many per seed."""
    usual = preset(env.spec).but(None, steps, None)
    fcp = FictitiousCoPlay(
        members=SEEDS,
        partners=3,
        steps=usual.steps,
        partner_steps=usual.steps / 2,
    )
    return {
        "SP": (SelfPlay(members=SEEDS, steps=steps), 0),
        "OP": (OtherPlay(members=SEEDS, steps=steps), 100),
        "HE": (HighEntropy(members=SEEDS, steps=steps), 200),
        "FCP": (fcp, 300),
    }


def trained(chosen, env, folder):
    """The pools, and how long each took."""
    pools, times = {}, {}
    for name, (recipe, seed) in chosen.items():
        out = RUNS / folder / name.lower()
        began = time.perf_counter()
        pools[name] = recipe.train(env, seed=seed, out=out, resume=out.exists(), progress=True)
        times[name] = time.perf_counter() - began
        print(name, f"{times[name]:.0f} s", [f"{x.skill:.2f}" for x in pools[name].labels])
    return pools, times


def tables(played: CrossPlay) -> str:
    summary = played.summary()
    parts = ("SP", "XP within", "gap")
    rows = []
    for group, line in summary.iterrows():
        if group == "bots":
            continue
        cells = [interval_text(*(line[f"{p}{b}"] for b in ("", " low", " high")), 2) for p in parts]
        strangers = "" if group == "SP" else interval_text(*played.block(group, "SP"), 2)
        bots = interval_text(*played.block(group, "bots"), 2)
        rows.append([group, int(line["policies"]), *cells, strangers, bots])
    return table(["", "seeds", *parts, "with SP seeds", "with rule bots"], rows)


def pairs(pools, played):
    """A self-play pair, an other-play pair, and the two self-play agents that fail most."""
    own = played.members("SP")
    matrix = played.matrix()[np.ix_(own, own)]
    both = matrix + matrix.T + np.where(np.eye(len(own)), np.inf, 0)
    one, other = np.unravel_index(both.argmin(), both.shape)
    of = lambda group: int(np.diag(played.matrix())[played.members(group)].argmax())
    sp, op = pools["SP"], pools["OP"]
    return {
        f"SP/{of('SP')} with itself": (sp.take([of("SP")]),) * 2,
        f"OP/{of('OP')} with itself": (op.take([of("OP")]),) * 2,
        f"strangers: SP/{one} and SP/{other}": (sp.take([int(one)]), sp.take([int(other)])),
    }


def draw(env, pools, played, name):
    PICTURES.mkdir(exist_ok=True)
    played.heatmap().figure.savefig(PICTURES / f"hanabi_{name}.png", dpi=90)
    figure, axes = plt.subplots(1, 3, figsize=(16, 5.2), layout="constrained")
    for ax, (title, agents) in zip(axes, pairs(pools, played).items(), strict=True):
        draw_conditional_actions(conditional_actions(env, agents, episodes=512), ax, title=title)
    figure.savefig(PICTURES / f"hanabi_{name}_conventions.png", dpi=80)


def main() -> None:
    zsc.setup()
    name, *longer = sys.argv[1:] or ["tiny-2p"]
    env = zsc.make(f"hanabi/{name}")
    chosen = recipes(env)
    if longer:
        steps, *methods = longer
        name += f"-{steps}"
        chosen = {method: recipes(env, float(steps))[method] for method in methods}
    pools, times = trained(chosen, env, name)
    pools["bots"] = hanabi_bots(env, STRANGERS)
    for greedy in (False, True):
        played = crossplay(env, pools, episodes=128, seed=0, greedy=greedy)
        how = "greedy" if greedy else "sampled"
        spent = ", ".join(f"{who} {seconds:.0f} s" for who, seconds in times.items())
        write_section(
            f"hanabi-{name}-{how}",
            f"{tables(played)}\n\nTraining with compiling (0 s if it was done before): {spent}.",
        )
        if not greedy and {"SP", "OP"} <= set(pools):
            draw(env, pools, played, name)


if __name__ == "__main__":
    main()
