"""CEC: agents of many tasks do a task that they never saw, those of one task do that one only."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import zsc
from tests.compiles import compiles
from tests.disk import bits
from tests.interrupted import EnoughError, StopAt
from zsc import PPOConfig, UserError, gru_policy, mlp_policy
from zsc.evaluation import crossplay
from zsc.learn.q_learning import QConfig, iql
from zsc.populations import CrossEnvironment, SelfPlay
from zsc.train.sinks import Memory

MANY = zsc.make("dual_destination", size=3, horizon=20)
ONE = zsc.make("dual_destination/fixed", size=3, horizon=20)
LEARNER = PPOConfig(
    envs=128, segments=1, epochs=4, minibatches=8, learning_rate=5e-3, gamma=0.9, entropy=0.02,
    final_entropy=0.0, value_weight=0.02, shaping_steps=0,
)  # fmt: skip
SETTINGS = {"members": 2, "learner": LEARNER, "network": partial(gru_policy, hidden=32)}
TINY = CrossEnvironment(
    members=2, target=ONE, steps=8 * 20 * 20, target_share=1.0,
    learner=PPOConfig(envs=8, segments=2, epochs=1, minibatches=1, shaping_steps=0),
    network=partial(gru_policy, widths=(8,), hidden=8),
)  # fmt: skip


def between_seeds(env, pool):
    """Cross-play of different members: 0 for what the worst earn, 1 for the most there is."""
    played = crossplay(env, {"a": pool}, episodes=32, seed=0).matrix()
    mean = played[~np.eye(len(pool), dtype=bool)].mean()
    return (mean - env.spec.min_return) / (env.spec.max_return - env.spec.min_return)


@pytest.mark.long
def test_agents_of_many_tasks_do_one_that_they_never_saw_and_not_the_other_way_round():
    general = CrossEnvironment(steps=1.5e5, **SETTINGS).train(MANY, seed=0)
    single = SelfPlay(steps=8e4, **SETTINGS).train(ONE, seed=0)
    assert {label.method for label in general.labels} == {"cross_environment"}
    assert between_seeds(ONE, general) > 0.7  # held out
    assert between_seeds(MANY, general) > 0.8
    assert between_seeds(ONE, single) > 0.7
    assert between_seeds(MANY, single) < 0.2


@pytest.mark.long
def test_fine_tuned_agents_go_on_in_the_target_at_a_tenth_of_the_rate(tmp_path):
    told = Memory()
    pool = TINY.train(MANY, seed=0, out=tmp_path / "run", sinks=[told])
    general = zsc.load_pool(tmp_path / "run/general")
    assert pool.home.env == ONE.spec.id
    assert general.home.env == MANY.spec.id
    assert [x.parents for x in pool.labels] == [(name,) for name in general.ids]
    assert [x.step for x in pool.labels] == [6400] * 2
    first, second = TINY.stages(MANY.spec)
    assert second.learner.learning_rate == 0.1 * first.learner.learning_rate
    still = replace(TINY, target_rate=0.0).train(MANY, seed=0)
    assert bits(still.params) == bits(general.params)
    usual = CrossEnvironment(target=ONE).stages(MANY.spec)
    assert usual[1].steps == 0.1 * usual[0].steps


@pytest.mark.long
@pytest.mark.parametrize("when", [15, 35])  # in the first stage of 20 updates, in the second one
def test_stopped_and_gone_on_with_it_is_the_same(tmp_path, monkeypatch, when):
    monkeypatch.setattr("zsc.populations.stage.SAVE_SECONDS", 0)
    whole = TINY.train(MANY, seed=1)
    with pytest.raises(EnoughError):
        TINY.train(MANY, seed=1, out=tmp_path / "run", sinks=[StopAt(when)])
    assert (tmp_path / "run/general").exists() == (when > 20)
    again = TINY.train(MANY, seed=1, out=tmp_path / "run", resume=True)
    assert bits(again.params) == bits(whole.params)
    assert again.ids == whole.ids


@pytest.mark.long
def test_another_seed_compiles_nothing():
    TINY.train(MANY, seed=2)
    with compiles() as count:
        TINY.train(MANY, seed=3)
    assert count() == 0


def test_it_has_a_memory_unless_told_otherwise():
    kitchens = zsc.make("overcooked/kitchens")
    assert CrossEnvironment().agents(kitchens.spec) == gru_policy(kitchens.spec)
    assert CrossEnvironment().agents(MANY.spec).recurrent
    assert not CrossEnvironment(network=mlp_policy).agents(MANY.spec).recurrent


def test_a_game_that_is_always_the_same_is_refused_and_a_target_that_looks_otherwise():
    for name in ("dual_destination/fixed", "overcooked/cramped_room", "lever"):
        with pytest.raises(UserError, match=f"every reset of {name} is the same task"):
            CrossEnvironment(members=1).train(zsc.make(name))
    for target in (zsc.make("lever"), zsc.make("dual_destination/fixed", size=5)):
        with pytest.raises(UserError, match=r"the target .* give a target with the same encoding"):
            CrossEnvironment(members=1, target=target).train(MANY)
    with pytest.raises(UserError, match="give a PPOConfig, or no target"):
        CrossEnvironment(target=ONE, learner=iql(QConfig())).stages(MANY.spec)
    with pytest.raises(UserError, match="target_rate is -1"):
        CrossEnvironment(target_rate=-1.0)
    kitchens = zsc.make("overcooked/kitchens", horizon=40)
    CrossEnvironment(target=kitchens).check(kitchens)
