"""Teams of three: who plays with whom, in which seats, and intervals that cover."""

import time
from collections import Counter
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.general_sum import EachForItself
from zsc import Label, Out, Policy, UserError, constant_policy, gru_policy, make_pool, mlp_policy
from zsc.agents.policy import certain
from zsc.evaluation.teams import TeamPlay, teams
from zsc.play.episode import episode
from zsc.play.teams import all_teams, count_teams, play_teams, seatings, some_teams

LEVER = zsc.make("lever")
HANABI = zsc.make(
    "hanabi",
    players=3,
    colours=2,
    ranks=2,
    copies=(2, 2),
    hand_size=2,
    info_tokens=3,
    life_tokens=3,
)
EPISODES, SEED = 8, 3
#: the seats of roles 0, 1, 2 in episodes 0 to 5
SEATINGS = ((0, 1, 2), (2, 0, 1), (1, 2, 0), (0, 2, 1), (1, 0, 2), (2, 1, 0))


def constants(levers):
    policy = constant_policy(num_actions=10)
    labels = [Label("constant", member=i) for i in range(len(levers))]
    return make_pool(LEVER.spec, policy, jnp.asarray(levers, jnp.int32), labels)


def by_seat(levers):
    """Agents that pull one lever in seat 0 and another in seat 1."""
    apply = lambda params, carry, inputs: (
        carry,
        Out(certain(params[inputs.agent], 10), jnp.zeros(1)),
    )
    policy = Policy("by_seat", (), lambda key: jnp.zeros(2, jnp.int32), lambda: (), apply)
    labels = [Label("by_seat", member=i) for i in range(len(levers))]
    return make_pool(LEVER.spec, policy, jnp.asarray(levers, jnp.int32), labels)


def untrained(policy, methods, seed):
    """Far from uniform, so that it shows who plays: fresh networks are all alike."""
    rng = np.random.default_rng(seed)
    like = jax.eval_shape(policy.init, jax.random.key(0))
    draw = lambda x: rng.normal(0, 1, (len(methods), *x.shape)).astype(x.dtype)
    params = jax.tree.map(draw, like)
    labels = [Label(method, member=i) for i, method in enumerate(methods)]
    return make_pool(HANABI.spec, policy, params, labels)


MLP = mlp_policy(HANABI.spec, widths=(8,))
GRU = gru_policy(HANABI.spec, widths=(8,), hidden=8)
#: three runs of one method, and two agents of different ones
ENTRIES = {"runs": untrained(MLP, ["one"] * 3, 0), "others": untrained(MLP, ["two", "three"], 1)}


@cache
def played():
    return teams(HANABI, ENTRIES, episodes=EPISODES, seed=SEED)


def test_all_teams_are_all_multisets():
    assert all_teams(3, 2).tolist() == [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]]
    found = all_teams(5, 3)
    assert found.shape == (35, 3)  # 7 over 3
    assert len({tuple(team) for team in found.tolist()}) == 35
    assert (np.diff(found, axis=1) >= 0).all()
    assert set(found.ravel().tolist()) == set(range(5))


def test_teams_of_constants_earn_what_their_levers_pay():
    levers = [0, 3, 9, 3]
    found = teams(LEVER, {"a": constants(levers[:2]), "b": constants(levers[2:])}, episodes=2)
    pays = np.where(np.equal.outer(levers, levers), 1.0, 0.0)
    pays[2, 2] = 0.9
    assert found.teams.tolist() == all_teams(4, 2).tolist()
    expected = pays[tuple(found.teams.T)]
    np.testing.assert_allclose(found.returns, np.stack([expected, expected], axis=1))
    assert found.names == ("a/0", "a/1", "b/0", "b/1")
    np.testing.assert_allclose(found.to_frame()["return"], expected)


def test_any_five_episodes_of_five_seat_everyone_once_in_each_seat():
    orders = seatings(5, 120)
    assert len({tuple(order) for order in orders.tolist()}) == 120
    for block in orders.reshape(-1, 5, 5):
        assert (np.sort(block, axis=0) == np.arange(5)[:, None]).all()


def test_two_episodes_are_both_seatings():
    """Lever 3 meets an agent that pulls it in seat 1 only: paid in the first episode, not in the
    second."""
    roster = {"constant": constants([3]), "by seat": by_seat([[5, 3]])}
    found = teams(LEVER, roster, episodes=5)
    assert found.teams.tolist() == [[0, 0], [0, 1], [1, 1]]
    np.testing.assert_array_equal(found.returns[1], [1, 0, 1, 0, 1])
    np.testing.assert_array_equal(found.returns[2], np.zeros(5))


