"""Drawing partners from a table, and what a stage of best responses is made of."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.by_hand import LEVER, pullers
from zsc import MatchSpec, UserError, constant_policy
from zsc.populations.best_response import Meetings
from zsc.populations.hooks.partners import DrawPartners, table_of, take_table
from zsc.populations.hooks.payoffs import KeepReturns

PULL = constant_policy(num_actions=10)
SPEC = MatchSpec("partner", partner=PULL, blocks=4)


def chances(weights, priority=0.0, returns=None):
    table = table_of(np.arange(3)[None], weights)
    if returns is not None:
        table = table._replace(returns=jnp.asarray([returns], jnp.float32))
    hook = DrawPartners((SPEC,), 8, 2, uniform=False, priority=priority)
    return jax.nn.softmax(hook.chances(jax.tree.map(lambda x: x[0], table)))


def test_chances_are_weights_times_ranks():
    np.testing.assert_allclose(chances([1, 2, 5]), [0.125, 0.25, 0.625], rtol=1e-5)
    np.testing.assert_allclose(chances([1, 2, 5], 0.0, [0, 1, 2]), [0.125, 0.25, 0.625], rtol=1e-5)
    # the one that pays least has rank 3
    ranked = np.array([2 * 1.0, 1 * 3.0, 1 * 2.0])
    np.testing.assert_allclose(
        chances([2, 1, 1], 1.0, [9, -4, 5]), ranked / ranked.sum(), rtol=1e-5
    )
    ranked = np.array([2 * 1.0, 1 * 9.0, 1 * 4.0])
    np.testing.assert_allclose(
        chances([2, 1, 1], 2.0, [9, -4, 5]), ranked / ranked.sum(), rtol=1e-5
    )
    np.testing.assert_allclose(
        chances([2, 1, 1], 2.0, [9, np.nan, 5]), [0.5, 0.25, 0.25], rtol=1e-5
    )


def drawn(hook, groups, weights=None, updates=400):
    """Matches of many updates, leaves [updates, M, ...]; partners are ten times their place."""
    table = table_of(np.asarray(groups), weights)
    keys = jax.random.split(jax.random.key(0), (updates, len(groups)))
    pool = 10 * jnp.arange(20)
    return jax.vmap(lambda k: hook(table, k, (), pool))(keys)


@pytest.mark.parametrize("uniform", [True, False])
def test_members_meet_their_own_partners_each_block_one_for_itself(uniform):
    (match,) = drawn(DrawPartners((SPEC,), 8, 2, uniform=uniform), [[3, 5, 7], [8, 2, 11]])
    assert match.seats.shape == (400, 2, 8, 2)
    np.testing.assert_array_equal(match.partners, 10 * match.partner)
    for member, group in enumerate(([3, 5, 7], [8, 2, 11])):
        met = np.asarray(match.partner[:, member])
        assert set(met.reshape(-1).tolist()) == set(group)
        for block in range(4):
            share = [(met[:, block] == place).mean() for place in group]
            np.testing.assert_allclose(share, 1 / 3, atol=0.08)
        for other in range(1, 4):  # blocks know nothing of each other
            assert (met[:, 0] == met[:, other]).mean() == pytest.approx(1 / 3, abs=0.08)
    same = match.partner[:, 0] == jnp.array([3, 5, 7])[jnp.argmax(
        match.partner[:, 1, :, None] == jnp.array([8, 2, 11]), -1)]  # fmt: skip
    assert same.mean() == pytest.approx(1 / 3, abs=0.08)  # nor do members
    np.testing.assert_allclose(match.seats[..., 0].mean((0, 2)), 0.5, atol=0.05)


def test_with_a_priority_partners_that_pay_less_are_met_more_even_if_all_weigh_alike():
    hook = DrawPartners((SPEC,), 8, 2, uniform=True, priority=1.0)
    table = table_of(np.array([[0, 1]]))._replace(returns=jnp.array([[5.0, 1.0]]))
    keys = jax.random.split(jax.random.key(1), (500, 1))
    met = jax.vmap(lambda k: hook(table, k, (), jnp.arange(2))[0].partner)(keys)
    assert met.mean() == pytest.approx(2 / 3, abs=0.04)


def test_games_with_itself_are_apart_from_those_with_partners():
    specs = (
        MatchSpec("partner", partner=PULL, blocks=2, share=0.75),
        MatchSpec("self", share=0.25),
    )
    strangers, alone = drawn(DrawPartners(specs, 8, 2), [[3, 5], [8, 2]], updates=3)
    assert (strangers.seats.shape, alone.seats.shape) == ((3, 2, 6, 2), (3, 2, 2, 2))
    assert alone.partners == ()
    assert (np.asarray(alone.seats) == [0, 1]).all()


def test_drawn_partners_are_not_relabelled():
    with pytest.raises(UserError, match="leave relabel False"):
        DrawPartners((MatchSpec(relabel=True),), 8, 2)


def test_table_of_members_and_weights():
    table = table_of(np.array([[1, 2], [3, 4]]), [0.0, 2.0])
    assert table.places.tolist() == [[1, 2], [3, 4]]
    assert table.weights.tolist() == [[0, 2], [0, 2]]
    assert np.isnan(table.returns).all()
    assert table_of(np.array([[1, 2]])).weights.tolist() == [[1, 1]]
    assert take_table(None, None, (table, "params")) == (table, "params")
    for wrong in ([1.0], [1.0, -1.0], [1.0, np.inf], [0.0, 0.0]):
        with pytest.raises(UserError):
            table_of(np.array([[1, 2]]), wrong)


def test_meetings_as_a_method():
    bots = pullers(0, 1)
    plain = Meetings(4).method("mine", bots, 8, 2)
    assert (plain.name, len(plain.specs), plain.after) == ("mine", 1, None)
    (spec,) = plain.specs
    assert (spec.partner, spec.blocks, spec.share) == (bots.policy, 4, 1.0)
    assert plain.match == DrawPartners((spec,), 8, 2, uniform=True, priority=0.0)
    assert plain.init is take_table
    mixed = Meetings(2, uniform=False, self_play=0.25, priority=1.5).method("x", bots, 8, 2)
    assert [x.name for x in mixed.specs] == ["partner", "self"]
    assert [x.share for x in mixed.specs] == [0.75, 0.25]
    assert [x.envs(8) for x in mixed.specs] == [6, 2]
    assert mixed.after == KeepReturns()
    assert (mixed.match.uniform, mixed.match.priority) == (False, 1.5)
    assert LEVER.spec.num_agents == mixed.match.num_agents


def test_partner_and_seat_are_drawn_together_and_each_entry_teaches_its_head():
    bots = pullers(0, 1, 2)
    table = table_of(np.tile(np.arange(3), (2, 1)), seats=2)
    specs = Meetings(4, heads=True).method("mine", bots, 8, 2).specs
    draw = DrawPartners(specs, 8, 2, heads=True)
    keys = jax.random.split(jax.random.key(0), 2)
    met = set()
    for seed in range(20):
        keys = jax.random.split(jax.random.key(seed), 2)
        (match,) = draw(table, keys, (), bots.params)
        own = np.asarray(match.seats).reshape(2, 4, 2, 2)[..., 0]
        assert (own[..., 0] == own[..., 1]).all()  # the games of a block share the seat
        assert (match.head == match.partner * 2 + own[..., 0]).all()
        met |= set(np.asarray(match.head).ravel().tolist())
    assert met == set(range(6))
