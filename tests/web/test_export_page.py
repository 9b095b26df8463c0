"""A page without a server: what goes into it, what does not, and that it plays as we do."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys

import zsc
from tests.browser import browser
from tests.conftest import Refused
from tests.web.page_oracle import compare, cooks, fresh
from tests.web.test_browser import VEIL, wait
from zsc.agents.policy import cnn_policy, greedy, gru_policy, mlp_policy
from zsc.agents.pool import Pool
from zsc.cli import main
from zsc.envs.overcooked import Overcooked
from zsc.errors import UserError
from zsc.evaluation.heldout import FOLDER, roster, write_roster
from zsc.web.bundle import PAGES, bundle
from zsc.web.single_page import write_single_page
from zsc.web.weights import network_of, weights_of

in_browser = pytest.mark.skipif(not os.environ.get("ZSC_BROWSER"), reason="ZSC_BROWSER=1 runs it")
ROOM = Overcooked("cramped_room")
HELD = FOLDER / "overcooked" / "cramped_room" / "v1"


def untrained(env: Overcooked = ROOM, seed: int = 1) -> Pool:
    """One small agent."""
    return fresh(env, mlp_policy(env.spec, widths=(8,)), seed)


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pools that a page can hold, and others."""
    folder = tmp_path_factory.mktemp("pools")
    untrained().save(folder / "mine")
    whole, three = Overcooked("cramped_room", encoding="grid"), Overcooked("trio_ring")
    fresh(whole, cnn_policy(whole.spec), 0).save(folder / "cnn")
    untrained(three).save(folder / "three")
    hanabi = zsc.make("hanabi/tiny-2p")
    fresh(hanabi, gru_policy(hanabi.spec, widths=(4,), hidden=4), 0).save(folder / "hanabi")
    return folder


@pytest.fixture
def place(tmp_path: Path, pools: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the pools and a file."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pools, tmp_path, dirs_exist_ok=True)
    (tmp_path / "there.html").write_text("mine")
    return tmp_path


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found[1])


