"""Held-out rosters: they come as they were made or not at all, and figures are known by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.disk import flip
from zsc import Label, Out, Policy, Pool, PPOConfig, UserError, constant_policy, make_pool
from zsc.agents.policy import certain
from zsc.evaluation import heldout
from zsc.evaluation.heldout import FOLDER, HeldOut, Score, list_rosters, read_roster, roster, score
from zsc.populations import BestResponse, best_response

LEVER = zsc.make("lever")
#: three rounds, and no two levers that pay the same
ROUNDS = zsc.make("lever", rounds=3, payoffs=(1.0, 2.0, 4.0, 8.0))
EPISODES = 2


def constants(levers: list[int], env: zsc.Environment = LEVER, names: tuple[str, ...] = ()) -> Pool:
    policy = constant_policy(num_actions=env.spec.num_actions)
    labels = [
        Label(names[i] if names else "constant", member=i, parents=(f"friend of {i}",))
        for i in range(len(levers))
    ]
    return make_pool(env.spec, policy, jnp.asarray(levers, jnp.int32), labels)


def planned() -> Policy:
    """Pulls what its parameters [seat, round] say."""

    def apply(params: Any, carry: Any, inputs: zsc.Inputs) -> Any:
        lever = params[inputs.agent, carry]
        return carry + 1, Out(certain(lever, 4), jnp.zeros(1))

    init = lambda key: jnp.zeros((2, 3), jnp.int32)
    return Policy("planned", (), init, lambda: jnp.int32(0), apply)


PLANNED = planned()


def plans(*levers: tuple[list[int], list[int]], method: str = "plan") -> Pool:
    labels = [Label(method, member=i) for i in range(len(levers))]
    return make_pool(ROUNDS.spec, PLANNED, jnp.asarray(levers, jnp.int32), labels)


HELD = HeldOut(
    name="lever/iterated@1",
    env=ROUNDS,
    scripted=constants([0, 2], ROUNDS, ("zero", "two")),
    trained=plans(([1, 1, 1], [3, 3, 3])),
    responses=plans(
        ([0, 0, 0], [0, 0, 0]),
        ([2, 1, 1], [0, 0, 0]),
        ([3, 3, 0], [1, 0, 0]),
        method="best_response",
    ),
    names=("zero", "two", "by seat"),
    counts=np.array([[True, True], [True, False], [True, True]]),
)
AGENTS = {
    "A": plans(([0, 2, 3], [0, 1, 1]), ([2, 2, 0], [2, 2, 2])),
    "B": plans(([2, 2, 2], [1, 1, 1])),
}
EARNED = [  # [agent, partner, seat of the agent]
    [[1, 1], [4, 0], [8, 4]],
    [[1, 0], [8, 12], [0, 0]],
    [[0, 0], [12, 0], [0, 6]],
]


@cache
def scored() -> Score:
    return score(ROUNDS, AGENTS, HELD, episodes=EPISODES)


@pytest.mark.parametrize("name", list_rosters())
def test_shipped_roster_is_whole(name: str) -> None:
    held = roster(name)
    assert held.name == name
    assert held.env.spec.id == name.rsplit("@", 1)[0]
    count = len(held.names)
    assert count == len(held.scripted) + len(held.trained) == len(held.responses) > 0
    assert len(set(held.names)) == count
    assert len(set(held.ids + held.responses.ids)) == 2 * count
    methods = tuple(label.method for label in held.scripted.labels)
    assert held.names[: len(methods)] == methods
    assert held.counts.shape == (count, 2)
    assert held.counts.dtype == bool
    assert held.counts.any()
    # each response learned with its own partner and nobody else, as the order of names says
    parents = [label.parents for label in held.responses.labels]
    assert parents == [(partner,) for partner in held.ids]


def test_rosters_are_listed_and_the_newest_version_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (10, 2, 1):
        (tmp_path / f"some/game/v{version}").mkdir(parents=True)
        (tmp_path / f"some/game/v{version}/roster.json").touch()
    (tmp_path / "some/game/v11").mkdir()  # not finished
    monkeypatch.setattr(heldout, "FOLDER", tmp_path)
    monkeypatch.setattr(heldout, "read_roster", lambda folder: folder)
    assert list_rosters() == ("some/game@1", "some/game@2", "some/game@10")
    assert roster("some/game") == tmp_path / "some/game/v10"
    assert roster("some/game@2") == tmp_path / "some/game/v2"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shipped = FOLDER / "overcooked" / "cramped_room" / "v1"
    folder = tmp_path / "v1"
    shutil.copytree(shipped, folder)
    return folder


def rewrite(folder: Path, change: Any) -> None:
    path = folder / "roster.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def test_copied_roster_is_the_shipped_one(copied: Path) -> None:
    assert read_roster(copied).ids == roster("overcooked/cramped_room@1").ids


@pytest.mark.parametrize("pool", ["partners", "responses"])
def test_roster_with_an_altered_byte_is_refused(copied: Path, pool: str) -> None:
    (arrays,) = (copied / pool).glob("*.safetensors")
    flip(arrays, arrays.stat().st_size - 5)
    with pytest.raises(UserError, match="altered or cut short"):
        read_roster(copied)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["counts"][3].__setitem__(1, 0),
        lambda told: told["partners"].reverse(),
        lambda told: told["scripted"].reverse(),
        lambda told: told.update(name="overcooked/cramped_room@2"),
    ],
    ids=["counts", "names", "scripted partners", "version"],
)
def test_edited_roster_is_refused(copied: Path, change: Any) -> None:
    rewrite(copied, change)
    with pytest.raises(UserError, match="install the toolkit anew"):
        read_roster(copied)


def test_roster_with_an_unknown_scripted_partner_is_refused(copied: Path) -> None:
    rewrite(copied, lambda told: told["scripted"].__setitem__(0, "cheff"))
    with pytest.raises(UserError, match=r"unknown scripted partner 'cheff'.*greedy_cook"):
        read_roster(copied)


@pytest.mark.parametrize("pool", ["partners", "responses"])
def test_roster_with_the_pool_of_another_is_refused(copied: Path, pool: str) -> None:
    """Each pool is whole, but it is not the roster's."""
    other = {"partners": "responses", "responses": "partners"}[pool]
    shutil.rmtree(copied / pool)
    shutil.copytree(copied / other, copied / pool)
    with pytest.raises(UserError, match="install the toolkit anew"):
        read_roster(copied)


