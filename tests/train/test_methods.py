"""The core carries more than the three recipes: four other methods as small Method values.

Each is written here in a few lines on the lever game, compiles once, and changes what it should.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.compiles import compiles
from zsc import MatchSpec, Method, PPOConfig, init_state, make_update, mixture, mlp_policy
from zsc.nets import distribution
from zsc.play.match import draw_match
from zsc.play.rollout import replay
from zsc.train import fit
from zsc.train.method import Member
from zsc.train.sinks import Memory

ENV = zsc.make("lever")
POLICY = mlp_policy(ENV.spec, widths=(16,))
PPO = PPOConfig(
    envs=64,
    segments=1,
    epochs=4,
    minibatches=1,
    learning_rate=0.02,
    final_learning_rate=0.02,
    entropy=0.0,
)
MEMBERS = 4


def train(method, updates=60, policy=POLICY, ppo=PPO, seed=0):
    """The population after training, its log, and how many programs a second half compiled."""
    update = make_update(ENV, policy, method, ppo)
    state = init_state(ENV, policy, method, ppo, members=MEMBERS, seed=seed, updates=updates)
    log = Memory()
    state = fit(update, state, updates=updates // 2, chunk=10, sinks=[log])
    with compiles() as count:
        state = fit(update, state, updates=updates, chunk=10, sinks=[log])
    assert count() == 0, "a method compiles once"
    return state, log


def levers(state, policy=POLICY):
    """[M, N] the probabilities with which the members pull."""
    _, shown = ENV.reset(jax.random.key(0))
    seen = zsc.Inputs(shown.obs[0], shown.mask[0], jnp.array(True), jnp.int32(0))
    logits = jax.vmap(lambda p: policy.apply(p, policy.carry(), seen)[1].logits)(state.params)
    return np.asarray(jax.nn.softmax(logits))


def population_mean(policy, everyone, played):
    """[T, E, R] the probability of the taken actions under the mean policy of all members."""
    out = jax.vmap(lambda p: replay(policy, p, played))(everyone)
    return distribution(out.logits, played.inputs.mask).prob(played.action).mean(0)


def entropy_bonus(member, policy, trajectories):
    """MEP (Zhao et al. 2023): r' = r - alpha log of the population's mean policy."""
    (played,) = trajectories
    mean = population_mean(policy, member.everyone, played)
    bonus = -member.mstate * jnp.log(jnp.maximum(mean, 1e-5))
    return (played._replace(reward=played.reward + bonus),)


def alpha(value):
    return lambda key, params, pool: (jnp.float32(value), pool)


MEP = Method("mep", init=alpha(1.0), reward=entropy_bonus)


def spread(probs):
    """How many levers the population as a whole uses: exp of the entropy of its mean policy."""
    mean = probs.mean(0)
    return float(np.exp(-(mean * np.log(mean + 1e-12)).sum()))


def test_mep_spreads_the_population_and_never_logs_the_bonus():
    plain, _ = train(Method("self_play"))
    diverse, log = train(MEP)
    assert spread(levers(diverse)) > spread(levers(plain)) + 1
    assert log["return"].max() <= 1.0  # the bonus of log(10) and more is not in it


def test_bonus_is_minus_log_of_the_mean_policy():
    state, _ = train(Method("self_play"), updates=2)
    probs = levers(state).mean(0)
    spec = MatchSpec()
    match = draw_match(jax.random.key(0), spec, envs=8, num_agents=2, symmetries=1)
    from zsc.play.rollout import begin, rollout

    def play(params):
        games = begin(ENV, spec, POLICY, match, jax.random.key(1))
        return rollout(ENV, spec, POLICY, params, match, games, jax.random.key(2), 1)[1]

    played = jax.vmap(play)(state.params)

    def rewarded_one(played):
        member = Member(0, None, (), state.params, jnp.float32(0.5), ())
        return entropy_bonus(member, POLICY, (played,))[0]

    rewarded = jax.vmap(rewarded_one)(played)
    expected = played.reward - 0.5 * np.log(probs[np.asarray(played.action)])
    np.testing.assert_allclose(rewarded.reward, expected, rtol=1e-4, atol=1e-5)


def trajectory_diversity(params, policy, trajectories):
    """TrajeDi (Lupu et al. 2021) for one-step games: minus the Jensen-Shannon divergence of the
    members' action distributions, E_i [log pi_i - log mean_j pi_j]."""
    (played,) = trajectories

    def one(trajectory):
        out = jax.vmap(lambda p: replay(policy, p, trajectory))(params)
        return jax.nn.softmax(out.logits)  # [members, T, E, R, N]

    probs = jax.vmap(one)(played).mean((0, 2, 3, 4))  # members see the same in a one-shot game
    mean = probs.mean(0)
    divergence = (probs * (jnp.log(probs + 1e-9) - jnp.log(mean + 1e-9))).sum(-1).mean()
    return -5.0 * divergence


