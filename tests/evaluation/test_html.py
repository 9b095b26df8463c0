"""Text from files in HTML: no name that a stranger gave to anything becomes a tag."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import zsc
from tests.evaluation.test_stats import played
from zsc.evaluation.cross_play import CrossPlay
from zsc.evaluation.heldout import Score
from zsc.evaluation.report.page import Extras, Provenance, write_report

LEVER = zsc.make("lever")
EVIL = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    '" onmouseover="alert(1)',
    "' onload='alert(1)",
    "</td></table><iframe src=//x>",
    "&lt;b&gt;",
    "@DATA@ @CLIPS@ @TITLE@",
    "a\nb\x00\ud800\u2028",
    "__proto__",
)


class Tags(HTMLParser):
    """All tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def pool_called(text: str) -> zsc.Pool:
    """A pool with the text wherever a file may put one."""
    label = zsc.Label(text, checkpoint=text, id=text, parents=(text,))
    policy = zsc.constant_policy(num_actions=10)
    params = np.arange(2, dtype=np.int32)
    pool = zsc.make_pool(LEVER.spec, policy, params, [label, label])
    named = tuple(replace(label, id=text) for label in pool.labels)
    home = replace(pool.home, env=text, obs_id=text)
    return pool.replace(labels=named, home=home, policy=replace(policy, name=text))


def matrix_called(text: str) -> CrossPlay:
    values = np.array([[1.0, 0.5], [0.25, 2.0]])
    return replace(
        played(values, (text, text + "2")), env=text, names=(text, text + "!"), ids=(text, text),
        methods=(text, text),
    )  # fmt: skip


def score_called(text: str) -> Score:
    return Score(
        values=np.ones((2, 1, 2, 3)), best=np.ones((1, 2)), counts=np.ones((1, 2), bool),
        names=(text, text), groups=(text, text), partners=(text,), roster=text, seed=0,
        greedy=False,
    )  # fmt: skip


@cache
def tame_tags(kind: Any) -> list[tuple[str, tuple[str, ...]]]:
    return Tags(kind("tame")._repr_html_()).tags


@pytest.mark.parametrize("kind", [pool_called, matrix_called, score_called])
@pytest.mark.parametrize("text", EVIL)
def test_a_notebook_shows_names_and_runs_none_of_them(kind: Any, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evil = Tags(kind(text)._repr_html_())
    assert evil.tags == tame_tags(kind)
    if text.isprintable():
        assert text in evil.text


@cache
def cooks() -> tuple[zsc.Environment, zsc.Pool]:
    return LEVER, zsc.make_pool(
        LEVER.spec,
        zsc.constant_policy(num_actions=10),
        np.arange(2, dtype=np.int32),
        [zsc.Label("constant", member=i) for i in range(2)],
    )


def page_called(text: str, path: Path) -> str:
    """The report page with the text wherever a name can stand."""
    found = matrix_called(text)
    steps, returns = np.arange(1, 4), np.ones((3, 2))
    extras = Extras(
        curves={text: (steps, returns)},
        provenance=[Provenance(text, {text: text, "recipe": json.dumps({text: text})})],
        score=score_called(text),
        command=f"zsc report {text}",
    )
    return write_report(path, LEVER, found, extras).read_text("utf-8")


@pytest.fixture(scope="module")
def tame_page(tmp_path_factory: pytest.TempPathFactory) -> Tags:
    return Tags(page_called("tame", tmp_path_factory.mktemp("tame") / "page.html"))


@pytest.mark.parametrize("text", EVIL)
def test_a_page_says_names_as_text_and_its_data_come_back(
    text: str, tame_page: Tags, tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evil = page_called(text, tmp_path / "page.html")
    assert Tags(evil).tags == tame_page.tags
    found = re.search(r'id="data">(.*?)</script>', evil, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert data["names"] == [text, text + "!"]
    assert data["env"] == text
    assert data["curves"][text]["steps"] == [1, 2, 3]
    assert data["provenance"][0]["facts"][text] == text
    assert data["policies"]["rows"][0][0] == text
    assert data["score"]["roster"] == text
    assert re.search(r'id="clips"></script>', evil)


def test_a_page_is_written_with_returns_that_are_no_numbers(tmp_path: Path) -> None:
    """A stopped member earns nothing any more: its curve ends, the page does not."""
    returns = np.array([[1.0, 2.0], [np.nan, 3.0]])
    extras = Extras(curves={"x": (np.array([1, 2]), returns)})
    page = write_report(tmp_path / "x.html", LEVER, matrix_called("x"), extras).read_text()
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert json.loads(found[1])["curves"]["x"]["members"] == [[1, None], [2, 3]]


def test_a_page_of_a_game_that_cannot_be_drawn_has_no_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, pool = cooks()
    found = zsc.evaluation.crossplay(env, {"a": pool}, episodes=1)

    def render(self: object, state: object) -> None:
        raise NotImplementedError("no pictures\nhere")

    monkeypatch.setattr(type(env), "render", render)
    with pytest.warns(UserWarning, match="no films, lever cannot be drawn: NotImplementedError"):
        page = write_report(tmp_path / "x.html", env, found, Extras(pools={"a": pool}))
    assert 'id="clips"></script>' in page.read_text()
    assert jax.tree.leaves(pool.params)


@pytest.mark.parametrize("text", [EVIL[0], EVIL[1], EVIL[3], EVIL[7], EVIL[9]])
def test_a_browser_runs_nothing_of_a_name(text: str, tmp_path: Path) -> None:
    from tests.browser import browser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        page_called(text, tmp_path / "page.html")
    with browser(1200, 900) as driver:
        driver.get((tmp_path / "page.html").as_uri())
        assert driver.execute_script("return document.querySelectorAll('img, iframe').length") == 0
        assert driver.execute_script("return document.querySelectorAll('#matrix td').length") == 4
        assert driver.execute_script("return document.querySelectorAll('figure').length") == 1
        assert driver.get_log("browser") == []
