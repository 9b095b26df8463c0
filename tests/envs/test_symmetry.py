"""Relabellings that change signs, shift, depend on the seat, or are a sample: laws and mix-ups."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.games import ManyLevers, Meadow, Trio
from zsc import UserError, check_environment
from zsc.envs.contract import check_group
from zsc.envs.symmetry import Symmetry


@pytest.mark.parametrize("env", [Meadow(), Meadow(centred=False), Trio(), ManyLevers()], ids=repr)
def test_contract(env: Any) -> None:
    check_environment(env, games=8)


@pytest.mark.parametrize("env", [Meadow, Trio])
def test_the_contract_notices_observations_that_are_relabelled_backwards(env: Any) -> None:
    with pytest.raises((AssertionError, ValueError), match=r"commutes|compose"):
        check_environment(env(wrong=True), games=8)


@pytest.mark.parametrize("env", [Meadow(), Meadow(centred=False), Trio()], ids=repr)
def test_products_of_the_table_do_what_their_factors_do(env: Any) -> None:
    """For all pairs, so for elements of order 3 and 4, where an inverse is another element."""
    group = env.symmetry()
    rng = np.random.default_rng(0)
    table = group.compose
    assert (table[np.arange(len(group)), np.arange(len(group))] != 0).any()  # no involutions only
    spec = env.spec
    obs = jnp.asarray(rng.integers(0, 5, spec.obs_shape), spec.obs_dtype)
    for g in range(len(group)):
        for h in range(len(group)):
            for seat in range(spec.num_agents):
                then = int(group.seat_index[h, seat])
                both = group.obs(g, group.obs(h, obs, seat), then)
                assert np.array_equal(both, group.obs(table[g, h], obs, seat))
                action = group.action(g, group.action(h, 0, seat), then)
                assert int(action) == int(group.action(table[g, h], 0, seat))


def test_a_quarter_turn_moves_and_mirrors_coordinates() -> None:
    """(x, y) -> (-y, x), a step to the right becomes a step up."""
    turn = 2
    told = np.array([0.5, 1.0, -1.0, 0.0], np.float32)
    assert np.array_equal(Meadow().symmetry().obs(turn, told), [-1.0, 0.5, 0.0, -1.0])
    cells = np.array([3, 4, 0, 2], np.uint8)  # the same, counted from the corner
    seen = Meadow(centred=False).symmetry().obs(turn, cells)
    assert seen.dtype == np.uint8
    assert np.array_equal(seen, [0, 3, 2, 0])
    assert int(Meadow().symmetry().action(turn, 0)) == 1
    assert int(Meadow().symmetry().inverse_action(turn, 1)) == 0


def test_changing_seats_is_another_relabelling_for_each_agent() -> None:
    """Seats 0, 1, 2 -> 1, 2, 0: agent 0 lists (1, 2), and as agent 1 then (0, 2), who were 2, 1."""
    group = Trio().symmetry()
    cycle = int(np.flatnonzero((group.seat_index == [1, 2, 0]).all(1))[0])
    assert [int(group.action(cycle, 0, seat)) for seat in range(3)] == [1, 1, 0]
    for seat in range(3):
        for action in range(3):
            there = group.action(cycle, action, seat)
            assert int(group.inverse_action(cycle, there, seat)) == action


def test_a_relabelling_by_seat_asks_for_the_seat() -> None:
    group = Trio().symmetry()
    with pytest.raises(ValueError, match="depends on the seat"):
        group.obs(1, jnp.zeros(6))
    with pytest.raises(ValueError, match="depends on the seat"):
        group.inverse_action(1, jnp.int32(0))


def test_a_sample_of_a_group_has_no_products_but_inverse_actions() -> None:
    group = ManyLevers().symmetry()
    with pytest.raises(UserError, match="sample of a group"):
        _ = group.compose
    every = jnp.arange(8)
    for g in range(len(group)):
        there = jax.vmap(lambda a, g=g: group.action(g, a))(every)
        assert np.array_equal(jax.vmap(lambda a, g=g: group.inverse_action(g, a))(there), every)


def plain(**tables: Any) -> Symmetry:
    """Two elements on three entries that do nothing but what is said."""
    rest = {"obs_index": 3, "action_index": 2, "seat_index": 2}
    tables = {name: np.tile(np.arange(size), (2, 1)) for name, size in rest.items()} | tables
    return Symmetry(**tables)


@pytest.mark.parametrize(
    ("tables", "clause"),
    [
        ({"obs_sign": np.array([[1, 1, 1], [1, 2, 1]])}, "1 or -1"),
        ({"obs_sign": np.array([[1, -1, 1], [1, 1, 1]])}, "1 or -1, first 1"),
        ({"obs_offset": np.array([[0, 1, 0], [0, 0, 0]])}, "offset of the identity"),
        ({"obs_index": np.array([[0, 1, 2], [0, 1, 1]])}, "permutes"),
    ],
)
def test_laws_of_a_group_are_checked(tables: dict[str, Any], clause: str) -> None:
    with pytest.raises(AssertionError, match=clause):
        check_group(plain(**tables))


def test_signs_and_shifts_are_not_trivial() -> None:
    mirror = np.array([[1, 1, 1], [1, -1, 1]])
    assert plain().trivial
    assert not plain(obs_sign=mirror).trivial
    assert not plain(obs_offset=1 - mirror).trivial
    check_group(plain(obs_sign=mirror, obs_offset=1.0 - mirror))


def test_a_shift_that_adds_up_is_no_group_of_two() -> None:
    shift = np.array([[0, 0, 0], [0, 1, 0]])
    with pytest.raises(ValueError, match="compose to no element"):
        check_group(plain(obs_offset=shift))
