"""Hanabi beyond the oracle: bit map, beliefs, colour symmetry, decks, strictness, pictures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import UserError, check_environment
from zsc.envs.hanabi import observation, rules

SIZES = {"colours": 3, "ranks": 2, "copies": (2, 1), "hand_size": 2, "info_tokens": 3}
TABLE = zsc.make("hanabi", players=3, **SIZES)  # three colours: an involution would hide mistakes
WAIT = TABLE.spec.num_actions - 1
KEY = jax.random.key(0)


def sorted_deck(env):
    """[D, 2] the deck in the order of its numbers."""
    cards = env.rules.cards.astype(int)
    return np.stack([cards // env.ranks, cards % env.ranks], axis=1)


def random_games(env, games=32, seed=0):
    """States and what was shown [T, games, ...] under random legal moves."""

    def step(now, key):
        state, shown = now
        noise = jnp.where(shown.mask, jax.random.uniform(key, shown.mask.shape), -1)
        after = jax.vmap(env.step, (None, 0, 0))(key, state, noise.argmax(-1))
        return after, after

    keys = jax.random.split(jax.random.key(seed), games)
    first = jax.vmap(env.reset)(keys)
    turns = jax.random.split(jax.random.key(seed + 1), env.spec.horizon)
    return jax.jit(lambda f: jax.lax.scan(step, f, turns)[1])(first)


def at(states, turn, game):
    """One state of many."""
    return jax.tree.map(lambda x: x[turn, game], states)


@pytest.fixture(scope="module")
def played():
    return jax.device_get(random_games(TABLE))


def test_the_contract_holds():
    check_environment(TABLE)


def test_the_belief_encoding_keeps_the_contract():
    check_environment(zsc.make("hanabi", encoding="belief", **SIZES))


@pytest.mark.parametrize(
    ("name", "bits", "actions", "symmetries"),
    [
        ("full-2p", 658, 21, 120),
        ("full-3p", 956, 31, 120),
        ("full-4p", 1041, 39, 120),
        ("full-5p", 1280, 49, 120),
        ("small-2p", 171, 12, 2),
        ("very-small-2p", 106, 11, 1),
        ("mini-2p", 191, 13, 6),
    ],
)
def test_registered_games_have_the_published_sizes(name, bits, actions, symmetries):
    env = zsc.make(f"hanabi/{name}")
    assert env.spec.id == f"hanabi/{name}"
    assert env.spec.obs_shape == (bits,)
    assert env.spec.num_actions == actions
    assert len(env.symmetry()) == symmetries
    assert sum(part.size for part in observation.sections(env.rules)) == bits
    assert len(set(observation.bit_names(env.rules))) == bits


def test_every_bit_says_what_it_is_called(played):
    """`explain` in words, against the state that it was taken from."""
    states, shown = played
    for turn, game in [(0, 0), (3, 1), (6, 2), (8, 5)]:
        state = at(states, turn, game)
        said = TABLE.explain(shown.obs[turn, game, 1])
        card = lambda k: f"{'RYG'[k // 2]}{k % 2 + 1}"
        hands = {
            f"+{(p - 1) % 3} slot {i} is {card(k)}"
            for p in (0, 2)
            for i, k in enumerate(state.hands[p].tolist())
            if k >= 0
        }
        assert set(said["hands of the others"]) == hands
        assert len(said["hint tokens"]) == state.info
        assert len(said["lives"]) == state.life
        assert len(said["deck"]) == TABLE.rules.deck_size - state.dealt
        tops = {card(2 * c + n - 1) for c, n in enumerate(state.fireworks.tolist()) if n}
        assert {text.split()[0] for text in said["fireworks"]} == tops
        assert len(said["discards"]) == state.discards.sum()


def test_beliefs_are_shares_of_the_copies_that_are_left(played):
    """The V0 belief by brute force: list the copies, strike out what everybody sees is gone."""
    states, shown = played
    env = zsc.make("hanabi", players=3, encoding="belief", **SIZES)
    part = observation.sections(env.rules)[-1]
    checked = 0
    for turn in range(0, len(shown.done), 3):
        state = at(states, turn, 0)
        bits = shown.obs[turn, 0, 0][part.start :].reshape(3, 2, -1)[..., : env.rules.kinds]
        seen = np.asarray(env.observe(state))[0][part.start :].reshape(3, 2, -1)
        gone = state.discards.astype(int).copy()
        for colour, height in enumerate(state.fireworks.tolist()):
            gone[2 * colour : 2 * colour + height] += 1
        left = np.tile(env.copies, env.colours) - gone
        for player, slot in np.ndindex(3, 2):
            pile = [k for k in np.flatnonzero(bits[player, slot]) for _ in range(left[k])]
            share = np.bincount(pile, minlength=env.rules.kinds) / max(len(pile), 1)
            np.testing.assert_allclose(seen[player, slot, : env.rules.kinds], share, atol=1e-6)
            checked += len(pile) > 0
    assert checked > 20


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1), (1, 0, 2)])
def test_a_game_with_other_colour_names_is_the_relabelled_game(order):
    """Deal the same cards under other colour names: observations, masks and moves are those that
    the symmetry says, for 3-cycles too. Nothing here uses the symmetry's own state map."""
    group = TABLE.symmetry()
    names = np.asarray(order)
    g = next(i for i, row in enumerate(group.action_index) if (row[4:7] - 4 == names).all())
    deck = np.random.default_rng(3).permutation(sorted_deck(TABLE))
    other = deck.copy()
    other[:, 0] = names[deck[:, 0]]
    step = jax.jit(TABLE.step)
    state, shown = TABLE.reset_from_deck(deck)
    state_other, shown_other = TABLE.reset_from_deck(other)
    rng = np.random.default_rng(0)
    hints = 0
    for _ in range(12):
        for seat in range(3):
            np.testing.assert_array_equal(group.obs(g, shown.obs[seat]), shown_other.obs[seat])
            np.testing.assert_array_equal(group.mask(g, shown.mask[seat]), shown_other.mask[seat])
        action = np.array([rng.choice(np.flatnonzero(mask)) for mask in np.asarray(shown.mask)])
        renamed = np.array([int(group.action(g, a)) for a in action])
        hints += (renamed != action).sum()
        state, shown = step(KEY, state, action)
        state_other, shown_other = step(KEY, state_other, renamed)
    assert hints > 0


