"""Tables of behaviour: scripted players of known habits, and counts made again by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, replace
from functools import cache
from itertools import product

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import zsc
from zsc import Label, Pool, Record, UserError
from zsc.agents.bots.hanabi import discard_oldest, hanabi_bot, rule_order, tell_randomly
from zsc.envs.hanabi import Hanabi
from zsc.envs.overcooked import Overcooked
from zsc.evaluation import CrossPlay, crossplay
from zsc.evaluation.games.hanabi import play_table, scores
from zsc.evaluation.games.overcooked import event_table
from zsc.evaluation.metrics import contribution, event_means, own_events

COOKS = ("idle", "hog", "onion_carrier", "plate_server")
IDLE, HOG, CARRIER, SERVER = range(4)
HORIZON, EPISODES = 120, 4
GAMES = 6  # of Hanabi, for each pair
PLAYERS = ("random", "internal", "flawed", "shy")  # who is shy never plays a card
ONE_LIFE = zsc.make("hanabi/tiny-2p")
MORE_LIVES = Hanabi(colours=2, ranks=2, copies=(3, 2), hand_size=2, info_tokens=2, life_tokens=2)


@cache
def kitchen() -> CrossPlay:
    env = Overcooked("cramped_room", horizon=HORIZON)
    return crossplay(env, {"cooks": zsc.overcooked_bots(env, COOKS)}, episodes=EPISODES)


@cache
def table() -> pd.DataFrame:
    return event_table(kitchen())


def part(played: CrossPlay, places: list[int]) -> CrossPlay:
    """The cross-play of some of the policies."""
    pick = lambda values: tuple(values[i] for i in places)
    names = ("names", "groups", "ids", "parents", "methods")
    chosen = {name: pick(getattr(played, name)) for name in names}
    cells = np.ix_(places, places)
    return replace(played, values=played.values[cells], events=played.events[cells], **chosen)


def count(event: str, row: int, col: int, seat: int) -> float:
    """How often the row's cook did it in all episodes with the column's."""
    return float(kitchen().matrix(event, seat)[row, col] * EPISODES)


def test_idle_cook_only_stays() -> None:
    idle = table().loc["cooks/idle"]
    assert idle["idle"] == 1
    assert (idle[["onions potted", "deliveries", "soups taken", "collisions"]] == 0).all()
    assert idle["share of potting"] == idle["share of deliveries"] == 0
    assert np.isnan(idle["useless interacts"])  # of none
    assert (table()["idle"].drop("cooks/idle") < 1).all()


def test_specialists_are_seen_as_such() -> None:
    assert table().loc["cooks/plate_server", "onions potted"] == 0
    assert table().loc["cooks/plate_server", "share of potting"] == 0
    assert table().loc["cooks/onion_carrier", "onions potted"] > 2
    assert table().loc["cooks/onion_carrier", "deliveries"] == 0
    assert table().loc["cooks/plate_server", "deliveries"] > 0
    assert table().loc["cooks/hog", ["onions potted", "deliveries", "soups taken"]].min() > 0


def test_counts_are_per_episode_and_shares_of_steps_and_interacts() -> None:
    for row, name in enumerate(kitchen().names):
        total: Counter[str] = Counter()
        for col, seat in product(range(4), range(2)):
            for event in (*kitchen().metrics, *kitchen().event_names):
                total[event] += round(count(event, row, col, seat))
        games = 4 * 2 * EPISODES
        assert total["length"] == games * HORIZON
        found, means = table().loc[name], event_means(kitchen()).loc[name]
        for column, event in (
            ("onions potted", "potting_onion"),
            ("deliveries", "soup_delivery"),
            ("soups taken", "soup_pickup"),
        ):
            assert found[column] == pytest.approx(total[event] / games), column
            assert means[event] == found[column]
        assert found["idle"] == pytest.approx(total["stay"] / (games * HORIZON))
        assert found["collisions"] == pytest.approx(total["collision"] / (games * HORIZON))
        interacts = total["useful_interact"] + total["useless_interact"]
        if interacts:
            share = total["useless_interact"] / interacts
            assert found["useless interacts"] == pytest.approx(share)


@pytest.mark.parametrize("event", ["soup_delivery", "potting_onion"])
def test_contributions_of_both_cooks_add_up_to_one_or_there_were_none(event: str) -> None:
    shares, some = contribution(kitchen(), event), 0
    for row, col, seat in product(range(4), range(4), range(2)):
        mine, theirs = count(event, row, col, seat), count(event, col, row, 1 - seat)
        share, rest = shares[row, col, seat], shares[col, row, 1 - seat]
        assert own_events(kitchen(), event)[row, col, seat] == pytest.approx(mine / EPISODES)
        if mine + theirs == 0:
            assert np.isnan([share, rest]).all()
            continue
        assert share == pytest.approx(mine / (mine + theirs))
        assert share + rest == pytest.approx(1)
        some += 1
    assert 0 < some < 32
    named = "share of deliveries" if event == "soup_delivery" else "share of potting"
    for row, name in enumerate(kitchen().names):
        known = [x for x in shares[row].reshape(-1) if not np.isnan(x)]
        assert table().loc[name, named] == pytest.approx(sum(known) / len(known))


def test_hog_beside_an_idle_cook_delivers_alone() -> None:
    """Player 2 can stand idle there; an idle player 1 is in the way of the dishes."""
    shares = contribution(kitchen(), "soup_delivery")
    assert count("soup_delivery", HOG, IDLE, 0) > 0
    assert shares[HOG, IDLE, 0] == 1
    assert shares[IDLE, HOG, 1] == 0
    assert np.isnan(shares[IDLE, IDLE]).all()
    assert np.isnan(shares[HOG, IDLE, 1])
    potting = contribution(kitchen(), "potting_onion")
    assert (potting[CARRIER, SERVER] == 1).all()
    assert (potting[SERVER, CARRIER] == 0).all()


def test_wasted_onions_are_those_in_no_delivered_soup() -> None:
    for row, name in enumerate(kitchen().names):
        potted = delivered = 0.0
        for col, seat in product(range(4), range(2)):
            potted += count("potting_onion", row, col, seat)
            potted += count("potting_onion", col, row, 1 - seat)
            delivered += count("soup_delivery", row, col, seat)
            delivered += count("soup_delivery", col, row, 1 - seat)
        wasted = table().loc[name, "onions wasted"]
        assert wasted == pytest.approx((potted - 3 * delivered) / potted)
        assert 0 < wasted < 1
    assert event_table(part(kitchen(), [CARRIER])).loc["cooks/onion_carrier", "onions wasted"] == 1


def test_where_nobody_cooks_nothing_can_be_wasted_or_shared() -> None:
    alone = event_table(part(kitchen(), [IDLE])).loc["cooks/idle"]
    assert alone[["onions wasted", "share of deliveries", "share of potting"]].isna().all()
    assert alone["idle"] == 1


def test_shares_need_an_event_of_the_game_and_two_seats() -> None:
    with pytest.raises(UserError, match="soup_delivry"):
        contribution(kitchen(), "soup_delivry")
    with pytest.raises(UserError, match="length"):  # is kept beside the events
        contribution(kitchen(), "length")
    thrice = lambda x: np.repeat(x[:, :, :1], 3, axis=2)
    three = replace(kitchen(), values=thrice(kitchen().values), events=thrice(kitchen().events))
    with pytest.raises(UserError, match="has 3 seats: shares need two"):
        contribution(three, "stay")


def test_tables_of_the_rules_of_2020_and_of_three_cooks() -> None:
    new = Overcooked("cramped_room", dynamics="2020").spec.event_names
    played = kitchen()
    where = [played.event_names.index(n) if n in played.event_names else -1 for n in new]
    none = np.zeros((*played.events.shape[:-1], 1))
    events = np.concatenate([played.events, none], axis=-1)[..., where]
    events[..., new.index("potting_tomato")] = 3 * events[..., new.index("potting_onion")]
    told = event_table(replace(played, events=events, event_names=new))
    assert "onions wasted" not in told
    assert (told["tomatoes potted"] == 3 * told["onions potted"]).all()
    np.testing.assert_allclose(told["share of potting"], table()["share of potting"], rtol=1e-5)
    thrice = lambda x: np.repeat(x[:, :, :1], 3, axis=2)
    crowd = replace(played, values=thrice(played.values), events=thrice(played.events))
    assert not [name for name in event_table(crowd) if "share" in name]


@cache
def players(env: Hanabi) -> Pool:
    bots = zsc.hanabi_bots(env, PLAYERS[:-1])
    shy = zsc.make_pool(
        env.spec,
        hanabi_bot(rules=astuple(env.rules)),
        jnp.stack([rule_order(discard_oldest, tell_randomly)]),
        [Label(method="shy")],
    )
    return zsc.join([bots, shy])


@cache
def hanabi() -> CrossPlay:
    return crossplay(MORE_LIVES, {"bots": players(MORE_LIVES)}, episodes=GAMES, seed=3)


def record(env: Hanabi, first: int, second: int) -> Record:
    """The games of `hanabi` in which the first sits in seat 0."""
    pool = players(env)
    return zsc.record(env, (pool.take([first]), pool.take([second])), episodes=GAMES, seed=3)


@pytest.mark.parametrize("env", [ONE_LIFE, MORE_LIVES], ids=["one life", "more lives"])
def test_scores_of_recorded_games_are_strict_and_raw(env: Hanabi) -> None:
    kinds: Counter[str] = Counter()
    for pair in ((0, 0), (1, 1), (2, 2), (0, 1)):
        played = record(env, *pair)
        found = scores(env, played)
        np.testing.assert_array_equal(found.strict, played.reward[..., 0].sum(1))
        np.testing.assert_array_equal(found.raw, played.states.fireworks[:, -1].sum(-1))
        np.testing.assert_array_equal(found.bombed, played.states.life[:, -1] == 0)
        assert (found.raw >= found.strict).all()
        for strict, raw, bombed in zip(*found, strict=True):
            assert strict == (0 if bombed else raw)
            kinds["bombed" if bombed else "not bombed"] += raw > 0
    assert min(kinds["bombed"], kinds["not bombed"]) > 0


def hand_count(player: int) -> Counter[str]:
    """All that a player did, worked out from the states and actions of all its games."""
    size, total = MORE_LIVES.rules, Counter[str]()
    for other, seat in product(range(len(PLAYERS)), range(2)):
        pair = (player, other) if seat == 0 else (other, player)
        played = record(MORE_LIVES, *pair)
        state = played.states
        total["games"] += GAMES
        total["score"] += int(played.reward[..., seat].sum())
        for e, t in np.argwhere(played.playing & (state.cur[:, :-1] == seat)):
            action = int(played.action[e, t, seat])
            if action < size.hand_size:
                total["discards"] += 1
            elif action < 2 * size.hand_size:
                slot = action - size.hand_size
                colour, rank = divmod(int(state.hands[e, t, seat, slot]), size.ranks)
                total["plays"] += 1
                total["misplays"] += int(state.fireworks[e, t, colour] != rank)
                total["known"] += int(state.colour_told[e, t, seat, slot])
                total["known"] += int(state.rank_told[e, t, seat, slot])
                total["bomb-outs"] += int(state.life[e, t + 1] == 0)
            elif action < 2 * size.hand_size + size.colours:
                total["colour hints"] += 1
            else:
                total["rank hints"] += 1
    return total


@pytest.mark.parametrize("player", PLAYERS)
def test_table_of_play_equals_a_count_by_hand(player: str) -> None:
    total = hand_count(PLAYERS.index(player))
    found = play_table(hanabi()).loc[f"bots/{player}"]
    for column in found.index.drop("information per play"):
        assert found[column] == pytest.approx(total[column] / total["games"]), column
    if player == "shy":
        assert total["plays"] == 0
        assert np.isnan(found["information per play"])
        return
    information = total["known"] / total["plays"] / 2
    assert found["information per play"] == pytest.approx(information)
    assert 0 < information < 1


def test_careful_player_knows_more_of_what_it_plays() -> None:
    found = play_table(hanabi())
    known, bombs = found["information per play"], found["bomb-outs"]
    assert known["bots/internal"] > known["bots/random"]
    assert bombs["bots/internal"] == bombs["bots/shy"] == 0
    assert bombs["bots/random"] > 0


def test_tables_are_refused_for_the_other_game() -> None:
    with pytest.raises(UserError, match=r"hanabi/.* is not Overcooked"):
        event_table(hanabi())
    with pytest.raises(UserError, match="overcooked/cramped_room is not Hanabi"):
        play_table(kitchen())
