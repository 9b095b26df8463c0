"""`zsc study pilot`: people made of code walk the whole study, each in a real browser.

They tick, click and press keys as people do, answer the questions of comprehension rightly and the
others by chance, and play by chance. What they leave is what people would leave.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from zsc.errors import UserError
from zsc.web.server import Place, listen, serve
from zsc.web.study.casting import find
from zsc.web.study.plan import Plan, Text
from zsc.web.study.server import StudyServer
from zsc.web.study.store import Store

_FLAGS = "--headless=new --no-sandbox --disable-gpu --no-first-run --hide-scrollbars"
_KEYS = ("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Space", "Space")
_LONG = 900.0  # seconds that a person may take


def pilot(text: Text, people: int, speed: float, out: Path | None) -> Iterator[str]:
    """Walk the study; yields lines that tell of it. Raises UserError without a browser."""
    if people < 1 or speed <= 0:
        raise UserError(f"{people} people at speed {speed}: give at least one, and a speed above 0")
    run = text.plan.run
    quick = replace(run, tick=max(0.02, run.tick / speed), countdown=min(run.countdown, 1.0))
    plan = replace(text.plan, run=quick)
    folder = out or Path(tempfile.mkdtemp(prefix="zsc-pilot-"))
    try:
        with serving(replace(text, plan=plan), folder) as place:
            walkers = [Walker(plan, seed) for seed in range(people)]
            threads = [threading.Thread(target=one.safely, args=(place.url,)) for one in walkers]
            for thread in threads:
                thread.start()
            for thread, walker in zip(threads, walkers, strict=True):
                thread.join(_LONG)
                yield walker.told
        if any(not walker.code for walker in walkers):
            raise UserError("somebody did not come to the end: look at the lines above")
        yield f"the data are in {folder}" if out else "the data were thrown away (--out FOLDER)"
    finally:
        if out is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(text: Text, folder: Path, port: int = 0) -> Iterator[Place]:
    """A study that runs in a thread; port 0 takes any that is free."""
    bound = listen(Place(port=port))
    place = Place(port=bound.getsockname()[1])
    casting = find(text)
    store = Store(folder, text, casting)
    casting.warm()
    server = StudyServer(text.plan, casting, store, place, "pilot")
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=serve, args=(server.app(), bound, ready.set), kwargs={"stop": stop}, daemon=True
    )
    thread.start()
    if not ready.wait(30.0):
        raise UserError("the server did not start")
    try:
        yield place
    finally:
        stop.set()
        thread.join(15.0)
        store.close()


class Walker:
    """A person made of code, in a browser."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.plan, self.seed, self.draw = plan, seed, Random(seed)
        self.code, self.told = "", f"person {seed + 1}: did not begin"
        self.pages: list[str] = []

    def safely(self, url: str) -> None:
        """Walk, and tell what went wrong instead of raising it."""
        try:
            self.walk(url)
        except Exception as error:  # of a browser, in any way
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            self.told = f"person {self.seed + 1}: stopped after {len(self.pages)} pages: {why}"

    def walk(self, url: str) -> None:
        """From consent to the completion code."""
        browser = open_browser()
        try:
            browser.set_window_size(1280, 900)
            browser.get(url)
            began = time.monotonic()
            while not self.code and time.monotonic() - began < _LONG:
                self.page(browser)
            minutes = (time.monotonic() - began) / 60
            self.told = (
                f"person {self.seed + 1}: {len(self.pages)} pages in {minutes:.1f} minutes, "
                f"code {self.code or 'none'}"
            )
        finally:
            browser.quit()

    def page(self, browser: Any) -> None:
        """Do what a page asks for, and wait for the next."""
        at = _where(browser)
        if at is None:
            time.sleep(0.05)
            return
        self.pages.append(f"{at[0]} {at[1]}")
        if at[0] == "end":
            code = browser.execute_script("return document.getElementById('code')?.textContent")
            self.code = code or "none"
            return
        if at[0] in ("game", "tutorial"):
            self.play(browser, at)
            return
        getattr(self, f"_{at[0]}")(browser)
        until = time.monotonic() + 10
        while _where(browser) == at and time.monotonic() < until:
            time.sleep(0.03)

    def _consent(self, browser: Any) -> None:
        browser.execute_script("document.getElementById('agree').click()")
        if self.draw.random() < 0.5:
            browser.execute_script("document.getElementById('publish')?.click()")
        browser.execute_script("document.getElementById('consent').click()")

    def _text(self, browser: Any) -> None:
        _submit(browser)

    def _questions(self, browser: Any) -> None:
        for place, question in enumerate(self.plan.questions):
            browser.execute_script(
                "document.querySelectorAll(`[data-question='${arguments[0]}'] input`)"
                "[arguments[1]].click()",
                place,
                question.right - 1,
            )
        _submit(browser)

    def _items(self, browser: Any) -> None:
        browser.execute_script(_ANSWER, self.draw.random())
        _submit(browser)

    def play(self, browser: Any, at: tuple[str, str]) -> None:
        """Press what can be pressed until the page is another."""
        while _where(browser) == at:
            key = self.draw.choice(_KEYS)
            again = browser.execute_script(_PLAY, key, self.draw.random())
            if again == "again":  # the tutorial, once more
                self.pages.append("again")
            time.sleep(0.05)


