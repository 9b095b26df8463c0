"""Games of people at Hanabi, in the forms in which others keep them: made here, read back.

`played_out` plays a whole game by the rules as a reader of these files knows them (written anew
with plain lists), so that decks, hands, tokens and scores are not checked by what they are read by.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import safetensors.numpy

import zsc
from zsc import UserError
from zsc.cli import main
from zsc.records.hanabi_data import read_hanabi_data, shuffled
from zsc.records.hanabi_files import hanabi_of
from zsc.records.whose import whose_games

PLAY, DISCARD, COLOUR, RANK = range(4)


class Move(NamedTuple):
    """What a player did: of a card by its slot and place in the deck, or to a seat."""

    kind: int
    slot: int = -1
    order: int = -1
    target: int = -1
    value: int = -1  # a colour, or a rank from 0


class Game(NamedTuple):
    deck: list[tuple[int, int]]
    moves: list[Move]
    score: int


def played_out(seed: int, players: int = 2, deck: list[tuple[int, int]] | None = None) -> Game:
    """A game of legal moves by chance, that likes to play what fits."""
    rng, size = random.Random(seed), 5 if players < 4 else 4
    cards = [(c, r) for c in range(5) for r, n in enumerate((3, 2, 2, 2, 1)) for _ in range(n)]
    if deck is None:
        rng.shuffle(cards)
        deck = cards
    hands = [list(range(p * size, (p + 1) * size)) for p in range(players)]
    top, info, life, piles, left = players * size, 8, 3, [0] * 5, players
    moves: list[Move] = []
    while life and left and sum(piles) < 25:
        me = len(moves) % players
        left -= top >= 50
        good = [i for i, x in enumerate(hands[me]) if piles[deck[x][0]] == deck[x][1]]
        if (good and rng.random() < 0.7) or rng.random() < 0.04:
            slot = good[0] if good else rng.randrange(len(hands[me]))
            kind = PLAY
        elif info and (info == 8 or rng.random() < 0.5):
            other = (me + rng.randrange(1, players)) % players
            colour, rank = deck[rng.choice(hands[other])]
            kind = rng.choice([COLOUR, RANK])
            moves.append(Move(kind, target=other, value=colour if kind == COLOUR else rank))
            info -= 1
            continue
        else:
            kind, slot = DISCARD, rng.randrange(len(hands[me]))
        order = hands[me].pop(slot)
        colour, rank = deck[order]
        if kind == DISCARD:
            info += 1
        elif piles[colour] == rank:
            piles[colour] += 1
            info += rank == 4 and info < 8
        else:
            life -= 1
        if top < 50:
            hands[me].append(top)
            top += 1
        moves.append(Move(kind, slot=slot, order=order))
    return Game(deck, moves, sum(piles))


def as_log(seed: int, game: Game, before: str = "") -> str:
    """As HanabiData keeps it; what moves came to in words is left out."""
    number = {COLOUR: 0, RANK: 1, PLAY: 2, DISCARD: 3}
    lines = [f"Old GID: {before}"] if before else []
    lines += [f"Treatment: ('full', {seed})", str([(c, r + 1) for c, r in game.deck[10:]])]
    for turn, move in enumerate(game.moves):
        colour = move.value if move.kind == COLOUR else None
        rank = move.value + 1 if move.kind == RANK else None
        slot = None if move.slot < 0 else move.slot
        target = None if move.target < 0 else move.target
        lines += [f"MOVE: {turn % 2} {number[move.kind]} {slot} {target} {colour} {rank}", "words"]
    return "\n".join([*lines, f"Score {game.score}"]) + "\n"


def log_of(seed: int) -> Game:
    return played_out(seed, deck=[tuple(card) for card in shuffled(seed).tolist()])


def as_action(move: Move, turn: int, players: int) -> int:
    """The toolkit's number, and JaxMARL's."""
    size = 5 if players < 4 else 4
    if move.kind in (PLAY, DISCARD):
        return move.slot + size * (move.kind == PLAY)
    ahead = (move.target - turn) % players - 1
    before = 2 * size + 5 * (players - 1) * (move.kind == RANK)
    return before + 5 * ahead + move.value


def as_arrays(games: list[Game], players: int) -> dict[str, np.ndarray]:
    """As AH2AC2 keeps them."""
    idle = 10 + 10 * (players - 1)
    actions = np.full((len(games), 89, players), idle, np.int32)
    for g, game in enumerate(games):
        for turn, move in enumerate(game.moves):
            actions[g, turn, turn % players] = as_action(move, turn, players)
    return {
        "game_ids": np.arange(7, 7 + len(games)),
        "decks": np.array([game.deck for game in games], np.int32),
        "actions": actions,
        "num_actions": np.array([len(game.moves) for game in games]),
        "scores": np.array([game.score for game in games]),
        "num_players": np.array(players),
    }


def as_live(game: Game, players: int, names: list[str], **options: Any) -> dict[str, Any]:
    """As hanabi.live exports it."""
    told = [
        {"type": m.kind, "target": m.order if m.order >= 0 else m.target,
         "value": m.value + (m.kind == RANK)}
        for m in game.moves
    ]  # fmt: skip
    return {
        "players": names[:players],
        "deck": [{"suitIndex": c, "rank": r + 1} for c, r in game.deck],
        "actions": [*told, {"type": 4, "target": 0, "value": 4}],
        "options": {"variant": "No Variant"} | options,
        "notes": [["that Ann again"]],
        "seed": "p2v0s1",
    }


def check(found: Any, games: list[Game], players: int) -> None:
    """Moves, scores and lengths are those that were written."""
    assert found.left_out == []
    record = found.record
    assert record.length.tolist() == [len(game.moves) for game in games]
    assert record.states.fireworks[:, -1].sum(1).tolist() == [game.score for game in games]
    lost = record.states.life[:, -1] == 0
    earned = record.reward[..., 0].sum(1)
    assert earned.tolist() == [
        0.0 if over else g.score for over, g in zip(lost, games, strict=True)
    ]
    for g, game in enumerate(games):
        for turn, move in enumerate(game.moves):
            assert record.action[g, turn, turn % players] == as_action(move, turn, players)
    acted = np.take_along_axis(record.mask, record.action[..., None], -1)[..., 0]
    assert acted[record.playing].all()


def test_decks_are_shuffled_as_python_2_did() -> None:
    """The last cards of game 003d9bcb9d27dacf (seed 2813) as its file lists them."""
    deck = shuffled(2813)
    assert [(c, r + 1) for c, r in deck[10:16].tolist()] == [(1, 1), (0, 2), (1, 4), (4, 1), (0, 1),
                                                             (2, 3)]  # fmt: skip
    assert [(c, r + 1) for c, r in deck[-2:].tolist()] == [(2, 5), (2, 4)]


def test_logs_of_hanabi_data(tmp_path: Path) -> None:
    seeds = (3726, 11, 2813, 5)
    games = [log_of(seed) for seed in seeds]
    before = ("", "aa", "", "unknown")
    for name, seed, game, old in zip("abcd", seeds, games, before, strict=True):
        (tmp_path / f"game{name}{name}.log").write_text(as_log(seed, game, old))
    (tmp_path / "surveyaa.log").write_text("like 5\n")
    found = hanabi_of(tmp_path)
    assert found is not None
    check(found, games, 2)
    assert len({len(game.moves) for game in games}) > 1
    whose = whose_games({"games": found.games}, 4, 2)
    assert whose == (("", "person 0"), ("", "person 0"), ("", "person 1"), ("", "person 2"))
    assert found.games[0]["condition"] == "full"


@pytest.mark.parametrize("players", [2, 3])
def test_arrays_of_ah2ac2(players: int, tmp_path: Path) -> None:
    games = [played_out(seed, players) for seed in range(3)]
    path = tmp_path / "games.safetensors"
    safetensors.numpy.save_file(as_arrays(games, players), path)
    found = hanabi_of(path)
    assert found is not None
    check(found, games, players)
    assert found.env.spec.id == f"hanabi/full-{players}p"
    assert [game["game"] for game in found.games] == ["7", "8", "9"]
    assert whose_games({"games": found.games}, 3, players) is None  # nobody says who played


def test_exports_of_hanabi_live_without_names(tmp_path: Path) -> None:
    games = [played_out(seed, 2) for seed in (4, 5)]
    told = [as_live(games[0], 2, ["Ann", "Bob"]), as_live(games[1], 2, ["Cid", "Ann"], timed=True)]
    (tmp_path / "live.json").write_text(json.dumps(told))
    found = hanabi_of(tmp_path / "live.json")
    assert found is not None
    check(found, games, 2)
    assert "Ann" not in repr(found.games)
    assert whose_games({"games": found.games}, 2, 2) == (("person 0", "person 1"),
                                                         ("person 2", "person 0"))  # fmt: skip


def test_in_hanabi_live_another_may_begin(tmp_path: Path) -> None:
    """Seat 1 of the site begins: hands are dealt in the site's order, seat 0 here is its player."""
    game, size = played_out(6, 3), 5
    turned = [*range(2 * size, 3 * size), *range(2 * size), *range(15, 50)]  # ours, by their place
    place = {ours: theirs for theirs, ours in enumerate(turned)}
    live = as_live(game._replace(
        deck=[game.deck[ours] for ours in turned],
        moves=[m._replace(order=place[m.order]) if m.order >= 0
               else m._replace(target=(m.target + 1) % 3) for m in game.moves],
    ), 3, ["Ann", "Bob", "Cid"], startingPlayer=1)  # fmt: skip
    (tmp_path / "live.json").write_text(json.dumps(live))
    found = hanabi_of(tmp_path / "live.json")
    assert found is not None
    check(found, [game], 3)