def test_a_team_plays_the_recorded_episodes_in_all_seatings():
    """Two of one kind and one with a memory, in all six seatings and the first two again."""
    mlp, gru = ENTRIES["runs"], untrained(GRU, ["two", "three"], seed=2)
    members = np.array([[0, 2, 3], [1, 1, 4]])
    root = jax.random.key(SEED)
    returns = play_teams(HANABI, [mlp, gru], members, episodes=EPISODES, key=root)
    play = jax.jit(partial(episode, HANABI, (MLP, MLP, GRU)))
    take = lambda pool, i: jax.tree.map(lambda x: x[i], pool.params)
    for place, (one, two, other) in enumerate(members):
        params = take(mlp, one), take(mlp, two), take(gru, other - 3)
        for number in range(EPISODES):
            seats = jnp.array(SEATINGS[number % 6])
            reward = play(params, seats, jax.random.fold_in(root, number))[4]
            assert returns[place, number] == float(reward[:, 0].sum())
    assert returns[0].std() > 0
    assert returns[1].std() > 0
    assert (returns[0] != returns[1]).any()


def test_every_episode_of_a_team_is_a_recorded_game_of_agents_in_these_seats():
    one, two = ENTRIES.values()
    team = (one.take([0]), one.take([1]), two.take([0]))
    mine = played().returns[played().teams.tolist().index([0, 1, 3])]
    expected = []
    for number in range(EPISODES):
        seats = SEATINGS[number % 6]
        agents = tuple(team[seats.index(seat)] for seat in range(3))
        seen = zsc.record(HANABI, agents, episodes=EPISODES, seed=SEED)
        expected.append(seen.reward[number, :, 0].sum())
    assert mine.tolist() == expected
    assert mine.std() > 0


def test_summary_has_the_means_of_the_right_teams():
    found = played()
    table = found.summary(resamples=300).set_index(["group", "different"])
    means = found.returns.mean(1)
    where = {tuple(team): i for i, team in enumerate(found.teams.tolist())}
    wanted = {
        ("runs", 1): [(0, 0, 0), (1, 1, 1), (2, 2, 2)],
        ("runs", 2): [(0, 0, 1), (0, 1, 1), (0, 0, 2), (0, 2, 2), (1, 1, 2), (1, 2, 2)],
        ("runs", 3): [(0, 1, 2)],
        ("others", 1): [(3, 3, 3), (4, 4, 4)],
        ("others", 2): [(3, 3, 4), (3, 4, 4)],
    }
    assert set(table.index) == set(wanted)
    for row, members in wanted.items():
        assert table.loc[row, "teams"] == len(members)
        expected = np.mean([means[where[team]] for team in members])
        assert table.loc[row, "mean"] == pytest.approx(expected, rel=1e-6)
    # different methods are no repetitions; of three policies there is one team of three
    for row in [("others", 1), ("others", 2), ("runs", 3)]:
        assert table.loc[row, ["low", "high"]].isna().all()
    for row in [("runs", 1), ("runs", 2)]:
        assert table.loc[row, "low"] < table.loc[row, "mean"] < table.loc[row, "high"]


def test_long_form_names_the_members():
    table = played().to_frame()
    assert len(table) == 35
    row = table.loc[played().teams.tolist().index([0, 3, 3])]
    assert [row[f"member {i}"] for i in range(3)] == ["runs/0", "others/two", "others/two"]
    assert row["different"] == 2


def test_too_many_teams_are_refused_before_they_play():
    many = {"many": constants(np.arange(90) % 10)}  # 4095 teams of two
    with pytest.raises(UserError, match=r"90 policies make 4095 teams of 2.*most=4000.*most=4095"):
        teams(LEVER, many, episodes=1)
    with pytest.raises(UserError, match="most is 4: allow at least one team for each of 5"):
        teams(HANABI, ENTRIES, episodes=1, most=4)


def test_a_sample_of_teams_plays_the_games_of_all():
    """All five policies alone, and seven of the thirty mixed teams."""
    found = teams(HANABI, ENTRIES, episodes=EPISODES, seed=SEED, most=12)
    assert len(found.teams) == len({tuple(team) for team in found.teams.tolist()}) == 12
    assert (found.different == 1).sum() == 5
    where = {tuple(team): i for i, team in enumerate(played().teams.tolist())}
    same = played().returns[[where[tuple(team)] for team in found.teams.tolist()]]
    np.testing.assert_array_equal(found.returns, same)
    assert len(teams(LEVER, {"few": constants([1, 2])}, episodes=1, most=3).teams) == 3


