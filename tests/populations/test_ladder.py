"""The regression ladder: in each of these games of seconds only one method gets the right answer.

Every test trains the recipe itself, and the plain baseline beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.small_games import PPO, HelpOrDo, ShownLever
from tests.tabular import table_policy
from zsc.envs.small import RoundGame, TwoStepLever
from zsc.evaluation import crossplay
from zsc.populations import (
    PAIRED,
    ROTATE,
    AnyPlay,
    BestResponse,
    BestResponseDiversity,
    CoMeDi,
    FictitiousCoPlay,
    HiddenUtility,
    HighEntropy,
    IncompatiblePolicies,
    LagrangianDiversity,
    MaximumEntropy,
    PopulationBased,
    StateAugmentation,
    TrajectoryDiversity,
)
from zsc.populations.best_response import Meetings, train_responses
from zsc.populations.hidden_utility import most_different
from zsc.populations.hooks.partners import hardest_first, table_of
from zsc.populations.hooks.shapley import graphic_value, pagerank, preferred, shapley_values
from zsc.populations.hooks.starts import reached_by_pairs
from zsc.populations.journal import Log
from zsc.populations.trajectory_diversity import divergence, surrogate
from zsc.populations.two_stage import CHECKPOINTS
from zsc.train.method import Method
from zsc.train.sinks import Memory

EIGHT, TEN = (zsc.make("lever", payoffs=(1.0,) * n) for n in (8, 10))


def small(spec, **heads):
    return zsc.mlp_policy(spec, widths=(16,), **heads)


def trained(recipe, game, *, updates=80, learner=PPO, network=small, **settings):
    """The partners of a recipe with two stages."""
    return recipe(
        partner_learner=learner,
        partner_steps=updates * learner.envs * game.spec.horizon,
        network=network,
        responses=False,
        snapshots=1,
        **settings,
    ).train(game, seed=0)


def seen(game, pulls=None, seat=0):
    """What a seat sees before the first round, or after this one."""
    state = game.reset(jax.random.key(0))[0]
    if pulls is not None:
        state = game.step(jax.random.key(0), state, jnp.asarray(pulls))[0]
    shown = game.show(state)
    return zsc.Inputs(
        shown.obs[seat], shown.mask[seat], jnp.asarray(pulls is None), jnp.int32(seat)
    )


def chances(policy, params, inputs):
    """[P, N] the probabilities of actions."""
    one = lambda p: policy.apply(p, policy.carry(), inputs)[1].logits
    return np.asarray(jax.nn.softmax(jax.vmap(one)(params)))


def conventions(game, pool):
    """[P] the lever that each agent pulls first."""
    return chances(pool.policy, pool.params, seen(game)).argmax(1)


def distinct(game, pool, partners):
    """How many levers the partners of a run pull, the mean over runs."""
    levers = conventions(game, pool).reshape(-1, partners)
    return np.mean([len(set(row.tolist())) for row in levers])


def skill(pool):
    return np.mean([label.skill for label in pool.labels])


# MEP: five members and ten equal levers


@pytest.mark.long
def test_mep_spreads_the_population():
    plain, varied = (
        trained(MaximumEntropy, TEN, members=6, partners=5, alpha=alpha) for alpha in (0.0, 0.1)
    )
    assert distinct(TEN, plain, 5) < 4.4  # 4.17; 4.10 by chance
    assert distinct(TEN, varied, 5) > 4.7  # 4.83
    assert skill(varied) > 0.98


def test_mep_meets_each_partner_and_seat_by_its_rank():
    chance = jnp.exp(hardest_first(jnp.array([0.0, 50.0, 50.0, 200.0]), 1.0))
    np.testing.assert_allclose(chance / chance.sum(), [0.375, 0.25, 0.25, 0.125], rtol=1e-6)
    cubed = jnp.exp(hardest_first(jnp.array([0.0, 50.0, 50.0, 200.0]), 3.0))
    np.testing.assert_allclose(cubed / cubed.sum(), [0.614, 0.182, 0.182, 0.023], atol=6e-4)
    assert np.asarray(hardest_first(jnp.array([0.0, jnp.nan]), 3.0)).tolist() == [0.0, 0.0]


# high entropy: one lever pays 1.0, nine pay .8


@pytest.mark.long
def test_only_much_entropy_finds_the_lever_that_all_can_find():
    """Greedy play; the weight is in units of normalised advantages."""
    game = zsc.make("lever", payoffs=(1.0, *(0.8,) * 9))
    many = replace(PPO, envs=512, learning_rate=0.01, final_learning_rate=0.001)
    found = {}
    for entropy in (0.05, 0.7):
        learner = replace(many, entropy=entropy)
        recipe = HighEntropy(members=6, learner=learner, steps=512 * 250, network=small)
        pool = recipe.train(game, seed=0)
        matrix = crossplay(game, {"he": pool}, episodes=4, seed=0).matrix()
        found[entropy] = matrix[~np.eye(6, dtype=bool)].mean()
    assert found[0.7] > 0.99
    assert found[0.05] < 0.75


# FCP: partners of three ages work half of the time, three quarters, always


def test_only_a_response_to_all_ages_does_it_alone():
    game = HelpOrDo()
    policy = table_policy(game.spec)
    works = np.array([0.5, 0.75, 1.0])
    logits = np.log(np.maximum(np.stack([works, 1 - works, 0 * works, 0 * works], 1), 1e-9))
    one = policy.init(jax.random.key(0))
    params = {
        "actor": jnp.repeat(jnp.asarray(logits, jnp.float32)[:, None], len(one["actor"]), 1),
        "critic": jnp.repeat(one["critic"][None], 3, 0),
    }
    labels = [zsc.Label("worker", checkpoint=age) for age in CHECKPOINTS]
    workers = zsc.make_pool(game.spec, policy, params, labels)
    calm = replace(PPO, envs=96)
    given = {"learner": calm, "steps": 96 * 80, "network": small}
    recipe = FictitiousCoPlay.uniform(members=1, partners=1, blocks=3, **given)
    response = recipe.train_responses(recipe.running(game, 0), workers)
    assert conventions(game, response).tolist() == [3]
    final = BestResponse(workers.where(checkpoint="final"), **given).train(game, seed=0)
    assert conventions(game, final).tolist() == [2]


# TrajeDi: the same levers; and the gradient is that of the divergence


@pytest.mark.long
def test_trajedi_moves_members_apart_at_no_cost():
    plain, varied = (
        trained(TrajectoryDiversity, TEN, members=6, partners=5, coefficient=coefficient)
        for coefficient in (0.0, 0.5)
    )
    assert distinct(TEN, plain, 5) < 4.4
    assert distinct(TEN, varied, 5) > 4.8  # 5.00
    assert skill(varied) > 0.98


@pytest.mark.parametrize("reach", [0.0, 0.5, 1.0])
def test_trajedis_gradient_is_that_of_the_divergence(reach):
    """All trajectories of three members over four steps of two actions, by finite differences."""
    steps, members = 4, 3
    every = jnp.asarray(np.stack(np.meshgrid(*[[0, 1]] * steps, indexing="ij"), -1).reshape(-1, 4))
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(members, steps, 2)))
    playing = jnp.ones((members, steps, len(every)))

    def said(logits):
        """[n, n, T, E] what each judge says of each trajectory, the same for all whose it is."""
        log = jax.nn.log_softmax(logits)  # [n, T, 2]
        each = jnp.take_along_axis(log[:, :, None], every.T[None, :, :, None], -1)[..., 0]
        return jnp.broadcast_to(each[None], (members, *each.shape))

    def exact(logits):
        """n JSD_g: expectations over all trajectories."""
        own = said(logits)[0].sum(1)  # [n, E]
        return (jnp.exp(own) * divergence(said(logits), reach, playing)).sum()

    def sampled(logits, old):
        """The method's surrogate, each trajectory weighed by how likely it was to be seen."""
        made = said(old)[0].sum(1)
        return (jnp.exp(made) * surrogate(said(logits), made, playing, reach, clip=1.0)).sum()

    with jax.enable_x64(True):
        here = jnp.asarray(np.asarray(logits), jnp.float64)
        grad = jax.grad(sampled)(here, here)
        step = 1e-5
        for place in ((0, 0, 0), (1, 2, 1), (2, 3, 0)):
            change = jnp.zeros_like(here).at[place].set(step)
            slope = (exact(here + change) - exact(here - change)) / (2 * step)
            assert float(grad[place]) == pytest.approx(float(slope), abs=1e-8)
        assert 0 < float(exact(here)) < members * np.log(members)


