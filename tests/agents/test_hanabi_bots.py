"""The rule bots of Hanabi: legal, honest, and as good as their rules make them."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import UserError
from zsc.agents.bots import HANABI_BOTS, hanabi_bots
from zsc.agents.bots.hanabi import look
from zsc.agents.policy import Inputs
from zsc.evaluation import crossplay
from zsc.play.episode import record

ENV = zsc.make("hanabi/full-2p")
BOTS = hanabi_bots(ENV)
WAIT = ENV.spec.num_actions - 1
KEY = jax.random.key(0)


@cache
def games(name, episodes=64):
    bot = BOTS.where(method=name)
    return record(ENV, (bot, bot), episodes=episodes, seed=1)


@jax.jit
def probabilities(params, state, agent, mask):
    seen = Inputs(jnp.zeros(1), mask, jnp.array(False), agent, state)
    return jnp.exp(BOTS.policy.apply(params, (), seen)[1].logits)


def asked(name, state, agent=0):
    """[N] the probabilities of a bot's actions in a state."""
    params = BOTS.where(method=name).params[0]
    mask = ENV._show(state, jnp.float32(0), jnp.zeros(0)).mask[agent]
    return np.asarray(probabilities(params, state, jnp.int32(agent), mask))


def dealt(top):
    """A game whose deal starts with these cards, written as RYGWB and 1 to 5."""
    cards = [("RYGWB".index(text[0]), int(text[1]) - 1) for text in top.split()]
    left = [(int(k) // 5, int(k) % 5) for k in ENV.rules.cards]
    for card in cards:
        left.remove(card)
    rest = np.random.default_rng(0).permutation(np.array(left))
    return ENV.reset_from_deck(np.concatenate([np.array(cards), rest]))[0]


def play(state, *moves):
    for turn, move in enumerate(moves):
        action = jnp.full(2, WAIT).at[turn % 2].set(move)
        state, _ = ENV.step(KEY, state, action)
    return state


HINT_COLOUR, HINT_RANK = 10, 15
DEAL = "R1 R2 R3 R4 R5 Y4 Y1 G3 G4 W5"


def visited(name, count=200):
    """States of a bot's games in which somebody moves, and what that player may do."""
    played = games(name)
    game, turn = np.nonzero(played.playing)
    some = np.random.default_rng(0).choice(len(game), count)
    game, turn = game[some], turn[some]
    states = jax.tree.map(lambda x: x[game, turn], played.states)
    return states, played.mask[game, turn, states.cur]


def answers(name, states, masks):
    """[states, N] the probabilities of whoever moves."""
    params = BOTS.where(method=name).params[0]
    ask = jax.vmap(probabilities, (None, 0, 0, 0))
    return np.asarray(ask(params, states, states.cur.astype(int), masks))


@pytest.mark.parametrize("name", HANABI_BOTS)
def test_bots_want_legal_moves_only(name):
    """Before the mask takes anything away."""
    states, masks = visited(name)
    np.testing.assert_allclose((answers(name, states, masks) * masks).sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in HANABI_BOTS if n != "random"])
def test_bots_do_not_look_at_their_own_cards(name):
    """Whatever the own hand and the deck really are, a bot answers the same."""
    states, masks = visited(name)
    assert states.rank_told.any(-1).any() or name == "flawed"
    swapped = permute_hidden(states)
    assert (swapped.hands != states.hands).any()
    np.testing.assert_allclose(
        answers(name, states, masks), answers(name, swapped, masks), atol=1e-6
    )


def permute_hidden(states):
    """The same views for whoever moves: the own hand and the rest of the deck dealt anew."""
    rng = np.random.default_rng(1)
    hands, decks = states.hands.copy(), states.deck.copy()
    for game, seat in enumerate(states.cur):
        held, top = np.flatnonzero(hands[game, seat] >= 0), states.dealt[game]
        hidden = rng.permutation(np.concatenate([hands[game, seat, held], decks[game, top:]]))
        hands[game, seat, held], decks[game, top:] = np.split(hidden, [len(held)])
    return states._replace(hands=hands, deck=decks)


def test_useful_cards_are_told_rank_first_then_colour_and_then_played():
    state = dealt(DEAL)  # player 1's Y1 is the first card that fits
    assert asked("iggi", state)[HINT_RANK].round(3) == 1
    state = play(state, HINT_RANK, HINT_RANK + 3)
    assert asked("iggi", state)[HINT_COLOUR + 1].round(3) == 1
    state = play(state, HINT_COLOUR + 1)
    assert asked("iggi", state, 1)[5 + 1].round(3) == 1
    assert asked("van_den_bergh", state, 1)[5 + 1].round(3) == 1


def test_what_is_safe_is_played_also_when_the_colour_is_not_known():
    state = play(dealt(DEAL), HINT_RANK)  # "your slot 1 is a 1": any 1 fits on an empty table
    assert asked("internal", state, 1)[5 + 1].round(3) == 1
    assert asked("iggi", state, 1)[5 + 1].round(3) == 1


def test_likely_plays_count_the_copies_that_are_left():
    """A card of which the rank is unknown and the colour is known fits with 3 in 10 copies, less
    what the player sees in the other hand: R1 and R2 to R5 there leave 2 of 5."""
    state = play(dealt(DEAL), 5, HINT_COLOUR + 0)
    view = look(ENV.rules, state, jnp.int32(1), jnp.ones(ENV.spec.num_actions, bool))
    red = np.asarray(view.weight)[:, :5]
    assert red[0].tolist() == [2, 1, 1, 1, 0]  # R1 was played, one of each of R2 to R5 is visible


def test_internal_forgets_what_it_told_and_outer_does_not():
    state = play(dealt("R3 R3 G4 W3 B4 Y1 G3 G3 G4 W5"), HINT_RANK, HINT_RANK + 2)
    first = np.flatnonzero(asked("internal", state) > 0.01)
    assert first.tolist() == [HINT_COLOUR + 1, HINT_RANK]  # a coin between colour and rank, again
    assert np.flatnonzero(asked("outer", state) > 0.01).tolist() == [HINT_COLOUR + 1]


def test_flawed_gambles_and_random_is_uniform():
    state = dealt(DEAL)
    mask = np.asarray(ENV._show(state, jnp.float32(0), jnp.zeros(0)).mask[0])
    np.testing.assert_allclose(asked("random", state), mask / mask.sum(), atol=1e-6)
    assert asked("flawed", state)[5:10].sum().round(3) == 1


def test_self_play_scores_stay_where_they_were_measured():
    score = {name: games(name).reward[..., 0].sum(1).mean() for name in HANABI_BOTS}
    assert score["random"] < 0.2
    assert score["flawed"] < 0.2
    assert 10 < score["internal"] < score["outer"] < score["cautious"] < 18.5
    assert min(score["iggi"], score["piers"]) > score["van_den_bergh"] > 13


def test_all_bots_are_one_kind_and_play_in_every_size():
    env = zsc.make("hanabi", players=3, colours=2, ranks=2, copies=(2, 1), hand_size=2)
    played = crossplay(env, {"bots": hanabi_bots(env)}, episodes=4)
    assert played.values.shape[:4] == (8, 8, 3, 4)
    assert np.isfinite(played.values).all()


def test_unknown_bots_are_named():
    with pytest.raises(UserError, match="piers"):
        hanabi_bots(ENV, ("pears",))
