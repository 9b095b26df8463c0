"""Training a population: members are independent, nothing recompiles, a stop changes nothing."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

import zsc
from tests.compiles import compiles
from tests.disk import untimed
from zsc import PPOConfig, UserError, cnn_policy, gru_policy, init_state, make_update, mlp_policy
from zsc.agents.policy import Inputs
from zsc.populations import OtherPlay, SelfPlay
from zsc.train import fit
from zsc.train.method import Method
from zsc.train.sinks import JsonLines, Memory

PPO = PPOConfig(envs=4, segments=2, epochs=2, minibatches=2)
METHOD = Method("self_play")
ENV = zsc.make("overcooked/cramped_room", horizon=20)
GRID = zsc.make("overcooked/cramped_room", horizon=20, encoding="grid")


def population(env=ENV, policy=None, members=2, updates=4, seed=0):
    policy = policy or mlp_policy(env.spec, widths=(16, 16))
    state = init_state(env, policy, METHOD, PPO, members=members, seed=seed, updates=updates)
    return make_update(env, policy, METHOD, PPO), state


def leaves(tree):
    return [np.asarray(x) for x in jax.tree.leaves(tree)]


def test_member_of_many_equals_member_alone():
    update, state = population(members=4)
    together = fit(update, state, updates=4, chunk=2)
    for member in (0, 3):
        update, state = population(members=[member])
        alone = fit(update, state, updates=4, chunk=2)
        for many, one in zip(leaves(together.params), leaves(alone.params), strict=True):
            np.testing.assert_allclose(many[member], one[0], rtol=1e-5, atol=1e-6)


def test_members_differ():
    _, state = population(members=3)
    kernel = max(leaves(state.params), key=np.size)
    assert not np.allclose(kernel[0], kernel[1])
    assert not np.allclose(kernel[1], kernel[2])


@pytest.mark.parametrize(
    ("env", "make"), [(ENV, mlp_policy), (GRID, cnn_policy), (ENV, gru_policy)]
)
def test_ratio_is_one_before_the_first_step_and_every_parameter_learns(env, make):
    """The replay of unchanged data under unchanged parameters is what was played (also by a
    recurrent policy across segments), and no parameter is bypassed."""
    policy = make(env.spec, widths=(16,))
    update, state = population(env, policy)
    log = Memory()
    after = fit(update, state, updates=2, chunk=2, sinks=[log])
    assert log["first_ratio_error"].max() < 1e-5
    for old, new in zip(leaves(state.params), leaves(after.params), strict=True):
        assert (old != new).any(), f"a parameter of shape {old.shape[1:]} never moved"


def test_chunks_do_not_change_the_result():
    update, state = population()
    one = fit(update, state, updates=4, chunk=1)
    four = fit(update, state, updates=4, chunk=4)
    for a, b in zip(leaves(one.params), leaves(four.params), strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_seed_or_budget_compiles_nothing():
    update, state = population()
    fit(update, state, updates=3, chunk=2)
    update, state = population(seed=5, updates=7)
    with compiles() as count:
        fit(update, state, updates=7, chunk=2)
    assert count() == 0


@pytest.mark.long
def test_every_process_makes_the_same_programs(tmp_path):
    """What is kept of the compiler's work is found again only by the very same program, whatever
    order this process has its sets in. (Of the seeds below each orders some names in its own way.)
    """
    made = []
    for hash_seed in ("0", "5"):
        dump, run = tmp_path / hash_seed, tmp_path / f"run-{hash_seed}"
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "JAX_DUMP_IR_TO": str(dump)}
        words = "train sp --env hanabi/very-small-2p --members 1 --games 8 --steps 1e3 --out"
        command = [sys.executable, "-m", "zsc.cli", *words.split(), str(run)]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        made.append({path.name: path.read_text() for path in dump.iterdir()})
    one, other = made
    assert len(one) > 10
    assert [name for name in one if other.get(name) != one[name]] == []


def test_returns_are_true_and_per_member():
    """Shaped rewards come in threes and fives from the first steps on; a soup is worth 20 and
    takes longer than these 15 steps. So a log with anything but 0 would have let shaping in."""
    env = zsc.make("overcooked/cramped_room", horizon=15)
    log = Memory()
    update, state = population(env, members=3)
    fit(update, state, updates=2, chunk=2, sinks=[log])
    assert log["return"].shape == (2, 3)
    assert (log["return"] == 0).all()


def test_stopping_and_resuming_equals_never_stopping(tmp_path, monkeypatch):
    recipe = SelfPlay(members=2, steps=80 * 12, learner=PPO)
    whole = recipe.train(ENV, seed=3, out=tmp_path / "whole")

    class KilledError(Exception):
        pass

    monkeypatch.setattr("zsc.populations.stage.SAVE_SECONDS", 0.0)
    calls = []

    def die_in_the_middle(self, rows, seconds):
        calls.append(len(rows))
        append(self, rows, seconds)
        if len(calls) == 2:
            raise KilledError

    append = JsonLines.write
    with monkeypatch.context() as patch:
        patch.setattr(JsonLines, "write", die_in_the_middle)
        with pytest.raises(KilledError):
            recipe.train(ENV, seed=3, out=tmp_path / "cut")
    resumed = recipe.train(ENV, seed=3, out=tmp_path / "cut", resume=True)
    for a, b in zip(leaves(whole.params), leaves(resumed.params), strict=True):
        np.testing.assert_array_equal(a, b)
    metrics = [untimed(tmp_path / name / "metrics.jsonl") for name in ("whole", "cut")]
    assert metrics[0] == metrics[1]


def test_other_play_without_a_symmetry_says_that_it_is_self_play():
    with pytest.warns(UserWarning, match="no symmetry but the identity"):
        OtherPlay(members=1, steps=80, learner=PPO).train(ENV)


@pytest.mark.parametrize(("members", "steps"), [(0, 1e4), (2, 10), (2, -5)])
def test_nothing_to_train_is_an_error(members, steps):
    with pytest.raises(UserError, match=r"fewer than one update|members is 0"):
        SelfPlay(members=members, steps=steps, learner=PPO).train(ENV)


def test_masked_actions_are_never_taken_and_never_credited():
    """Logits of illegal actions do not matter, and get no gradient."""
    from zsc.nets import distribution, sample

    mask = np.array([True, False, True])
    noise = jax.random.gumbel(jax.random.key(0), (200, 3))
    taken = sample(np.array([0.0, 50.0, 0.0], np.float32), mask, noise)
    assert set(np.asarray(taken).tolist()) == {0, 2}
    gradient = jax.grad(lambda x: distribution(x, mask).entropy())(np.zeros(3, np.float32))
    assert np.isfinite(np.asarray(gradient)).all()
    assert gradient[1] == 0


def test_cnn_patches_are_a_convolution():
    from zsc.nets.torsos import patches

    x = jax.random.normal(jax.random.key(0), (4, 5, 3))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 3, 7))
    ours = patches(x) @ kernel.reshape(27, 7)
    theirs = jax.lax.conv_general_dilated(
        x[None], kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    inner = patches(x, edges=False) @ kernel.reshape(27, 7)
    np.testing.assert_allclose(inner, theirs[1:-1, 1:-1], atol=1e-4)


def test_a_cnn_that_looks_at_inner_cells_sees_every_cell_of_a_kitchen():
    policy = cnn_policy(GRID.spec)
    params = policy.init(jax.random.key(0))

    def value(obs):
        see = Inputs(obs, np.ones(6, bool), np.array(False), np.int32(0))
        return policy.apply(params, (), see)[1].value[0]

    moved = np.abs(jax.grad(value)(np.ones(GRID.spec.obs_shape, np.float32))).sum(-1)
    assert (moved > 0).all()


def test_recurrent_carry_is_reset_by_first():
    policy = gru_policy(ENV.spec, widths=(8,), hidden=8)
    params = policy.init(jax.random.key(0))
    obs = np.ones(ENV.spec.obs_shape, np.uint8)
    fresh = Inputs(obs, np.ones(6, bool), np.array(True), np.int32(0))
    later = fresh._replace(first=np.array(False))
    dirty = policy.carry() + 3.0
    clean = policy.apply(params, policy.carry(), fresh)[1].logits
    np.testing.assert_array_equal(policy.apply(params, dirty, fresh)[1].logits, clean)
    assert not np.allclose(policy.apply(params, dirty, later)[1].logits, clean)
