"""What holds for every method, on a game that may end early, for agents with a memory.

Of a recipe with two stages the partners are looked at: the second stage is the same for all.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

import zsc
from tests.compiles import compiles
from tests.interrupted import EnoughError, StopAt
from tests.small_games import StoppingLever
from zsc import PPOConfig
from zsc.populations import (
    COLE,
    E3T,
    PAIRED,
    PECAN,
    ROTATE,
    AnyPlay,
    BestResponseDiversity,
    CoMeDi,
    HiddenUtility,
    HighEntropy,
    HumanRegularised,
    IncompatiblePolicies,
    KLevel,
    LagrangianDiversity,
    MaximumEntropy,
    OtherPlay,
    PopulationBased,
    SelfPlay,
    StateAugmentation,
    TrajectoryDiversity,
)
from zsc.populations.stage import Stage
from zsc.train.sinks import Memory

# a game of tests is registered nowhere
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*cannot be made again"),
    pytest.mark.filterwarnings("ignore:.*has no symmetry"),
]
GAME = StoppingLever()
PPO = PPOConfig(envs=16, segments=2, epochs=2, minibatches=2, learning_rate=0.02, shaping_steps=0)
WHOLE = PPOConfig(envs=16, segments=1, epochs=2, minibatches=2, learning_rate=0.02, shaping_steps=0)
STEPS = 16 * GAME.spec.horizon * 7  # updates of the longest stage
MEMORY = partial(zsc.gru_policy, widths=(8,), hidden=8)


def one_stage(recipe: Any, **settings: Any) -> Any:
    """A recipe of so many runs, small."""
    given = {"learner": PPO, "steps": STEPS, "network": MEMORY}
    return lambda runs, **more: recipe(members=runs, **given | settings | more)


def pool_of(recipe: Any, learner: PPOConfig = PPO, **settings: Any) -> Any:
    """The partners of a recipe with two stages."""
    given = {
        "partners": 2,
        "partner_learner": learner,
        "partner_steps": STEPS,
        "network": MEMORY,
        "snapshots": 2,
        "responses": False,
    }
    return lambda runs, **more: recipe(members=runs, **given | settings | more)


def clones() -> zsc.Pool:
    """Agents with a memory that learned nothing yet."""
    policy = MEMORY(GAME.spec)
    params = jax.vmap(policy.init)(jax.random.split(jax.random.key(5), 2))
    return zsc.make_pool(GAME.spec, policy, params, [zsc.Label("x", member=m) for m in range(2)])


METHODS = {
    "sp": one_stage(SelfPlay),
    "op": one_stage(OtherPlay),
    "he": one_stage(HighEntropy),
    "sa": lambda runs: one_stage(StateAugmentation, groups=runs, rounds=3, visits=2)(2 * runs),
    "hr": lambda runs: one_stage(HumanRegularised, prior=clones(), learner=WHOLE)(runs),
    "e3t": one_stage(E3T, window=2),
    "any-play": one_stage(AnyPlay, codes=2),
    "mep": pool_of(MaximumEntropy, WHOLE),
    "trajedi": pool_of(TrajectoryDiversity, WHOLE),
    "lipo": pool_of(IncompatiblePolicies, latents=2),
    "brdiv": pool_of(BestResponseDiversity),
    "lbrdiv": pool_of(LagrangianDiversity),
    "comedi": pool_of(CoMeDi, PPOConfig(**{**vars(PPO), "envs": 24})),
    "hsp": pool_of(HiddenUtility, WHOLE, biased=1, draws=1),
    "pbt": pool_of(PopulationBased, rounds=3),
    "cole": one_stage(COLE, generations=3, measured=1),
    "paired": one_stage(PAIRED),
    "k-level": one_stage(KLevel, levels=2, blocks=4),
    "pecan": pool_of(PECAN, WHOLE),
    "rotate": one_stage(ROTATE, rounds=2, partner_steps=STEPS // 2, learner=None),
}


CHUNK = 2  # updates of a program: several of them even for the shortest stage


# the small version of every run of the tests: a team, groups, live partners, latents
SHORT = ("lipo",)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=() if name in SHORT else pytest.mark.long) for name in METHODS
    ],
)
def trained(request, tmp_path_factory):
    """The name, the pool of two runs, the rows, and the states around each stage."""
    stages, real, log = [], Stage.train, Memory()

    def train(self, *args, **kwargs):
        begun = jax.tree.map(np.asarray, self.begin(*args[1:2]).params)
        end = real(self, *args, **kwargs)
        stages.append((self.method.name, begun, jax.tree.map(np.asarray, end.params)))
        return end

    out = tmp_path_factory.mktemp(request.param) / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zsc.populations.stage.CHUNK", CHUNK)
        patch.setattr(Stage, "train", train)
        pool = METHODS[request.param](2).train(GAME, seed=0, out=out, sinks=[log])
    return request.param, pool, log, stages


def test_nothing_is_reported_but_true_returns_and_ratios_begin_at_one(trained):
    _, _, log, _ = trained
    names = [name for name in log.rows[0] if name.startswith("return")]
    for name in names:
        values = np.concatenate([np.ravel(row[name]) for row in log.rows if name in row])
        assert (values >= 0).all()
        assert (values <= GAME.rounds).all()
    ratio = np.concatenate([np.ravel(row["first_ratio_error"]) for row in log.rows])
    assert ratio.max() < 1e-4


def test_every_parameter_learns(trained):
    _, _, _, stages = trained
    for name, begun, end in stages:
        for old, new in zip(jax.tree.leaves(begun), jax.tree.leaves(end), strict=True):
            moved = (old != new).reshape(len(old), -1).any(1)
            assert moved.all(), f"{name}: of shape {old.shape[1:]}"


def test_a_run_is_the_same_alone(trained):
    name, pool, _, _ = trained
    alone = METHODS[name](1).train(GAME, seed=0)
    first = jax.tree.map(lambda x: x[: len(alone)], pool.params)
    for many, one in zip(jax.tree.leaves(first), jax.tree.leaves(alone.params), strict=True):
        np.testing.assert_allclose(many, one, rtol=2e-4, atol=2e-5)


def test_a_stopped_run_goes_on_to_the_same_end(trained, tmp_path, monkeypatch):
    name, pool, _, _ = trained
    recipe = METHODS[name](2)
    monkeypatch.setattr("zsc.populations.stage.CHUNK", CHUNK)
    monkeypatch.setattr("zsc.populations.stage.SAVE_SECONDS", 0)
    with pytest.raises(EnoughError):  # in a later stage, where stages are short
        recipe.train(GAME, seed=0, out=tmp_path / "run", sinks=[StopAt(3)])
    again = recipe.train(GAME, seed=0, out=tmp_path / "run", resume=True)
    assert again.ids == pool.ids


def test_another_seed_compiles_nothing(trained, monkeypatch):
    monkeypatch.setattr("zsc.populations.stage.CHUNK", CHUNK)
    with compiles() as count:
        METHODS[trained[0]](2).train(GAME, seed=1)
    assert count() == 0