@pytest.mark.parametrize(
    "missing",
    ["roster.json", "partners/manifest.json", "responses/manifest.json", "*.safetensors"],
)
def test_roster_with_a_missing_file_is_refused(copied: Path, missing: str) -> None:
    for path in list(copied.rglob(missing)):
        path.unlink()
    with pytest.raises(UserError, match=r"is not there|no pool in|is missing"):
        read_roster(copied)


def test_unknown_roster_is_an_error_that_lists_all() -> None:
    with pytest.raises(UserError, match=r"unknown roster.*overcooked/cramped_room@1"):
        roster("overcooked/cramped_rooms")
    with pytest.raises(UserError, match=r"unknown roster 'lever/iterated'"):
        score(ROUNDS, AGENTS)
    with pytest.raises(UserError, match="cramped_room@99"):
        roster("overcooked/cramped_room@99")


def test_nobody_to_score_is_an_error() -> None:
    with pytest.raises(UserError, match="the roster is empty"):
        score(ROUNDS, {}, HELD)


def test_agents_of_another_game_are_refused() -> None:
    with pytest.raises(UserError, match="made for lever"):
        score(ROUNDS, {"A": constants([1])}, HELD, episodes=1)


def test_every_agent_plays_with_every_partner_in_every_seat() -> None:
    found = scored()
    assert found.values.shape == (3, 3, 2, EPISODES)
    for episode in range(EPISODES):
        np.testing.assert_array_equal(found.values[..., episode], EARNED)
    np.testing.assert_array_equal(found.best, [[3, 3], [4, 0], [16, 2]])
    assert found.names == ("A/0", "A/1", "B/0")
    assert found.groups == ("A", "A", "B")
    assert found.partners == HELD.names
    assert found.roster == "lever/iterated@1"


