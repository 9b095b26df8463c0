"""Deadlines do not drift, and a long step is not made up for in a hurry."""

from __future__ import annotations

import asyncio

import pytest

from zsc.web.clock import Clock


class Time:
    """A clock whose hands are moved by hand; every sleep takes a little longer than it should."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + 0.004


def test_four_hundred_steps_take_sixty_seconds_however_late_each_one_is() -> None:
    time = Time()

    async def play() -> list[float]:
        clock, late = Clock(0.150, now=time, sleep=time.sleep), []
        for _ in range(400):
            tick = await clock.tick()
            assert tick.missed == 0
            late.append(tick.late)
            time.now += 0.03  # the work of a step
        return late

    late = asyncio.run(play())
    assert time.now - 0.03 == pytest.approx(160.004)
    assert late == pytest.approx([0.004] * 400)


def test_whole_periods_that_a_step_took_are_left_out_and_counted() -> None:
    time = Time()

    async def play() -> list[tuple[float, int]]:
        clock, found = Clock(0.1, now=time, sleep=time.sleep), []
        for work in (0.0, 0.35, 0.0, 0.0):
            found.append((time.now, (await clock.tick()).missed))
            time.now += work
        return found

    began, missed = zip(*asyncio.run(play()), strict=True)
    assert missed == (0, 0, 2, 0)
    assert began[3] - began[2] < 0.1  # the next deadline is on the old grid again
    assert time.now == pytest.approx(100.604)


def test_after_a_pause_the_next_step_is_a_whole_period_away() -> None:
    time = Time()

    async def play() -> float:
        clock = Clock(0.1, now=time, sleep=time.sleep)
        await clock.tick()
        time.now += 50
        clock.restart()
        began = time.now
        await clock.tick()
        return time.now - began

    assert asyncio.run(play()) == pytest.approx(0.104)
