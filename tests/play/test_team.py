"""Several policies in one game: each answers for its own roles, with a memory of its own."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.by_hand import table_policy
from zsc import Inputs, Policy, Team
from zsc.agents.policy import Out
from zsc.play.team import apply_team, cast, fresh_carries


def counting(name):
    """Logits are the parameter plus the memory, which counts; it says its name beside it."""

    def apply(params, carry, inputs):
        return carry + 1, Out(params + carry + jnp.zeros(2), params[None], extra=params * 10)

    return Policy(name, (), lambda key: jnp.zeros(()), lambda: jnp.zeros(()), apply)


def seen(envs, roles):
    shape = (envs, roles)
    return Inputs(jnp.zeros((*shape, 1)), jnp.ones((*shape, 2), bool), jnp.ones(shape, bool),
                  jnp.broadcast_to(jnp.arange(roles), shape))  # fmt: skip


def test_roles_are_answered_by_their_policies_in_the_order_of_roles():
    team, players = Team((counting("a"), counting("b"), counting("c"))), (2, 0, 2)
    carry = fresh_carries(team, players, 4)
    assert [x.shape for x in carry] == [(4, 1), (4, 2)]
    params = (jnp.float32(1), jnp.float32(2), jnp.float32(3))
    after, out = apply_team(team, params, carry, seen(4, 3), players)
    np.testing.assert_array_equal(out.logits[..., 0], np.tile([3, 1, 3], (4, 1)))
    np.testing.assert_array_equal(out.value[..., 0], np.tile([3, 1, 3], (4, 1)))
    assert [x[0].tolist() for x in out.extra] == [[10], [30, 30]]
    _, later = apply_team(team, params, after, seen(4, 3), players)
    np.testing.assert_array_equal(later.logits[..., 0], np.tile([4, 2, 4], (4, 1)))
    assert [(i, roles.tolist()) for i, roles in cast(players)] == [(0, [1]), (2, [0, 2])]


def test_one_policy_answers_for_all():
    policy = counting("a")
    carry = fresh_carries(policy, (0, 0), 4)
    assert carry.shape == (4, 2)
    after, out = apply_team(policy, jnp.float32(5), carry, seen(4, 2), (0, 0))
    assert (out.logits == 5).all()
    assert (after == 1).all()
    assert fresh_carries(table_policy(1, 2), (0, 0), 4) == ()
    assert jax.tree.leaves(fresh_carries(Team((table_policy(1, 2),)), (0, 0), 4)) == []
