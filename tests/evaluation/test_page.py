"""The report page for everyone: dark and light, wide and narrow, with and without films."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser import browser
from tests.evaluation.test_report import KITCHEN, random_agents
from zsc.agents.bots import overcooked_bots
from zsc.evaluation import CrossPlay, crossplay
from zsc.evaluation.report.page import Extras, write_report

PHONE, DESK = (390, 844), (1280, 900)
#: Text whose contrast with what is behind it is below WCAG's 4.5 (3 for large letters).
PALE = """
const linear = x => x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4;
const light = c => { const [r, g, b] = c.map(x => linear(x / 255));
  return .2126 * r + .7152 * g + .0722 * b; };
const numbers = c => c.match(/[\\d.]+/g).map(Number);
const behind = node => {
  for (let n = node; n; n = n.parentElement) {
    const c = numbers(getComputedStyle(n).backgroundColor);
    if (c.length < 4 || c[3] > .5) return c.slice(0, 3);
  }
  return [255, 255, 255];
};
const found = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const node = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
  const apart = ["SCRIPT", "STYLE", "OPTION"].includes(node.tagName);
  if (!text || apart || node.closest("#tip, [hidden], svg")) continue;
  if (!node.getClientRects().length) continue;
  const style = getComputedStyle(node), a = light(numbers(style.color)), b = light(behind(node));
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
  if (ratio < least) found.push([text.slice(0, 20), +ratio.toFixed(2)]);
}
return found;
"""


@pytest.fixture(scope="module")
def pools() -> dict[str, Any]:
    return {"agents": random_agents(2), "cooks": overcooked_bots(KITCHEN, ("hog", "idle"))}


@pytest.fixture(scope="module")
def played(pools: dict[str, Any]) -> CrossPlay:
    return crossplay(KITCHEN, pools, episodes=3, seed=5)


@pytest.fixture(scope="module")
def page(
    tmp_path_factory: pytest.TempPathFactory, pools: dict[str, Any], played: CrossPlay
) -> Path:
    """A page on which three of sixteen cells have a film."""
    steps, returns = np.arange(1, 61) * 1000, np.linspace(0, 50, 120).reshape(60, 2)
    curves = {"agents": (steps, returns), "cooks": (steps[:30], returns[:30] - 4)}
    target = tmp_path_factory.mktemp("report") / "page.html"
    return write_report(target, KITCHEN, played, Extras(pools=pools, curves=curves), films=3)


@pytest.fixture
def phone(page: Path) -> Iterator[Any]:
    with browser(500, PHONE[1]) as driver:
        look(driver, page, PHONE, "light")
        yield driver


def look(driver: Any, page: Path, size: tuple[int, int], shade: str) -> None:
    """Open the page in a window of that size, on a system of that shade."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1,
               "mobile": size == PHONE}  # fmt: skip
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": shade}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.get(page.as_uri())
    settled(lambda: driver.execute_script("return document.querySelectorAll('td.film').length"))


def settled(asked: Any) -> Any:
    """What is asked for, once it is there."""
    for _ in range(100):
        found = asked()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come to be")


def cell(driver: Any, i: int, j: int) -> Any:
    return driver.find_element("css selector", f'#matrix td[data-i="{i}"][data-j="{j}"]')


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_text_can_be_read_in_light_and_dark(page: Path, size: tuple[int, int]) -> None:
    with browser(1280, 900) as driver:
        ground = {}
        for shade in ("light", "dark"):
            look(driver, page, size, shade)
            assert driver.execute_script(PALE) == []
            ground[shade] = driver.execute_script(
                "return getComputedStyle(document.body).backgroundColor"
            )
            width = driver.execute_script("return document.documentElement.scrollWidth")
            assert width <= size[0]
            assert driver.get_log("browser") == []
        assert ground["light"] != ground["dark"]
        driver.find_element("id", "shade").click()  # to light, whatever the system has
        now = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert now == ground["light"]
        assert driver.execute_script(PALE) == []


def test_cells_with_a_film_are_marked_and_the_others_answer(page: Path, phone: Any) -> None:
    mark = "return getComputedStyle(arguments[0], '::after').content"
    films = {(i, j) for i in range(4) for j in range(4)
             if phone.execute_script(mark, cell(phone, i, j)) != "none"}  # fmt: skip
    assert films == {(0, 0), (1, 1), (2, 2)}
    assert "3 of 16 cells" in phone.find_element("id", "films").text
    for i in range(4):
        for j in range(4):
            label = cell(phone, i, j).get_attribute("aria-label")
            assert label.endswith(", can be watched") == ((i, j) in films)
    phone.execute_script("arguments[0].click()", cell(phone, 0, 3))
    said = phone.find_element("id", "said")
    assert "no film of the pair" in said.text
    assert not phone.find_element("id", "screen").is_displayed()
    assert "cooks/idle" in phone.find_element("id", "who").text
    phone.execute_script("arguments[0].click()", cell(phone, 1, 1))
    settled(lambda: re.match(r"step [2-9] of 40", said.text))
    assert phone.find_element("id", "screen").is_displayed()


