"""A game on the wall clock or by turns: whose key counts, who is waited for, what is written."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import zsc
from tests.web.people import FAST, Page, room_cast, run_game, until
from zsc.agents.bots import scripted_partners
from zsc.schema import MisfitError
from zsc.web.game import ABSENT, FINISHED, IDLE, LEFT, Game
from zsc.web.guard import Act, Focus, Leave, Ready
from zsc.web.log import read_game
from zsc.web.stage import Cast, Stage, partner

STAY, INTERACT = 4, 5


def test_a_game_has_all_its_steps_and_each_is_written_before_it_is_shown(tmp_path: Path) -> None:
    async def play(game: Game, worker: Any) -> None:
        page = Page().open(game, "p0")
        running = asyncio.create_task(game.run())
        seen = 0
        while not running.done():
            states = [m for m in page.told if m["type"] == "state"]
            if states:
                seen = max(seen, states[-1]["step"])
            assert len(read_game(tmp_path / "games" / "g.jsonl").steps) >= seen
            await asyncio.sleep(0.001)
        assert await running == FINISHED
        await until(lambda: page.told[-1]["type"] == "over")
        assert [m["step"] for m in page.told if m["type"] == "state"][-1] == 12

    played = run_game(room_cast(), tmp_path, play)
    assert [step["step"] for step in played.steps] == list(range(12))
    assert played.end is not None
    assert (played.end["why"], played.end["steps"]) == (FINISHED, 12)
    stage = Stage(room_cast(), played.header.seed)
    stage.replay(played.actions, played.marks)
    assert stage.shown.done


def test_the_newest_key_of_a_step_counts_once(tmp_path: Path) -> None:
    async def play(game: Game, worker: Any) -> None:
        page = Page().open(game, "p0")
        page.press(0)  # before it has begun: not meant
        running = asyncio.create_task(game.run())
        await until(lambda: game.stage.time == 2)
        for action in (0, 1, 2, INTERACT):
            page.press(action)
        await running

    played = run_game(room_cast(), tmp_path, play, terms=replace(FAST, tick=0.05))
    own = [action[0] for action in played.actions]
    assert sorted(own) == [STAY] * 11 + [INTERACT]
    (pressed,) = (step for step in played.steps if step["keys"])
    assert pressed["keys"] == {"0": {"action": INTERACT, "at": 123.0, "seen": 2,
                                     "got": pressed["keys"]["0"]["got"]}}  # fmt: skip
    assert pressed["action"][0] == INTERACT


def test_an_action_that_does_not_exist_is_rubbish(tmp_path: Path) -> None:
    async def play(game: Game, worker: Any) -> None:
        page = Page().open(game, "p0")
        for action in (-1, 6, 10**9):
            with pytest.raises(MisfitError):
                page.say(Act(action))
        game.stop(LEFT)
        assert await game.run() == LEFT

    run_game(room_cast(), tmp_path, play)


def test_who_looks_away_stops_a_game_alone_and_goes_on_where_it_was(tmp_path: Path) -> None:
    async def play(game: Game, worker: Any) -> None:
        page = Page(eager=False).open(game, "p0")
        running = asyncio.create_task(game.run())
        page.say(Ready())
        await until(lambda: game.stage.time >= 3)
        page.press(0)
        page.say(Focus(False, 1.0))  # the key that was down is up
        at = game.stage.time
        await asyncio.sleep(0.1)
        assert game.stage.time - at <= 1
        page.say(Focus(True, 2.0))
        assert await running == FINISHED

    played = run_game(room_cast(), tmp_path, play)
    events = [event["event"] for event in played.events]
    assert events == ["joined", "going", "focus lost", "paused", "focus", "going"]
    assert {action[0] for action in played.actions} == {STAY}
    assert len(played.steps) == 12


def test_looking_away_too_often_stops_nothing_any_more(tmp_path: Path) -> None:
    async def play(game: Game, worker: Any) -> None:
        page = Page().open(game, "p0")
        running = asyncio.create_task(game.run())
        await until(lambda: game.stage.time >= 1)
        for _ in range(2):
            page.say(Focus(False))
            await asyncio.sleep(0.03)
            page.say(Focus(True))
            await asyncio.sleep(0.03)
        page.say(Focus(False))
        assert await running == FINISHED

    played = run_game(room_cast(), tmp_path, play, terms=replace(FAST, pauses=1))
    assert [event["event"] for event in played.events].count("paused") == 2


def test_who_comes_back_goes_on_and_who_does_not_ends_it_with_a_reason(tmp_path: Path) -> None:
    async def play(game: Game, worker: Any) -> None:
        page = Page().open(game, "p0")
        running = asyncio.create_task(game.run())
        await until(lambda: game.stage.time >= 3)
        game.part("p0", page.line)
        at = game.stage.time
        await asyncio.sleep(0.05)
        assert game.stage.time <= at + 1
        second = Page().open(game, "p0")
        assert second.told == []  # it is sent by the line's own task
        await until(lambda: game.stage.time >= at + 2)
        scene = next(m for m in second.told if m["type"] == "scene")
        assert scene["begun"]
        game.part("p0", second.line)
        assert await running == ABSENT

    played = run_game(room_cast(), tmp_path, play, terms=replace(FAST, patience=0.2))
    assert played.end is not None
    assert played.end["why"] == ABSENT
    assert 0 < len(played.steps) < 12


def test_two_people_are_waited_for_and_see_one_game(tmp_path: Path) -> None:
    async def play(game: Game, worker: Any) -> None:
        one = Page().open(game, "p0")
        running = asyncio.create_task(game.run())
        await asyncio.sleep(0.05)
        assert game.stage.time == 0
        two = Page().open(game, "p1")
        await until(lambda: game.stage.time >= 2)
        one.press(0)
        two.press(1)
        await until(lambda: game.stage.time >= 6)
        two.say(Focus(False))  # the other's game goes on
        assert await running == FINISHED
        await until(lambda: "over" in one.kinds() + two.kinds())
        last = [[m for m in page.told if m["type"] == "state"][-1] for page in (one, two)]
        assert last[0]["state"] == last[1]["state"]

    played = run_game(room_cast(people=2), tmp_path, play, terms=replace(FAST, tick=0.03))
    keys = [step["keys"] for step in played.steps if step["keys"]]
    assert {seat for key in keys for seat in key} == {"0", "1"}
    assert [0, 1] in [[step["keys"][s]["action"] for s in ("0", "1") if s in step["keys"]]
                      for step in played.steps]  # fmt: skip


def test_a_game_that_waits_takes_one_step_a_key_and_only_for_what_was_seen(tmp_path: Path) -> None:
    async def play(game: Game, worker: Any) -> None:
        page = Page().open(game, "p0")
        running = asyncio.create_task(game.run())
        await until(lambda: "go" in page.kinds())
        for step in range(12):
            await until(lambda step=step: game.stage.time == step)
            await asyncio.sleep(0.003)
            page.say(Act(1, 0.0, step - 1))  # of the state before: not meant
            await asyncio.sleep(0.003)
            assert game.stage.time == step
            page.press(0)
        assert await running == FINISHED

    played = run_game(room_cast(), tmp_path, play, terms=replace(FAST, tick=None))
    assert [action[0] for action in played.actions] == [0] * 12


def test_turns_are_taken_in_turn_and_only_legal_moves_count(tmp_path: Path) -> None:
    env = zsc.make("hanabi/tiny-2p")
    bots = scripted_partners(env)
    cast = Cast(env, (partner(bots, 1, env, greedy=False),), (1,))
    colours: list[int] = []

    async def play(game: Game, worker: Any) -> None:
        page = Page().open(game, "p0")
        running = asyncio.create_task(game.run())
        while not running.done():
            await asyncio.sleep(0.002)
            mask = game.stage.shown.mask[0]
            if mask.sum() > 1 and not game.stage.shown.done:
                illegal = [a for a in range(len(mask)) if not mask[a]]
                page.press(illegal[0])
                page.press(int(mask.argmax()))
        assert running.result() == FINISHED
        states = [m["state"] for m in page.told if m["type"] == "state"]
        hands = [card for s in states for card in s["hands"][0] if card is not None]
        assert hands
        assert all("card" not in card for card in hands)  # nobody sees the own cards
        assert all("deck" not in str(key) or key == "deck" for s in states for key in s)
        others = [card for s in states for card in s["hands"][1] if card is not None]
        colours.extend(card["card"][0] for card in others)

    played = run_game(cast, tmp_path, play)
    idle = env.spec.idle_action
    movers = [int(action[0] == idle) for action in played.actions]
    assert movers == [step % 2 for step in range(len(movers))]
    assert colours


def test_who_does_not_move_ends_the_game(tmp_path: Path) -> None:
    env = zsc.make("hanabi/tiny-2p")
    cast = Cast(env, (partner(scripted_partners(env), 1, env, greedy=False),), (1,))

    async def play(game: Game, worker: Any) -> None:
        Page().open(game, "p0")
        assert await game.run() == IDLE

    played = run_game(cast, tmp_path, play, terms=replace(FAST, idle=0.1))
    assert played.steps == ()


def test_a_stopped_server_leaves_the_game_open_and_it_goes_on(tmp_path: Path) -> None:
    async def play(game: Game, worker: Any) -> None:
        Page().open(game, "p0")
        running = asyncio.create_task(game.run())
        await until(lambda: game.stage.time >= 4)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    played = run_game(room_cast(), tmp_path, play)
    assert played.end is None
    assert 3 <= len(played.steps) < 12  # the step under way was neither written nor shown


def test_leaving_is_a_reason(tmp_path: Path) -> None:
    async def play(game: Game, worker: Any) -> None:
        page = Page().open(game, "p0")
        running = asyncio.create_task(game.run())
        await until(lambda: game.stage.time >= 1)
        page.say(Leave())
        assert await running == LEFT

    assert run_game(room_cast(), tmp_path, play).end is not None