# LIPO: as many members as levers


@pytest.mark.long
def test_lipo_members_shun_each_other():
    calm = replace(PPO, learning_rate=0.005, final_learning_rate=0.005, entropy=0.03)
    settings = {"members": 3, "partners": 8, "updates": 200, "learner": calm}
    plain = trained(IncompatiblePolicies, EIGHT, weight=0.0, **settings)
    shy = trained(IncompatiblePolicies, EIGHT, weight=1.0, **settings)
    assert distinct(EIGHT, plain, 8) < 5.5  # 4.67; 5.25 by chance
    assert distinct(EIGHT, shy, 8) > 7.6  # 8.00
    assert skill(shy) > 0.98


# BRDiv, L-BRDiv: four pairs and eight levers


def off_diagonal(game, pool):
    """The mean chance of agreeing with another partner of the run."""
    each = chances(pool.policy, pool.params, seen(game)).reshape(5, 4, -1)
    both = np.einsum("rin,rjn->rij", each, each)
    return both[:, ~np.eye(4, dtype=bool)].mean()


@pytest.mark.long
def test_brdiv_and_its_lagrangian_pairs_are_of_no_use_to_each_other():
    given = {"members": 5, "partners": 4}
    plain = trained(BestResponseDiversity, EIGHT, weight=0.0, **given)
    weighed = trained(BestResponseDiversity, EIGHT, weight=0.5, **given)
    lagrangian = trained(LagrangianDiversity, EIGHT, **given)
    assert off_diagonal(EIGHT, plain) > 0.05
    assert off_diagonal(EIGHT, weighed) < 0.04
    assert distinct(EIGHT, weighed, 4) >= distinct(EIGHT, plain, 4)
    assert distinct(EIGHT, lagrangian, 4) > 3.9
    assert off_diagonal(EIGHT, lagrangian) < 0.01
    assert skill(lagrangian) > 0.98