def test_summary_has_the_figures_worked_out_by_hand() -> None:
    """The cell of "two" with the agent in seat 1 does not count: A/1 earns 12 there, the best
    response nothing."""
    table = scored().summary()
    expected = {
        "agents": (2, 1),
        # A: 1 1 4 8 4 and 1 0 8 0 0; B: 0 0 12 0 6; best: 3 3 4 16 2
        "score": (2.7, 3.6),
        "score IQM": (11 / 6, 2.0),
        "BR-Prox": (5 / 12, 1 / 3),  # middle six: 0 1/3 1/3 1/3 1/2 1; middle three: 0 0 1
        "BR-Prox unclipped": (5 / 12, 1.0),
        "above best": (0.2, 0.4),
        "regret": (2.9, 2.0),
        "worst partner": (0.5, 0.0),  # 1 of 1 4 6, and 0 of 1/2 8 0
        "worst quarter": (0.5, 0.0),
    }
    for name, (a, b) in expected.items():
        assert table.loc["A", name] == pytest.approx(a), name
        assert table.loc["B", name] == pytest.approx(b), name
    for name in set(expected) - {"agents", "above best"}:
        assert (
            table.loc["A", f"{name} low"] <= table.loc["A", name] <= table.loc["A", f"{name} high"]
        )
        assert np.isnan([table.loc["B", f"{name} low"], table.loc["B", f"{name} high"]]).all()
    assert table.loc["A", "score high"] > 2.7 > table.loc["A", "score low"]


def test_partners_have_their_own_rows() -> None:
    table = scored().by_partner()
    assert list(table.index) == ["zero", "two", "by seat"]
    np.testing.assert_allclose(table["A"], [0.75, 6, 3])
    np.testing.assert_allclose(table["B"], [0, 12, 3])
    np.testing.assert_allclose(table["best response"], [3, 4, 9])
    assert table["seats"].tolist() == [2, 1, 2]


def test_long_form_has_every_cell_and_says_which_count() -> None:
    table = scored().to_frame()
    assert len(table) == 18
    cell = table[(table["agent"] == "A/1") & (table["partner"] == "two")].set_index("seat")
    assert cell["return"].tolist() == [8, 12]
    assert cell["best response"].tolist() == [4, 0]
    assert cell["counts"].tolist() == [True, False]
    counted = table[table["counts"]].groupby("group")["return"].mean()
    assert counted.to_dict() == pytest.approx({"A": 2.7, "B": 3.6})


def test_partner_who_never_counts_is_left_out() -> None:
    only = replace(scored(), counts=np.array([[True, True], [False, False], [False, True]]))
    table, partners = only.summary(), only.by_partner()
    assert table.loc["A", "score"] == pytest.approx((1 + 1 + 4 + 1 + 0 + 0) / 6)
    assert table.loc["A", "worst partner"] == pytest.approx((1 + 0) / 2)
    assert table.loc["B", "regret"] == pytest.approx(8 / 3 - 6 / 3)
    assert partners.loc["two"].isna().tolist() == [True, True, True, False]
    np.testing.assert_allclose(partners.loc["by seat"], [2, 6, 2, 1])


def test_best_response_that_earns_nothing_is_an_error_with_the_partner_s_name() -> None:
    all_count = score(ROUNDS, AGENTS, replace(HELD, counts=np.ones((3, 2), bool)), episodes=2)
    for ask in (all_count.summary, lambda: all_count.proximity("B")):
        with pytest.raises(UserError, match=r"best response to two \(seat 1\) earns 0"):
            ask()


