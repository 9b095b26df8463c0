"""The picture of a study: what each person earned with each kind of partner, and the means."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zsc.evaluation.intervals import ANYTHING, Range
from zsc.evaluation.people import People
from zsc.evaluation.pictures import group_colours, label_text


def study_figure(people: People, *, possible: Range = ANYTHING) -> Figure:
    """One panel for each game: a dot for each person, the mean with its 95 % interval."""
    games = list(dict.fromkeys(people.rounds["env"]))
    width = 1.2 + 1.0 * len(people.conditions)
    figure, axes = plt.subplots(
        1, len(games), figsize=(width * len(games), 3.2), layout="constrained",
        sharey=True, squeeze=False,
    )  # fmt: skip
    for ax, game in zip(axes[0], games, strict=True):
        people_strip(people, game, ax, possible=possible)
    axes[0, 0].set_ylabel("return with people")
    return figure


def people_strip(
    people: People, env: str, ax: Axes | None = None, *, possible: Range = ANYTHING
) -> Axes:
    """One game: dots are people, bars are means with intervals over people and agents."""
    if ax is None:
        ax = plt.subplots(figsize=(4.2, 3.2), layout="constrained")[1]
    table = people.table(env=env)
    rng = np.random.default_rng(0)
    colours = group_colours(len(people.conditions))
    for place, (name, colour) in enumerate(zip(people.conditions, colours, strict=True)):
        if name not in table:
            continue
        dots = table[name].dropna().to_numpy()
        ax.plot(place + rng.uniform(-0.16, 0.16, len(dots)), dots, "o", ms=3, color=colour,
                alpha=0.35, mew=0)  # fmt: skip
        mean, low, high = people.score(name, env=env, possible=possible)
        ax.errorbar(place, mean, yerr=[[mean - low], [high - mean]], fmt="o", ms=7,
                    color=colour, capsize=4, lw=1.6, mec="black")  # fmt: skip
    ax.set_xticks(range(len(people.conditions)), [label_text(x) for x in people.conditions],
                  rotation=20, ha="right", fontsize=8)  # fmt: skip
    ax.set_title(env.rpartition("/")[2].replace("_", " "), fontsize=9)
    sns.despine(ax=ax)
    return ax
