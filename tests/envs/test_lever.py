"""The lever game: why strangers fail, what other-play changes, and where it does not help."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import zsc
from zsc import check_environment
from zsc.envs.contract import check_group
from zsc.envs.lever import Lever
from zsc.envs.symmetry import Symmetry
from zsc.populations import OtherPlay, SelfPlay

ENV = zsc.make("lever")
SEEDS = 30


def joint_payoff(relabelled):
    """[N, N] what a pair of pulls pays; relabelled, in the mean over both players' symmetries."""
    group = ENV.symmetry()
    state, _ = ENV.reset(jax.random.key(0))
    pulls = jnp.arange(10)

    def pay(a, b):
        return ENV.step(jax.random.key(0), state, jnp.stack([a, b]))[1].reward[0]

    def pay_through(g, h, a, b):
        return pay(group.inverse_action(g, a), group.inverse_action(h, b))

    if not relabelled:
        return jax.vmap(lambda a: jax.vmap(lambda b: pay(a, b))(pulls))(pulls)
    elements = jnp.arange(len(group))
    mean = lambda a, b: jax.vmap(
        lambda g: jax.vmap(lambda h: pay_through(g, h, a, b))(elements).mean()
    )(elements).mean()
    return jax.vmap(lambda a: jax.vmap(lambda b: mean(a, b))(pulls))(pulls)


def joint_action_learner(payoff):
    """[SEEDS, 2, N] the marginals of a softmax over joint actions (Hu et al. 2020, section 4.1):
    Adam .05, entropy penalty .02, N(0, 1) start, 1000 updates."""

    def loss(logits):
        probs = jax.nn.softmax(logits.reshape(-1))
        return -(probs * payoff.reshape(-1)).sum() - 0.02 * (probs * jnp.log(probs + 1e-9)).sum()

    def train(key):
        logits = jax.random.normal(key, (10, 10))
        adam = optax.adam(0.05)

        def step(carry, _):
            logits, opt = carry
            change, opt = adam.update(jax.grad(loss)(logits), opt)
            return (logits + change, opt), None

        (logits, _), _ = jax.lax.scan(step, (logits, adam.init(logits)), None, length=1000)
        joint = jax.nn.softmax(logits.reshape(-1)).reshape(10, 10)
        return jnp.stack([joint.sum(1), joint.sum(0)])

    return jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(0), SEEDS))


def sp_and_xp(marginals):
    payoff = np.asarray(joint_payoff(relabelled=False))
    matrix = np.einsum("ia,ab,jb->ij", marginals[:, 0], payoff, marginals[:, 1])
    apart = ~np.eye(SEEDS, dtype=bool)
    return np.diag(matrix).mean(), matrix[apart].mean()


def test_self_play_settles_on_levers_that_strangers_do_not_share():
    sp, xp = sp_and_xp(joint_action_learner(joint_payoff(relabelled=False)))
    assert sp == pytest.approx(1.0, abs=0.02)
    assert xp == pytest.approx(0.14, abs=0.06)  # chance is 1 in 9


def test_other_play_agrees_on_the_lever_that_pays_less():
    sp, xp = sp_and_xp(joint_action_learner(joint_payoff(relabelled=True)))
    assert sp == pytest.approx(0.9, abs=0.01)
    assert xp == pytest.approx(0.9, abs=0.01)


def test_the_trap_independent_policies_leave_the_odd_lever():
    """With p = P(odd lever) for both, other-play pays .9 p^2 + (1 - p)^2 / 9, which falls until
    p = .110; a uniform start is at .100. So independent learners do not find .9 from there, which
    is a property of the objective and no fault of a learner."""
    payoff = joint_payoff(relabelled=True)

    def value(p):
        pulls = jnp.append(jnp.full(9, (1 - p) / 9), p)
        return pulls @ payoff @ pulls

    slope = jax.grad(value)
    assert slope(0.100) < 0 < slope(0.120)
    threshold = (2 / 9) / (1.8 + 2 / 9)
    assert threshold == pytest.approx(0.1099, abs=1e-4)
    assert slope(threshold) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.long
def test_pools_fall_into_the_trap_and_say_so():
    """Trained as populations of independent policies: self-play agrees with itself alone, and
    other-play from a uniform start agrees with nobody, not even itself."""
    own = SelfPlay(members=4).train(ENV, seed=0)
    relabelled = OtherPlay(members=4).train(ENV, seed=0)
    assert np.mean([label.skill for label in own.labels]) > 0.9
    assert np.mean([label.skill for label in relabelled.labels]) < 0.5


def test_rotations_are_no_involutions():
    """A forward/inverse mix-up passes every involution; these elements have order 9 and 3."""
    group = ENV.symmetry()
    check_group(group)
    assert len(group) == 9
    table = group.compose
    orders = []
    for g in range(9):
        power, order = g, 1
        while power != 0:
            power, order = table[g, power], order + 1
        orders.append(order)
    assert sorted(orders) == [1, 3, 3, 9, 9, 9, 9, 9, 9]


def test_forward_and_inverse_are_not_confused():
    """An agent that copies the lever its partner pulled last keeps doing so through relabelling."""
    group = zsc.make("lever/iterated").symmetry()
    env = zsc.make("lever/iterated")
    state, _ = env.reset(jax.random.key(0))
    _, shown = env.step(jax.random.key(0), state, jnp.array([2, 5]))
    for g in range(len(group)):
        seen = group.obs(g, shown.obs[0])
        partner_pulled = int(jnp.argmax(seen[11:]))
        assert int(group.inverse_action(g, partner_pulled)) == 5
        wrong = int(group.action(g, partner_pulled))
        assert (wrong == 5) == (g == 0)


def test_the_contract_notices_a_mixed_up_inverse():
    group = zsc.make("lever/iterated").symmetry()
    mixed = Symmetry(
        obs_index=group.obs_index[group.inverse],
        action_index=group.action_index,
        seat_index=group.seat_index,
    )
    assert not np.array_equal(mixed.obs_index, group.obs_index)
    # the laws of a group cannot tell (the inverses form one too), the rules can

    class Mixed(Lever):
        def symmetry(self):
            return mixed

    with pytest.raises((AssertionError, ValueError), match=r"commutes|compose"):
        check_environment(Mixed(rounds=6), steps=8, games=4)


@pytest.mark.parametrize("name", ["lever", "lever/iterated"])
def test_contract(name):
    check_environment(zsc.make(name), steps=8, games=4)