def test_samples_of_teams_are_uniform_and_follow_the_seed():
    drawn = [some_teams(4, 3, 7, seed=seed) for seed in range(600)]  # 4 alone, 3 of 16 mixed
    assert all(len({tuple(team) for team in found.tolist()}) == 7 for found in drawn)
    counts = Counter(tuple(team) for found in drawn for team in found.tolist())
    assert set(counts) == {tuple(team) for team in all_teams(4, 3).tolist()}
    mixed = [count for team, count in counts.items() if len(set(team)) > 1]
    assert min(mixed) > 70  # 112.5 expected, standard deviation 9.6
    assert max(mixed) < 155
    np.testing.assert_array_equal(some_teams(4, 3, 7, seed=5), drawn[5])
    assert len(some_teams(4, 3, 19)) == 19  # nearly all of 20
    huge = some_teams(40, 27, 60, seed=1)  # of 10^17 teams, which nobody lists
    assert huge.shape == (60, 27)
    assert count_teams(40, 27) > 10**17
    assert (np.diff(huge, axis=1) >= 0).all()


def test_seatings_of_many_agents_are_made_one_by_one():
    """Ten agents have 3.6 million seatings; only those that are played are made."""
    began = time.perf_counter()
    orders = seatings(10, 25)
    assert time.perf_counter() - began < 1
    assert orders.shape == (25, 10)
    for block in (orders[:10], orders[10:20]):
        assert (np.sort(block, axis=0) == np.arange(10)[:, None]).all()
    assert seatings(3, 8).tolist() == [list(SEATINGS[i % 6]) for i in range(8)]


def test_a_team_has_no_return_where_each_is_paid_by_itself():
    env, pool, key = EachForItself(), constants([0, 1]), jax.random.key(0)
    with pytest.raises(UserError, match=r"lever pays each agent by itself.*use crossplay"):
        play_teams(env, [pool], np.array([[0, 1]]), episodes=1, key=key)
    with pytest.raises(UserError, match="lever pays each agent by itself"):
        teams(env, {"a": pool}, episodes=1)


@pytest.mark.parametrize("wrong", [[[0, 1, 0]], [[0]], [0, 1]], ids=["three", "one", "flat"])
def test_teams_of_the_wrong_width_are_refused(wrong):
    with pytest.raises(UserError, match=r"lever needs \[X, 2\]"):
        play_teams(LEVER, [constants([0, 1])], np.array(wrong), episodes=1, key=jax.random.key(0))


@pytest.mark.parametrize("wrong", [[[0, 2]], [[-1, 0]]])
def test_teams_of_nobody_are_refused(wrong):
    with pytest.raises(UserError, match="places 0 to 1"):
        play_teams(LEVER, [constants([0, 1])], np.array(wrong), episodes=1, key=jax.random.key(0))


def test_nothing_to_play_is_an_error():
    with pytest.raises(UserError, match="at least 1 episode"):
        teams(LEVER, {"a": constants([1])}, episodes=0)
    for nobody in ({}, {"a": constants([1]).take([])}):
        with pytest.raises(UserError, match="roster is empty"):
            teams(LEVER, nobody)
    with pytest.raises(UserError, match="made for lever"):
        teams(HANABI, {"a": constants([1])}, episodes=1)


POLICIES, TRIALS, TRUTH = 8, 200, 5.0


def simulated(rng):
    """Teams of three of eight policies: each brings its strength, each team its own luck."""
    everyone = all_teams(POLICIES, 3)
    strength = rng.normal(0, 1, POLICIES)
    luck = rng.normal(0, 0.5, len(everyone))
    returns = TRUTH + strength[everyone].mean(1) + luck
    noise = rng.normal(0, 0.5, (len(everyone), 4))
    names = tuple(str(i) for i in range(POLICIES))
    same = ("runs",) * POLICIES
    return TeamPlay(returns[:, None] + noise, everyone, names, same, same, "simulated", 0)


def test_intervals_cover_the_truth_and_naive_ones_do_not():
    """An interval from the spread of 56 teams forgets that they share 8 policies."""
    hits = naive = 0
    for trial in range(TRIALS):
        found = simulated(np.random.default_rng(trial))
        chosen = found.different == 3
        assert chosen.sum() == 56
        told = found.mean_of(chosen, np.arange(POLICIES), seed=trial, resamples=200)
        hits += told.low <= TRUTH <= told.high
        means = found.returns[chosen].mean(1)
        half = 1.96 * means.std(ddof=1) / np.sqrt(len(means))
        naive += abs(means.mean() - TRUTH) <= half
        assert told.mean == pytest.approx(means.mean())
    assert 0.88 <= hits / TRIALS <= 0.995
    assert naive / TRIALS < 0.7
