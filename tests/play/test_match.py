"""Who sits where, through which symmetry, and how many games there are."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import MatchSpec, UserError, constant_policy
from zsc.agents.policy import Policy
from zsc.play.match import draw_match

BOT = constant_policy(num_actions=3)
GAMES = 6000


def drawn(spec, agents=2, symmetries=1, **given):
    return draw_match(
        jax.random.key(0), spec, envs=GAMES, num_agents=agents, symmetries=symmetries, **given
    )


@pytest.mark.parametrize("agents", [2, 3, 5])
@pytest.mark.parametrize(
    "spec", [MatchSpec(partner=BOT), MatchSpec(cast=(0, 1))], ids=["partner", "team"]
)
def test_the_learner_sits_in_each_seat_as_often_and_the_others_behind_it(spec, agents):
    seats = np.asarray(drawn(spec, agents).seats)
    share = np.bincount(seats[:, 0], minlength=agents) / GAMES
    np.testing.assert_allclose(share, 1 / agents, atol=0.03)
    np.testing.assert_array_equal(seats, (seats[:, :1] + np.arange(agents)) % agents)


def test_seats_are_those_of_the_roles_where_all_are_one():
    seats = np.asarray(drawn(MatchSpec(), 3).seats)
    assert (seats == [0, 1, 2]).all()
    assert not np.asarray(drawn(MatchSpec()).symmetry).any()


def test_every_role_has_a_relabelling_of_its_own_and_all_are_as_frequent():
    match = drawn(MatchSpec(relabel=True), 2, symmetries=3)
    pairs = np.bincount(3 * match.symmetry[:, 0] + match.symmetry[:, 1], minlength=9) / GAMES
    np.testing.assert_allclose(pairs, 1 / 9, atol=0.02)


def test_seats_and_relabellings_are_drawn_apart():
    match = drawn(MatchSpec(relabel=True, cast=(0, 1)), 2, symmetries=2)
    assert abs(np.corrcoef(match.seats[:, 0], match.symmetry[:, 0])[0, 1]) < 0.05


def test_a_match_keeps_who_the_partners_are():
    spec = MatchSpec(partner=BOT, blocks=2)
    match = drawn(spec, partners=jnp.array([5, 6]), partner=jnp.array([1, 0]))
    assert (match.partners.tolist(), match.partner.tolist()) == ([5, 6], [1, 0])
    assert drawn(spec).partner.tolist() == [0, 0]
    assert drawn(spec).latent == ()


@pytest.mark.parametrize(
    ("blocks", "share", "total", "games"),
    [(1, 1.0, 8, 8), (8, 0.5, 50, 24), (3, 1.0, 8, 6), (8, 0.1, 16, 8), (2, 0.75, 10, 8)],
)
def test_games_are_a_multiple_of_the_blocks(blocks, share, total, games):
    assert MatchSpec(blocks=blocks, share=share).envs(total) == games


def test_roles_of_the_learner():
    assert MatchSpec().learners(3) == 3
    assert MatchSpec(partner=BOT).learners(3) == 1
    assert MatchSpec(partner=BOT, cast=(0, 1)).learners(3) == 2
    assert MatchSpec(cast=(0, 1)).players(2) == (0, 1)
    assert MatchSpec(cast=(2,)).players(3) == (2, 2, 2)
    assert MatchSpec(partner=BOT, cast=(0, 1)).players(3) == (0, 1)
    for spec in (MatchSpec(partner=BOT, cast=(0, 1)), MatchSpec(cast=(0, 1, 2))):
        with pytest.raises(UserError, match="need more than the 2 seats"):
            spec.learners(2)
    assert [x.seated for x in (MatchSpec(), MatchSpec(cast=(1, 1)))] == [False, False]
    assert [x.seated for x in (MatchSpec(partner=BOT), MatchSpec(cast=(0, 1)))] == [True, True]


def test_a_partner_that_reads_the_state_is_not_relabelled():
    reader = Policy("reader", (), BOT.init, BOT.carry, BOT.apply, reads=("state",))
    with pytest.raises(UserError, match="cannot play relabelled games"):
        MatchSpec(partner=reader, relabel=True)
    assert MatchSpec(partner=BOT, relabel=True)
    assert zsc.MatchSpec(partner=reader)
