"""What users give: settled once, refused in one line that says what to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import PPOConfig, UserError, make_pool, mlp_policy
from zsc.agents.policy import Inputs, Out, Policy
from zsc.agents.pool import Label
from zsc.checks import places_of, plain, seed_of, settle
from zsc.evaluation import crossplay
from zsc.evaluation.heldout import score
from zsc.evaluation.teams import teams
from zsc.populations import BestResponse, FictitiousCoPlay, SelfPlay

LEVER = zsc.make("lever")
POLICY = mlp_policy(LEVER.spec, widths=(4,))
POOL = make_pool(
    LEVER.spec,
    POLICY,
    jax.vmap(POLICY.init)(jax.random.split(jax.random.key(0), 3)),
    [Label("self_play", member=i) for i in range(3)],
)


@dataclass(frozen=True)
class Settings:
    """One field of each kind."""

    count: int = 1
    rate: float | None = 0.5
    name: str = "x"
    widths: tuple[int, ...] = (1,)
    on: bool = False

    def __post_init__(self) -> None:
        settle(self)


def test_scalars_of_numpy_and_jax_become_plain_numbers() -> None:
    found = Settings(np.int64(3), jnp.float32(0.25), widths=[np.int32(1), 2], on=np.bool_(True))  # type: ignore[arg-type]
    assert json.loads(json.dumps(asdict(found))) == {
        "count": 3, "rate": 0.25, "name": "x", "widths": [1, 2], "on": True,
    }  # fmt: skip
    assert found == Settings(3, 0.25, widths=(1, 2), on=True)
    assert type(found.count) is int
    assert Settings(widths=np.arange(2)).widths == (0, 1)  # type: ignore[arg-type]
    assert plain({"a": np.float32(1)}) == {"a": 1.0}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"count": "3"}, "count is '3': give a whole number"),
        ({"count": 2.5}, "count is 2.5: give a whole number"),
        ({"count": True}, "count is True: give a whole number"),
        ({"count": None}, "count is None"),
        ({"rate": "fast"}, "rate is 'fast': give a number or None"),
        ({"name": 3}, "name is 3: give a text"),
        ({"widths": (1, "2")}, "widths is"),
        ({"on": 1}, "on is 1: give True or False"),
    ],
)
def test_values_of_another_type_are_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        replace(Settings(), **given)


def test_a_mask_takes_those_that_it_marks() -> None:
    skill = np.array([0.9, 0.1, 0.7])
    assert [label.member for label in POOL.take(skill > 0.5).labels] == [0, 2]
    assert [label.member for label in POOL[skill > 0.5].labels] == [0, 2]
    assert [label.member for label in POOL.take([-1]).labels] == [2]
    assert [label.member for label in POOL[1:].labels] == [1, 2]
    assert [len(agent) for agent in POOL] == [1, 1, 1]
    assert len(POOL.take([])) == 0
    assert POOL[2].labels == (POOL.labels[2],)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([True, False], "a mask of shape"),
        ([0.0, 1.0], "whole numbers, or a mask"),
        ([9], "no place 9 among 3 agents: use 0 to 2"),
        ([-4], "no place -4"),
        (["a"], "whole numbers"),
        (1, r"give a list, e.g. \[0, 2\]"),
        ([[0], [1]], "give a list"),
    ],
)
def test_places_that_are_none_are_refused(given: object, words: str) -> None:
    with pytest.raises(UserError, match=words):
        places_of(given, 3, "agents")


def test_seeds_are_not_cut() -> None:
    assert seed_of(np.int64(2**31 - 1)) == 2**31 - 1
    for wrong in (2**31, 2**32, -1, 1.0, True, "1"):
        with pytest.raises(UserError, match="seed is"):
            seed_of(wrong)


@pytest.mark.parametrize("seed", [2**32, -1, 1.5])
def test_every_door_checks_its_seed(seed: float) -> None:
    roster = {"SP": POOL}
    for door in (
        lambda: SelfPlay(members=1, steps=2_000).train(LEVER, seed=seed),  # type: ignore[arg-type]
        lambda: SelfPlay().running(LEVER, seed),  # type: ignore[arg-type]
        lambda: crossplay(LEVER, roster, seed=seed),  # type: ignore[arg-type]
        lambda: teams(LEVER, roster, seed=seed),  # type: ignore[arg-type]
        lambda: score(LEVER, roster, seed=seed),  # type: ignore[arg-type]
        lambda: zsc.record(LEVER, [POOL[0], POOL[1]], seed=seed),  # type: ignore[arg-type]
        lambda: zsc.film(LEVER, (POOL[0], POOL[1]), seed=seed),  # type: ignore[arg-type]
    ):
        with pytest.raises(UserError, match="seed is"):
            door()


def wrong_logits() -> Policy:
    """A policy of three actions in a game of ten."""
    apply = lambda params, carry, inputs: (carry, Out(jnp.zeros(3), jnp.zeros(1)))
    return Policy("three", (), lambda key: jnp.zeros(1), lambda: (), apply)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: crossplay(LEVER, POOL), "name the pools"),  # type: ignore[arg-type]
        (lambda: crossplay(LEVER, {"SP": "runs/a"}), "str in a roster"),  # type: ignore[dict-item]
        (lambda: crossplay(LEVER, {}), "roster is empty"),
        (lambda: crossplay("lever", {"SP": POOL}), r"give zsc.make\('lever'\)"),  # type: ignore[arg-type]
        (lambda: SelfPlay().train("lever"), r"give zsc.make\('lever'\)"),  # type: ignore[arg-type]
        (lambda: SelfPlay().train(LEVER.spec), "EnvSpec is no game"),  # type: ignore[arg-type]
        (lambda: SelfPlay(network=POLICY), "a function that makes a Policy of a EnvSpec"),  # type: ignore[arg-type]
        (lambda: SelfPlay(steps="2000"), "steps is '2000': give a number or None"),  # type: ignore[arg-type]
        (lambda: SelfPlay(members=2.0), "members is 2.0"),  # type: ignore[arg-type]
        (lambda: FictitiousCoPlay(partners="8"), "partners is '8'"),  # type: ignore[arg-type]
        (lambda: BestResponse(partners=[1, 2]), "partners is"),  # type: ignore[arg-type]
        (lambda: PPOConfig(entropy="much"), "entropy is 'much'"),  # type: ignore[arg-type]
        (lambda: zsc.make("lever", rounds="3"), "rounds is '3'"),
        (lambda: zsc.make("overcooked/cramped_room", horizon=40.5), "horizon is 40.5"),
        (lambda: zsc.record(LEVER, [POLICY, POLICY]), "Policy"),  # type: ignore[list-item]
        (lambda: teams(LEVER, [POOL]), "list is no roster"),  # type: ignore[arg-type]
        (
            lambda: crossplay(
                LEVER,
                {"odd": make_pool(LEVER.spec, wrong_logits(), jnp.zeros((1, 1)), [Label("x")])},
            ),
            r"logits of shape \(3,\) for 10 actions",
        ),
    ],
)
def test_mistakes_have_a_sentence(call, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


def test_greedy_ties_are_broken_by_chance() -> None:
    """Nine equal levers: greedy agents that know nothing meet on one lever in nine games."""
    flat = lambda params, carry, inputs: (carry, Out(jnp.zeros(10).at[9].set(-1.0), jnp.zeros(1)))
    clueless = Policy("clueless", (), lambda key: jnp.zeros(1), lambda: (), flat)
    labels = [Label("clueless", member=0), Label("clueless", member=1)]
    pools = {
        name: make_pool(LEVER.spec, clueless, jnp.array([[i], [i + 0.5]]), labels)
        for i, name in enumerate("ab")
    }
    played = crossplay(LEVER, pools, episodes=300, greedy=True)
    assert played.summary()["XP between"].mean() == pytest.approx(1 / 9, abs=0.05)


def test_greedy_takes_only_what_is_legal_and_most_likely() -> None:
    say = lambda params, carry, inputs: (carry, Out(inputs.obs, jnp.zeros(1)))
    policy = zsc.greedy(Policy("says", (), lambda key: (), lambda: (), say))
    inputs = Inputs(
        obs=jnp.array([5.0, 2.0, 2.0, 1.0]),
        mask=jnp.array([False, True, True, True]),
        first=jnp.array(True),
        agent=jnp.int32(0),
    )
    said = policy.apply((), (), inputs)[1].logits
    np.testing.assert_array_equal(said > -1, [False, True, True, False])
