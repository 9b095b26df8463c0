"""A member whose numbers go bad stops alone: named, with its last good parameters. A run of which
nobody is left ends, and does not say that it succeeded."""

import json
import re
import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import Method, PPOConfig, UserError, fit, init_state, make_update, mlp_policy
from zsc.cli import main
from zsc.evaluation import crossplay
from zsc.populations import BehaviourCloning, Recipe
from zsc.populations.self_play import final_members
from zsc.populations.two_stage import TwoStage
from zsc.train.sinks import Memory

ENV = zsc.make("overcooked/cramped_room", horizon=20)
PPO = PPOConfig(envs=4, segments=2, epochs=1, minibatches=1)
POLICY = mlp_policy(ENV.spec, widths=(8,))
UPDATES = 6
EVERYONE = -1


def poison(member, when):
    """A method whose reward is no number for one member from an update on."""

    def init(key, params, pool):
        return jnp.int32(0), pool

    def after(update, params, told, pool):
        return update + 1, pool

    def reward(own, policy, trajectories):
        sick = ((own.index == member) | (member == EVERYONE)) & (own.mstate >= when)
        add = lambda x: x._replace(reward=x.reward + jnp.where(sick, jnp.nan, 0.0))
        return tuple(map(add, trajectories))

    return Method("poisoned", init=init, after=after, reward=reward)


def train(method, updates=UPDATES):
    state = init_state(ENV, POLICY, method, PPO, members=3, seed=0, updates=UPDATES)
    memory = Memory()
    update = make_update(ENV, POLICY, method, PPO)
    return fit(update, state, updates=updates, chunk=2, sinks=[memory]), memory


@pytest.fixture(scope="module")
def runs():
    healthy = train(poison(1, 10**6))
    with pytest.warns(
        UserWarning, match=r"member 1 is stopped at update 4: its loss is nan"
    ) as told:
        sick = train(poison(1, 3))
    return healthy, sick, [str(x.message) for x in told]


def of(tree, member):
    return [np.asarray(x[member]) for x in jax.tree.leaves(tree)]


def test_it_is_named_once_and_marked(runs):
    (_, _), (state, memory), told = runs
    assert len(told) == 1
    assert "the others go on" in told[0]
    assert np.asarray(state.alive).tolist() == [True, False, True]
    np.testing.assert_array_equal(memory["alive"][:, 1], [1, 1, 1, 0, 0, 0])


def test_the_others_are_what_they_would_have_been(runs):
    (healthy, before), (sick, after), _ = runs
    for member in (0, 2):
        for x, y in zip(of(healthy.params, member), of(sick.params, member), strict=True):
            np.testing.assert_array_equal(x, y)
        np.testing.assert_array_equal(before["return"][:, member], after["return"][:, member])


def test_it_keeps_its_last_good_parameters(runs):
    _, (sick, _), _ = runs
    state = init_state(ENV, POLICY, poison(1, 10**6), PPO, members=3, seed=0, updates=UPDATES)
    update = make_update(ENV, POLICY, poison(1, 10**6), PPO)
    three = fit(update, state, updates=3, chunk=2)
    for x, y in zip(of(three.params, 1), of(sick.params, 1), strict=True):
        np.testing.assert_array_equal(x, y)
        assert np.isfinite(x).all()


class PoisonedPartners(TwoStage):
    """Partners of which one goes bad."""

    def partner_method(self, run):
        return replace(
            poison(1, 3), after=None, init=lambda key, params, pool: (jnp.int32(4), pool)
        )


def test_a_partner_that_went_bad_is_not_called_final():
    recipe = PoisonedPartners(
        members=1, partners=3, partner_learner=PPO, partner_steps=80 * 6, snapshots=2,
        network=lambda spec: mlp_policy(spec, widths=(8,)),
    )  # fmt: skip
    with pytest.warns(UserWarning, match="stopped"):
        pool = recipe.train_partners(recipe.running(ENV, 0))
    ages = [x.checkpoint for x in pool.labels]
    assert ages == [
        "initial",
        "mid",
        "final",
        "initial",
        "mid",
        "stopped",
        "initial",
        "mid",
        "final",
    ]


def test_the_run_ends_where_nobody_is_left():
    method = poison(EVERYONE, 2)
    memory = Memory()
    state = init_state(ENV, POLICY, method, PPO, members=3, seed=0, updates=UPDATES)
    update = make_update(ENV, POLICY, method, PPO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nobody is said to go on
        with pytest.raises(UserError, match="ended at update 3: all 3 members are stopped") as said:
            fit(update, state, updates=UPDATES, chunk=2, sinks=[memory])
    assert "the loss of member 0 is nan" in str(said.value)
    assert [row["update"] for row in memory.rows] == [1, 2, 3]


class Poisoned(Recipe):
    """Self-play whose rewards go bad."""

    def build(self, run):
        return final_members(self, run, self.method)


def recipe(method):
    made = Poisoned(members=3, steps=20 * 4 * UPDATES, learner=PPO, network=lambda _: POLICY)
    object.__setattr__(made, "method", method)
    return made


def test_what_was_finished_stays_and_no_pool_is_written(tmp_path):
    with pytest.raises(UserError, match="ended at update 3"):
        recipe(poison(EVERYONE, 2)).train(ENV, out=tmp_path / "run")
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["update"] for row in rows] == [1, 2, 3]
    assert not (tmp_path / "run" / "pool").exists()


def test_the_end_names_those_that_did_not_reach_it():
    words = r"training: 1 of 3 members were stopped before the end \(1\)"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        pool = recipe(poison(1, 3)).train(ENV)
    assert any(re.search(words, str(warning.message)) for warning in said)
    assert [label.checkpoint for label in pool.labels] == ["final", "stopped", "final"]


def test_the_command_line_does_not_call_it_a_success(tmp_path, capsys):
    arguments = ["--env", "lever", "--members", "2", "--lr", "1e38", "--steps", "20000"]
    assert main(["train", "sp", *arguments, "--out", str(tmp_path / "run")]) == 2
    said = [x for x in capsys.readouterr().err.splitlines() if not x.startswith("training: ")]
    assert len(said) == 1
    assert said[0].startswith("zsc: the training ended at update ")


def test_clones_that_learned_nothing_are_no_pool(tmp_path):
    cooks = zsc.overcooked_bots(ENV, ("hog",))
    games = zsc.record(ENV, (cooks, cooks), episodes=4)
    for rate in (1e9, 1e38):
        wild = BehaviourCloning(games, members=2, epochs=3, learning_rate=rate)
        with pytest.raises(UserError, match=r"2 of 2 members did not learn .* smaller learn"):
            wild.train(ENV, out=tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_a_game_that_pays_no_number_has_no_matrix(monkeypatch):
    real = type(ENV).step

    def step(self, key, state, action):
        state, then = real(self, key, state, action)
        return state, then._replace(reward=then.reward * jnp.nan)

    monkeypatch.setattr(type(ENV), "step", step)
    env = zsc.make("overcooked/cramped_room", horizon=21)  # no program of it is there yet
    cooks = zsc.overcooked_bots(env, ("hog",))
    with pytest.raises(UserError, match=r"has a return of nan in episode 0, .* pay numbers"):
        crossplay(env, {"bots": cooks}, episodes=2)
