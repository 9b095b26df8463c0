"""Whoever keeps to a clone learns its convention; the penalty is the divergence, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.by_hand import pullers, trajectory
from tests.small_games import PPO
from zsc import Inputs, Label, Out, Policy, Pool, UserError, make_pool
from zsc.populations import HumanRegularised, SelfPlay
from zsc.train.method import Member

EQUAL = zsc.make("lever", payoffs=(1.0,) * 5 + (0.0,))  # five that pay alike
STEPS = PPO.envs * 60


def leaning(*levers: int, share: float = 0.5) -> Pool:
    """Clones that pull a lever of their own with this chance, the others alike."""
    count = EQUAL.spec.num_actions

    def apply(params: Any, carry: Any, inputs: Inputs) -> tuple[Any, Out]:
        del inputs
        return carry, Out(jnp.log(params), jnp.zeros(1))

    policy = Policy("leaning", (), lambda key: jnp.ones(count) / count, lambda: (), apply)
    rest = (1 - share) / (count - 1)
    chances = np.where(np.arange(count) == np.array(levers)[:, None], share, rest)
    labels = [Label("clone", member=i) for i in range(len(levers))]
    return make_pool(EQUAL.spec, policy, jnp.asarray(chances), labels)


def pulled(game: Any, pool: Pool) -> list[int]:
    """The lever that each agent pulls."""
    shown = game.reset(jax.random.key(0))[1]
    seen = Inputs(shown.obs[0], shown.mask[0], jnp.asarray(True), jnp.int32(0))
    said = jax.vmap(lambda p: pool.policy.apply(p, pool.policy.carry(), seen)[1].logits)
    return np.asarray(said(pool.params)).argmax(1).tolist()


def small(spec: Any) -> Policy:
    return zsc.mlp_policy(spec, widths=(16,))


LEARNING: dict[str, Any] = {"members": 6, "learner": PPO, "steps": STEPS, "network": small}


@pytest.mark.parametrize("lever", [1, 4])
def test_of_equal_levers_the_clones_is_learned(lever: int) -> None:
    pool = HumanRegularised(leaning(lever), weight=0.5, **LEARNING).train(EQUAL, seed=0)
    assert pulled(EQUAL, pool) == [lever] * 6
    assert min(label.skill or 0.0 for label in pool.labels) > 0.8
    assert pool.labels[0].parents == leaning(lever).ids


def test_self_play_learns_any_of_them() -> None:
    found = pulled(EQUAL, SelfPlay(**LEARNING).train(EQUAL, seed=0))
    assert len(set(found)) > 1  # 3, 3, 1, 3, 1, 1


def test_where_people_err_reward_decides() -> None:
    """They lean to the lever that pays nothing."""
    prior = leaning(5, share=0.25)
    pool = HumanRegularised(prior, weight=0.5, **LEARNING).train(EQUAL, seed=0)
    assert 5 not in pulled(EQUAL, pool)


def penalty(recipe: HumanRegularised, chances: Any) -> float:
    """The loss of an agent with these chances, in games of one step."""
    count = len(chances)
    policy = replace(small(EQUAL.spec), apply=lambda p, c, i: (c, Out(jnp.log(p), jnp.zeros(1))))
    game = trajectory(np.zeros((1, 2, 2)), np.zeros((1, 2, 2), int))
    seat = jnp.broadcast_to(jnp.arange(2), (1, 2, 2))
    game = game._replace(
        inputs=Inputs(jnp.zeros((1, 2, 2, 13)), jnp.ones((1, 2, 2, count), bool),
                      jnp.ones((1, 2, 2), bool), seat),
        valid=jnp.ones((1, 2, 2), bool),
    )  # fmt: skip
    member = Member(jnp.int32(0), (), (), (), (), recipe.prior.params)
    loss = recipe.method(EQUAL.spec).loss
    assert loss is not None
    return float(loss(jnp.asarray(chances), member, policy, (game,)))


def test_the_penalty_is_the_divergence_from_the_mean_of_the_clones() -> None:
    chances = np.array([0.4, 0.2, 0.1, 0.1, 0.1, 0.1])
    clones = leaning(0, 1, share=0.5)
    tau = 0.99 * np.array([0.3, 0.3, 0.1, 0.1, 0.1, 0.1]) + 0.01 / 6
    wanted = (chances * np.log(chances / tau)).sum()
    assert penalty(HumanRegularised(clones, weight=2.0), chances) == pytest.approx(
        2 * wanted, rel=1e-4
    )
    assert penalty(HumanRegularised(clones, weight=0.0), chances) == 0.0
    uniform = HumanRegularised(clones, floor=1.0)
    assert penalty(uniform, np.full(6, 1 / 6)) == pytest.approx(0.0, abs=1e-6)


BAD = {
    "another game": (lambda: HumanRegularised(pullers(1)).check(EQUAL), "lever"),
    "nobody": (lambda: HumanRegularised(leaning(1).take([])), "empty"),
    "negative": (lambda: HumanRegularised(leaning(1), weight=-1.0), "weight is -1"),
    "no floor": (lambda: HumanRegularised(leaning(1), floor=0.0), "floor is 0"),
}


@pytest.mark.parametrize("fault", BAD)
def test_priors_that_cannot_be_are_refused(fault: str) -> None:
    act, words = BAD[fault]
    with pytest.raises(UserError, match=words):
        act()


def test_a_prior_with_a_memory_has_to_see_whole_games() -> None:
    game = zsc.make("lever/iterated")
    policy = zsc.gru_policy(game.spec, widths=(8,), hidden=8)
    params = jax.tree.map(lambda x: x[None], policy.init(jax.random.key(0)))
    prior = make_pool(game.spec, policy, params, [Label("clone")])
    in_parts = replace(PPO, segments=2)
    with pytest.raises(UserError, match="segments=1"):
        HumanRegularised(prior, learner=in_parts).check(game)
    HumanRegularised(prior, learner=PPO).check(game)
