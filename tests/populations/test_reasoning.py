"""Beliefs and reasoning: off-belief learning, k-level reasoning, SAD; each where it must differ."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.compiles import compiles
from tests.endurance import same
from tests.small_games import Hint
from tests.tabular import table_policy
from zsc import (
    MatchSpec,
    Out,
    Policy,
    PPOConfig,
    QConfig,
    UserError,
    gru_policy,
    iql,
    mlp_policy,
    vdn,
)
from zsc.agents.policy import certain, greedy, no_carry
from zsc.agents.told import intentions_policy
from zsc.envs.hanabi import Hanabi
from zsc.envs.small import CatAndDog, TwoStepMatrix
from zsc.evaluation import crossplay
from zsc.learn.base import Task
from zsc.learn.q_learning import Experience, _experience, epsilon_greedy
from zsc.play.match import draw_match
from zsc.play.rollout import begin, replay, rollout
from zsc.populations import SAD, KLevel, OffBelief, SelfPlay
from zsc.populations.hooks import beliefs
from zsc.populations.hooks.beliefs import ByHistory, hanabi_belief, hanabi_deals
from zsc.populations.journal import Log
from zsc.populations.k_level import poisson_weights
from zsc.train import recipes
from zsc.train.run import saved_states
from zsc.train.sinks import JsonLines, Memory

PETS = CatAndDog()
NET = partial(mlp_policy, widths=(32,))
VALUES = QConfig(envs=32, batch=64, gamma=1.0, follow=0.1)
OBL = OffBelief(members=3, steps=64 * 60, learner=iql(VALUES), network=NET)


@pytest.mark.parametrize("game", [PETS, Hint()])
def test_the_games_of_this_file_are_games(game):
    zsc.check_environment(game, games=4)


# off-belief learning


def test_off_belief_agents_open_the_door_with_themselves_and_with_strangers():
    pool = OBL.train(PETS, seed=0)
    earned = np.asarray(crossplay(PETS, {"obl": pool}, episodes=32).matrix())
    assert (earned == 5.0).all()


@pytest.mark.long
def test_the_second_level_opens_the_door_too():
    """At level 1 nobody speaks by the light either."""
    second = replace(OBL, levels=2, members=1).train(PETS, seed=0)
    assert [x.skill for x in second.labels] == [5.0]


def test_plain_self_play_earns_10_by_a_convention_and_nothing_by_another():
    calm = PPOConfig(envs=64, segments=1, epochs=4, minibatches=1, learning_rate=1e-2,
                     final_learning_rate=1e-2, entropy=0.5, final_entropy=0.0, gamma=1.0,
                     shaping_steps=0)  # fmt: skip
    pool = SelfPlay(members=8, steps=128 * 150, learner=calm, network=NET).train(PETS, seed=1)
    earned = np.asarray(crossplay(PETS, {"sp": pool}, episodes=32).matrix())
    assert np.diag(earned).min() > 9.9
    alike, apart = earned[earned > 0], earned[earned < 0]  # strangers of either convention
    assert min(len(alike) - len(pool), len(apart)) > 0
    assert alike.mean() + apart.mean() == pytest.approx(0.0, abs=0.2)


def play(game, policy, params=(), *, envs=4, key=0):
    """Whole games of one agent with itself: what is kept of them, and what a buffer would keep."""
    spec, key = MatchSpec(), jax.random.key(key)
    match = draw_match(key, spec, envs=envs, num_agents=2, symmetries=1)
    games = begin(game, spec, policy, match, key)
    steps, world = game.spec.horizon, lambda state: state
    _, played = rollout(game, spec, policy, params, match, games, key, steps, world=world)
    return played, _experience(played, jnp.float32(0))


def honest(game):
    """Says the word of the coin; as the second agent, too."""

    def apply(params, carry, inputs):
        del params
        said = certain(jnp.argmax(inputs.obs[-2:]), game.spec.num_actions)
        return carry, Out(said, jnp.zeros(1))

    return Policy("honest", (), lambda key: (), no_carry, apply)


def test_higher_levels_believe_what_the_level_below_would_say():
    """Honest but for a tenth of the time: the coin is as said with .9."""
    game = Hint()
    policy = honest(game)
    _, games = play(game, policy)
    walk = ByHistory(Hint.deals, 0.2).walk
    given = Task(game, policy, (MatchSpec(),)), (), jax.random.key(0)
    _, weight = jax.vmap(lambda one: walk(*given, one))(games)
    shares = np.asarray(jax.nn.softmax(weight, axis=2))  # [G, T, X, A]
    coin = np.asarray(games.world.hidden[:, 0])
    of_the_coin = np.take_along_axis(shares, coin[:, None, None, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(of_the_coin[:, :, 0], 1.0)
    np.testing.assert_allclose(of_the_coin[:, 0, 1], 0.5)
    np.testing.assert_allclose(of_the_coin[:, 1, 1], 0.9, rtol=1e-5)


TINY = zsc.make("hanabi/tiny-2p")
FEW_DEALS = Hanabi(colours=2, ranks=1, copies=(2,), hand_size=1, info_tokens=2, life_tokens=1)
SMALL = Hanabi(colours=2, ranks=2, copies=(2, 1), hand_size=2, info_tokens=2, life_tokens=2)


@pytest.mark.parametrize("most", [1024, 0])
def test_a_redrawn_state_of_hanabi_looks_the_same_to_its_player(most, monkeypatch):
    monkeypatch.setattr(beliefs, "_MOST_HANDS", most)
    draw = jax.jit(jax.vmap(partial(hanabi_belief, TINY)))
    step, observe = jax.jit(jax.vmap(TINY.step)), jax.jit(jax.vmap(TINY.observe))
    state, shown = jax.vmap(TINY.reset)(jax.random.split(jax.random.key(1), 32))
    for move in range(4):
        key = jax.random.key(move)
        legal = jnp.where(shown.mask, 0.0, -jnp.inf)
        action = jax.random.categorical(key, legal)
        state, shown = step(jax.random.split(key, 32), state, action)
        seat = jnp.arange(32) % 2
        drawn = draw(state, seat, jax.random.split(key, 32))
        before, after = observe(state), observe(drawn)
        own = np.asarray(seat)[:, None, None]
        np.testing.assert_array_equal(*(np.take_along_axis(np.asarray(x), own, 1)
                                        for x in (before, after)))  # fmt: skip
        for name in state._fields:
            if name not in ("hands", "deck"):
                same_leaves = jax.tree.map(jnp.array_equal, getattr(state, name),
                                           getattr(drawn, name))  # fmt: skip
                assert all(jax.tree.leaves(same_leaves)), name
        for one, other in ((state, drawn), (drawn, state)):
            for game in range(32):
                cards = lambda x, game=game: np.sort(np.concatenate(
                    [x.hands[game].reshape(-1), x.deck[game, x.dealt[game]:]]))  # fmt: skip
                np.testing.assert_array_equal(cards(one), cards(other))
                np.testing.assert_array_equal(np.sort(other.deck[game]), np.sort(one.deck[game]))
    assert (state.hands != drawn.hands).any()


@pytest.mark.parametrize("most", [1024, 0])
def test_redrawn_hands_are_as_likely_as_the_deals_that_fit(most, monkeypatch):
    """Every deck is played with the same moves: those that look the same are as likely."""
    monkeypatch.setattr(beliefs, "_MOST_HANDS", most)
    tell, discard = 4, 0  # the first colour; the oldest card
    look = jax.jit(jax.vmap(SMALL.observe))
    go = jax.jit(jax.vmap(partial(SMALL.step, jax.random.key(0)), (0, None)))
    keys = jax.random.split(jax.random.key(9), 4000)
    draw = jax.jit(jax.vmap(partial(hanabi_belief, SMALL), (None, None, 0)))
    mask = jax.jit(jax.vmap(lambda state: SMALL.show(state).mask))
    decks, moves = hanabi_deals(SMALL), (tell, discard, tell, discard + 1)
    games, legal = [], np.ones(len(decks.deck), bool)
    for turn, move in enumerate(moves):
        legal &= np.asarray(mask(decks))[:, turn % 2, move]
        joint = jnp.where(jnp.arange(2) == turn % 2, move, SMALL.spec.idle_action)
        games.append(decks := go(decks, joint)[0])
    real, hidden = int(legal.argmax()), 0  # a deal in which the moves can be made
    fits = np.ones((len(decks.deck), 2), bool)
    for decks in games:
        seen = np.asarray(look(decks))
        fits &= (seen == seen[real]).all(-1)
        truth = jax.tree.map(lambda x, decks=decks: x[real], decks)
        for seat in range(2):
            hands = np.asarray(decks.hands)[fits[:, seat], seat]
            found = np.asarray(draw(truth, jnp.int32(seat), keys).hands)[:, seat]
            every = np.unique(np.concatenate([hands, found]), axis=0)
            share = [[(some == hand).all(1).mean() for hand in every] for some in (hands, found)]
            assert np.abs(np.subtract(*share)).max() < 0.03
            hidden = max(hidden, len(every))
    assert hidden > 5


@pytest.mark.long
def test_off_belief_learning_runs_in_hanabi_with_a_memory():
    log = Memory()
    few = iql(QConfig(envs=4, capacity=8, batch=4, steps=1))
    small = partial(gru_policy, widths=(8,), hidden=8)
    recipe = OffBelief(members=1, steps=4 * TINY.spec.horizon * 3, learner=few, network=small)
    pool = recipe.train(TINY, seed=0, sinks=[log])
    assert np.isfinite(log["loss"]).all()
    assert pool.policy == greedy(small(TINY.spec))


@pytest.mark.long
def test_where_nothing_is_hidden_and_all_move_at_once_a_reply_is_the_others_move():
    """Then it is independent Q-learning, which finds at least the matrix of sevens."""
    game = TwoStepMatrix()
    nothing = lambda env, state, seat, key: state
    recipe = replace(OBL, belief=nothing, members=2, steps=64 * 60)
    log = Memory()
    pool = recipe.train(game, seed=0, sinks=[log])
    assert np.isfinite(log["loss"]).all()
    assert min(x.skill for x in pool.labels) >= 7


BAD = {
    "no belief": (OffBelief(), zsc.make("lever"), "lever has no belief: give belief"),
    "no deals": (
        replace(OBL, levels=2, belief=Hint.redrawn),
        Hint(),
        "no list of deals: train with levels=1",
    ),
    "many deals": (OffBelief(levels=2), TINY, "113,400 deals, 5,000 can be enumerated"),
}


@pytest.mark.parametrize("fault", BAD)
def test_games_without_beliefs_are_refused(fault):
    recipe, game, words = BAD[fault]
    with pytest.raises(UserError, match=words):
        recipe.train(game, seed=0)


def test_settings_that_mean_nothing_are_refused():
    with pytest.raises(UserError, match="give learner=iql"):
        OffBelief(learner=PPOConfig(segments=1))
    with pytest.raises(UserError, match="segments=1"):
        OffBelief(learner=iql(QConfig(segments=2)))
    with pytest.raises(UserError, match="tremble is 0"):
        OffBelief(tremble=0.0)
    with pytest.raises(UserError, match="rate is -1"):
        KLevel(rate=-1.0)
    with pytest.raises(UserError, match="shared by 7 partners"):
        KLevel(blocks=7).train(zsc.make("lever"), seed=0)
    with pytest.raises(UserError, match="SAD learns action values"):
        SAD(learner=PPOConfig())
    with pytest.raises(UserError, match="epsilon is 1: give less"):
        SAD(learner=vdn(QConfig(epsilon=1.0)))


# k-level reasoning


class Kept(Log):
    """A log that keeps the pools it is given."""

    pools: dict = {}  # noqa: RUF012

    def write_pool(self, pool, name="pool"):
        self.pools[name] = pool


@pytest.mark.long
def test_levels_bail_then_open_the_door():
    """What level 0 cannot do level 1 does not count on; from level 2 on the door is worth it.

    Bob is paid 2 for bailing, not .5: the answers are the same, found with a tenth of the games.
    """
    game = CatAndDog(bail=2.0)
    calm = PPOConfig(envs=1024, segments=1, epochs=2, minibatches=1, learning_rate=0.05,
                     final_learning_rate=0.005, entropy=0.5, final_entropy=0.0, gamma=1.0,
                     shaping_steps=0)  # fmt: skip
    recipe = KLevel(members=2, levels=3, tremble=0.3, steps=2048 * 120, learner=calm,
                    network=table_policy)  # fmt: skip
    log = Kept()
    pool = recipe.build(recipe.running(game, 0, log))
    levels = log.pools["partners"]
    numbers = [0, 1, 2, 3, 1, 2, 3]
    assert [x.method for x in levels.labels] == [f"k_level/{i}" for i in numbers]
    assert [x.method for x in pool.labels] == ["k_level"] * 2
    sure = replace(levels, policy=greedy(levels.policy))
    earned = np.diag(crossplay(game, {"levels": sure}, episodes=64).matrix())
    assert earned[1:].tolist() == [1.0, 5.0, 5.0] * 2


def test_a_trembling_agent_that_always_does_is_uniform():
    policy = mlp_policy(PETS.spec)
    params = policy.init(jax.random.key(0))
    _, shown = PETS.reset(jax.random.key(0))
    played, _ = play(PETS, zsc.trembling(policy), (params, jnp.float32(1.0)), envs=512)
    first = np.bincount(np.asarray(played.action)[0, :, 0], minlength=5) / 512
    np.testing.assert_allclose(first, [0.25] * 4 + [0.0], atol=0.06)
    assert shown.mask[0].sum() == 4


def test_the_last_level_is_met_most():
    assert poisson_weights(3, 0.0) == (0.0, 0.0, 0.0, 1.0)
    weights = poisson_weights(4, 1.0)
    assert sum(weights) == pytest.approx(1.0)
    assert weights[4] == weights[3] == pytest.approx(np.exp(-1.0))


# SAD


@pytest.mark.long
@pytest.mark.parametrize(("told", "right"), [(True, 1.0), (False, 0.75)])
def test_who_is_told_the_greedy_word_is_not_misled_by_exploration(told, right):
    """Half of the words are random, so that a quarter are wrong; the greedy one never is."""
    game = Hint()
    values = QConfig(envs=32, batch=64, gamma=1.0, follow=0.1, epsilon=0.5, exploring=0.01)
    recipe = SAD if told else SelfPlay
    pool = recipe(members=1, steps=64 * 60, learner=vdn(values), network=NET).train(game, seed=0)
    policy = intentions_policy(game.spec, network=NET) if told else NET(game.spec)
    params = jax.tree.map(lambda x: x[0], pool.params)
    played, _ = play(game, epsilon_greedy(policy), (params, jnp.float32(0.5)), envs=2048)
    said = replay(policy, params, played).logits[1, :, 0]
    names = jnp.where(played.inputs.mask[1, :, 0], said, -jnp.inf).argmax(-1)
    accuracy = float((names == played.world.hidden[1]).mean())
    assert accuracy == pytest.approx(right, abs=0.03 if right < 1 else 0.0)
    assert pool.labels[0].skill == pytest.approx(1.1)  # nobody explores any more


def test_the_greedy_action_is_the_one_taken_where_nobody_explores():
    game, policy = Hint(), intentions_policy(Hint().spec, network=NET)
    assert policy.reads == ("meant",)
    params = policy.init(jax.random.key(0))
    both = replace(epsilon_greedy(policy), reads=("meant", "actions"))
    sure, _ = play(game, both, (params, jnp.float32(0.0)), envs=64)
    np.testing.assert_array_equal(sure.inputs.meant, sure.inputs.acted)
    half, _ = play(game, both, (params, jnp.float32(0.9)), envs=64)
    np.testing.assert_array_equal(half.inputs.meant[0], -1)
    meant = np.asarray(half.inputs.meant)[1, :, 0]
    assert (meant[:, 1] != np.asarray(half.inputs.acted)[1, :, 0, 1]).any()
    logits = replay(policy, params, half).logits[0, :, 0]
    legal = jnp.where(half.inputs.mask[0, :, 0], logits, -jnp.inf)
    np.testing.assert_array_equal(meant[:, 1], legal.argmax(-1))


# all of them: they go on to the same end, and a second run compiles nothing


FEW = QConfig(envs=8, capacity=32, batch=8, steps=1)
TWELVE = FEW_DEALS.spec.horizon * 8 * 12
RECIPES = {
    "obl": OffBelief(members=2, levels=2, steps=TWELVE, learner=iql(FEW), network=NET),
    "k-level": KLevel(members=1, levels=2, steps=TWELVE, network=NET,
                      learner=PPOConfig(envs=8, segments=1, epochs=1, minibatches=1)),
    "sad": SAD(members=2, steps=TWELVE, learner=vdn(FEW), network=NET),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_that_was_stopped_goes_on_to_the_same_end_and_compiles_once(name, tmp_path):
    recipe, game, real, log = RECIPES[name], FEW_DEALS, JsonLines.write, Memory()
    assert recipes.RECIPES.get(name) is type(recipe)
    recipe.train(game, seed=0, out=tmp_path / "whole")
    with compiles() as count:
        recipe.train(game, seed=1, sinks=[log])
    assert count() == 0
    assert np.isfinite(log["loss"]).all()

    class EnoughError(Exception):
        pass

    def stop(self, rows, seconds):
        real(self, rows, seconds)
        if rows[-1]["update"] > 5 and (name != "obl" or "level-2" in str(self.path)):
            raise EnoughError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zsc.populations.stage.SAVE_SECONDS", 0)
        patch.setattr(JsonLines, "write", stop)
        with pytest.raises(EnoughError):
            recipe.train(game, seed=0, out=tmp_path / "cut")
    assert saved_states(tmp_path / "cut" / "state", "level-2" if name == "obl" else "main")
    recipe.train(game, seed=0, out=tmp_path / "cut", resume=True)
    assert same(tmp_path / "whole", tmp_path / "cut")
    if name == "k-level":
        levels = zsc.load_pool(tmp_path / "cut" / "partners")
        assert [x.method for x in levels.labels] == ["k_level/0", "k_level/1", "k_level/2"]


def test_experience_keeps_the_states():
    _, games = play(PETS, mlp_policy(PETS.spec), mlp_policy(PETS.spec).init(jax.random.key(0)))
    assert isinstance(games, Experience)
    assert games.world.hidden.shape == (4, 3)
