"""The core's promises: memory that does not grow, pools that load, drawn partners, checkpoints."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import MatchSpec, Method, PPOConfig, Team, Told, UserError, init_state, mlp_policy
from zsc.play.acting import inputs_of, own_first
from zsc.play.match import draw_match
from zsc.play.rollout import begin, rollout
from zsc.populations import FictitiousCoPlay, SelfPlay
from zsc.populations.hooks.partners import DrawPartners, table_of
from zsc.populations.hooks.payoffs import KeepReturns, mean_returns
from zsc.populations.hooks.snapshots import BeginSnapshots, TakeSnapshots
from zsc.populations.journal import of_today
from zsc.train.update import make_update

KITCHEN = zsc.make("overcooked/cramped_room", horizon=20, encoding="grid")
SMALL = PPOConfig(envs=4, segments=2, epochs=1, minibatches=1)


def doubled(member, policy, played):
    return tuple(x._replace(reward=x.reward + jnp.abs(member.everyone["params"]["ActorCritic_0"]
                 ["actor"]["bias"]).max()) for x in played)  # fmt: skip


def small_loss(params, member, policy, played):
    return sum(jnp.square(x).sum() for x in jax.tree.leaves(params)) * 1e-6


def temporaries(method: Method, members: int) -> int:
    """Bytes that the compiled update needs beside its arguments and results."""
    policy = mlp_policy(KITCHEN.spec, widths=(8,))
    state = init_state(KITCHEN, policy, method, SMALL, members=members, seed=0, updates=2)
    program = jax.jit(make_update(KITCHEN, policy, method, SMALL)).lower(state).compile()
    return program.memory_analysis().temp_size_in_bytes


def joint(params, policy, played):
    return small_loss(params, None, policy, played)


def test_hooks_of_one_member_need_no_more_memory_than_self_play() -> None:
    """Self-play holds the trajectories of whoever is at work; a joint loss those of all."""
    plain = temporaries(Method("self_play"), 16)
    for hooks in ({"reward": doubled}, {"loss": small_loss}):
        assert temporaries(Method("hooked", **hooks), 16) < 1.1 * plain
    assert temporaries(Method("joint", joint_loss=joint), 16) > 2 * plain


def test_pool_of_an_earlier_version_loads_and_plays(tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    shutil.copytree(Path(__file__).parent.parent / "data" / "pool_of_an_earlier_version", folder)
    pool = zsc.load_pool(folder)
    assert [label.checkpoint for label in pool.labels] == ["final"] * 3
    env = zsc.make("overcooked/cramped_room", horizon=10)
    assert zsc.record(env, (pool.take([0]), pool.take([1]))).length.tolist() == [10]
    again = zsc.load_pool(pool.save(tmp_path / "again"))
    assert again.ids == pool.ids  # made from policy and parameters alone


def test_settings_of_an_earlier_manifest_are_read_by_their_names_of_today() -> None:
    before = {"members": 2, "ppo": {"value": 0.5, "envs": 4}, "policy": "mlp", "partner_ppo": None}
    now = {"members": 2, "learner": {"value_weight": 0.5, "envs": 4}, "network": "mlp",
           "partner_learner": None, "priority": 0.0}  # fmt: skip
    assert of_today(before, now) == now


# acting


def test_an_agent_knows_its_own_last_action_first() -> None:
    acted = jnp.array([[3, 1, 2], [-1, -1, -1]])  # [game, seat]
    seat = jnp.array([[0, 1, 2], [2, 0, 1]])
    known = own_first(acted[:, None].repeat(3, 1), seat)
    assert known[0].tolist() == [[3, 1, 2], [1, 2, 3], [2, 3, 1]]
    assert (known[1] == -1).all()


def test_what_a_policy_does_not_read_is_not_put_together() -> None:
    given = {"obs": jnp.zeros((2, 3)), "mask": jnp.ones((2, 4), bool), "first": jnp.array(True),
             "seat": jnp.arange(2), "state": jnp.zeros(5), "acted": jnp.arange(2)}  # fmt: skip
    bare = inputs_of((), **given)
    assert (bare.state, bare.acted, bare.latent) == ((), (), ())
    full = inputs_of(("state", "actions"), **given)
    assert full.state.shape == (2, 5)
    assert full.acted.tolist() == [[0, 1], [1, 0]]
    assert full.first.shape == (2,)


# teams


def test_every_policy_of_a_team_learns_at_its_own_rate() -> None:
    env = zsc.make("lever")
    one = mlp_policy(env.spec, widths=(8,))
    method = Method("pair", (MatchSpec("pair", cast=(0, 1)),))
    ppo = PPOConfig(envs=16, segments=1, epochs=1, minibatches=1, shaping_steps=0)
    moved = []
    for rates in ((1.0, 1.0), (1.0, 0.0)):
        team = Team((one, one), rates)
        state = init_state(env, team, method, ppo, members=2, seed=0, updates=4)
        after, _ = jax.jit(make_update(env, team, method, ppo))(state)
        change = jax.tree.map(lambda x, y: float(jnp.abs(x - y).max()), state.params, after.params)
        moved.append([max(jax.tree.leaves(part)) for part in change])
    assert min(moved[0]) > 0
    assert (moved[1][0], moved[1][1]) == (moved[0][0], 0.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Team(()), "a team of no policies"),
        (lambda: Team((mlp_policy(KITCHEN.spec),), (1.0, 2.0)), "2 rates for 1"),
        (lambda: MatchSpec(cast=()), "cast is empty"),
        (lambda: MatchSpec(cast=(0, 1, 2)).learners(2), "need more than the 2 seats"),
        (lambda: zsc.told(mlp_policy(KITCHEN.spec), (1.0,)), "reads no latent"),
    ],
)
def test_teams_that_cannot_be_are_refused(make, words) -> None:
    with pytest.raises(UserError, match=words):
        make()


def test_last_actions_are_told_in_the_names_of_whoever_reads_them() -> None:
    env = zsc.make("lever/iterated")
    policy = replace(mlp_policy(env.spec, widths=(8,)), name="reader", reads=("actions",))
    spec = MatchSpec(relabel=True)
    match = draw_match(jax.random.key(3), spec, envs=16, num_agents=2,
                       symmetries=len(env.symmetry()))  # fmt: skip
    games = begin(env, spec, policy, match, jax.random.key(1))
    params = policy.init(jax.random.key(0))
    _, played = rollout(env, spec, policy, params, match, games, jax.random.key(2), 3)
    assert (played.inputs.acted[0] == -1).all()
    # what it did itself it knows by the name that it chose
    np.testing.assert_array_equal(played.inputs.acted[1:, ..., 0], played.action[:-1])
    told, chosen = np.asarray(played.inputs.acted[1:, ..., 1]), np.asarray(played.action[:-1])
    assert (told != chosen[..., ::-1]).any()  # the other's action has another name for it


# partners


def draws(weights, priority=0.0, returns=None, uniform=False, fade=0.0, progress=0.0) -> np.ndarray:
    """How often each of four partners is met."""
    spec = MatchSpec("partner", partner=zsc.constant_policy(num_actions=10), blocks=8)
    table = table_of(np.arange(4)[None], weights)
    if returns is not None:
        table = table._replace(returns=jnp.asarray([returns], jnp.float32))
    table = table._replace(progress=jnp.asarray([progress], jnp.float32))
    hook = DrawPartners((spec,), 8, 2, uniform=uniform, priority=priority, fade=fade)
    keys = jax.random.split(jax.random.key(0), 500)
    met = jax.vmap(lambda k: hook(table, k[None], (), jnp.arange(4))[0].partner)(keys)
    return np.bincount(np.asarray(met).reshape(-1), minlength=4) / met.size


def test_partners_are_met_in_proportion_to_their_weights() -> None:
    np.testing.assert_allclose(draws([1, 1, 1, 1], uniform=True), 0.25, atol=0.03)
    np.testing.assert_allclose(draws([3, 1, 1, 0]), [0.6, 0.2, 0.2, 0.0], atol=0.03)


def test_the_partner_that_pays_least_is_met_most() -> None:
    expected = np.array([16, 1, 9, 4]) / 30  # ranks 4, 1, 3, 2 to the power of two
    np.testing.assert_allclose(draws([1] * 4, 2.0, [0.0, 9.0, 1.0, 5.0]), expected, atol=0.03)
    unknown = [0.0, np.nan, 1.0, 5.0]  # as long as one was not met all are alike
    np.testing.assert_allclose(draws([1] * 4, 2.0, unknown), 0.25, atol=0.03)


def test_priority_fades_over_the_last_share_of_the_training() -> None:
    returns, ranks = [0.0, 9.0, 1.0, 5.0], np.array([4, 1, 3, 2])
    for fade, progress, left in (
        (1.0, 0.0, 1.0), (1.0, 0.5, 0.5), (1.0, 1.0, 0.0),
        (0.5, 0.4, 1.0), (0.5, 0.75, 0.5), (0.0, 0.99, 1.0),
    ):  # fmt: skip
        wanted = ranks ** (2.0 * left) / (ranks ** (2.0 * left)).sum()
        found = draws([1] * 4, 2.0, returns, fade=fade, progress=progress)
        np.testing.assert_allclose(found, wanted, atol=0.03)


def told(partner, returns) -> Told:
    seats = jnp.zeros((*np.shape(partner), 2), jnp.int32)
    match = zsc.Match(seats, seats, (), jnp.asarray(partner))
    return Told({}, (match,), (jnp.asarray(returns, jnp.float32),), jnp.int32(1), jnp.int32(10))


def test_returns_are_kept_by_partner() -> None:
    table = table_of(np.array([[4, 7, 9]]))
    first = told([[7, 4, 7]], [[1.0, 5.0, 3.0]])
    np.testing.assert_array_equal(mean_returns(first, table.places), [[5.0, 2.0, np.nan]])
    after, _ = KeepReturns(0.5)(table, (), first, ())
    after, _ = KeepReturns(0.5)(after, (), told([[9, 4, 4]], [[8.0, 1.0, 1.0]]), ())
    np.testing.assert_allclose(after.returns, [[3.0, 2.0, 8.0]])
    np.testing.assert_allclose(after.progress, [0.1])  # update 1 of 10


def test_returns_are_kept_by_partner_and_seat() -> None:
    table = table_of(np.array([[4, 7]]), seats=2)
    assert table.places.tolist() == [[4, 4, 7, 7]]
    assert table.seats.tolist() == [[0, 1, 0, 1]]
    played = told([[7, 4, 7]], [[1.0, 5.0, 3.0]])
    seats = jnp.array([[[0, 1], [1, 0], [1, 0]]])
    played = played._replace(matches=(played.matches[0]._replace(seats=seats),))
    found = mean_returns(played, table.places, table.seats)
    np.testing.assert_array_equal(found, [[np.nan, 5.0, 1.0, 3.0]])


@pytest.mark.parametrize("weights", [[1, 2], [np.nan] * 4, [-1, 1, 1, 1], [0, 0, 0, 0]])
def test_weights_that_choose_nobody_are_refused(weights) -> None:
    with pytest.raises(UserError):
        table_of(np.arange(4)[None], weights)


# checkpoints


@pytest.mark.parametrize("budget", [2, 3, 10, 40])
def test_checkpoint_i_is_what_a_member_was_within_its_share_of_the_budget(budget) -> None:
    count = 5
    params = jnp.zeros((2, 1))
    _, room = BeginSnapshots(count)(jax.random.key(0), params, ())
    take = TakeSnapshots(count)
    for update in range(1, budget + 1):
        given = told([[0]], [[0.0]])._replace(update=jnp.int32(update), budget=jnp.int32(budget))
        _, room = take((), params + update, given, room)
    wanted = [0] + [max(u for u in range(budget + 1) if u * count <= i * budget)
                    for i in range(1, count + 1)]  # fmt: skip
    assert np.asarray(room.value)[0, :, 0].tolist() == wanted
    assert (np.asarray(room.value)[0] == np.asarray(room.value)[1]).all()


def test_uniform_is_the_published_form() -> None:
    published = FictitiousCoPlay.uniform(members=2)
    assert (published.priority, published.weights, published.self_play) == (0.0, None, 0.0)
    assert published.members == 2


def test_agents_of_a_value_learner_act_by_their_best_action() -> None:
    """Action values are no preferences: sampled by them, agents would play nearly at random."""
    config = zsc.QConfig(envs=64, capacity=512, steps=4, exploring=0.2)
    recipe = SelfPlay(members=2, steps=64 * 60, learner=zsc.vdn(config))
    pool = recipe.train(zsc.make("lever"), seed=0)
    assert pool.policy.name == "greedy"
    assert min(label.skill for label in pool.labels) >= 0.9


def test_rows_of_metrics_reach_the_sinks_of_the_caller() -> None:
    from zsc.train.sinks import Memory

    log = Memory()
    env = zsc.make("lever")
    SelfPlay(members=2, steps=64 * 7).train(env, sinks=[log])
    assert [row["update"] for row in log.rows] == list(range(1, 8))


def test_unfinished_run_of_an_earlier_version_is_gone_on_with(tmp_path: Path) -> None:
    """Two of twelve updates were left. With the compiler's usual options, which tests do not have,
    the agents are those that the earlier version ended with, bit for bit."""
    run = tmp_path / "run"
    shutil.copytree(Path(__file__).parent.parent / "data" / "run_of_an_earlier_version", run)
    env = zsc.make("overcooked/cramped_room", horizon=20)
    recipe = SelfPlay(members=2, steps=20 * 4 * 12, learner=SMALL)
    pool = recipe.train(env, seed=5, out=run, resume=True)
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 12
    assert [label.step for label in pool.labels] == [20 * 4 * 12] * 2
