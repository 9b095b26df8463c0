"""A headless Chromium for tests, or the reason why there is none."""

import os
import shutil
from contextlib import contextmanager

import pytest

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync"
)


@contextmanager
def browser(width, height):
    """A driver with a window of that size. Skips without Chromium, unless ZSC_BROWSER is set."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (program and driver):
        assert not os.environ.get("ZSC_BROWSER"), "install chromium and chromium-driver"
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    session = webdriver.Chrome(options=options, service=Service(driver))
    try:
        session.set_window_size(width, height)
        yield session
    finally:
        session.quit()