def test_page_holds_all_that_it_needs(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export-page", "A=mine", "B=mine", "--out", "web/play.html"]) == 0
    assert "2 agents" in capsys.readouterr().out
    page = Path("web/play.html").read_text()
    assert re.findall(r"https?://|\bsrc=|@[A-Z]+@|^import |^export ", page, re.M) == []
    assert "default-src 'none'" in page
    data = data_of(page)
    assert [kitchen["name"] for kitchen in data["kitchens"]] == ["cramped room"]
    assert [agent["name"] for agent in data["agents"]] == ["A 0", "B 0"]
    assert len(data["networks"]) == 1
    assert len(page) < 80_000


def test_agent_costs_its_own_weights_and_no_more(place: Path) -> None:
    pool = cooks(ROOM, 0)[0][1]
    write_single_page("one.html", [("A", pool, ROOM)])
    write_single_page("two.html", [("A", pool, ROOM), ("B", pool, ROOM)])
    weights = sum(
        size * outs + bias * outs for _, size, outs, bias in network_of(pool.policy)["layers"]
    )
    more = Path("two.html").stat().st_size - Path("one.html").stat().st_size
    assert 0 < more - 4 * weights * 4 / 3 < 400


def test_weights_are_the_actors_in_order() -> None:
    env = Overcooked("cramped_room")
    pool = fresh(env, gru_policy(env.spec, widths=(8,), hidden=4), 3)
    layers = network_of(pool.policy)["layers"]
    assert [layer[0] for layer in layers] == ["torso0", "ir", "iz", "in", "hr", "hz", "hn", "actor"]
    assert [layer[0] for layer in layers if not layer[3]] == ["hr", "hz"]
    (text,) = weights_of(pool)
    row = np.frombuffer(base64.b64decode(text), "<f4")
    actor = pool.params["params"]["ActorCritic_0"]["actor"]
    assert row[-30:-6].tolist() == np.ravel(actor["kernel"]).tolist()
    assert row[-6:].tolist() == np.ravel(actor["bias"]).tolist()


def test_names_can_not_leave_their_place(place: Path) -> None:
    name = "</script><b>@DATA@ https"
    write_single_page("odd.html", [(name, untrained(), ROOM)])
    assert data_of(Path("odd.html").read_text())["agents"][0]["name"] == f"{name} 0"


def test_kitchens_of_one_name_and_other_games_are_told_apart(place: Path) -> None:
    short = Overcooked("cramped_room", horizon=60, random_starts=True)
    whole = Overcooked("cramped_room", encoding="grid")
    entries = [("A", untrained(), ROOM), ("B", untrained(), short), ("C", untrained(whole), whole)]
    data = data_of(write_single_page("three.html", entries).read_text())
    names = [kitchen["name"] for kitchen in data["kitchens"]]
    assert names == ["cramped room", "cramped room (60 steps, starts by chance)"]
    assert [agent["kitchen"] for agent in data["agents"]] == [0, 1, 0]
    assert len(data["kitchens"][1]["starts"]) == 30  # 6 floor cells, two cooks


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("A=mine", f"B={HELD / 'partners'}"), "B/0 belongs to the held-out roster"),
        ((str(HELD / "responses"),), "responses/0 belongs to the held-out roster"),
        (("cnn",), "agents of the kind 'cnn' cannot act in a page"),
        (("three",), "a page plays Overcooked of two cooks"),
        (("hanabi",), "hanabi plays hanabi/tiny-2p"),
        (("mine", "--members", "1"), "1"),
        (("nowhere",), "nowhere"),
        (("mine", "--roster", "nobody"), "unknown roster"),
    ],
)
def test_what_no_page_may_have_is_refused(
    place: Path, refused: Refused, arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused("export-page", *arguments, "--out", "play.html")


def test_existing_file_is_left_as_it_is(place: Path, refused: Refused) -> None:
    assert "already exists" in refused("export-page", "mine", "--out", "there.html")
    with pytest.raises(UserError, match="there"):
        write_single_page("there.html", [("A", untrained(), ROOM)])
    assert Path("there.html").read_text() == "mine"
    assert "let the name end in .html" in refused("export-page", "mine", "--out", "play.txt")


def test_held_out_agents_are_known_in_any_disguise(place: Path, refused: Refused) -> None:
    """Copied, taken out of their pool, or made greedy: whoever has the id is refused."""
    held = roster("overcooked/cramped_room")
    held.trained[3:4].save("copied")
    assert "belongs to the held-out roster" in refused("export-page", "copied", "--out", "a.html")
    with pytest.raises(UserError, match="A/0 belongs to the held-out roster overcooked/cramped"):
        write_single_page("a.html", [("A", held.trained[0], ROOM)])


def test_own_rosters_are_kept_secret_too(place: Path, refused: Refused) -> None:
    held = roster("overcooked/cramped_room")
    write_roster(held, Path("secret"))
    for pool in ("partners", "responses"):
        told = refused("export-page", f"secret/{pool}", "--out", "a.html")
        assert "belongs to the held-out roster" in told


def test_rules_of_2020_are_another_game(place: Path) -> None:
    new = Overcooked("cramped_room", dynamics="2020")
    with pytest.raises(UserError, match=r"A plays overcooked/cramped_room:2020 .+ rules of 2019"):
        write_single_page("a.html", [("A", untrained(new), new)])


def test_greedy_wrappers_are_another_kind() -> None:
    with pytest.raises(UserError, match="'greedy' cannot act in a page"):
        network_of(greedy(mlp_policy(ROOM.spec)))


@pytest.mark.parametrize("name", sorted(path.stem for path in PAGES.glob("*.js")))
def test_bundles_have_every_module_once_and_no_import(name: str) -> None:
    script = bundle(name)
    assert re.findall(r"^(?:import|export) ", script, re.M) == []
    scopes = re.findall(r"^const (\$\w+) = \(\(\) => \{$", script, re.M)
    assert len(scopes) == len(set(scopes))
    assert set(re.findall(r"= (\$\w+);$", script, re.M)) <= set(scopes)


@in_browser
def test_page_plays_as_the_rules_and_the_policies_do(tmp_path: Path) -> None:
    found = compare(tmp_path / "play.html", ("coordination_ring",), 2_000, seed=5)
    assert {x: n for x, n in found.counts.items() if x.startswith("differs")} == {}
    assert found.counts["steps compared"] == 2_000
    assert found.counts["greedy choices compared"] > 12_000
    assert found.counts["event: soup_delivery"] > 10
    assert found.counts["event: collision"] > 50
    assert found.logits < 1e-4


def only(session: Any, width: int) -> None:
    """A page of that width, as a phone has it, from top to bottom without scrolling sideways."""
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 700}
    session.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wide = session.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width


def begin(session: Any, speed: str) -> None:
    """Choose a speed and press the button over the kitchen."""
    script = "const box = document.getElementById('speed'); box.value = arguments[0]"
    session.execute_script(script, speed)
    session.execute_script("document.querySelector('.veil button').click()")
    wait(session, "return document.querySelector('.veil').hidden")


@in_browser
def test_somebody_cooks_in_a_browser(tmp_path: Path) -> None:
    env = Overcooked("cramped_room", horizon=12)
    page = write_single_page(tmp_path / "play.html", [("A", untrained(env), env)])
    now = "return overcooked.game.now"
    with browser(1280, 900) as session:
        session.get(page.as_uri())
        for width in (1280, 390):
            only(session, width)
        begin(session, "")  # a step for each key
        session.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
        state = wait(session, now)
        assert (state["time"], state["direction"][0]) == (1, 3)
        session.find_element("css selector", ".pad .north").click()
        state = session.execute_script(now)
        assert (state["time"], state["direction"][0]) == (2, 0)
        for _ in range(10):
            session.find_element("css selector", ".pad .do").click()
        assert re.search(r"over\. 0 points in 12 steps\.Play again", wait(session, VEIL))
        begin(session, "0.15")  # the wall clock
        session.execute_script("dispatchEvent(new Event('blur'))")
        assert "paused" in wait(session, VEIL)
        stood = session.execute_script(now)["time"]
        time.sleep(0.4)
        assert session.execute_script(now)["time"] == stood < 12
        began = time.monotonic()
        begin(session, "0.15")
        wait(session, f"{now}.time === 12")
        assert time.monotonic() - began > 0.15 * (12 - stood) + 2.5  # it counts down first
        assert [x for x in session.get_log("browser") if x["level"] == "SEVERE"] == []
