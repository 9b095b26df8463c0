"""The web page of a cross-play: true figures, the episodes that counted, no network."""

import base64
import gzip
import io
import json
import re
from dataclasses import replace

import jax
import numpy as np
import pytest
from PIL import Image

import zsc
from tests.browser import browser
from zsc import Label, UserError, make_pool, mlp_policy
from zsc.evaluation import crossplay
from zsc.evaluation.report.page import Extras, Provenance, chosen_cells, report_data, write_report

KITCHEN = zsc.make("overcooked/cramped_room", horizon=40)


def random_agents(count):
    policy = mlp_policy(KITCHEN.spec, widths=(8,))
    params = jax.lax.map(policy.init, jax.random.split(jax.random.key(3), count))
    return make_pool(
        KITCHEN.spec, policy, params, [Label("untrained", member=i) for i in range(count)]
    )


@pytest.fixture(scope="module")
def pools():
    # the name would end the script element, were it not escaped
    return {"</script>": random_agents(2), "cooks": zsc.overcooked_bots(KITCHEN, ("hog", "idle"))}


@pytest.fixture(scope="module")
def played(pools):
    return crossplay(KITCHEN, pools, episodes=3, seed=5)


@pytest.fixture(scope="module")
def page(tmp_path_factory, pools, played):
    steps, returns = np.arange(1, 601) * 100, np.linspace(0, 50, 1200).reshape(600, 2)
    extras = Extras(
        pools=pools,
        curves={"cooks": (steps, returns)},
        provenance=[Provenance("cooks", {"pool sha256": "f00d"})],
        command="zsc report runs/x --out page.html",
    )
    return write_report(tmp_path_factory.mktemp("report") / "page.html", KITCHEN, played, extras)


