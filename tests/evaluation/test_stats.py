"""Statistics of cross-play matrices: by hand, by simulation, and in tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import zsc
from tests.disk import files, flip
from zsc.evaluation import CrossPlay, load_crossplay, stats
from zsc.evaluation.intervals import Range
from zsc.evaluation.matrix import names_of
from zsc.evaluation.metrics import event_means, event_rates
from zsc.files import save_arrays

# rows sit in seat 0, columns in seat 1
BY_HAND = np.array([[10.0, 1.0, 2.0], [3.0, 20.0, 4.0], [5.0, 9.0, 30.0]])


def played(
    matrix: np.ndarray,
    groups: tuple[str, ...],
    parents: tuple[tuple[str, ...], ...] | None = None,
    spread: float = 0.5,
) -> CrossPlay:
    """A cross-play of 4 episodes whose mean is the matrix; lengths are 7 everywhere."""
    size = len(matrix)
    both = np.stack([matrix, matrix.T], axis=2)  # the row's policy in seat 0, in seat 1
    earned = both[..., None] + spread * np.array([-1.0, 1.0, -2.0, 2.0])
    return CrossPlay(
        values=np.stack([earned, np.full_like(earned, 7.0)], axis=-1).astype(np.float32),
        metrics=("return", "length"),
        events=np.zeros((size, size, 2, 0), np.float32),
        event_names=(),
        names=tuple(f"{group}/{i}" for i, group in enumerate(groups)),
        groups=groups,
        ids=tuple(f"id{i}" for i in range(size)),
        parents=parents or ((),) * size,
        env="lever",
        seed=3,
        greedy=False,
    )


def test_means_of_a_matrix_are_those_by_hand() -> None:
    found = stats.summarize(BY_HAND)
    assert found["sp"] == 20
    assert found["xp"] == (1 + 2 + 3 + 4 + 5 + 9) / 6 == 4
    assert found["gap"] == 16


def test_xp_star_leaves_out_the_policy_that_is_worst_with_strangers() -> None:
    # both seatings: policy 0 earns (1 + 2 + 3 + 5) / 4, policy 1 and 2 earn more
    assert stats.summarize(BY_HAND)["xp_star"] == (4 + 9) / 2
    assert np.isnan(stats.cross_play_star(BY_HAND[:2, :2]))


def test_one_policy_has_self_play_only() -> None:
    found = stats.summarize(np.array([[5.0]]))
    assert found["sp"] == 5
    assert all(np.isnan(found[name]) for name in found if name != "sp")


def test_equal_cells_leave_what_five_policies_cannot_rule_out() -> None:
    matrix = np.where(np.eye(5, dtype=bool), 9.0, 2.0)
    found = stats.summarize(matrix)
    assert [found[name] for name in ("sp", "xp", "gap")] == [9, 2, 7]
    ends = [found[f"{name}{end}"] for name in ("sp", "xp", "gap") for end in ("_low", "_high")]
    assert np.isnan(ends).all()
    found = stats.summarize(matrix, possible=Range(0, 9))
    assert found["sp_high"] == 9
    assert found["sp_low"] == pytest.approx(9 * 0.025 ** (1 / 5))  # Clopper and Pearson, 5 of 5
    assert 0 < found["xp_low"] < 2 < found["xp_high"] < 9


def test_disjoint_pairs_use_each_policy_once() -> None:
    matrix = np.arange(25.0).reshape(5, 5)
    mean, error = stats.disjoint_pairs(matrix)
    pairs = [(1 + 5) / 2, (13 + 17) / 2]  # 0 with 1, 2 with 3; 4 is left over
    assert mean == np.mean(pairs)
    assert error == pytest.approx(np.std(pairs, ddof=1) / np.sqrt(2))


@pytest.mark.parametrize("shape", [(2, 3), (4,), (0, 0), (2, 2, 2)])
def test_matrix_that_is_not_square_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(zsc.UserError, match="not square"):
        stats.summarize(np.ones(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_cell_that_is_no_number_is_refused_by_its_place(value: float) -> None:
    matrix = BY_HAND.copy()
    matrix[1, 2] = value
    with pytest.raises(zsc.UserError, match=r"cell \(1, 2\)"):
        stats.summarize(matrix)


def random_effects(rng: np.random.Generator, size: int) -> np.ndarray:
    """A matrix M[i, j] = 10 + x_i + x_j + noise: its true XP is 10."""
    effect = rng.normal(size=size)
    return 10 + effect[:, None] + effect[None] + 0.3 * rng.normal(size=(size, size))


def naive_interval(matrix: np.ndarray) -> tuple[float, float]:
    """What one gets by taking the cells for independent observations."""
    cells = matrix[~np.eye(len(matrix), dtype=bool)]
    half = 1.96 * cells.std(ddof=1) / np.sqrt(len(cells))
    return cells.mean() - half, cells.mean() + half


class Simulated(NamedTuple):
    """Shares of many random matrices of 8 policies."""

    node: float  # the node bootstrap's interval holds the true XP
    naive: float  # the naive interval does
    wider: float  # the node bootstrap's interval is the wider one


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    rng, rows = np.random.default_rng(0), []
    for _ in range(300):
        matrix = random_effects(rng, 8)
        xp = stats.within(matrix, resamples=300)[1]
        low, high = naive_interval(matrix)
        wider = xp.high - xp.low > high - low
        rows.append((xp.low <= 10 <= xp.high, low <= 10 <= high, wider))
    return Simulated(*np.mean(rows, axis=0).tolist())


def test_node_bootstrap_covers_the_truth_far_more_often_than_the_naive_interval(
    simulated: Simulated,
) -> None:
    assert simulated.wider > 0.95
    assert simulated.naive < 0.5
    assert 0.75 < simulated.node <= 1.0


def test_node_bootstrap_of_8_policies_covers_the_truth_about_as_often_as_it_says(
    simulated: Simulated,
) -> None:
    assert 0.9 <= simulated.node <= 1.0


def test_node_bootstrap_between_methods_resamples_both_sides() -> None:
    rng = np.random.default_rng(1)
    for rows, cols in ((0.0, 1.0), (1.0, 0.0)):
        block = rows * rng.normal(size=(8, 1)) + cols * rng.normal(size=(1, 8)) + np.zeros((8, 8))
        found = stats.between(block)
        assert found.mean == pytest.approx(block.mean())
        deviation = block.std() / np.sqrt(8)  # of the 8 values that differ, not of 64 cells
        assert 3.5 * deviation < found.high - found.low < 6 * deviation  # 2 t(7) = 4.7


def test_bootstrap_is_the_same_for_the_same_seed() -> None:
    matrix = random_effects(np.random.default_rng(2), 6)
    assert stats.summarize(matrix, seed=1) == stats.summarize(matrix, seed=1)
    assert stats.summarize(matrix, seed=1) != stats.summarize(matrix, seed=2)


TEAMS = ("A", "A", "B", "B", "B")


def two_teams() -> np.ndarray:
    """10 for oneself, 1 inside A, 2 inside B, 3 for A in seat 0 with B, 5 the other way round."""
    one = np.array([team == "A" for team in TEAMS])
    matrix = np.where(one[:, None] & one, 1.0, np.where(~one[:, None] & ~one, 2.0, 5.0))
    matrix[np.ix_(one, ~one)] = 3.0
    np.fill_diagonal(matrix, 10.0)
    return matrix


def test_summary_has_each_group_within_and_between() -> None:
    table = played(two_teams(), TEAMS).summary()
    assert table["policies"].to_dict() == {"A": 2, "B": 3}
    assert table["SP"].to_dict() == {"A": 10, "B": 10}
    assert table["XP within"].to_dict() == {"A": 1, "B": 2}
    assert table["gap"].to_dict() == {"A": 9, "B": 8}
    assert table["XP between"].to_dict() == {"A": 4, "B": 4}  # the mean of both seatings
    # all pairs earn the same: nothing says how far others would be from that
    assert np.isnan([table.loc["A", "XP between low"], table.loc["A", "XP between high"]]).all()


def test_seats_tell_who_sat_where() -> None:
    found = played(two_teams(), TEAMS)
    assert found.matrix()[0, 2] == 3
    assert found.matrix(seat=1)[0, 2] == 5
    np.testing.assert_array_equal(found.matrix(seat=1), found.matrix().T)


def test_pairs_that_were_trained_together_are_no_strangers() -> None:
    matrix = two_teams()
    matrix[0, 2] = matrix[2, 0] = 1000.0
    parents = (("id2", "unknown"), (), (), (), ())  # agent 0 was trained with agent 2
    found = played(matrix, TEAMS, parents)
    assert [tuple(x) for x in np.argwhere(found.trained_together)] == [(0, 2), (2, 0)]
    assert found.summary()["XP between"].to_dict() == {"A": 4, "B": 4}
    assert found.block("A", "B").mean == found.block("B", "A").mean == 4
    assert found.between_groups().to_numpy().tolist() == [[1, 4], [4, 2]]
    assert played(matrix, TEAMS).block("A", "B").mean == 4 + 2 * 996 / 12


def test_groups_that_were_all_trained_together_have_no_value() -> None:
    parents = (("id2", "id3", "id4"), ("id2", "id3", "id4"), (), (), ())
    found = played(two_teams(), TEAMS, parents)
    assert found.summary()["XP between"].isna().all()


def test_long_table_has_a_row_per_cell_seat_and_episode() -> None:
    found = played(two_teams(), TEAMS)
    frame = found.to_frame()
    assert len(frame) == 5 * 5 * 2 * 4
    assert not frame.duplicated(["row", "col", "seat", "episode"]).any()
    assert (frame["length"] == 7).all()
    means = frame[frame["seat"] == 0].groupby(["row", "col"])["return"].mean().unstack()
    means = means.loc[list(found.names), list(found.names)]
    np.testing.assert_allclose(means.to_numpy(), found.matrix())
    assert set(frame.loc[frame["row"] == "B/2", "row_group"]) == {"B"}
    pd.testing.assert_frame_equal(means, found.matrix_frame(), check_names=False, check_dtype=False)


def test_events_are_means_in_every_table() -> None:
    """Event e of row i with column j in seat s happened 100 e + 10 i + j + s / 2 times a game."""
    row, col, seat, event = np.indices((5, 5, 2, 2))
    counts = (100 * event + 10 * row + col + seat / 2).astype(np.float32)
    found = replace(played(two_teams(), TEAMS), events=counts, event_names=("jump", "sing"))
    assert found.matrix("sing", seat=1)[3, 2] == 132.5
    assert found.matrix("jump")[3, 2] == 32
    assert found.games("length")[3, 2, 1].tolist() == [7] * 4
    with pytest.raises(zsc.UserError, match="'jump' is an event, of which the mean"):
        found.games("jump")
    frame = found.to_frame()
    cell = frame[(frame["row"] == "B/3") & (frame["col"] == "B/2") & (frame["seat"] == 1)]
    assert cell["sing"].tolist() == [132.5] * 4  # of the cell, in each of its episodes
    assert len(frame) == 5 * 5 * 2 * 4
    means = frame.groupby("row")["jump"].mean().loc[list(found.names)]
    assert event_means(found)["jump"].tolist() == pytest.approx(means.tolist())
    rates = event_rates(found)["sing"]
    assert rates.tolist() == pytest.approx((event_means(found)["sing"] / 7).tolist())
    with pytest.raises(zsc.UserError, match=r"events of shape \(4, 5, 2, 2\)"):
        replace(found, events=counts[1:])


def test_cross_play_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """It kept the events of every episode behind return and length, and named no format."""
    new = played(two_teams(), TEAMS)
    each = np.random.default_rng(0).integers(0, 9, (5, 5, 2, 4, 3)).astype(np.float32)
    notes = {name: getattr(new, name) for name in ("names", "groups", "ids", "parents", "env",
                                                   "seed", "greedy", "methods")}  # fmt: skip
    notes["metrics"] = ("return", "length", "a", "b", "c")
    values = np.concatenate([new.values, each], axis=-1)
    save_arrays(tmp_path / "crossplay.safetensors", {"values": values}, notes)
    old = load_crossplay(tmp_path)
    np.testing.assert_array_equal(old.values, new.values)
    assert old.metrics == ("return", "length")
    assert old.event_names == ("a", "b", "c")
    np.testing.assert_allclose(old.matrix("b", seat=1), each[:, :, 1, :, 1].mean(-1))
    again = load_crossplay(old.save(tmp_path / "new"))
    np.testing.assert_array_equal(again.events, old.events)
    assert again.event_names == old.event_names
    save_arrays(tmp_path / "later", {"values": values}, notes | {"format": 3})
    with pytest.raises(zsc.UserError, match="is of format 3"):
        load_crossplay(tmp_path / "later")


def test_unknown_metric_and_group_are_refused() -> None:
    found = played(two_teams(), TEAMS)
    with pytest.raises(zsc.UserError, match=r"unknown metric 'retrun'.*mean 'return'"):
        found.matrix("retrun")
    with pytest.raises(zsc.UserError, match="unknown group 'C'"):
        found.members("C")


def test_cross_play_comes_back_from_disk_and_is_not_written_over(tmp_path: Path) -> None:
    found = played(two_teams(), TEAMS, (("id2",), (), (), (), ()))
    path = found.save(tmp_path / "new")
    for place in (path, path.parent):
        again = load_crossplay(place)
        np.testing.assert_array_equal(again.values, found.values)
        for name in (
            "metrics",
            "event_names",
            "names",
            "groups",
            "ids",
            "parents",
            "env",
            "seed",
            "greedy",
        ):
            assert getattr(again, name) == getattr(found, name)
    before = files(tmp_path)
    with pytest.raises(zsc.UserError, match="already exists"):
        played(BY_HAND, ("A",) * 3).save(tmp_path / "new")
    assert files(tmp_path) == before
    flip(path, -1)
    with pytest.raises(zsc.UserError, match="altered or cut short"):
        load_crossplay(path)


def test_an_agent_is_no_stranger_to_its_copy() -> None:
    """The best of a pool beside the pool itself, and an agent that is in its group twice."""
    matrix = np.full((5, 5), 1.0)
    for one, two in ((0, 3), (3, 4), (0, 4)):  # 3 and 4 are agent 0 again
        matrix[one, two] = matrix[two, one] = 100.0
    np.fill_diagonal(matrix, 100.0)
    found = replace(
        played(matrix, ("SP", "SP", "SP", "best", "best")), ids=("a", "b", "c", "a", "a")
    )
    table = found.summary()
    assert table["XP between"].to_dict() == {"SP": 1, "best": 1}
    assert table["XP within"]["SP"] == 1
    assert np.isnan(table["XP within"]["best"])  # it is one agent, twice
    assert table["policies"].to_dict() == {"SP": 3, "best": 1}
    assert found.block("SP", "best").mean == 1
    assert found.between_groups().loc["SP", "best"] == 1


def test_a_group_with_itself_is_its_cross_play() -> None:
    found = played(two_teams(), TEAMS)
    table = found.summary()
    for group in ("A", "B"):
        assert found.block(group, group).mean == table.loc[group, "XP within"]
    assert np.diag(found.between_groups()).tolist() == table["XP within"].tolist()


def test_copies_of_runs_make_no_interval_narrower() -> None:
    rng = np.random.default_rng(0)
    matrix = random_effects(rng, 4)
    twice = np.tile(matrix, (2, 2))
    once = played(matrix, ("A",) * 4)
    copied = replace(played(twice, ("A",) * 8), ids=once.ids * 2)
    pd.testing.assert_frame_equal(once.summary(), copied.summary())


def test_names_of_checkpoints_are_unique() -> None:
    spec = zsc.make("lever").spec
    labels = [zsc.Label("x", member=0, checkpoint=age) for age in ("mid", "final", "final")]
    pool = zsc.make_pool(spec, zsc.constant_policy(num_actions=10), np.arange(3), labels)
    assert names_of("A", pool) == ["A/0-mid", "A/1-final", "A/2-final"]


def test_event_called_like_a_column_is_refused() -> None:
    spec = zsc.make("lever").spec
    for name in ("return", "length", "row", "seat", "episode"):
        with pytest.raises(zsc.UserError, match=f"an event called '{name}' is taken"):
            replace(spec, event_names=("served", name))
    with pytest.raises(zsc.UserError, match="'served' is taken"):
        replace(spec, event_names=("served", "served"))