def test_many_colours_keep_their_rotations():
    env = zsc.make("hanabi", colours=7, ranks=2, copies=(2, 1), hand_size=3)
    assert len(env.symmetry()) == 7


def test_the_deck_is_dealt_player_by_player_from_its_front():
    deck = np.random.default_rng(1).permutation(sorted_deck(TABLE))
    state, _ = jax.jit(TABLE.reset_from_deck)(deck)
    hands = np.asarray(TABLE.snapshot(state)["hands"])
    np.testing.assert_array_equal(hands.reshape(-1, 2), deck[:6])
    state, _ = TABLE.step(KEY, state, jnp.array([2, WAIT, WAIT]))  # player 0 plays its oldest card
    hands = np.asarray(TABLE.snapshot(state)["hands"])
    np.testing.assert_array_equal(hands[0], deck[[1, 6]])


def test_losing_the_last_life_pays_minus_the_score():
    env = zsc.make("hanabi", **SIZES, life_tokens=1)
    deck = np.array([[0, 0], [0, 0], [1, 0], [1, 1], [0, 1], [1, 0], [2, 0], [2, 0], [2, 1]])
    state, _ = env.reset_from_deck(deck)
    wait, paid = env.spec.num_actions - 1, []
    for move in ([2, wait], [wait, 2], [2, wait]):  # R1 fits, Y1 fits, the second R1 does not
        state, shown = env.step(KEY, state, jnp.array(move))
        paid.append(float(shown.reward[0]))
    assert paid == [1, 1, -2]
    assert shown.terminated
    assert env.snapshot(state)["score"] == 0
    assert shown.info["events"][0, env.spec.event_names.index("bomb")]


