"""Fictitious co-play by its parts: checkpoints, whose partners are whose, whom responses meet."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.by_hand import LEVER, pullers
from zsc import PPOConfig, UserError, constant_policy, init_state, keys
from zsc.evaluation import crossplay
from zsc.play.crossplay import self_play_returns
from zsc.populations import FictitiousCoPlay, SelfPlay, two_stage
from zsc.populations.best_response import Meetings
from zsc.populations.two_stage import choose_checkpoints
from zsc.train.method import Method

SMALL = PPOConfig(envs=8, segments=1, epochs=2, minibatches=1, learning_rate=0.05, shaping_steps=0)
RECIPE = FictitiousCoPlay(
    members=2, partners=3, steps=8 * 4, learner=SMALL, partner_steps=8 * 40,
    partner_learner=SMALL, blocks=4, snapshots=4,
)  # fmt: skip


def chosen(*skills):
    """The checkpoints of one member with these skills on the way."""
    return choose_checkpoints(np.array(skills, float)[:, None])[0].tolist()


def test_the_middle_checkpoint_is_the_one_nearest_to_half_of_the_final_skill():
    assert chosen(0, 1, 2, 5, 9, 10) == [0, 3, 5]
    assert chosen(0, 4, 4, 6, 6, 10) == [0, 1, 5]  # the earliest of equals
    assert chosen(5, 0, 8, 10) == [0, 2, 3]  # never the untrained one
    assert chosen(0, 1, 2, 6, 9, 10, 100) == [0, 5, 6]
    assert chosen(-20, -20, -8, -10) == [0, 2, 3]
    assert chosen(0, 0, 0, 0) == [0, 1, 3]
    assert chosen(3, 7) == [0, 1, 1]


def test_every_member_has_its_own_checkpoints():
    skill = np.array([[0, 0], [5, 1], [9, 4], [10, 10]], float)
    assert choose_checkpoints(skill).tolist() == [[0, 1, 3], [0, 2, 3]]


def test_skills_are_those_of_checkpoint_and_member():
    """Only lever 9 pays .9."""
    policy = constant_policy(num_actions=10)
    stage = RECIPE.running(LEVER, 0).stage(Method("x"), members=2)
    room = jnp.array([[9, 0, 0], [1, 1, 9]], jnp.int32)  # [M, S]
    skills = two_stage.skills(stage, policy, room)
    np.testing.assert_allclose(skills, [[0.9, 1], [1, 1], [1, 0.9]], rtol=1e-6)


@pytest.fixture(scope="module")
def partners():
    return RECIPE.train_partners(RECIPE.running(LEVER, seed=5))


def test_partners_are_three_checkpoints_of_each_seed(partners):
    assert len(partners) == 2 * 3 * 3
    assert [x.checkpoint for x in partners.labels] == ["initial", "mid", "final"] * 6
    assert [x.member for x in partners.labels] == np.repeat(range(6), 3).tolist()
    assert {x.method for x in partners.labels} == {"self_play"}
    assert {x.seed for x in partners.labels} == {5}
    steps = np.array([x.step for x in partners.labels]).reshape(6, 3)
    assert (steps[:, 0] == 0).all()
    assert (steps[:, 2] == 8 * 40).all()
    assert set(steps[:, 1].tolist()) <= {80, 160, 240, 320}


def test_partners_are_what_self_play_of_their_own_seeds_was_at_those_steps(partners):
    of = lambda params, rows: jax.tree.map(lambda x: np.asarray(x)[rows], params)
    rows = lambda checkpoint: np.arange(6) * 3 + checkpoint
    begun = init_state(LEVER, partners.policy, Method("self_play"), SMALL, members=6,
                       seed=5 + keys.PARTNER_SEEDS, updates=40).params  # fmt: skip
    recipe = SelfPlay(members=6, learner=SMALL, steps=8 * 40)
    final = recipe.train(LEVER, seed=5 + keys.PARTNER_SEEDS)
    for number, wanted in ((0, begun), (2, final.params)):
        for a, b in zip(jax.tree.leaves(of(partners.params, rows(number))),
                        jax.tree.leaves(wanted), strict=True):  # fmt: skip
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_labels_say_how_good_each_checkpoint_is(partners):
    key = jax.random.fold_in(jax.random.key(5 + keys.PARTNER_SEEDS), keys.CHECKPOINT_SKILL)
    again = self_play_returns(LEVER, partners.policy, partners.params, episodes=8, key=key)
    np.testing.assert_allclose([x.skill for x in partners.labels], again, rtol=1e-5)
    skill = again.reshape(6, 3)
    assert skill[:, 2].mean() > skill[:, 0].mean() + 0.3


def asked_for(recipe, env=LEVER, bots=None):
    """The table and meetings that a recipe trains its responses with."""
    heard = {}

    def train(run, partners, table, method, how):
        heard.update(table=table, method=method, how=how, partners=partners)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two_stage, "train_responses", train)
        recipe.train_responses(recipe.running(env, 0), bots)
    return heard


def of_ages(pool):
    """The pool as if its agents were three ages of one seed after the other."""
    ages = two_stage.CHECKPOINTS
    labels = [replace(x, checkpoint=ages[i % 3]) for i, x in enumerate(pool.labels)]
    return replace(pool, labels=tuple(labels))


def test_each_response_has_its_own_share_of_the_partners():
    bots = pullers(*range(10), *range(8))
    heard = asked_for(RECIPE, bots=bots)
    assert heard["partners"] is bots
    assert heard["method"] == "fictitious_co_play"
    assert heard["table"].places.tolist() == [list(range(9)), list(range(9, 18))]
    assert heard["how"] == Meetings(4, uniform=True, self_play=0.0, priority=2.0, fade=1.0)


def test_weights_are_those_of_untrained_halfway_and_final():
    bots = of_ages(pullers(*range(9), *range(9)))
    heard = asked_for(replace(RECIPE, weights=(1.0, 2.0, 5.0), self_play=0.25), bots=bots)
    assert heard["table"].weights.tolist() == [[1, 2, 5] * 3] * 2
    assert heard["how"] == Meetings(4, uniform=False, self_play=0.25, priority=2.0, fade=1.0)
    even = asked_for(replace(RECIPE, weights=(3.0, 3.0, 3.0)), bots=bots)
    assert even["how"].uniform


def test_rank_is_used_where_games_last_and_is_a_setting():
    hanabi = zsc.make("hanabi/very-small-2p")
    bots = pullers(*range(9), *range(9))
    assert asked_for(RECIPE, hanabi, bots)["how"].priority == 0.0
    assert asked_for(replace(RECIPE, priority=0.0), bots=bots)["how"].priority == 0.0
    assert asked_for(replace(RECIPE, priority=1.0), hanabi, bots)["how"].priority == 1.0


def test_responses_learn_with_the_final_partners_if_they_weigh_all():
    """Group 0 ends at lever 3, group 1 at lever 6; before that they pulled others."""
    bots = of_ages(pullers(*[0, 1, 3] * 3, *[2, 5, 6] * 3))
    long = replace(SMALL, envs=16, epochs=4, entropy=0.0)
    recipe = replace(RECIPE, weights=(0.0, 0.0, 1.0), priority=0.0, steps=16 * 60, learner=long)
    pool = recipe.train_responses(recipe.running(LEVER, seed=1), bots)
    assert [x.parents for x in pool.labels] == [bots.ids[:9], bots.ids[9:]]
    assert [x.member for x in pool.labels] == [0, 1]
    assert {x.step for x in pool.labels} == {16 * 60}
    assert {x.method for x in pool.labels} == {"fictitious_co_play"}
    earned = crossplay(LEVER, {"r": pool, "b": pullers(3, 6)}, episodes=32).matrix()
    np.testing.assert_allclose(earned[:2, 2:], np.eye(2), atol=0.2)


def test_a_run_keeps_its_partners_and_takes_them_up_again(tmp_path):
    pool = RECIPE.train(LEVER, seed=5, out=tmp_path / "run")
    kept = zsc.load_pool(tmp_path / "run" / "partners")
    assert [x.parents for x in pool.labels] == [kept.ids[:9], kept.ids[9:]]
    (tmp_path / "run" / "pool" / "manifest.json").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FictitiousCoPlay, "train_partners", lambda *_: pytest.fail("trained again"))
        again = RECIPE.train(LEVER, seed=5, out=tmp_path / "run", resume=True)
    assert again.ids == pool.ids


def test_the_published_form_meets_all_alike():
    published = FictitiousCoPlay.uniform(members=3)
    assert published.members == 3
    assert published.weights is None
    assert (published.self_play, published.priority) == (0.0, 0.0)
    assert FictitiousCoPlay.uniform(priority=1.0).priority == 1.0


def test_stages_learn_as_they_are_told():
    first, second = RECIPE.stages(LEVER.spec)
    assert (first.learner, first.steps) == (SMALL, 320)
    assert (second.learner, second.steps) == (SMALL, 32)
    other = replace(RECIPE, partner_learner=replace(SMALL, epochs=1), network=zsc.gru_policy)
    first, second = other.stages(LEVER.spec)
    assert (first.learner.epochs, second.learner.epochs) == (1, 2)
    assert (first.network, second.network) == (zsc.gru_policy, zsc.gru_policy)
    with pytest.raises(UserError, match="8 games cannot be shared by 3 partners"):
        replace(RECIPE, blocks=3).stages(LEVER.spec)


@pytest.mark.parametrize(
    "wrong",
    [{"members": 0}, {"partners": 0}, {"blocks": 0}, {"snapshots": 0}, {"self_play": 1.0},
     {"self_play": -0.1}, {"weights": (1.0, 1.0)}, {"priority": -1.0}, {"priority": np.inf}],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(UserError):
        replace(RECIPE, **wrong)
    assert replace(RECIPE, members=1, partners=1, blocks=1, snapshots=1, self_play=0.9)