def part(page, name):
    found = re.search(rf'id="{name}">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    return found.group(1)


def clips_of(page):
    return json.loads(gzip.decompress(base64.b64decode(part(page, "clips"))))


def test_page_holds_the_figures_of_the_matrix(page, played):
    data = json.loads(part(page, "data"))
    for seat in (0, 1):
        shown = data["metrics"]["return"][seat]
        np.testing.assert_allclose(shown, played.matrix(seat=seat), atol=1e-3)
    np.testing.assert_allclose(data["metrics"]["stay"][1], played.matrix("stay", seat=1), atol=1e-3)
    assert data["names"] == list(played.names)
    assert data["command"] == "zsc report runs/x --out page.html"
    assert [row[0] for row in data["policies"]["rows"]] == list(played.names)
    assert [row[-1] for row in data["policies"]["rows"]] == list(played.ids)
    assert len(data["curves"]["cooks"]["steps"]) <= 160
    curve = data["curves"]["cooks"]["members"][0]
    assert curve == sorted(curve)
    assert 0 < curve[0] < 0.5
    assert 49 < curve[-1] < 50


def test_page_asks_for_nothing_from_the_network_and_names_cannot_break_out(page):
    text = page.read_text("utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    assert text.count("</script>") == 3  # data, clips, program


def test_clips_are_the_frames_of_the_episode_that_counted(page, pools, played):
    clips = clips_of(page)
    assert set(clips["cells"]) == {f"{i},{j}" for i in range(4) for j in range(4)}
    atlas = np.asarray(Image.open(io.BytesIO(base64.b64decode(clips["atlas"]))).convert("RGB"))
    agents = [pool.take([i]) for pool in pools.values() for i in range(len(pool))]
    tile, (width, height) = clips["tile"], clips["size"]
    for row, col in ((0, 2), (2, 3)):
        film = clips["cells"][f"{row},{col}"]
        frames, earned = zsc.film(KITCHEN, (agents[row], agents[col]), seed=played.seed)
        assert len(film["frames"]) == len(frames) == 41
        screen = np.zeros((height, width, 3), np.uint8)
        for changes, frame in zip(film["frames"], frames, strict=True):
            for place, number in zip(changes[::2], changes[1::2], strict=True):
                y, x = (tile * k for k in divmod(place, width // tile))
                v, u = (tile * k for k in divmod(number, clips["columns"]))
                screen[y : y + tile, x : x + tile] = atlas[v : v + tile, u : u + tile]
            # the atlas has 128 colours
            assert np.abs(screen.astype(int) - frame).mean() < 2
        total = film["earned"][-1][1] if film["earned"] else 0
        assert total == earned[-1] == played.values[row, col, 0, 0, 0]


def test_large_matrices_show_everyone_alone_and_with_best_and_worst():
    matrix = np.array([[5.0, 1, 9, 2], [0, 5, 3, 4], [7, 8, 5, 6], [1, 2, 3, 5]])
    assert len(chosen_cells(matrix, 16)) == 16
    few = chosen_cells(matrix, 15)
    assert set(few) == {(i, i) for i in range(4)} | {(0, 1), (0, 2), (1, 0), (1, 3), (2, 3), (2, 1),
                                                     (3, 0), (3, 2)}  # fmt: skip
    assert chosen_cells(matrix, 3) == [(0, 0), (1, 1), (2, 2)]


def test_nothing_is_overwritten_and_bad_cells_and_other_pools_are_refused(
    page, pools, played, tmp_path
):
    before = page.read_bytes()
    with pytest.raises(UserError, match="already exists"):
        write_report(page, KITCHEN, played)
    assert page.read_bytes() == before
    broken = played.values.copy()
    broken[1, 0] = np.nan
    with pytest.raises(UserError, match=r"cell \(1, 0\)"):
        write_report(
            tmp_path / "a.html", KITCHEN, played.__class__(**{**vars(played), "values": broken})
        )
    with pytest.raises(UserError, match="not the agents"):
        write_report(tmp_path / "b.html", KITCHEN, played, Extras(pools={"x": pools["cooks"]}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(1600, 1000), (1280, 800)])
def test_page_works_in_a_browser(page, played, size):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    with browser(*size) as driver:
        driver.get(page.as_uri())
        wait = WebDriverWait(driver, 20)
        wait.until(lambda d: d.find_elements(By.CSS_SELECTOR, "td.film"))
        shown = [td.text for td in driver.find_elements(By.CSS_SELECTOR, "#matrix td")]
        order = json.loads(part(page, "data"))["order"]["group"]
        expected = played.matrix()[np.ix_(order, order)].reshape(-1)
        np.testing.assert_allclose([float(x) for x in shown], expected, atol=0.5)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= size[0]

        cell = driver.find_element(By.CSS_SELECTOR, 'td[data-i="2"][data-j="3"]')
        ActionChains(driver).move_to_element(cell).perform()
        tip = driver.find_element(By.ID, "tip").text
        assert "cooks/hog in seat 0 with cooks/idle" in tip
        assert f"{played.matrix()[2, 3]:.1f}" in tip or f"{played.matrix()[2, 3]:.2f}" in tip

        cell.click()
        said = driver.find_element(By.ID, "said")
        wait.until(lambda d: re.match(r"step [3-9] of 40", said.text))
        screen = "document.getElementById('screen').getContext('2d')"
        pixel = driver.execute_script(f"return [...{screen}.getImageData(20, 20, 1, 1).data]")
        assert pixel[3] == 255  # something was painted

        head = driver.find_elements(By.CSS_SELECTOR, "#policies th button")[2]
        third = "#policies td:nth-child(3)"
        rows = lambda: [float(x.text) for x in driver.find_elements(By.CSS_SELECTOR, third)]
        head.click()
        assert rows() == sorted(rows(), reverse=True)
        head.click()
        assert rows() == sorted(rows())
        assert driver.get_log("browser") == []


def test_groups_called_like_bounds_stay_groups(played):
    """Three groups "lr", "lr low", "lr high" are three columns, and no interval."""
    names = ["lr", "lr low", "lr high"]
    size = len(played)
    renamed = replace(
        played,
        groups=tuple(names[min(i, 2)] for i in range(size)),
        names=tuple(f"p{i}" for i in range(size)),
    )
    data = report_data(KITCHEN, renamed, Extras())
    assert data["between"]["columns"] == ["group", *names[: min(size, 3)]]
    assert all(not isinstance(cell, list) for row in data["between"]["rows"] for cell in row)
    assert "SP low" not in data["summary"]["columns"]