def open_browser() -> Any:
    """A headless Chromium. Raises UserError if there is none."""
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        raise UserError("a pilot needs a browser: pip install selenium, and chromium") from None
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    driver = shutil.which("chromedriver")
    if program is None:
        raise UserError("a pilot needs chromium or chrome: install one")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in _FLAGS.split():
        options.add_argument(flag)
    service = Service(driver) if driver else Service()
    return webdriver.Chrome(options=options, service=service)


def _where(browser: Any) -> tuple[str, str] | None:
    kind, step = browser.execute_script(
        "return [document.body?.dataset.kind || '', document.body?.dataset.step || '']"
    )
    return (kind, step) if kind else None


def _submit(browser: Any) -> None:
    browser.execute_script("document.querySelector('form').requestSubmit()")


#: Answers every question of a page, by chance.
_ANSWER = """
let seed = arguments[0] * 1e6;
const draw = n => Math.floor((seed = (seed * 9301 + 49297) % 233280) / 233280 * n);
for (const box of document.querySelectorAll("[data-item]")) {
  const options = box.querySelectorAll("input[type=radio]");
  if (options.length) options[draw(options.length)].click();
  for (const area of box.querySelectorAll("textarea")) area.value = "some words";
  for (const field of box.querySelectorAll("input[type=number]")) field.value = draw(100);
  const moves = [...box.querySelectorAll("ol.rank button:not(:disabled)")];
  if (moves.length) moves[draw(moves.length)].click();
}
"""

#: One press of somebody who plays: a button that covers the game, a key, or a move of a card game.
_PLAY = """
const veil = document.querySelector(".veil:not([hidden]) button");
if (veil) {
  const name = veil.textContent;
  veil.click();
  return name === "Continue" ? "again" : "start";
}
const skip = document.getElementById("skip");
if (skip) { skip.click(); return "skip"; }
const hand = [...document.querySelectorAll(".hanabi .choices button:not(:disabled)")];
if (hand.length) { hand[Math.floor(arguments[1] * hand.length)].click(); return "move"; }
const own = [...document.querySelectorAll(".hanabi button.face:not(:disabled)")];
if (own.length) { own[Math.floor(arguments[1] * own.length)].click(); return "look"; }
const plain = [...document.querySelectorAll(".screen .actions button:not(:disabled)")];
if (plain.length) { plain[Math.floor(arguments[1] * plain.length)].click(); return "act"; }
dispatchEvent(new KeyboardEvent("keydown", { code: arguments[0] }));
return "key";
"""
