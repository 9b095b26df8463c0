"""One update from the outside: who met whom, what was told, what was learned with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.by_hand import LEVER
from zsc import MatchSpec, Method, PPOConfig, constant_policy, init_state, make_update, mlp_policy
from zsc.envs.lever import Lever
from zsc.learn.base import Learner
from zsc.play.match import draw_match
from zsc.populations.best_response import Meetings
from zsc.populations.hooks.partners import table_of
from zsc.train import fit
from zsc.train.state import segment_length, segments, steps_per_update, updates_for
from zsc.train.update import draw_matches, training

PULL = constant_policy(num_actions=10)
HANABI = zsc.make("hanabi", players=3, colours=2, ranks=1, copies=(2,), hand_size=1,
                  info_tokens=2, life_tokens=1)  # fmt: skip


class Told(NamedTuple):
    """What a learner was given, summed over its segments."""

    hypers: Any
    segments: Any
    reward: Any


def watching(envs: int, parts: int = 1) -> Learner:
    """Learns nothing, and keeps what it was given in its state."""
    schedule = lambda clock: {"steps": clock.steps, "progress": clock.progress}

    def init(task: Any, key: Any, params: Any) -> Told:
        zero = jnp.float32(0)
        return Told({"steps": zero, "progress": zero}, zero, zero)

    def learn(task: Any, key: Any, params: Any, state: Told, played: Any, hypers: Any, loss: Any):
        own = 0.0 if loss is None else loss(params, played)
        earned = sum(game.reward.sum() for game in played)
        after = Told(hypers, state.segments + 1, state.reward + earned)
        return params, after, {"loss": jnp.float32(own)}

    return Learner("watching", (envs, parts), envs, parts, init, schedule, learn)


def run(method, learner, *, env=LEVER, policy=PULL, members=2, updates=4, partners=(), seed=0):
    """The states after each update, and their metrics."""
    state = init_state(env, policy, method, learner, members=members, seed=seed, updates=updates,
                       partners=partners)  # fmt: skip
    update = jax.jit(make_update(env, policy, method, learner))
    states, logs = [state], []
    for _ in range(updates):
        state, log = jax.block_until_ready(update(states[-1]))
        states.append(state)
        logs.append(log)
    return states, jax.tree.map(lambda *x: np.stack(x), *logs)


def same(one: Any, two: Any) -> bool:
    """Whether two arrays of random keys are equal."""
    return np.array_equal(*map(jax.random.key_data, (one, two)))


@dataclass(frozen=True)
class CountMeetings:
    """The after hook that counts [M, P] partners and [M, A] seats of the learner."""

    partners: int
    seats: int

    def __call__(self, mstate: Any, params: Any, told: Any, partners: Any) -> Any:
        table, met, sat, alike = mstate
        match = told.matches[0]
        met = met + (match.partner[..., None] == jnp.arange(self.partners)).sum(1)
        sat = sat + (match.seats[:, :, 0, None] == jnp.arange(self.seats)).sum(1)
        same = (match.partner == match.partner[:, :1]).all(1)
        return (table, met, sat, alike + same), partners


@dataclass(frozen=True)
class OfTable:
    """A match hook that finds its table beside the counts."""

    draw: Any

    def __call__(self, mstate: Any, keys: Any, params: Any, partners: Any) -> Any:
        return self.draw(mstate[0], keys, params, partners)


def meetings(env, weights, *, members=2, blocks=4, updates=150, **how):
    """Partners and seats counted over a run, and the updates in which all blocks had one partner.

    Member m may meet the partners 4 m to 4 m + 3.
    """
    count, agents = 4 * members, env.spec.num_agents
    policy = constant_policy(num_actions=env.spec.num_actions)
    bots = zsc.make_pool(env.spec, policy, jnp.zeros(count, jnp.int32),
                         [zsc.Label("bot", member=i) for i in range(count)])  # fmt: skip
    usual = Meetings(blocks, **how).method("counted", bots, 8, agents)
    table = table_of(np.arange(count).reshape(members, 4), weights)
    nothing = lambda *shape: jnp.zeros(shape, jnp.int32)

    def init(key: Any, params: Any, partners: Any) -> Any:
        return (
            table,
            nothing(members, count),
            nothing(members, agents),
            nothing(members),
        ), partners

    method = replace(usual, init=init, match=OfTable(usual.match),
                     after=CountMeetings(count, agents))  # fmt: skip
    given = {"members": members, "seed": 0, "updates": updates, "partners": bots.params}
    state = init_state(env, policy, method, watching(8), **given)
    update = make_update(env, policy, method, watching(8))
    state = fit(update, state, updates=updates, chunk=updates)
    return tuple(np.asarray(x) for x in state.method[1:])


@pytest.mark.parametrize("env", [LEVER, HANABI], ids=["two seats", "three seats"])
def test_over_a_run_each_partner_is_met_and_each_seat_taken_alike(env):
    met, sat, alike = meetings(env, None)
    assert met.sum() == 2 * 150 * 4
    for member in (0, 1):
        own = met[member, 4 * member : 4 * member + 4]
        assert own.sum() == met[member].sum()
        np.testing.assert_allclose(own / own.sum(), 0.25, atol=0.06)
        np.testing.assert_allclose(sat[member] / sat[member].sum(), 1 / env.spec.num_agents,
                                   atol=0.05)  # fmt: skip
    # four blocks of four partners are all of one in 1 of 64 updates
    assert alike.max() < 0.08 * 150


def test_over_a_run_partners_are_met_by_weight():
    met, _, _ = meetings(LEVER, [1, 0, 2, 1], uniform=False)
    for member in (0, 1):
        own = met[member, 4 * member : 4 * member + 4] / met[member].sum()
        np.testing.assert_allclose(own, [0.25, 0, 0.5, 0.25], atol=0.06)


# what is told


def keep_told(mstate: Any, params: Any, told: Any, partners: Any) -> Any:
    keep = {"returns": told.returns, "seats": told.matches[0].seats, "update": told.update,
            "budget": told.budget, "partner": told.matches[0].partner,
            "progress": told.progress}  # fmt: skip
    return keep, partners


def nothing_told(specs, envs, members):
    """The state of `keep_told` before the first update."""

    def init(key: Any, params: Any, partners: Any) -> Any:
        returns = tuple(jnp.zeros((members, spec.blocks)) for spec in specs)
        zero = jnp.int32(0)
        seats = jnp.zeros((members, envs, 2), jnp.int32)
        partner = jnp.zeros((members, specs[0].blocks), jnp.int32)
        return {"returns": returns, "seats": seats, "update": zero, "budget": zero,
                "partner": partner, "progress": jnp.float32(0)}, partners  # fmt: skip

    return init


def fixed_pullers(specs):
    """Learners pull what they were made with; block k's partner pulls lever 2 k + 1."""

    def match(mstate: Any, keys: Any, params: Any, partners: Any) -> Any:
        def one(key: Any) -> Any:
            number = jnp.arange(specs[0].blocks)
            return tuple(
                draw_match(jax.random.fold_in(key, i), spec, envs=spec.envs(6),
                                          num_agents=2, symmetries=1, partners=2 * number + 1,
                                          partner=number + 10)
                for i, spec in enumerate(specs)
            )  # fmt: skip

        return jax.vmap(one)(keys)

    return match


