"""Games of turns: only whoever acts is asked, forced waiting teaches nothing, and a game that is
over is followed by the next."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import MatchSpec, Method, PPOConfig, gru_policy, init_state, make_update, mlp_policy
from zsc.agents.policy import Out, Policy
from zsc.evaluation import crossplay
from zsc.play.match import draw_match
from zsc.play.rollout import begin, begin_anew, rollout
from zsc.populations import FictitiousCoPlay, HighEntropy, SelfPlay
from zsc.populations.hooks.partners import DrawPartners, table_of, take_table
from zsc.train import fit
from zsc.train.sinks import Memory

ENV = zsc.make("hanabi", colours=3, ranks=2, copies=(2, 1), hand_size=2, info_tokens=2)
WAIT = ENV.spec.num_actions - 1
GAMES = 16
SELF = MatchSpec()


def played(spec=SELF, policy=None, partner=None):
    """A whole episode of one untrained member."""
    policy = policy or gru_policy(ENV.spec, widths=(8,), hidden=8)
    params = policy.init(jax.random.key(1))
    match = draw_match(
        jax.random.key(2),
        spec,
        envs=GAMES,
        num_agents=2,
        symmetries=len(ENV.symmetry()),
        partners=partner,
    )
    games = begin(ENV, spec, policy, match, jax.random.key(3))
    play = jax.jit(lambda games: rollout(
        ENV, spec, policy, params, match, games, jax.random.key(4), ENV.spec.horizon
    ))  # fmt: skip
    return jax.device_get(play(games))


@pytest.mark.parametrize("relabel", [False, True])
def test_whoever_acts_is_asked_and_acts(relabel):
    """Every turn of every living game is a legal move of the player whose turn it is: also through
    symmetries, where a mix-up of forward and inverse would name another colour than is allowed."""
    end, trajectory = played(MatchSpec(relabel=relabel))
    assert trajectory.action.shape == (ENV.spec.horizon, GAMES, 1)
    playing = trajectory.playing[..., 0]
    seat = trajectory.inputs.agent[..., 0]
    turn = np.arange(len(playing))[:, None] % 2
    assert (seat == turn)[playing].all()
    assert (trajectory.action[..., 0] != WAIT)[playing].all()
    assert (trajectory.valid == trajectory.playing).all()
    names = ENV.spec.event_names
    did = trajectory.events[..., [names.index(n) for n in ("play", "discard")]].any((-1, -2))
    told = trajectory.events[..., [names.index(n) for n in ("colour_hint", "rank_hint")]]
    assert (did | told.any((-1, -2)))[playing].all()  # a forbidden move would have no event
    assert told.any()
    np.testing.assert_array_equal(trajectory.reward[..., 0].sum(0), end.returns)
    np.testing.assert_array_equal(playing.sum(0), end.length)


def counting_policy():
    """Does what its own memory says: in its n-th turn the n-th of its legal actions."""

    def apply(params, carry, inputs):
        order = jnp.cumsum(inputs.mask) - 1
        wanted = (order == carry % inputs.mask.sum()) & inputs.mask
        return carry + 1, Out(jnp.where(wanted, 0.0, -1e9), jnp.zeros(1))

    return Policy("counting", (), lambda key: jnp.zeros(1), lambda: jnp.int32(0), apply)


def test_memory_stands_still_while_an_agent_waits():
    """An agent that counts its turns plays the same game in training, cross-play and records,
    although only training does not ask it while it waits."""
    policy = counting_policy()
    pool = zsc.make_pool(ENV.spec, policy, jnp.zeros((1, 1)), [zsc.Label("counting")])
    seen = zsc.record(ENV, (pool, pool), episodes=4)
    for game in range(4):
        for seat in (0, 1):
            mine = seen.mask[game, seat::2, seat][seen.playing[game, seat::2]]
            did = seen.action[game, seat::2, seat][seen.playing[game, seat::2]]
            wanted = [np.flatnonzero(m)[n % m.sum()] for n, m in enumerate(mine)]
            assert did.tolist() == wanted
    _, trajectory = played(policy=policy)
    for game in range(GAMES):
        playing = trajectory.playing[:, game, 0]
        masks, did = trajectory.inputs.mask[:, game, 0], trajectory.action[:, game, 0]
        wanted = [np.flatnonzero(m)[t // 2 % m.sum()] for t, m in enumerate(masks[playing])]
        assert did[playing].tolist() == wanted
    matrix = crossplay(ENV, {"counting": pool}, episodes=256).values[0, 0, 0, :, 0]
    recorded = zsc.record(ENV, (pool, pool), episodes=256).reward[..., 0].sum(1)
    assert matrix.mean() == pytest.approx(recorded.mean(), abs=0.5)


def test_with_a_partner_the_learner_waits_and_waiting_teaches_the_policy_nothing():
    policy = mlp_policy(ENV.spec, widths=(8,))
    spec = MatchSpec("partner", partner=policy, blocks=2)
    partners = jax.vmap(policy.init)(jax.random.split(jax.random.key(7), 2))
    _, trajectory = played(spec, partner=partners)
    waits = trajectory.action == WAIT
    assert waits[trajectory.playing].mean() == pytest.approx(0.5, abs=0.1)
    assert not trajectory.valid[waits].any()
    assert trajectory.valid[~waits & trajectory.playing].all()


@pytest.mark.parametrize(("make", "parts"), [(mlp_policy, 3), (gru_policy, 1), (gru_policy, 3)])
def test_ratio_is_one_before_the_first_step(make, parts):
    """Replayed turn by turn, with the memory of whoever acted, nothing differs from what was
    played; also in the second part of an episode."""
    policy = make(ENV.spec, widths=(16,))
    ppo = PPOConfig(envs=8, segments=parts, epochs=2, minibatches=2)
    method = Method("self_play")
    state = init_state(ENV, policy, method, ppo, members=2, seed=0, updates=3)
    log = Memory()
    after = fit(make_update(ENV, policy, method, ppo), state, updates=3, chunk=3, sinks=[log])
    assert log["first_ratio_error"].max() < 1e-5
    for old, new in zip(jax.tree.leaves(state.params), jax.tree.leaves(after.params), strict=True):
        assert (np.asarray(old) != np.asarray(new)).any()


@pytest.mark.long
def test_ratio_is_one_for_a_best_response_with_a_memory():
    """It is shown every turn, also its partner's, and remembers its own only: when it plays and
    when it learns."""
    policy = gru_policy(ENV.spec, widths=(8,), hidden=8)
    spec = MatchSpec("partner", partner=policy, blocks=2)
    method = Method("response", specs=(spec,), init=take_table, match=DrawPartners((spec,), 8, 2))
    ppo = PPOConfig(envs=8, segments=2, epochs=1, minibatches=1)
    partners = jax.lax.map(policy.init, jax.random.split(jax.random.key(5), 3))
    pool = (table_of(np.tile(np.arange(3), (2, 1))), partners)
    state = init_state(ENV, policy, method, ppo, members=2, seed=0, updates=2, partners=pool)
    log = Memory()
    fit(make_update(ENV, policy, method, ppo), state, updates=2, chunk=2, sinks=[log])
    assert log["first_ratio_error"].max() < 1e-5


def parts_played(spec, policy, parts, partner=None):
    """Games and trajectory after each part of two steps, with games dealt anew between them."""
    params = policy.init(jax.random.key(1))
    match = draw_match(
        jax.random.key(2), spec, envs=GAMES, num_agents=2, symmetries=1, partners=partner
    )
    games, played = begin(ENV, spec, policy, match, jax.random.key(3)), []
    play = jax.jit(partial(rollout, ENV, spec, policy, length=2))
    deal = jax.jit(partial(begin_anew, ENV, spec, policy))
    for part in range(parts):
        key = jax.random.fold_in(jax.random.key(4), part)
        begun = deal(match, games, jax.random.fold_in(key, 98))
        games, trajectory = play(params, match, begun, key)
        played.append(jax.device_get((begun, games, trajectory)))
    return played


def test_a_game_that_is_over_is_followed_by_a_fresh_one():
    """At the start of a part no game is over; new ones have a fresh state and an empty memory, the
    others go on as they were; and the return that is reported is that of the first in its place."""
    policy = gru_policy(ENV.spec, widths=(8,), hidden=8)
    before, total, length = None, np.zeros(GAMES), np.zeros(GAMES)
    anew = 0
    for begun, end, trajectory in parts_played(SELF, policy, ENV.spec.horizon):
        assert not begun.over.any()
        assert trajectory.playing[0].all()
        if before is not None:
            fresh = before.over
            anew += fresh.sum()
            np.testing.assert_array_equal(begun.first, fresh)
            assert not np.asarray(begun.learner)[fresh].any()
            assert (begun.state.time[fresh] == 0).all()
            np.testing.assert_array_equal(begun.learner[~fresh], before.learner[~fresh])
            np.testing.assert_array_equal(begun.state.time[~fresh], before.state.time[~fresh])
            first = ~before.counted
        else:
            first = np.ones(GAMES, bool)
        total += trajectory.reward[..., 0].sum(0) * first
        length += trajectory.playing[..., 0].sum(0) * first
        before = end
    assert anew > GAMES
    assert before.counted.all()
    np.testing.assert_array_equal(before.returns, total)
    np.testing.assert_array_equal(before.length, length)


def test_training_deals_anew_between_the_parts_of_an_update():
    """One game per member and a part per turn: whenever it is over the next part has another, so
    every sample is of a living game, where a single game would have left most of them empty."""
    env = zsc.make("hanabi", colours=1, ranks=1, copies=(6,), hand_size=2, info_tokens=1)
    policy = mlp_policy(env.spec, widths=(4,))
    ppo = PPOConfig(envs=1, segments=env.spec.horizon, epochs=1, minibatches=1)
    method = Method("self_play")
    state = init_state(ENV, policy, method, ppo, members=4, seed=0, updates=5)
    log = Memory()
    fit(make_update(env, policy, method, ppo), state, updates=5, chunk=5, sinks=[log])
    assert (log["playing"] == 1).all()
    assert log["length"].min() < env.spec.horizon
    assert (log["return"] <= 1).all()  # of one game, however many were played


def test_a_partner_forgets_the_game_that_is_over():
    policy = gru_policy(ENV.spec, widths=(8,), hidden=8)
    partners = jax.lax.map(policy.init, jax.random.split(jax.random.key(7), 2))
    spec = MatchSpec("partner", partner=policy, blocks=2)
    kept, forgotten = 0, 0
    before = None
    for begun, end, _ in parts_played(spec, policy, 6, partners):
        if before is not None:
            memory, old = (np.asarray(x.partner).reshape(GAMES, -1) for x in (begun, before))
            assert not memory[before.over].any()
            np.testing.assert_array_equal(memory[~before.over], old[~before.over])
            kept, forgotten = kept + (~before.over).sum(), forgotten + before.over.sum()
        before = end
    assert kept > 0
    assert forgotten > 0


@pytest.mark.long
def test_both_stages_of_fictitious_co_play_train_on_a_game_of_turns():
    ppo = PPOConfig(envs=4, segments=1, epochs=1, minibatches=1)
    small = {"members": 2, "steps": 2 * 4 * ENV.spec.horizon, "learner": ppo}
    fcp = FictitiousCoPlay(
        **small, partners=2, partner_steps=small["steps"], partner_learner=ppo, blocks=2
    )
    assert len(fcp.train(ENV, seed=0).labels[0].parents) == 6


def test_high_entropy_is_self_play_with_these_settings():
    for name in ("hanabi/full-2p", "overcooked/cramped_room", "overcooked/counter_circuit"):
        env = zsc.make(name)
        (plan,), (usual,) = HighEntropy().stages(env.spec), SelfPlay().stages(env.spec)
        assert plan.learner.entropy == max(0.05, usual.learner.entropy)
        assert plan.learner.lam == 0.9
        assert plan.steps == usual.steps
        assert plan.network(env.spec).name == "gru"
        assert HighEntropy().agents(env.spec).name == "gru"
        if usual.network(env.spec).recurrent:
            assert plan.network(env.spec) == usual.network(env.spec)
