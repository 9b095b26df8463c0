"""Methods that stretch the core, each as its hooks alone, each compiled once.

They are wiring: that the right agents meet, learn and are told. The methods themselves, tuned and
with a command line, are recipes.
"""

from __future__ import annotations

from dataclasses import replace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.compiles import compiles
from tests.small_games import HiddenCoin, ShownLever, TwoStepLever, TwoStepMatrix
from zsc import (
    CentralCritic,
    Inputs,
    MatchSpec,
    Method,
    Out,
    Policy,
    PPOConfig,
    QConfig,
    Team,
    fit,
    init_state,
    iql,
    make_update,
    mixture,
    mlp_policy,
    ppo,
    qmix,
    vdn,
)
from zsc.learn.critic import judge
from zsc.nets import FeedForward
from zsc.play.match import draw_match
from zsc.play.rollout import begin, replay, rollout, visit
from zsc.train.sinks import Memory

LEVER = zsc.make("lever")
PPO = PPOConfig(
    envs=64,
    segments=1,
    epochs=4,
    minibatches=1,
    learning_rate=0.02,
    final_learning_rate=0.02,
    entropy=0.0,
    shaping_steps=0,
)


def train(env, policy, method, *, updates=60, members=4, learner=PPO, seed=0, partners=()):
    """The population and its log; the second half compiles nothing."""
    given = {"members": members, "seed": seed, "updates": updates, "partners": partners}
    state = init_state(env, policy, method, learner, **given)
    update, log = make_update(env, policy, method, learner), Memory()
    state = fit(update, state, updates=updates // 2, chunk=10, sinks=[log])
    with compiles() as count:
        state = fit(update, state, updates=updates, chunk=10, sinks=[log])
    assert count() == 0, "a method compiles once"
    return state, log


def draw(spec, key, partners=(), partner=None, *, envs=64):
    return draw_match(
        key, spec, envs=envs, num_agents=2, symmetries=1, partners=partners, partner=partner
    )


def pulls(policy, params, env=LEVER):
    """[M, N] the probabilities of the first action."""
    _, shown = env.reset(jax.random.key(0))
    seen = Inputs(shown.obs[0], shown.mask[0], jnp.array(True), jnp.int32(0))
    answer = jax.vmap(lambda p: policy.apply(p, policy.carry(), seen)[1].logits)(params)
    return np.asarray(jax.nn.softmax(answer))


# BRDiv (Rahman et al. 2023): a member is a confederate and its response, which learn together


PAIRS = 4
ONE = mlp_policy(LEVER.spec, widths=(16,), num_values=2)
BRDIV_SPECS = (
    MatchSpec("own", cast=(0, 1)),
    MatchSpec("confederate", cast=(0,), partner=ONE, value=1),
    MatchSpec("response", cast=(1,), partner=ONE, value=1),
)


def brdiv_matches(shift, keys, params, partners):
    others = (jnp.arange(PAIRS) + shift) % PAIRS

    def one(key, other):
        theirs = lambda part: jax.tree.map(lambda x: x[other][None], params[part])
        own, conf, resp = jax.random.split(key, 3)
        return (
            draw(BRDIV_SPECS[0], own),
            draw(BRDIV_SPECS[1], conf, theirs(1), other[None]),
            draw(BRDIV_SPECS[2], resp, theirs(0), other[None]),
        )

    return jax.vmap(one)(keys, others)


def brdiv_reward(member, policy, played):
    own, *cross = played
    return own, *(x._replace(reward=-0.4 * x.reward) for x in cross)


def test_brdiv_pairs_agree_among_themselves_only_and_each_value_head_knows_its_games():
    brdiv = Method(
        "brdiv",
        BRDIV_SPECS,
        init=lambda key, params, partners: (jnp.int32(1), partners),
        match=brdiv_matches,
        reward=brdiv_reward,
        after=lambda shift, params, told, partners: (shift % (PAIRS - 1) + 1, partners),
    )
    state, log = train(LEVER, Team((ONE, ONE)), brdiv, updates=120)
    conventions = pulls(ONE, state.params[0]).argmax(1)
    assert len(set(conventions.tolist())) == PAIRS
    assert (pulls(ONE, state.params[1]).argmax(1) == conventions).all()
    assert log["return"][-10:].mean() > 0.9
    assert abs(log["return/confederate"][-10:]).mean() < 0.05
    assert log["value_error"][-10:].mean() < 0.02  # with one head for both it would be .25


# CoMeDi (Sarkar et al. 2023): mixed play begins in states that two members reached together


STEPS = TwoStepLever()
HEADS = mlp_policy(STEPS.spec, widths=(16,), num_values=3)
COMEDI_SPECS = (
    MatchSpec("self"),
    MatchSpec("cross", partner=HEADS, value=1),
    MatchSpec("mixed", value=2),
)


def comedi_matches(mstate, keys, params, partners):
    def one(key):
        own, cross, mixed = jax.random.split(key, 3)
        theirs = jax.tree.map(lambda x: x[None], partners)
        return (
            draw(COMEDI_SPECS[0], own),
            draw(COMEDI_SPECS[1], cross, theirs),
            draw(COMEDI_SPECS[2], mixed),
        )

    return jax.vmap(one)(keys)


def comedi_starts(mstate, keys, params, matches, partners):
    def one(key, mine):
        both = jax.tree.map(lambda a, b: jnp.stack([a, b]), mine, partners)
        return visit(STEPS, HEADS, both, key, envs=64)

    return None, None, jax.vmap(one)(keys, params)


def comedi_reward(member, policy, played):
    own, cross, mixed = played
    scaled = lambda x, by: x._replace(reward=by * x.reward)
    return own, scaled(cross, -1.0), scaled(mixed, member.mstate)


def with_beta(beta):
    return lambda key, params, partners: (jnp.float32(beta), partners)


def continuation(params, first):
    """[M] how often members agree in the second round when the first ended so [2]."""
    state = STEPS.reset(jax.random.key(0))[0]
    state = STEPS.step(jax.random.key(0), state, jnp.asarray(first))[0]
    shown = STEPS.show(state)

    def one(params):
        seen = [Inputs(shown.obs[a], shown.mask[a], jnp.array(False), jnp.int32(a)) for a in (0, 1)]
        chances = [jax.nn.softmax(HEADS.apply(params, (), x)[1].logits) for x in seen]
        return (chances[0] * chances[1]).sum()

    return np.asarray(jax.vmap(one)(params))


def test_comedi_members_go_on_after_a_round_that_failed():
    older, _ = train(STEPS, HEADS, Method("self_play"), members=1)
    partners = jax.tree.map(lambda x: x[0], older.params)
    convention = int(pulls(HEADS, older.params, STEPS)[0].argmax())
    comedi = Method(
        "comedi",
        COMEDI_SPECS,
        init=with_beta(0.5),
        match=comedi_matches,
        start=comedi_starts,
        reward=comedi_reward,
    )
    entropic = replace(PPO, entropy=0.01)
    state, log = train(STEPS, HEADS, comedi, updates=150, learner=entropic, partners=partners)
    assert (pulls(HEADS, state.params, STEPS).argmax(1) != convention).all()
    own = pulls(HEADS, state.params, STEPS).argmax(1)
    after = [continuation(jax.tree.map(lambda x, m=m: x[m : m + 1], state.params),
             (int(own[m]), convention))[0] for m in range(4)]  # fmt: skip
    assert min(after) > 0.9  # 1.00; without mixed play .38 is expected
    assert log["return"][-10:].mean() > 0.9
    assert log["return/cross"][-10:].mean() < 0.1


# MAPPO (Yu et al. 2022): a critic of the world, in the learner's state


COIN = HiddenCoin()


def explained(learner, state, policy):
    """The share of the variance of returns that the learner's value explains."""
    spec = MatchSpec()
    match = draw(spec, jax.random.key(5), envs=256)
    params, kept = jax.tree.map(lambda x: x[0], (state.params, state.learner))
    games = begin(COIN, spec, policy, match, jax.random.key(6))
    _, played = rollout(
        COIN, spec, policy, params, match, games, jax.random.key(7), 1, world=COIN.world
    )
    value = played.value[0, :, 0, 0]
    if learner is not None:
        memory = (jnp.zeros((256, learner.hidden)),)
        value = judge(learner, COIN, kept.critic._replace(memory=memory), (played,))[0].value
        value = value[0, :, 0]
    reward = played.reward[0, :, 0]
    return 1 - float(jnp.var(reward - value) / jnp.var(reward))


@pytest.mark.parametrize("hidden", [0, 8])
def test_a_central_critic_knows_the_hidden_coin_and_the_policy_is_the_same(hidden):
    policy = mlp_policy(COIN.spec, widths=(16,))
    calm = replace(PPO, learning_rate=0.01, epochs=8)
    critic = CentralCritic(widths=(16,), hidden=hidden)
    alone, _ = train(COIN, policy, Method("ippo"), members=1, updates=100, learner=calm)
    central, _ = train(
        COIN, policy, Method("mappo"), members=1, updates=100, learner=ppo(calm, critic)
    )
    assert explained(None, alone, policy) < 0.05
    assert explained(critic, central, policy) > 0.99
    for state in (alone, central):
        assert pulls(policy, state.params, COIN)[0, 1] > 0.9
    assert jax.tree.structure(central.params) == jax.tree.structure(alone.params)


# IQL, VDN, QMIX: the two-step matrix game


@pytest.mark.parametrize(("make", "earned"), [(iql, 7), (vdn, 7), (qmix, 8)])
def test_only_a_monotone_mixing_finds_the_eight(make, earned):
    game = TwoStepMatrix()
    policy = mlp_policy(game.spec, widths=(32,))
    # the paper's setting: exploration stays uniform, so that all of the game is seen
    config = QConfig(envs=32, capacity=512, batch=128, steps=16, gamma=1.0, epsilon=1.0, follow=0.1)
    state, _ = train(game, policy, Method("self_play"), learner=make(config), updates=150)
    greedy = jax.vmap(lambda p: _greedy_return(game, policy, p))(state.params)
    assert np.median(greedy) == earned


def _greedy_return(game, policy, params):
    state, shown = game.reset(jax.random.key(0))
    total = 0.0
    for _ in range(game.rounds):
        seen = [Inputs(shown.obs[a], shown.mask[a], jnp.array(False), jnp.int32(a)) for a in (0, 1)]
        action = jnp.stack([policy.apply(params, (), x)[1].logits.argmax() for x in seen])
        state, shown = game.step(jax.random.key(0), state, action)
        total += shown.reward[0]
    return total


def test_value_decomposition_learns_under_other_play_too():
    game = zsc.make("lever/iterated")
    policy = mlp_policy(game.spec, widths=(32,))
    other_play = Method("other_play/vdn", specs=(MatchSpec(relabel=True),))
    config = QConfig(follow=0.1, learning_rate=3e-3)
    _, log = train(game, policy, other_play, learner=vdn(config), members=2, updates=80)
    assert log["return"][-5:].mean() > log["return"][:5].mean() + 0.5


# E3T (Yan et al. 2023) in a kitchen: the policy reads what was done last, and predicts the partner


PAST = 5


class Predictor(nn.Module):
    actions: int

    @nn.compact
    def __call__(self, x):
        return nn.Dense(self.actions)(nn.relu(nn.Dense(32)(x.reshape(-1))))


def e3t_policy(spec, width=16):
    n, size = spec.num_actions, int(np.prod(spec.obs_shape))
    net, predictor = FeedForward(n, (1,) * (size + n), (width,)), Predictor(n)
    flat = lambda obs: obs.reshape(-1).astype(jnp.float32)

    def init(key):
        one, two = jax.random.split(key)
        return {
            "net": net.init(one, jnp.zeros(size + n)),
            "predictor": predictor.init(two, jnp.zeros((PAST, size + n))),
        }

    def apply(params, carry, inputs):
        did = jax.nn.one_hot(inputs.acted[1], n)  # the partner's; zeros before the first step
        now = jnp.concatenate([flat(inputs.obs), did])
        past = jnp.concatenate([jnp.where(inputs.first, 0.0, carry)[1:], now[None]])
        guess = predictor.apply(params["predictor"], past)
        told = jax.lax.stop_gradient(jax.nn.softmax(guess))
        logits, value = net.apply(params["net"], jnp.concatenate([flat(inputs.obs), told]))
        return past, Out(logits, value, guess)

    carry = lambda: jnp.zeros((PAST, size + n))
    return Policy("e3t_test", (("width", width),), init, carry, apply, reads=("actions",))


def predict(params, member, policy, played):
    guess = jax.nn.log_softmax(replay(policy, params, played[0]).extra)
    after = [played[0].inputs.acted[1:], played[0].last.acted[None]]
    did = jnp.concatenate(after)[..., 1]  # what the partner did then
    chosen = jnp.take_along_axis(guess, did[..., None], -1)[..., 0]
    return -chosen.mean(where=played[0].playing)


def test_e3t_predicts_its_half_random_partner_in_a_kitchen():
    kitchen = zsc.make("overcooked/cramped_room", horizon=20)
    ego = e3t_policy(kitchen.spec)
    spec = MatchSpec("mixed", partner=mixture(ego, 0.3))

    def match(mstate, keys, params, partners):
        own = jax.tree.map(lambda x: x[:, None], params)
        return (jax.vmap(lambda k, p: draw(spec, k, p, envs=8))(keys, own),)

    method = Method("e3t", (spec,), match=match, loss=predict)
    learner = PPOConfig(envs=8, segments=2, epochs=2, minibatches=2)
    _, log = train(kitchen, ego, method, updates=16, members=2, learner=learner)
    assert log["first_ratio_error"].max() < 1e-4
    assert log["extra_loss"][-1].mean() < np.log(6) - 0.03


# PBT (Jaderberg et al. 2017): `tune` gives each member its own rate, `select` copies the better


def pbt_init(key, params, partners):
    count = len(jax.tree.leaves(params)[0])
    rate = jnp.where(jnp.arange(count) == 0, 0.02, 1e-6)
    return {"rate": rate, "score": jnp.zeros(count)}, partners


def pbt_select(mstate, key, told):
    score = 0.9 * mstate["score"] + 0.1 * told.metrics["return"]
    order, everyone = jnp.argsort(score), jnp.arange(len(score))
    source = jnp.where(told.update % 10 == 0, everyone.at[order[0]].set(order[-1]), everyone)
    factor = jnp.where(jax.random.bernoulli(key, 0.5, score.shape), 1.25, 0.8)
    rate = jnp.where(source != everyone, mstate["rate"][source] * factor, mstate["rate"])
    return {"rate": rate, "score": score[source]}, source


def test_pbt_copies_the_member_that_learns():
    policy = mlp_policy(LEVER.spec, widths=(16,))
    method = Method(
        "pbt",
        init=pbt_init,
        tune=lambda mstate, hypers: hypers._replace(rate=mstate["rate"]),
        select=pbt_select,
    )
    state, log = train(LEVER, policy, method, updates=100)
    assert (state.method["rate"] > 0.002).all()  # three of four began with a millionth
    assert log["return"][-1].min() > 0.8
    assert len(set(pulls(policy, state.params).argmax(1).tolist())) == 1  # copies of one


# CEC (Jha et al. 2025): a kitchen of its own in every game; plain self-play


def test_cec_is_self_play_over_many_kitchens():
    names = ("cramped_room", "coordination_ring", "forced_coordination")
    env = zsc.make("overcooked/kitchens", kitchens=names, size=(5, 5), horizon=20)
    policy = mlp_policy(env.spec, widths=(16,))
    learner = PPOConfig(envs=6, segments=2, epochs=1, minibatches=1)
    _, log = train(env, policy, Method("cec"), updates=4, members=2, learner=learner)
    assert np.isfinite(log["loss"]).all()
    state, _ = jax.vmap(env.reset)(jax.random.split(jax.random.key(0), 32))
    assert len({bytes(np.asarray(kinds)) for kinds in state.terrain.kinds}) == len(names)


# Any-Play (Lucas & Allen 2022): a latent is drawn with the match, one of the team guesses it


CODES = LEVERS = 4
TELLING = ShownLever()
SEEN = TELLING.spec.obs_shape[0]


def reader(name, sees, says):
    net = FeedForward(LEVERS + says, (1,) * (SEEN + sees), (32,))

    def apply(params, carry, inputs):
        parts = [inputs.obs.astype(jnp.float32), *([inputs.latent] if sees else [])]
        logits, value = net.apply(params, jnp.concatenate(parts))
        return carry, Out(logits[:LEVERS], value, extra=logits[LEVERS:])

    init = lambda key: net.init(key, jnp.zeros(SEEN + sees))
    reads = ("latent",) if sees else ()
    return Policy(name, (), init, lambda: (), apply, reads=reads)


# whoever guesses learns three times as fast
ANY_PLAY_TEAM = Team((reader("specialiser", CODES, 0), reader("accommodator", 0, CODES)), (1, 3))
ANY_PLAY_SPEC = MatchSpec("pair", cast=(0, 1))


def any_play_matches(mstate, keys, params, partners):
    def one(key):
        codes = jax.random.randint(jax.random.fold_in(key, 5), (64,), 0, CODES)
        told = jax.nn.one_hot(codes, CODES)
        seats = jnp.tile(jnp.arange(2), (64, 1))  # the game shows pulls by seat
        latent = jnp.repeat(told[:, None], 2, 1)
        return draw(ANY_PLAY_SPEC, key)._replace(seats=seats, latent=latent)

    return (jax.vmap(one)(keys),)


def guess(params, policy, game):
    """[T, E] log probability of the code by what the accommodator has seen, from round two on."""
    says = jax.nn.log_softmax(replay(policy, params, game, (0, 1)).extra[1][:, :, 0])
    return (says * game.inputs.latent[:, :, 0]).sum(-1) * jnp.array([0.0, 1.0])[:, None]


def any_play_reward(member, policy, played):
    """What the accommodator knows of the code is paid to the pull that told it."""
    (game,) = played
    bonus = guess(member.params, policy, game)
    earlier = jnp.concatenate([bonus[1:], jnp.zeros_like(bonus[:1])])
    return (game._replace(reward=game.reward + earlier[..., None]),)


def test_any_play_specialisers_show_their_code():
    method = Method(
        "any_play",
        (ANY_PLAY_SPEC,),
        match=any_play_matches,
        reward=any_play_reward,
        loss=lambda params, member, policy, played: -guess(params, policy, played[0]).mean(),
    )
    learner = replace(PPO, entropy=0.05)
    _, log = train(TELLING, ANY_PLAY_TEAM, method, updates=150, members=2, learner=learner)
    told = -2 * log["extra_loss"]  # the mean over two rounds, of which one counts
    assert told[0].mean() == pytest.approx(-np.log(CODES), abs=0.2)
    assert told[-10:].mean() > -0.5 * np.log(CODES)  # half of the code and more is known
    assert log["return"].max() <= 1.0  # the bonus is in no reported return


# three seats: each of the other two has a partner of its own


def test_partners_of_several_roles_play_by_their_own_parameters():
    env = zsc.make("hanabi", players=3, colours=2, ranks=1, copies=(2,), hand_size=1,
                   info_tokens=2, life_tokens=1)  # fmt: skip
    constant = zsc.constant_policy(num_actions=env.spec.num_actions)
    spec = MatchSpec("two", partner=constant, several=True, blocks=2)
    learner = mlp_policy(env.spec, widths=(8,))
    partners = jnp.array([[0, 1], [2, 3]], jnp.int32)  # [K, role]
    match = draw_match(jax.random.key(0), spec, envs=4, num_agents=3, symmetries=1,
                       partners=partners)  # fmt: skip
    games = begin(env, spec, learner, match, jax.random.key(1))
    params = learner.init(jax.random.key(2))
    end, _ = rollout(env, spec, learner, params, match, games, jax.random.key(3), 1)
    mask = np.asarray(games.timestep.mask)
    for game in range(4):
        for role in (1, 2):
            seat = int(match.seats[game, role])
            wanted = int(partners[game // 2, role - 1])
            if mask[game, seat, wanted]:
                assert int(end.acted[game, seat]) == wanted
