"""Films: the very episodes that counted, many at a time, and whose returns they tell."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.compiles import compiles
from tests.general_sum import EachForItself
from zsc import Label, UserError, constant_policy, gru_policy, make_pool, mlp_policy
from zsc.evaluation import crossplay
from zsc.evaluation.report.clips import cell_clips
from zsc.evaluation.report.page import Extras, report_data
from zsc.play import film as films
from zsc.play.film import captions, in_words, record_teams

KITCHEN = zsc.make("overcooked/cramped_room", horizon=20)
THREE = zsc.make("hanabi", players=3, colours=2, ranks=2, copies=(2, 2), hand_size=2)
PAID_APART = EachForItself(rounds=3)


def untrained(env, policy, count, seed):
    """Far from uniform: fresh networks are all alike."""
    rng = np.random.default_rng(seed)
    like = jax.eval_shape(policy.init, jax.random.key(0))
    params = jax.tree.map(lambda x: rng.normal(0, 1, (count, *x.shape)).astype(x.dtype), like)
    return make_pool(env.spec, policy, params, [Label("untrained", member=i) for i in range(count)])


def roster(env):
    return [
        untrained(env, mlp_policy(env.spec, widths=(8,)), 3, seed=0),
        untrained(env, gru_policy(env.spec, widths=(8,), hidden=8), 2, seed=1),
    ]


@pytest.mark.parametrize(
    "env",
    [
        pytest.param(KITCHEN, id="two seats"),
        pytest.param(THREE, id="three seats", marks=pytest.mark.long),
    ],
)
def test_records_of_many_teams_are_those_of_each_alone(env):
    """Every field, bit for bit, in two pairs of kinds; chunks are not filled by the last ones."""
    pools = roster(env)
    agents = [pool.take([i]) for pool in pools for i in range(len(pool))]
    teams = np.array([(i, *(j,) * (env.spec.num_agents - 1)) for i in range(3) for j in range(5)])
    found = dict(record_teams(env, pools, teams, seed=7, chunk=4))
    assert sorted(found) == list(range(15))
    for number in range(0, 15, 2):
        alone = zsc.record(env, tuple(agents[i] for i in teams[number]), seed=7)
        jax.tree.map(np.testing.assert_array_equal, found[number], alone)
    assert len({x.action.tobytes() for x in found.values()}) > 8


def test_records_are_made_a_chunk_at_a_time_and_the_next_one_meanwhile(monkeypatch):
    order, play = [], films._play
    monkeypatch.setattr(films, "_play", lambda *x: order.append("play") or play(*x))
    teams = np.array([(i, j) for i in range(3) for j in range(3)])
    pools = roster(KITCHEN)[:1]
    for number, shown in record_teams(KITCHEN, pools, teams, chunk=4):
        order.append(number)
        assert shown.reward.shape == (1, 20, 2)
    assert order == ["play", "play", 0, 1, 2, 3, "play", 4, 5, 6, 7, 8]
    with compiles() as count:
        list(record_teams(KITCHEN, pools, teams, seed=1, chunk=4))
    assert count() == 0


def pullers():
    policy = constant_policy(num_actions=10)
    labels = [Label("constant", member=i) for i in range(2)]
    return make_pool(PAID_APART.spec, policy, jnp.array([3, 9], jnp.int32), labels)


def test_where_each_is_paid_by_itself_films_and_pages_tell_every_seat():
    pool = pullers()
    frames, earned = zsc.film(PAID_APART, (pool.take([0]), pool.take([0])))
    assert len(frames) == 4
    np.testing.assert_allclose(earned, [[0, 0], [1, -0.5], [2, -1], [3, -1.5]])
    assert captions(earned)[2] == "step   2   returns by seat 2, -1"
    played = crossplay(PAID_APART, {"all": pool}, episodes=1)
    assert played.matrix()[0, 0] == 3
    assert played.matrix(seat=1)[0, 0] == -1.5
    clips = cell_clips(PAID_APART, [pool], played, [(0, 0), (0, 1)])
    assert clips.cells["0,0"]["earned"] == [[1, [1, -0.5]], [2, [2, -1]], [3, [3, -1.5]]]
    assert clips.cells["0,1"]["earned"] == []
    json.dumps(clips._asdict())
    assert report_data(PAID_APART, played, Extras())["team_reward"] is False


def test_where_the_team_is_paid_there_is_one_return():
    env = zsc.make("lever/iterated")
    labels = [Label("constant")]
    pool = make_pool(env.spec, constant_policy(num_actions=10), jnp.array([3], jnp.int32), labels)
    _, earned = zsc.film(env, (pool, pool), steps=2)
    assert earned.tolist() == [0, 1, 2]
    assert captions(earned) == ["step   0   return 0", "step   1   return 1", "step   2   return 2"]
    assert in_words(earned[-1]) == "return 2"
    played = crossplay(env, {"all": pool}, episodes=1)
    assert report_data(env, played, Extras())["team_reward"] is True
    assert cell_clips(env, [pool], played, [(0, 0)]).cells["0,0"]["earned"][0] == [1, 1.0]


def test_agents_of_another_game_are_not_recorded():
    with pytest.raises(UserError, match="was made for"):
        next(record_teams(KITCHEN, [pullers()], np.array([[0, 1]])))
