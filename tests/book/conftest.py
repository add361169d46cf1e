"""The built book, once per session, with MathJax inside so that no test needs a network."""

import functools
import http.server
import threading
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tools import book
from tools.common import ToolError, find_browser


@pytest.fixture(scope="session")
def site() -> Path:
    """Build from the committed outputs, warnings as errors; return the folder of index.html."""
    try:
        return book.site(offline=True)
    except ToolError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, BeautifulSoup]:
    """Return every built HTML page, parsed, by its path below the site."""
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(
            path.read_text(encoding="utf-8"), "html.parser"
        )
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    }


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        """Keep the test's output free of request lines."""


@pytest.fixture(scope="session")
def address(site):
    """Serve the site on a free port."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """One headless browser for the session; explicit paths, so that nothing is downloaded."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    browser, chromedriver = find_browser()
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                 "--window-size=1280,1600",
                 f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    yield driver
    driver.quit()