def test_trajedi_moves_members_apart():
    def distinct(state):
        return len(set(levers(state).argmax(1).tolist()))

    def divergence(state):
        probs = levers(state)
        return float((probs * np.log((probs + 1e-9) / (probs.mean(0) + 1e-9))).sum(-1).mean())

    plain, _ = train(Method("self_play"))
    apart, log = train(Method("trajedi", joint_loss=trajectory_diversity))
    assert divergence(apart) > divergence(plain) + 0.3
    assert distinct(apart) == MEMBERS
    assert log["joint_loss"][-1, 0] < log["joint_loss"][0, 0]


LIPO_SPECS = (MatchSpec("self"), MatchSpec("cross", partner=POLICY))


def lipo_matches(mstate, keys, params, pool):
    """LIPO (Charakorn et al. 2023): every member also meets the member it agrees with most."""
    del pool
    split = jax.vmap(jax.random.split)(keys)
    own = jax.vmap(lambda k: draw(LIPO_SPECS[0], k, (), None))(split[:, 0])
    partner = mstate  # [M]
    theirs = jax.tree.map(lambda x: x[partner][:, None], params)
    cross = jax.vmap(lambda k, p, i: draw(LIPO_SPECS[1], k, p, i[None]))(
        split[:, 1], theirs, partner
    )
    return own, cross


def draw(spec, key, partners, partner):
    return draw_match(
        key,
        spec,
        envs=PPO.envs,
        num_agents=2,
        symmetries=1,
        partners=partners,
        partner=partner,
    )


def incompatible(member, policy, trajectories):
    """The cross-play reward is paid with the other sign."""
    own, cross = trajectories
    return own, cross._replace(reward=-cross.reward)


def most_compatible(mstate, params, told, pool):
    """The next partner: whoever pulls most nearly what the member pulls."""
    del mstate, told
    probs = _pulls(params)
    agree = probs @ probs.T - 2 * jnp.eye(len(probs))
    return agree.argmax(1).astype(jnp.int32), pool


def _pulls(params):
    _, shown = ENV.reset(jax.random.key(0))
    seen = zsc.Inputs(shown.obs[0], shown.mask[0], jnp.array(True), jnp.int32(0))
    return jax.nn.softmax(jax.vmap(lambda p: POLICY.apply(p, (), seen)[1].logits)(params))


def first_neighbour(key, params, pool):
    return (jnp.arange(MEMBERS, dtype=jnp.int32) + 1) % MEMBERS, pool


LIPO = Method(
    "lipo",
    specs=LIPO_SPECS,
    init=first_neighbour,
    match=lipo_matches,
    reward=incompatible,
    after=most_compatible,
)


def test_lipo_members_find_conventions_that_others_do_not_share():
    state, log = train(LIPO, updates=120)
    assert len(set(levers(state).argmax(1).tolist())) == MEMBERS
    assert log["return"][-10:].mean() > 0.8  # true self-play return
    assert 0 <= log["return/cross"][-10:].mean() < 0.2  # the true one: never below 0


E3T_PARTNER = mixture(POLICY, 0.5)
E3T_SPEC = MatchSpec("mixed", partner=E3T_PARTNER)


def partner_is_half_random_self(mstate, keys, params, pool):
    """E3T (Yan et al. 2023): the partner is epsilon uniform and 1 - epsilon the ego itself."""
    del mstate, pool
    own = jax.tree.map(lambda x: x[:, None], params)
    return (jax.vmap(lambda k, p: draw(E3T_SPEC, k, p, None))(keys, own),)


def test_e3t_partner_is_half_random():
    """A sure puller agrees with a half random copy of itself in .5 + .5 / 10 of the games."""
    method = Method("e3t", specs=(E3T_SPEC,), match=partner_is_half_random_self)
    _, log = train(method, updates=120)
    assert log["return"][-20:].mean() == pytest.approx(0.55, abs=0.06)