def test_a_forbidden_move_passes_the_turn_and_nothing_else():
    state, shown = TABLE.reset(KEY)
    assert not shown.mask[0, 0]  # all tokens are there: no discard
    after, _ = TABLE.step(KEY, state, jnp.array([0, WAIT, WAIT]))
    before, now = TABLE.snapshot(state), TABLE.snapshot(after)
    changed = {
        name
        for name in before
        if not jax.tree.all(jax.tree.map(np.array_equal, before[name], now[name]))
    }
    assert changed == {"cur", "time", "last"}
    assert now["cur"] == 1


def test_strict_games_refuse_illegal_actions():
    env = zsc.make("hanabi", players=3, strict=True, **SIZES)
    state, _ = env.reset(KEY)
    with pytest.raises(
        UserError, match="player 0 may not 'discard slot 0' now; legal: play slot 0"
    ):
        env.step(KEY, state, jnp.array([0, WAIT, WAIT]))
    with pytest.raises(UserError, match="player 1 may not 'play slot 0' now; legal: wait"):
        env.step(KEY, state, jnp.array([2, 2, WAIT]))
    with pytest.raises(UserError, match="player 0 chose action 99"):
        env.step(KEY, state, jnp.array([99, WAIT, WAIT]))
    with pytest.raises(UserError, match="outside jit"):
        jax.jit(env.step)(KEY, state, jnp.array([2, WAIT, WAIT]))
    env.step(KEY, state, jnp.array([2, WAIT, WAIT]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"players": 6}, "2 to 5"),
        ({"hand_size": 26}, "2 hands of 26 need 52 cards, but the deck has 50"),
        ({"copies": (3, 2)}, "give 5 numbers"),
        ({"life_tokens": 0}, "at least 1"),
        ({"encoding": "canon"}, "canonical"),
        ({"colours": 20}, "at most 127"),
        ({"colours": 5.0}, "colours is 5.0: give a whole number"),
        ({"copies": 3}, "copies is 3: give a tuple"),
    ],
)
def test_sizes_that_cannot_be_played_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        zsc.make("hanabi", **settings)


def test_lists_are_as_good_as_tuples():
    assert zsc.make("hanabi", copies=[3, 2, 2, 2, 1]) == zsc.make("hanabi/full-2p")


def test_wrong_decks_are_refused():
    deck = sorted_deck(TABLE)
    with pytest.raises(UserError, match="whole numbers"):
        TABLE.reset_from_deck(deck + 0.5)
    with pytest.raises(UserError, match=r"shape \(8, 2\): give \(9, 2\)"):
        TABLE.reset_from_deck(deck[:-1])
    wrong = deck.copy()
    wrong[0] = (2, 1)
    with pytest.raises(UserError, match="1 cards of colour 0 and rank 0: the rules want 2"):
        TABLE.reset_from_deck(wrong)
    wrong[0] = (3, 0)
    with pytest.raises(UserError, match="colour 3 and rank 0"):
        TABLE.reset_from_deck(wrong)


def test_shuffled_decks_are_fair():
    """Every card comes in every place as often as its copies say; no card is lost."""
    decks = jax.vmap(lambda k: rules.shuffled(TABLE.rules, k))(jax.random.split(KEY, 6000))
    assert (np.sort(decks, axis=1) == TABLE.rules.cards).all()
    for place in range(9):
        share = np.bincount(decks[:, place], minlength=6) / 6000
        np.testing.assert_allclose(share, np.tile([2 / 9, 1 / 9], 3), atol=0.025)
    # what comes second does not depend on what came first, but for the copies left
    after_zero = np.bincount(decks[decks[:, 0] == 0, 1], minlength=6) / (decks[:, 0] == 0).sum()
    np.testing.assert_allclose(after_zero, [1 / 8, 1 / 8, 2 / 8, 1 / 8, 2 / 8, 1 / 8], atol=0.05)


def test_pictures_show_hands_and_the_last_move():
    state, _ = TABLE.reset(KEY)
    before = TABLE.render(state)
    assert before.dtype == np.uint8
    assert before.ndim == 3
    state, _ = TABLE.step(KEY, state, jnp.array([2, WAIT, WAIT]))
    after = TABLE.render(state)
    assert after.shape == before.shape
    assert (after != before).any()