def test_a_method_is_told_what_each_block_paid():
    specs = (MatchSpec("partner", partner=PULL, blocks=3), MatchSpec("self"))
    method = Method("told", specs, init=nothing_told(specs, 6, 2), match=fixed_pullers(specs),
                    after=keep_told)  # fmt: skip
    state = init_state(LEVER, PULL, method, watching(6), members=2, seed=0, updates=4)
    state = state._replace(params=jnp.array([3, 5], jnp.int32))
    after, log = jax.jit(make_update(LEVER, PULL, method, watching(6)))(state)
    told = after.method
    np.testing.assert_array_equal(told["returns"][0], [[0, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(told["returns"][1], [[1], [1]])
    assert told["partner"].tolist() == [[10, 11, 12]] * 2
    assert (int(told["update"]), int(told["budget"]), float(told["progress"])) == (1, 4, 0.25)
    np.testing.assert_allclose(log["return"], [1 / 3, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(log["return/self"], [1, 1])
    assert int(after.update) == 1
    assert np.asarray(after.alive).all()
    np.testing.assert_array_equal(log["alive"], [1.0, 1.0])
    # of three blocks of two games one paid; six games with itself, both seats
    np.testing.assert_allclose(after.learner.reward, [2 + 12, 2 + 12])


def test_a_member_is_paid_by_its_own_reward_hook_and_reports_the_true_return():
    def reward(member: Any, policy: Any, played: Any) -> Any:
        more = member.index + member.params + 10.0 * member.everyone.sum() + member.mstate
        return tuple(game._replace(reward=0.0 * game.reward + more) for game in played)

    def loss(params: Any, member: Any, policy: Any, played: Any) -> Any:
        return params + 100.0 * member.index + 0.0 * played[0].reward.sum()

    method = Method("paid", reward=reward, loss=loss,
                    init=lambda key, params, partners: (jnp.float32(1000), partners))  # fmt: skip
    state = init_state(LEVER, PULL, method, watching(1), members=2, seed=0, updates=1)
    state = state._replace(params=jnp.array([3, 5], jnp.int32))
    after, log = jax.jit(make_update(LEVER, PULL, method, watching(1)))(state)
    np.testing.assert_allclose(after.learner.reward, [2 * 1083, 2 * 1086])
    np.testing.assert_allclose(log["loss"], [3, 105])
    np.testing.assert_allclose(log["return"], [1, 1])


def test_members_go_on_as_copies_of_the_selected():
    def select(mstate: Any, key: Any, told: Any) -> Any:
        return mstate + told.metrics["return"], jnp.array([1, 1, 0])

    method = Method("select", init=lambda key, params, partners: (jnp.zeros(3), partners),
                    select=select)  # fmt: skip
    state = init_state(LEVER, PULL, method, watching(1), members=3, seed=0, updates=2)
    state = state._replace(params=jnp.array([9, 5, 7], jnp.int32))
    after, _ = jax.jit(make_update(LEVER, PULL, method, watching(1)))(state)
    assert after.params.tolist() == [5, 5, 9]
    np.testing.assert_allclose(after.learner.reward, [2.0, 2.0, 1.8], rtol=1e-6)
    np.testing.assert_allclose(after.method, [0.9, 1, 1], rtol=1e-6)
    assert same(after.key, state.key)


def test_a_learner_is_told_where_the_run_stands():
    """Steps and share of the budget before the update; `tune` has the last word."""
    env = Lever(rounds=5)
    states, _ = run(Method("clock"), watching(6), env=env, updates=4)
    told = [state.learner.hypers for state in states[1:]]
    assert [x["steps"].tolist() for x in told] == [[30.0 * u] * 2 for u in range(4)]
    np.testing.assert_allclose([x["progress"][0] for x in told], [0, 0.25, 0.5, 0.75])
    tune = lambda mstate, hypers: {**hypers, "steps": hypers["steps"] + jnp.array([1.0, 2.0])}
    tuned, _ = run(Method("tuned", tune=tune), watching(6), env=env, updates=2)
    assert tuned[-1].learner.hypers["steps"].tolist() == [31, 32]


def test_an_episode_is_cut_into_segments_each_learned_from():
    env = Lever(rounds=5)
    states, log = run(Method("cut"), watching(2, parts=2), env=env, updates=2, policy=PULL)
    assert (segment_length(env, watching(2, 2)), segments(env, watching(2, 2))) == (3, 2)
    assert (segment_length(env, watching(2, 9)), segments(env, watching(2, 9))) == (1, 5)
    assert (states[-1].learner.segments == 4).all()
    pays = np.where(np.asarray(states[0].params) == 9, 0.9, 1.0)
    np.testing.assert_allclose(log["return"], [5 * pays] * 2, rtol=1e-6)
    assert steps_per_update(env, watching(2, 2)) == 10


def test_partners_stay_for_an_update_and_change_with_the_next():
    """Six rounds in three segments: a learner that pulls lever 3 is paid in all or in none."""
    env, spec = Lever(rounds=6), MatchSpec("partner", partner=PULL, blocks=4)
    learner = watching(8, parts=3)

    def match(mstate: Any, keys: Any, params: Any, partners: Any) -> Any:
        def one(key: Any) -> Any:
            lever = jax.random.choice(key, jnp.array([3, 5]), (4,))
            return draw_match(key, spec, envs=8, num_agents=2, symmetries=1, partners=lever,
                              partner=lever)  # fmt: skip

        return (jax.vmap(one)(keys),)

    method = Method("told", (spec,), init=nothing_told((spec,), 8, 2), match=match,
                    after=keep_told)  # fmt: skip
    state = init_state(env, PULL, method, learner, members=2, seed=0, updates=4)
    state = state._replace(params=jnp.array([3, 3], jnp.int32))
    update, seen = jax.jit(make_update(env, PULL, method, learner)), []
    for _ in range(4):
        state, _ = jax.block_until_ready(update(state))
        told = state.method
        wanted = np.where(np.asarray(told["partner"]) == 3, 6.0, 0.0)
        np.testing.assert_array_equal(told["returns"][0], wanted)
        seen.append(wanted.tolist())
    assert len({str(x) for x in seen}) > 1


def test_live_partners_are_as_they_are_in_each_segment():
    """A member learns to pull the next lever after each round; its partner is itself."""
    env, spec = Lever(rounds=4), MatchSpec("partner", partner=PULL)
    usual = watching(2, parts=4)

    def learn(task: Any, key: Any, params: Any, state: Any, played: Any, hypers: Any, loss: Any):
        return params + 1, state, {"loss": 0.0 * hypers["steps"]}

    def match(mstate: Any, keys: Any, params: Any, partners: Any) -> Any:
        one = lambda key, own: draw_match(
            key, spec, envs=2, num_agents=2, symmetries=1, partners=own[None]
        )
        return (jax.vmap(one)(keys, params),)

    learner = replace(usual, name="next", learn=learn)
    method = Method("live", (spec,), match=match)
    state = init_state(env, PULL, method, learner, members=2, seed=0, updates=1)
    state = state._replace(params=jnp.array([0, 4], jnp.int32))
    after, log = jax.jit(make_update(env, PULL, method, learner))(state)
    assert after.params.tolist() == [4, 8]
    np.testing.assert_array_equal(log["return"], [4, 4])


def test_the_share_of_living_games_is_the_mean_over_all_kinds():
    """Dealt anew at every step, all games live."""
    method = Method("two", (MatchSpec("a"), MatchSpec("b")))
    bot = constant_policy(num_actions=HANABI.spec.num_actions)
    learner = watching(2, parts=HANABI.spec.horizon)
    _, log = run(method, learner, env=HANABI, policy=bot, updates=1)
    np.testing.assert_array_equal(log["playing"], [[1.0, 1.0]])


def test_budgets_pay_for_whole_updates():
    env, learner = Lever(rounds=5), watching(2)
    assert [updates_for(env, learner, steps) for steps in (10, 19, 20, 1e6)] == [1, 1, 2, 10**5]
    for steps in (9, float("nan"), float("inf"), -1e30, 10 * 2.0**31):
        with pytest.raises(zsc.UserError):
            updates_for(env, learner, steps)


def test_other_play_draws_from_all_symmetries_and_every_kind_of_game_apart():
    method = Method("two", (MatchSpec("a", relabel=True), MatchSpec("b", relabel=True)))
    learner = watching(3000)
    state = init_state(LEVER, PULL, method, learner, members=2, seed=0, updates=1)
    matches = draw_matches(training(LEVER, PULL, method, learner), state, state.params, state.key)
    for match in matches:
        share = np.bincount(match.symmetry[0, :, 0], minlength=9) / 3000
        np.testing.assert_allclose(share, 1 / 9, atol=0.03)
    assert (matches[0].symmetry != matches[1].symmetry).mean() > 0.8
    assert (matches[0].symmetry[0] != matches[0].symmetry[1]).mean() > 0.8


def test_games_begin_where_the_method_says_and_updates_differ():
    """A start hook puts every game into its last round."""
    env = Lever(rounds=3)

    def start(mstate: Any, keys: Any, params: Any, matches: Any, partners: Any) -> Any:
        def one(key: Any) -> Any:
            state = env.reset(key)[0]._replace(time=jnp.int32(2))
            return jax.tree.map(lambda x: jnp.broadcast_to(x, (2, *x.shape)), state)

        return (jax.vmap(one)(keys),)

    _, log = run(Method("late", start=start), watching(2), env=env, updates=1, members=3)
    assert (log["return"] <= 1).all()


def test_updates_and_members_draw_for_themselves():
    policy = zsc.mixture(PULL, 1.0)
    states, log = run(Method("self_play"), watching(50), policy=policy, members=3, updates=3)
    assert len(np.unique(log["return"])) > 4
    again, twice = run(Method("self_play"), watching(50), policy=policy, members=3, updates=3)
    np.testing.assert_array_equal(twice["return"], log["return"])
    other, _ = run(Method("self_play"), watching(50), policy=policy, members=3, updates=1, seed=1)
    assert not same(states[0].key, other[0].key)
    assert again[-1].budget == 3


def test_a_member_that_went_bad_keeps_what_it_was():
    """Its parameters become no number in one update; the others go on."""

    def learn(task: Any, key: Any, params: Any, state: Any, played: Any, hypers: Any, loss: Any):
        bad = (params == 1) & (hypers["progress"] > 0)
        return jnp.where(bad, jnp.nan, params + 10), state + 1, {"loss": params}

    usual = watching(1)
    learner = replace(usual, name="sick", init=lambda *_: jnp.float32(0), learn=learn)
    policy = replace(PULL, name="floats", init=lambda key: jnp.float32(0),
                     apply=lambda p, c, i: PULL.apply(jnp.int32(0), c, i))  # fmt: skip
    state = init_state(LEVER, policy, Method("sick"), learner, members=3, seed=0, updates=3)
    state = state._replace(params=jnp.array([0.0, -9.0, 1.0]))
    update = jax.jit(make_update(LEVER, policy, Method("sick"), learner))
    first, log = update(state)
    assert first.params.tolist() == [10, 1, 11]
    second, log = update(first)
    assert second.params.tolist() == [20, 1, 21]
    assert second.learner.tolist() == [2, 1, 2]
    assert second.alive.tolist() == log["alive"].tolist() == [True, False, True]
    third, log = update(second)
    assert third.params.tolist() == [30, 1, 31]
    assert third.alive.tolist() == [True, False, True]


def test_what_cannot_learn_is_refused():
    reader = replace(PULL, name="reader", reads=("state",))
    with pytest.raises(zsc.UserError, match="reads the state"):
        make_update(LEVER, reader, Method("x"), watching(1))
    with pytest.raises(zsc.UserError, match="has a joint loss"):
        make_update(LEVER, PULL, Method("x", joint_loss=lambda *_: 0.0), watching(1))
    with pytest.raises(zsc.UserError, match="0 members"):
        init_state(LEVER, PULL, Method("x"), watching(1), members=0, seed=0, updates=1)


def test_members_have_the_keys_of_their_numbers():
    policy, method, ppo = mlp_policy(LEVER.spec, widths=(4,)), Method("x"), PPOConfig()
    make = partial(init_state, LEVER, policy, method, ppo, updates=7)
    three, one = make(members=3, seed=0), make(members=[2], seed=0)
    assert same(three.key[2:], one.key)
    assert not same(make(members=3, seed=1).key, three.key)
    assert (int(three.update), int(three.budget)) == (0, 7)
    assert three.alive.tolist() == [True] * 3
    for a, b in zip(jax.tree.leaves(three.params), jax.tree.leaves(one.params), strict=True):
        np.testing.assert_allclose(a[2], b[0], rtol=1e-6)