def test_unknown_group_is_an_error() -> None:
    with pytest.raises(UserError, match="unknown group 'C': use one of A, B"):
        scored().runs("C")


def test_agents_that_met_a_partner_are_refused() -> None:
    for place, name in enumerate(HELD.names):
        pool = AGENTS["A"]
        met = replace(pool.labels[1], parents=("stranger", HELD.ids[place]))
        pool = pool.replace(labels=(pool.labels[0], met))  # type: ignore[attr-defined]
        words = f"A/1 was trained with {name} of lever/iterated@1"
        with pytest.raises(UserError, match=words):
            score(ROUNDS, {"B": AGENTS["B"], "A": pool}, HELD)


def test_agents_that_are_partners_are_refused() -> None:
    with pytest.raises(UserError, match="A/1 is two of lever/iterated@1"):
        score(ROUNDS, {"A": constants([3, 2], ROUNDS)}, HELD)
    with pytest.raises(UserError, match="A/0 is by seat"):
        score(ROUNDS, {"A": HELD.trained}, HELD)


TINY = {
    "steps": 64 * 40,
    "learner": PPOConfig(
        envs=64, segments=1, epochs=4, minibatches=1, learning_rate=2e-2, shaping_steps=0
    ),
    "network": lambda spec: zsc.mlp_policy(spec, widths=(8,)),
}


def test_best_response_learns_its_partner_s_lever() -> None:
    partners = constants([3, 9])
    pool = BestResponse(partners, **TINY).train(LEVER, seed=0)  # type: ignore[arg-type]
    assert [label.parents for label in pool.labels] == [(x,) for x in partners.ids]
    assert {label.method for label in pool.labels} == {"best_response"}
    assert [label.step for label in pool.labels] == [64 * 40, 64 * 40]
    _, shown = LEVER.reset(jax.random.key(0))
    for place, lever in enumerate((3, 9)):
        params = jax.tree.map(lambda x, i=place: x[i], pool.params)
        seen = zsc.Inputs(shown.obs[0], shown.mask[0], jnp.bool_(True), jnp.int32(0))
        _, out = pool.policy.apply(params, (), seen)
        chances = np.exp(out.logits - out.logits.max())
        assert chances[lever] / chances.sum() > 0.9


def test_of_several_tries_the_better_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    partners, asked = constants([3, 9, 5]), []

    def train(run: Any, partners: Pool, table: Any, *rest: Any) -> Pool:
        groups = np.asarray(table.places)
        asked.append(groups.tolist())
        pool = constants([0, 3, 9, 8, 1, 2])
        labels = [
            replace(label, parents=tuple(partners.ids[i] for i in group))
            for label, group in zip(pool.labels, groups, strict=True)
        ]
        return replace(pool, labels=tuple(labels))

    monkeypatch.setattr(best_response, "train_responses", train)
    kept = BestResponse(partners, tries=2).train(LEVER)
    assert asked == [[[0], [0], [1], [1], [2], [2]]]
    assert np.asarray(kept.params).tolist() == [3, 9, 1]  # nobody pulls 5: the first of two
    assert [label.parents for label in kept.labels] == [(x,) for x in partners.ids]


@pytest.mark.parametrize("tries", [0, -1])
def test_best_response_needs_partners_and_tries(tries: int) -> None:
    with pytest.raises(UserError, match="tries"):
        BestResponse(constants([3]), tries=tries)
    with pytest.raises(UserError, match="no partners"):
        BestResponse(constants([3]).take([]))
    with pytest.raises(UserError, match="made for lever"):
        BestResponse(constants([3])).train(ROUNDS)


@pytest.mark.parametrize("name", ["best response", "seats"])
def test_group_that_would_hide_a_column_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"a group called '{name}'"):
        score(ROUNDS, {name: AGENTS["A"]}, HELD, episodes=2)