def test_on_a_phone_the_player_comes_into_view_and_row_names_stay(page: Path, phone: Any) -> None:
    top = "return document.getElementById('player').getBoundingClientRect()"
    before = phone.execute_script(top)
    assert before["bottom"] > PHONE[1]
    phone.execute_script("arguments[0].click()", cell(phone, 0, 0))
    settled(lambda: 0 <= phone.execute_script(top)["top"] < PHONE[1] - 100)
    settled(lambda: phone.execute_script(top)["bottom"] <= PHONE[1] + 1)
    for place in ("#matrix th.row", "#policies th[scope=row]"):
        name = phone.find_element("css selector", place)
        move = "const s = arguments[0].closest('.scroll'); s.scrollLeft = 150; return s.scrollLeft;"
        moved = phone.execute_script(move, name)
        left = phone.execute_script("return arguments[0].getBoundingClientRect().left", name)
        box = "return arguments[0].closest('.scroll').getBoundingClientRect().left"
        assert left - phone.execute_script(box, name) < 12
        assert moved > 0 or place.startswith("#matrix")  # four columns may fit


def data_of(driver: Any, link: str) -> str:
    """What a link hands out, without a network."""
    node = driver.find_element("css selector", link)
    driver.execute_script("arguments[0].addEventListener('click', e => e.preventDefault())", node)
    driver.execute_script("arguments[0].click()", node)
    return node.get_attribute("href")


def test_figures_and_picture_can_be_taken_along(page: Path, played: CrossPlay) -> None:
    with browser(*DESK) as driver:
        look(driver, page, DESK, "dark")
        text = urllib.parse.unquote(data_of(driver, "#csv").partition(",")[2])
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0][1:] == [row[0] for row in rows[1:]]
        place = [played.names.index(name) for name in rows[0][1:]]
        values = np.array([[float(x) for x in row[1:]] for row in rows[1:]])
        np.testing.assert_allclose(values, played.matrix()[np.ix_(place, place)], atol=1e-3)
        table = urllib.parse.unquote(data_of(driver, 'a[download="summary.csv"]').partition(",")[2])
        (head, *lines) = csv.reader(io.StringIO(table))
        assert head[:5] == ["group", "policies", "SP", "SP low", "SP high"]
        assert {len(line) for line in lines} == {len(head)}
        assert [line[0] for line in lines] == ["agents", "cooks"]
        png = base64.b64decode(data_of(driver, "#png").partition(",")[2])
        with Image.open(io.BytesIO(png)) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 250
            assert len(picture.convert("RGB").getcolors(2**24) or []) > 20
            assert picture.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
        assert driver.get_log("browser") == []


def test_a_screen_reader_knows_heads_cells_and_who_plays(page: Path) -> None:
    with browser(*DESK) as driver:
        look(driver, page, DESK, "light")
        count = lambda css: len(driver.find_elements("css selector", css))
        assert count("#matrix[role=grid] td[role=gridcell]") == 16
        assert count("#matrix th:not([scope])") == count(".sortable th:not([scope])") == 0
        assert count("#matrix th[scope=row]") == 4
        assert count("#player[role=region][aria-label]") == 1
        assert count("button:not([type]):not(#play)") == 0
        cell(driver, 1, 1).click()
        assert count("td[aria-selected=true]") == 1
        labels = [x.text for x in driver.find_elements("css selector", "#curves text")]
        assert {"0", "20", "40", "20 k", "60 k"} <= set(labels)  # one scale, round ticks
        assert labels[: len(labels) // 2] == labels[len(labels) // 2 :]


def test_what_looks_like_a_formula_is_text_in_a_table(page: Path) -> None:
    with browser(*DESK) as driver:
        look(driver, page, DESK, "light")
        made = driver.execute_script("return asCsv([['=1+1', '-x', '-3', 'a\"b', 2.5, null]])")
    text = urllib.parse.unquote(made.partition(",")[2])
    assert next(csv.reader(io.StringIO(text))) == ["'=1+1", "'-x", "-3", 'a"b', "2.5", ""]
    assert json.loads(re.search(r'id="data">(.*?)</script>', page.read_text())[1])  # type: ignore[index]