# CoMeDi: after a round that failed, members go on


@pytest.mark.long
def test_only_mixed_play_goes_on_after_a_round_that_failed():
    game = TwoStepLever(actions=12)
    fast = replace(PPO, envs=96, learning_rate=0.05, final_learning_rate=0.05, entropy=0.01)
    later = {}
    for mixed in (0.0, 0.5):
        pool = trained(
            CoMeDi,
            game,
            members=4,
            partners=2,
            mixed=mixed,
            updates=200,
            learner=fast,
            network=table_policy,
        )
        levers = conventions(game, pool).reshape(4, 2)
        assert (levers[:, 0] != levers[:, 1]).all()
        later[mixed] = [
            _agree(game, pool.take([2 * run + 1]), (younger, older))
            for run, (older, younger) in enumerate(levers)
        ]
        assert skill(pool) > 0.98
    assert min(later[0.5]) > 0.95
    assert min(later[0.0]) < 0.8


def _agree(game, pool, pulls):
    """The chance that an agent agrees with itself in the second round, after this first one."""
    seats = [chances(pool.policy, pool.params, seen(game, pulls, seat))[0] for seat in (0, 1)]
    return (seats[0] * seats[1]).sum()


# HSP: each biased partner pulls what it likes; those kept like different levers


@pytest.mark.long
def test_hsp_keeps_partners_of_different_tastes():
    game = zsc.make("lever", payoffs=(1.0,) * 4)
    likes = tuple((name, (0.0, 2.0)) for name in game.spec.action_names)
    pool = trained(HiddenUtility, game, members=2, partners=5, biased=4, draws=20, likes=likes)
    biased = pool.take([p.method == "hidden_utility/biased" for p in pool.labels])
    assert len(pool) == 2 * 5
    assert len(biased) == 2 * 4
    assert distinct(game, biased, 4) == 4


def test_most_different_takes_shares_of_the_largest_count():
    counts = np.array([[100.0, 0.0], [90.0, 0.0], [0.0, 1.0], [50.0, 0.5]])
    assert most_different(counts, 3).tolist() == [0, 2, 1]


# Any-Play: the specialist shows its code in the first round


@pytest.mark.long
def test_any_play_specialists_show_their_code():
    game, codes = ShownLever(own_first=True), 4
    known = {}
    for bonus in (0.0, 1.0):
        log = Memory()
        AnyPlay(
            members=3,
            codes=codes,
            bonus=bonus,
            learner=replace(PPO, entropy=0.05),
            steps=64 * 2 * 150,
            network=small,
        ).train(game, seed=0, sinks=[log])
        # the mean of two rounds, of which the first one tells nothing
        error = 2 * log["extra_loss"][-10:].mean() / 0.2 - np.log(codes)
        known[bonus] = 1 - error / np.log(codes)
        assert log["return"][-10:].mean() > 0.95
        assert log["return"].max() <= 1.0  # the bonus is in no reported return
    assert known[0.0] < 0.35
    assert known[1.0] > 0.6


# E3T: a partner of a hidden type; Bayes earns 3.13, without a memory 1.25