def test_games_that_the_rules_do_not_lead_to_are_left_out_and_named(tmp_path: Path) -> None:
    game = log_of(11)
    lines = as_log(11, game)
    (tmp_path / "gamea.log").write_text(lines)
    (tmp_path / "gameb.log").write_text(lines.replace(f"Score {game.score}", "Score 25"))
    (tmp_path / "gamec.log").write_text("nothing of the kind\n")
    at_first = lines.replace(next(x for x in lines.splitlines() if x.startswith("MOVE")),
                             "MOVE: 0 3 0 None None None", 1)  # fmt: skip
    (tmp_path / "gamed.log").write_text(at_first)
    found = hanabi_of(tmp_path)
    assert found is not None
    assert [game["game"] for game in found.games] == ["a"]
    told = "\n".join(found.left_out)
    assert "b: the rules come to" in told
    assert "gamec.log" in told
    assert "d: move 1 (discard slot 0) is forbidden" in told
    assert "3 games left out" in found.told()


def bad_deck(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return arrays | {"decks": arrays["decks"] + 1}


def no_scores(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: x for name, x in arrays.items() if name != "scores"}


def both_move(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    actions = arrays["actions"].copy()
    actions[0, 0] = 5
    return arrays | {"actions": actions}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(bad_deck, "colour"), (no_scores, "scores"), (both_move, "out of turn")],
)
def test_other_arrays_are_refused_in_one_line(
    spoil: Callable[[Any], Any], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "games.safetensors"
    safetensors.numpy.save_file(spoil(as_arrays([played_out(1)], 2)), path)
    with pytest.raises(UserError, match=words) as told:
        hanabi_of(path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"options": {"variant": "Rainbow (6 Suits)"}}, "Rainbow"),
        ({"options": {"cardCycle": True}}, "cardCycle"),
        ({"deck": "none"}, "no export"),
        ({"players": ["Ann"]}, "1 players"),
    ],
)
def test_other_games_of_hanabi_live_are_refused_in_one_line(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "live.json"
    path.write_text(json.dumps(as_live(played_out(4), 2, ["Ann", "Bob"]) | change))
    with pytest.raises(UserError, match=words) as told:
        hanabi_of(path)
    assert "\n" not in str(told.value)


def test_a_folder_without_games_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no game\*\.log"):
        read_hanabi_data(tmp_path)


def test_zsc_convert_writes_a_file_that_clones_learn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("log").mkdir()
    for seed in (11, 5):
        Path(f"log/game{seed}.log").write_text(as_log(seed, log_of(seed)))
    assert main(["convert", "log", "--out", "games.safetensors"]) == 0
    assert "2 games" in capsys.readouterr().out
    env, record, notes = zsc.load_record("games.safetensors")
    assert env.spec.id == "hanabi/full-2p"
    assert "CC BY 4.0" in notes["source"]
    assert whose_games(notes, 2, 2) == (("", "person 0"), ("", "person 1"))
    assert len(record.length) == 2
    Path("empty").mkdir()
    assert main(["convert", "empty", "--out", "more.safetensors"]) == 2
    assert not Path("more.safetensors").exists()
