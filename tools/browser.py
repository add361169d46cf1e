"""A browser without a window, and the built pages on a port of this machine."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.common import ToolError, find_browser

SETTLED = (
    "return document.readyState === 'complete' && "
    "(!window.MathJax || !MathJax.startup || !MathJax.startup.promise || "
    "!document.querySelector('.math') || !!document.querySelector('mjx-container'))"
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Keep request lines out of what is printed."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port; give its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@contextmanager
def headless(profile: Path, flags: Sequence[str] = ()) -> Iterator[Any]:
    """Give a driver of chromium (or Chrome); explicit paths, so that nothing is downloaded.

    Raises
    ------
    ToolError
        If there is no browser with its driver here.
    """
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    found = find_browser()
    if found is None:
        raise ToolError("no chromium (or Chrome) with chromedriver here: install both")
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                 "--window-size=1280,1600", f"--user-data-dir={profile}", *flags):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(found[1]))
    try:
        yield driver
    finally:
        driver.quit()


def until(driver: Any, condition: Callable[[], object]) -> None:
    """Wait until a condition holds: a browser shows what was asked for a frame or more later.

    Raises
    ------
    selenium.common.exceptions.TimeoutException
        If it does not within a minute.
    """
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, 60, poll_frequency=0.05).until(lambda _: condition())


def settle(driver: Any) -> None:
    """Wait until the page and its formulas are drawn."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, 30).until(lambda d: d.execute_script(SETTLED))