@dataclass(frozen=True)
class BlindLever(RoundGame):
    """Rounds of levers of which nobody is shown what was pulled."""

    actions: int = 4
    rounds: int = 5

    def pays(self, state: Any, action: Any) -> Any:
        return 1.0 * (action[0] == action[1])

    def show(self, state: Any) -> Any:
        shown = super().show(state)
        return shown._replace(obs=shown.obs.at[:, self.rounds :].set(0))


@pytest.mark.long
def test_a_predictor_finds_out_who_the_partner_is():
    game, updates = BlindLever(), 150
    calm = replace(PPO, learning_rate=0.01, final_learning_rate=0.0, gamma=0.0)
    noisy = zsc.mixture(zsc.constant_policy(num_actions=4), 0.25)
    types = jnp.arange(4, dtype=jnp.int32)
    pool = zsc.make_pool(game.spec, noisy, types, [zsc.Label("type", member=i) for i in range(4)])
    table = table_of(np.tile(np.arange(4), (2, 1)))
    recipe = BestResponse(pool, learner=calm, steps=64 * 5 * updates, network=small)
    earned = {}
    for foresees in (False, True):
        log = Memory()
        run = recipe.running(game, 0, Log(more=(log,)))
        agents = train_responses(run, pool, table, "types", Meetings(blocks=4, foresees=foresees))
        earned[agents.policy.name] = log["return"][-20:].mean()
    assert 2.8 < earned["predicting"] < 3.3
    assert earned["mlp"] < 1.5


# PBT: the worst goes on as a copy of the best


@pytest.mark.long
def test_pbt_copies_the_best():
    log = Memory()
    recipe = PopulationBased(
        members=2,
        partners=3,
        rounds=12,
        responses=False,
        partner_learner=PPO,
        partner_steps=64 * 60,
        network=small,
        snapshots=1,
    )
    pool = recipe.train(TEN, seed=0, sinks=[log])
    levers = conventions(TEN, pool).reshape(2, 3)
    assert [len(set(row.tolist())) for row in levers] == [1, 1]
    assert log["return/cross"][-5:].mean() > 0.95  # independent seeds: .1


# COLE: golden numbers of a matrix of three (methods of the authors' code)


PAYOFF = jnp.array([[10.0, 2.0, 0.0], [2.0, 8.0, 4.0], [0.0, 4.0, 6.0]])


def test_coles_values_are_those_of_the_paper_s_game():
    there = jnp.ones(3, bool)
    rank = pagerank(PAYOFF, there)
    np.testing.assert_allclose(rank, [0.3296, 0.3800, 0.2904], atol=1e-4)
    np.testing.assert_allclose(jax.nn.softmax(-10 * rank), [0.324, 0.196, 0.480], atol=1e-3)
    value = lambda members: float(
        graphic_value(PAYOFF, jnp.isin(jnp.arange(3), jnp.array(members, int))) if members else 0.0
    )
    exact = np.zeros(3)
    for order in permutations(range(3)):
        for place, agent in enumerate(order):
            exact[agent] += value(order[: place + 1]) - value(order[:place])
    np.testing.assert_allclose(exact / 6, [2.054, 1.716, 0.041], atol=1e-3)
    sampled = shapley_values(PAYOFF, there, jax.random.key(1), orders=3000, clipped=False)
    np.testing.assert_allclose(sampled, [2.054, 1.716, 0.041], atol=0.25)
    clipped = shapley_values(PAYOFF, there, jax.random.key(1), orders=3000)
    np.testing.assert_allclose(clipped, [10 / 3, 8 / 3, 2.0], atol=0.25)


def test_who_is_not_there_counts_nothing():
    there = jnp.array([True, True, False])
    small = pagerank(PAYOFF[:2, :2], jnp.ones(2, bool))
    np.testing.assert_allclose(pagerank(PAYOFF, there), [*small, 0.0], atol=1e-6)
    assert float(shapley_values(PAYOFF, there, jax.random.key(0))[2]) == 0.0
    assert preferred(PAYOFF, jnp.ones(3, bool)).tolist() == [0, 2, 1]


# state augmentation: what the buffer holds


def test_states_are_those_that_pairs_of_the_group_reach():
    game = zsc.make("overcooked/cramped_room", horizon=40)
    policy = small(game.spec)
    params = jax.vmap(policy.init)(jax.random.split(jax.random.key(0), 3))
    reach = lambda every: reached_by_pairs(
        game, policy, params, jax.random.key(1), games=10, every=every
    )
    states = reach(10)
    assert states.time.shape == (3 * 3 * 10 * 4,)
    assert sorted(set(states.time.tolist())) == [0, 10, 20, 30]
    assert states.time.reshape(-1, 4).tolist() == [[0, 10, 20, 30]] * 90
    fresh = game.reset(jax.random.key(0))[0]
    first = jax.tree.map(lambda x: x.reshape(90, 4, *x.shape[1:])[:, 0], states)
    assert (first.cell == fresh.cell).all()
    later = states.cell.reshape(90, 4, -1)
    assert (later[:, 1:] != later[:, :1]).any()


