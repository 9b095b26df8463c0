"""People as rows: tables, exclusions, intervals over people and agents, rows beside agents'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import zsc
from tests.by_hand import pullers
from zsc import UserError
from zsc.evaluation import CrossPlay
from zsc.evaluation.heldout import HeldOut, Score
from zsc.evaluation.intervals import Range
from zsc.evaluation.made_up import made_up_export
from zsc.evaluation.people import FLAGS, People, read_export, with_and_without
from zsc.evaluation.people_plots import study_figure
from zsc.evaluation.people_rows import crossplay_rows, heldout_rows
from zsc.evaluation.tables import markdown, with_intervals
from zsc.evaluation.two_way import two_way

LEVER = zsc.make("lever")
POOL = pullers(0, 1)


def rounds(*rows: tuple[str, str, str, float], **columns: Any) -> pd.DataFrame:
    """(person, condition, agent, return) each in a game of its own, in seat 0 of the lever game."""
    table = pd.DataFrame(rows, columns=["participant", "condition", "partner", "return"])
    told = {"env": "lever", "game": [f"g{i}" for i in range(len(rows))], "seat": 0, "steps": 1,
            "end": "finished"}  # fmt: skip
    return table.assign(**(told | columns))


def people(*rows: tuple[str, str, str, float], **columns: Any) -> People:
    return People(rounds(*rows, **columns), pd.DataFrame())


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up_export(tmp_path_factory.mktemp("export"), people=20)


def test_a_table_has_the_mean_of_each_person_with_each_kind_of_partner() -> None:
    found = people(("a", "x", "1", 2.0), ("a", "x", "2", 4.0), ("a", "y", "3", 1.0),
                   ("b", "x", "1", 5.0)).table()  # fmt: skip
    assert list(found.columns) == ["x", "y"]
    assert found.loc["a"].tolist() == [3.0, 1.0]
    assert found.loc["b", "x"] == 5.0
    assert np.isnan(found.loc["b", "y"])


def test_kitchens_count_alike_and_who_misses_one_has_no_mean_over_them() -> None:
    rows = (("a", "x", "1", 2.0), ("a", "x", "1", 4.0), ("a", "x", "1", 9.0), ("b", "x", "1", 1.0))
    found = people(*rows, env=["k", "k", "l", "k"])
    assert found.table().loc["a", "x"] == (3.0 + 9.0) / 2
    assert np.isnan(found.table().loc["b", "x"])
    assert found.table(env="k")["x"].tolist() == [3.0, 1.0]
    with pytest.raises(UserError, match="game"):
        found.table(env="m")
    with pytest.raises(UserError, match="column of numbers"):
        found.table("retrun")


def test_an_interval_of_two_people_by_hand() -> None:
    """Standard error 5 by the sample, one degree of freedom: 5 -+ 12.706 * 5."""
    low, high = two_way([0.0, 10.0], ["a", "b"], ["x", "x"], resamples=50_000)[1:]
    assert low == pytest.approx(5 - 63.53, rel=0.03)
    assert high == pytest.approx(5 + 63.53, rel=0.03)
    bounded = two_way([0.0, 10.0], ["a", "b"], ["x", "x"], possible=Range(0.0, 20.0))
    assert 0 <= bounded.low < bounded.high <= 20
    assert np.isnan(two_way([1.0, 2.0], ["a", "a"], ["x", "y"]).low)


def test_an_interval_of_two_agents_by_hand() -> None:
    """100 people, half of them with each; all earn 0 with one and 10 with the other.

    Variances .25 over people and 25 over agents, with (25.25)^2 / (.25^2 / 99 + 25^2) = 1.02
    degrees of freedom: 5 -+ 12.37 * 5.02.
    """
    earned, whom = np.repeat([0.0, 10.0], 50), np.repeat(["x", "y"], 50)
    found = two_way(earned, np.arange(100), whom, resamples=20_000)
    assert found.high - 5 == pytest.approx(62.1, rel=0.03)
    alone = two_way(earned, np.arange(100), ["one"] * 100, resamples=20_000)
    assert alone.high - 5 == pytest.approx(1.984 * 0.5025, rel=0.03)


def test_each_person_counts_alike_in_an_interval() -> None:
    found = two_way([0.0, 0.0, 0.0, 8.0], ["a", "a", "a", "b"], ["x"] * 4)
    assert found.mean == 4.0


def test_intervals_hold_the_truth_where_agents_differ_and_those_over_people_alone_do_not() -> None:
    """24 people, four agents of a method, each person meets one: 200 studies whose mean is 0."""
    held = {"both": 0, "people": 0}
    for number in range(200):
        rng = np.random.default_rng(number)
        who, whom = np.arange(24), np.arange(24) % 4
        earned = rng.normal(0, 1, 24) + rng.normal(0, 1, 4)[whom] + rng.normal(0, 1, 24)
        for name, partner in (("both", whom), ("people", 0 * whom)):
            found = two_way(earned, who, partner, seed=number, resamples=200)
            held[name] += found.low <= 0 <= found.high
    assert 0.91 <= held["both"] / 200 <= 0.99
    assert held["people"] / 200 < 0.85


def test_games_are_left_out_by_flags_and_never_by_what_was_earned(export: Path) -> None:
    found = read_export(export)
    assert "flag_nothing_earned" in found.flags
    assert "flag_nothing_earned" not in FLAGS
    kept = found.without()
    flagged = found.rounds[list(FLAGS)].any(axis=1)
    assert 0 < len(kept.rounds) == (~flagged).sum() < len(found.rounds)
    assert not kept.rounds["flag_left"].any()
    assert len(found.without(("flag_away",)).rounds) == (~found.rounds["flag_away"]).sum()
    with pytest.raises(UserError, match="flag_away"):
        found.without(("flag_awya",))
    beside = with_and_without(found)
    assert (beside["people without"] < beside["people"]).any()
    assert beside["return"].equals(found.summary()["return"])
    assert beside["return without low"].equals(kept.summary()["return low"].rename("x"))
    text = markdown(with_intervals(beside))
    assert "overcooked/cramped_room, self-play" in text
    assert text.startswith("| game, partner")


def test_answers_become_tables_and_reversed_items_are_turned_round(export: Path) -> None:
    found = read_export(export)
    own = found.answers[found.answers["questionnaire"] == "cole"]
    plain = own.groupby(["participant", "condition"])["answer"].mean()
    ratings = found.ratings("cole")
    for (person, condition), mean in plain.items():
        assert ratings.loc[person, condition] == pytest.approx(mean)
    turned = People(found.rounds, found.answers.assign(reverse=True)).ratings("cole")
    np.testing.assert_allclose(turned.to_numpy(float), 8 - ratings.to_numpy(float))
    assert (found.places().sum(axis=1) == 6.0).all()
    with pytest.raises(UserError, match="questionnaire"):
        found.ratings("colle")


def crossplay() -> CrossPlay:
    """Two agents of the lever game; what they earned is made up."""
    values = np.zeros((2, 2, 2, 1, 2))
    values[..., 0] = np.array([[1.0, 0.25], [0.25, 1.0]])[:, :, None, None]
    values[..., 1] = 1.0  # the length
    return CrossPlay(
        values=values, metrics=("return", "length"), events=np.zeros((2, 2, 2, 0)),
        event_names=(), names=("zero/0", "one/0"), groups=("zero", "one"), ids=POOL.ids,
        parents=((), ()), env="lever", seed=0, greedy=False, pays=Range(0.0, 1.0),
    )  # fmt: skip


def test_people_are_a_row_of_a_crossplay() -> None:
    zero, one = POOL.ids
    met = people(("a", "x", zero, 0.5), ("b", "x", zero, 0.75), ("a", "y", one, 0.0),
                 ("a", "z", "somebody else", 9.0))  # fmt: skip
    found = crossplay_rows(crossplay(), met)
    assert found.index.tolist() == ["zero", "one", "people"]
    assert found.loc["people", "zero"] == 0.625
    assert found.loc["people", "one"] == 0.0
    assert found.loc["zero", "one"] == 0.25
    assert 0 <= found.loc["people", "zero low"] < 0.625 < found.loc["people", "zero high"] <= 1
    assert np.isnan(found.loc["people", "one low"])  # one person
    with pytest.raises(UserError, match="none of the agents"):
        crossplay_rows(crossplay(), people(("a", "z", "somebody else", 9.0)))
    with pytest.raises(UserError, match="7 steps"):
        crossplay_rows(crossplay(), people(("a", "x", zero, 0.5), steps=7))


def test_people_are_a_row_of_a_heldout_score_in_the_cells_that_they_met() -> None:
    counts = np.array([[True, True], [True, False]])
    held = HeldOut("lever@1", LEVER, None, POOL, POOL, ("zero", "one"), counts)
    values = np.array([[[0.5, 1.0], [0.0, 0.0]]])[..., None]  # one agent
    score = Score(values=values, best=np.array([[1.0, 1.0], [0.5, 0.5]]), counts=counts,
                  names=("m/0",), groups=("m",), partners=("zero", "one"), roster="lever@1",
                  seed=0, greedy=False, pays=Range(0.0, 1.0))  # fmt: skip
    zero, one = POOL.ids
    met = people(("a", "x", zero, 0.5), ("b", "x", one, 0.5), ("b", "x", one, 1.0),
                 seat=[0, 0, 1])  # fmt: skip
    found = heldout_rows(score, held, met)
    assert found.loc["m", "cells"] == found.loc["people", "cells"] == 2
    assert found.loc["m", "score"] == 0.25  # seat 1 of "zero" was met by nobody
    assert found.loc["people", "score"] == 0.5  # that of seat 1 of "one" does not count
    assert found.loc["people", "share of best"] == (0.5 + 1.0) / 2
    assert found.loc["people", "n"] == 2


@pytest.mark.parametrize("fault", ["nothing", "other columns", "tutorial only"])
def test_what_is_no_export_is_refused_in_one_line(fault: str, tmp_path: Path) -> None:
    if fault != "nothing":
        made_up_export(tmp_path, people=3)
        table = pd.read_csv(tmp_path / "rounds.csv")
        worse = table.drop(columns="env") if fault == "other columns" else table.assign(
            practice=True)  # fmt: skip
        worse.to_csv(tmp_path / "rounds.csv", index=False)
    with pytest.raises(UserError) as told:
        read_export(tmp_path)
    assert "\n" not in str(told.value)


def test_games_of_zsc_play_have_the_agents_training_for_a_condition(tmp_path: Path) -> None:
    made_up_export(tmp_path, people=3)
    table = pd.read_csv(tmp_path / "rounds.csv")
    table.assign(condition="").to_csv(tmp_path / "rounds.csv", index=False)
    for name in ("participants", "answers"):
        (tmp_path / f"{name}.csv").unlink()
    found = read_export(tmp_path)
    assert found.conditions == ("self-play", "fictitious co-play", "clones of people")


def test_the_figure_has_a_panel_for_each_game(export: Path) -> None:
    figure = study_figure(read_export(export))
    assert [ax.get_title() for ax in figure.axes] == ["cramped room", "coordination ring"]