@pytest.mark.long
def test_episodes_begin_where_the_group_came_with_the_clock_at_zero():
    game = zsc.make("overcooked/cramped_room", horizon=40)
    learner = zsc.PPOConfig(envs=4, segments=2, epochs=1, minibatches=1)
    recipe = StateAugmentation(
        members=4, groups=2, rounds=2, visits=2, every=10, steps=160 * 4, learner=learner
    )
    heard = {}

    def final_members(recipe, run, method, **how):
        stage = run.stage(method, members=4)
        begun = stage.begin()
        keys = jax.random.split(jax.random.key(3), 4)
        heard["begun"] = begun.method
        heard["starts"] = method.start(begun.method, keys, begun.params, (), ())[0]
        heard["end"] = stage.train(run.log).method

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zsc.populations.state_augmentation.final_members", final_members)
        recipe.build(recipe.running(game, 0))
    assert heard["begun"].states.time.shape == (2, 2 * 2 * 2 * 4)
    assert (heard["begun"].states.time == 0).all()
    assert heard["starts"].time.shape == (4, 4)
    bits = lambda state: {bytes(np.asarray(x)) for x in state}
    for member in range(4):  # each begins in a state of its own group
        own = heard["begun"].states.cell[member // 2]
        assert bits(heard["starts"].cell[member]) <= bits(own)
    assert (heard["end"].states.cell != heard["begun"].states.cell).any()


# PAIRED and ROTATE: regret keeps a partner useful


@pytest.mark.long
def test_regret_keeps_a_partner_that_can_be_answered_and_minimax_does_not():
    """Ten levers: the adversary of PAIRED agrees with its response, that of minimax with nobody."""
    earned = {}
    for recipe in (PAIRED, PAIRED.minimax):
        log = Memory()
        settings = {"members": 3, "learner": replace(PPO, envs=128), "steps": 128 * 80}
        recipe(network=small, **settings).train(TEN, seed=0, sinks=[log])
        earned[recipe] = log["return"][-10:].mean()
    assert earned[PAIRED] > 0.8
    assert earned[PAIRED.minimax] < 0.5


@pytest.mark.long
def test_a_partner_of_rotate_is_of_use_where_only_its_response_would_have_led():
    """The agent always pulls lever 0. The partner shuns it in the first round; in the second, after
    a first one that went well, it pulls what the agent pulls, since regret is looked for in each
    state. Without those games any of the six levers is as good."""
    game = TwoStepLever(actions=6, own_first=True)
    fast = replace(PPO, envs=128, learning_rate=0.05, final_learning_rate=0.05, entropy=0.01)
    recipe = ROTATE(members=4, rounds=1, partner_steps=128 * 2 * 150, network=table_policy)
    agent = table_policy(game.spec, num_values=2).init(jax.random.key(0))
    agent["actor"] = jnp.zeros_like(agent["actor"]).at[:, 0].set(20.0)
    egos = jax.tree.map(lambda x: jnp.repeat(x[None], 4, axis=0), agent)
    run = recipe.running(game, 0)
    run = replace(run, stages=(run.stages[0]._replace(learner=fast), run.stages[1]))
    partners = recipe.train_partner(run, 0, egos)
    policy = recipe.agents(game.spec)
    first = chances(policy, partners, seen(game)).argmax(1)
    assert (first != 0).all()
    after = [chances(policy, partners, seen(game, (pull, pull))) for pull in first]
    second = [each[member] for member, each in enumerate(after)]
    assert np.mean(second, 0)[0] > 0.9


def test_self_play_is_the_baseline_of_all():
    """Ten equal levers: seeds agree with themselves, and with others by chance."""
    recipe = zsc.populations.SelfPlay(members=20, steps=64 * 80, learner=PPO, network=small)
    pool = recipe.train(TEN, seed=0)
    each = chances(pool.policy, pool.params, seen(TEN))
    both = each @ each.T
    assert np.diagonal(both).mean() > 0.95
    assert both[~np.eye(20, dtype=bool)].mean() < 0.2
    assert isinstance(zsc.populations.self_play.METHOD, Method)
